/* SPDX-License-Identifier: MIT */
#include "progress_text.h"
#include <stdio.h>
#include <string.h>

#define SETTLED_MS 1500u /* before that, rate and rest are noise */
#define BAR_MAX    30u
#define RATE_BYTES 96

void progress_note(struct progress_phase *p, const char *name, uint64_t now_ms, uint64_t done)
{
	if (strcmp(p->name, name) != 0 || done < p->last_done) {
		snprintf(p->name, sizeof(p->name), "%s", name);
		p->begun_ms = now_ms;
		p->first_done = done;
	}
	p->last_done = done;
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
static void rate_text(const struct progress_phase *p, uint64_t now_ms, uint64_t done, uint64_t total,
		      char buf[RATE_BYTES])
{
	uint64_t ms = now_ms - p->begun_ms, n = done - p->first_done;
	char text[32];
	buf[0] = '\0';
	if (ms < SETTLED_MS || n == 0)
		return;
	double per_second = (double)n * 1000.0 / (double)ms;
	int at = snprintf(buf, RATE_BYTES, ", %s/s", amount(p->name, (uint64_t)per_second, text));
	if (total <= done)
		return;
	double left = (double)(total - done) / per_second;
	if (left >= 360000.0)
		return;
	unsigned s = (unsigned)left;
	if (s >= 3600)
		snprintf(buf + at, RATE_BYTES - (size_t)at, ", %u:%02u:%02u left", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(buf + at, RATE_BYTES - (size_t)at, ", %u:%02u left", s / 60, s % 60);
}

const char *progress_text(const struct progress_phase *p, uint64_t now_ms, uint64_t done, uint64_t total,
			  unsigned columns, char buf[PROGRESS_TEXT_BYTES])
{
	char line[BAR_MAX + 1], of[32], rate[RATE_BYTES], number[32];
	rate_text(p, now_ms, done, total, rate);
	if (total == 0) {
		snprintf(buf, PROGRESS_TEXT_BYTES, "%-12s %s%s", p->name, amount(p->name, done, number), rate);
	} else {
		double part = done < total ? (double)done / (double)total : 1.0;
		unsigned width = columns != 0 && columns < 90 ? 12 : BAR_MAX;
		memset(line, ' ', width);
		memset(line, '=', (size_t)(width * part));
		line[width] = '\0';
		snprintf(buf, PROGRESS_TEXT_BYTES, "%-12s [%s] %3u%%  %s of %s%s", p->name, line,
			 (unsigned)(100.0 * part), amount(p->name, done, number), amount(p->name, total, of), rate);
	}
	/* A line that wraps cannot be cleared. */
	if (columns > 1 && columns <= PROGRESS_TEXT_BYTES)
		buf[columns - 1] = '\0';
	return buf;
}
