/* SPDX-License-Identifier: MIT */
#include "limits.h"
#include "os.h"
#include <signal.h>
#include <string.h>

/* One for the program, as its signals are. */
static struct psc_cancel *cancel;
static volatile sig_atomic_t is_interrupted;
static bool is_memory_limited;

static void on_interrupt(void)
{
	is_interrupted = 1;
	psc_cancel_request(cancel);
}

int limits_start(const struct common_options *o, const struct psc_cancel **ret)
{
	struct psc_error err;
	*ret = cancel;
	if (cancel != NULL)
		return EXIT_COMPLETE;
	if (psc_cancel_new(&cancel, &err) != PSC_OK)
		return report_error(&err);
	os_on_interrupt(on_interrupt);
	if (o->timeout_ms != 0)
		psc_cancel_after(cancel, o->timeout_ms);
	*ret = cancel;
	if (o->max_memory_bytes == 0)
		return EXIT_COMPLETE;
	int e = os_limit_memory(o->max_memory_bytes);
	is_memory_limited = e == 0;
	if (e != 0)
		message("the system does not limit memory: %s", strerror(e));
	return e == 0 ? EXIT_COMPLETE : EXIT_INPUT;
}

const char *limits_reason(void)
{
	return is_interrupted ? "interrupted" : "the time of --timeout is over";
}

bool limits_is_memory_limited(void)
{
	return is_memory_limited;
}
