/* SPDX-License-Identifier: MIT */
#include "diff_metrics.h"
#include "json.h"
#include "metrics.h"
#include <inttypes.h>

void diff_print_metrics_end(const struct run *run, const struct psc_diff *diff, const char *scope)
{
	static const char *const ends[2] = {"first", "last"};
	const struct psc_diff_relation *r = psc_diff_get_relation(diff);
	FILE *f = run->f;
	metrics_head(f, scope, "dumps_info", "The dumps that were compared.");
	metrics_name(f, scope, "dumps_info");
	fputc('{', f);
	for (int i = 0; i < 2; i++) {
		const struct psc_dump *dump = run->dumps[i == 0 ? 0 : run->n_dumps - 1];
		const struct psc_dump_info *d = psc_dump_get_info(dump);
		char name[32], id[17], text[24] = "";
		snprintf(name, sizeof(name), "%s_dump_id", ends[i]);
		metrics_label(f, name, dump_id(dump, id));
		snprintf(name, sizeof(name), ",%s_build", ends[i]);
		snprintf(text, sizeof(text), "%" PRIu32, psc_dump_kernel(dump)->build);
		metrics_label(f, name, text);
		snprintf(name, sizeof(name), ",%s_time", ends[i]);
		metrics_label(f, name,
			      d->has_time && format_filetime(d->system_time_filetime, text) != NULL ? text : "");
		fputc(',', f);
	}
	metrics_label(f, "machine", psc_machine_name(psc_dump_get_info(run->dump)->machine));
	fputc(',', f);
	metrics_label(f, "boot", psc_diff_boot_name(r->boot));
	fputc(',', f);
	metrics_label(f, "same_kernel", r->same_kernel ? "true" : "false");
	fputs("} 1\n", f);
	if (r->has_hours) {
		metrics_head(f, scope, "uptime_seconds", "Uptime between the first and the last dump.");
		metrics_name(f, scope, "uptime_seconds");
		fprintf(f, " %.0f\n", r->hours * 3600.0);
	}
	metrics_coverage(f, scope, run->coverage);
}
