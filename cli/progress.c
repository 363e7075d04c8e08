/* SPDX-License-Identifier: MIT */
/* A bar on stderr, only when that is a terminal, a few times a second: part done, rate, time that is left. */
#include "cli.h"
#include "os.h"
#include "progress_text.h"

#define REDRAW_MS 150u

static struct {
	bool is_shown, is_stopped;
	struct progress_phase phase;
	uint64_t drawn_ms;
} bar;

void progress_clear(void)
{
	if (!bar.is_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	bar.is_shown = false;
}

void progress_stop(void)
{
	progress_clear();
	bar.is_stopped = true;
}

static int draw(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	char text[PROGRESS_TEXT_BYTES];
	uint64_t now = os_milliseconds();
	(void)arg;
	if (bar.is_stopped)
		return 0;
	progress_note(&bar.phase, phase, now, done);
	if (now - bar.drawn_ms < REDRAW_MS)
		return 0;
	bar.drawn_ms = now;
	bar.is_shown = true;
	fprintf(stderr, "\r%s\033[K", progress_text(&bar.phase, now, done, total, terminal_columns(), text));
	fflush(stderr);
	return 0;
}

psc_progress_fn *progress_callback(const struct common_options *o)
{
	return !o->no_progress && !o->quiet && stderr_is_terminal() ? draw : NULL;
}
