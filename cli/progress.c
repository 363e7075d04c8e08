/* SPDX-License-Identifier: MIT */
/* A bar on stderr, only when that is a terminal, a few times a second. */
#include "cli.h"
#include "os.h"
#include <string.h>
#include <time.h>

static bool bar_shown;
static clock_t last_drawn;

void progress_clear(void)
{
	if (!bar_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	bar_shown = false;
}

static int draw(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	clock_t now = clock();
	(void)arg;
	/* Processor time stands in for wall time: it advances whenever we are busy, which is when the bar matters. */
	if (last_drawn != 0 && now - last_drawn < CLOCKS_PER_SEC / 6)
		return 0;
	last_drawn = now;
	if (total > 0) {
		char bar[31];
		unsigned filled = (unsigned)(30.0 * (double)done / (double)total);
		memset(bar, ' ', 30);
		memset(bar, '=', filled > 30 ? 30 : filled);
		bar[30] = '\0';
		fprintf(stderr, "\r%-12s [%s] %3u%%  %llu MiB\033[K", phase, bar,
			(unsigned)(100.0 * (double)done / (double)total), (unsigned long long)(done >> 20));
	} else {
		fprintf(stderr, "\r%-12s %llu MiB\033[K", phase, (unsigned long long)(done >> 20));
	}
	fflush(stderr);
	bar_shown = true;
	return 0;
}

psc_progress_fn *progress_callback(const struct common_options *o)
{
	return !o->no_progress && !o->quiet && stderr_is_terminal() ? draw : NULL;
}
