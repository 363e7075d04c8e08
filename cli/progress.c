/* SPDX-License-Identifier: MIT */
/* A bar on stderr, only when that is a terminal, a few times a second: part done, rate, time that is left. */
#include "cli.h"
#include "os.h"
#include <string.h>

#define REDRAW_MS  150u
#define SETTLED_MS 1500u /* before that, rate and rest are noise */
#define BAR_MAX    30u

static struct {
	bool is_shown, is_stopped;
	char phase[32];
	uint64_t begun_ms, drawn_ms, first_done, last_done;
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

/* Bytes as "1.5 GiB"; modules as they are. */
static const char *amount(const char *phase, uint64_t n, char buf[32])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double v = (double)n / 1024.0;
	unsigned unit = 0;
	for (; v >= 1023.95 && unit < 3; unit++)
		v /= 1024.0;
	if (strcmp(phase, "code") == 0)
		snprintf(buf, 32, "%llu modules", (unsigned long long)n);
	else
		snprintf(buf, 32, "%.1f %s", v, units[unit]);
	return buf;
}

/* ", 1.5 GiB/s, 0:12 left" as far as it can be told. */
static void rate_text(const char *phase, uint64_t now_ms, uint64_t done, uint64_t total, char buf[96])
{
	uint64_t ms = now_ms - bar.begun_ms, n = done - bar.first_done;
	char text[32];
	buf[0] = '\0';
	if (ms < SETTLED_MS || n == 0)
		return;
	double per_second = (double)n * 1000.0 / (double)ms;
	int at = snprintf(buf, 96, ", %s/s", amount(phase, (uint64_t)per_second, text));
	if (total <= done)
		return;
	double left = (double)(total - done) / per_second;
	if (left < 360000.0)
		snprintf(buf + at, 96 - (size_t)at, ", %u:%02u left", (unsigned)left / 60, (unsigned)left % 60);
}

static void print_bar(const char *phase, uint64_t now_ms, uint64_t done, uint64_t total)
{
	char text[256], line[80], of[32], rate[96], number[32];
	unsigned columns = terminal_columns(), percent = 0;
	rate_text(phase, now_ms, done, total, rate);
	if (total == 0) {
		snprintf(text, sizeof(text), "%-12s %s%s", phase, amount(phase, done, number), rate);
	} else {
		double part = done < total ? (double)done / (double)total : 1.0;
		unsigned width = columns != 0 && columns < 90 ? 12 : BAR_MAX, filled = (unsigned)(width * part);
		percent = (unsigned)(100.0 * part);
		memset(line, ' ', width);
		memset(line, '=', filled);
		line[width] = '\0';
		snprintf(text, sizeof(text), "%-12s [%s] %3u%%  %s of %s%s", phase, line, percent,
			 amount(phase, done, number), amount(phase, total, of), rate);
	}
	/* A line that wraps cannot be cleared. */
	int cut = columns > 1 && columns < sizeof(text) ? (int)columns - 1 : (int)sizeof(text) - 1;
	fprintf(stderr, "\r%.*s\033[K", cut, text);
	fflush(stderr);
}

static int draw(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	uint64_t now = os_milliseconds();
	(void)arg;
	if (bar.is_stopped)
		return 0;
	if (strcmp(bar.phase, phase) != 0 || done < bar.last_done) {
		snprintf(bar.phase, sizeof(bar.phase), "%s", phase);
		bar.begun_ms = now;
		bar.first_done = done;
	}
	bar.last_done = done;
	if (now - bar.drawn_ms < REDRAW_MS)
		return 0;
	bar.drawn_ms = now;
	bar.is_shown = true;
	print_bar(phase, now, done, total);
	return 0;
}

psc_progress_fn *progress_callback(const struct common_options *o)
{
	return !o->no_progress && !o->quiet && stderr_is_terminal() ? draw : NULL;
}
