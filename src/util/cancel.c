/* SPDX-License-Identifier: MIT */
#include "util/cancel.h"

#include "util/error.h"
/* As in threads.c: the system layer under both. */
#include "io/os.h"
#include <stdatomic.h>
#include <stdlib.h>

struct psc_cancel {
	atomic_bool requested;
	atomic_ullong deadline_ms; /* of the monotonic clock; 0: none */
};

enum psc_status psc_cancel_new(struct psc_cancel **ret, struct psc_error *reterr)
{
	struct psc_cancel *c = calloc(1, sizeof(*c));
	if (!c)
		return psc_fail_no_memory(reterr);
	atomic_init(&c->requested, false);
	atomic_init(&c->deadline_ms, 0);
	*ret = c;
	return PSC_OK;
}

void psc_cancel_free(struct psc_cancel *c)
{
	free(c);
}

void psc_cancel_request(struct psc_cancel *c)
{
	atomic_store_explicit(&c->requested, true, memory_order_relaxed);
}

void psc_cancel_after(struct psc_cancel *c, uint64_t milliseconds)
{
	uint64_t now = psc_os_monotonic_ms();
	uint64_t at = milliseconds > UINT64_MAX - now ? UINT64_MAX : now + milliseconds;
	atomic_store_explicit(&c->deadline_ms, at != 0 ? at : 1, memory_order_relaxed);
}

bool psc_cancel_is_requested(const struct psc_cancel *c)
{
	if (atomic_load_explicit(&c->requested, memory_order_relaxed))
		return true;
	uint64_t at = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
	return at != 0 && psc_os_monotonic_ms() >= at;
}

bool psc_cancelled(const struct psc_cancel *c)
{
	return c && psc_cancel_is_requested(c);
}
