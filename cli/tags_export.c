/* SPDX-License-Identifier: MIT */
#include "tags_export.h"
#include "metrics.h"
#include "report.h"
#include <inttypes.h>
#include <string.h>

/* ---- metrics ---- */

/* Names without a scope are those of the table by tag, as reference: users 3.2 has them. */
void tags_print_metrics_end(const struct run *run, const struct psc_tags *tags, const char *scope)
{
	static const char name[] = "coverage_ratio";
	size_t n;
	FILE *f = run->f;
	const struct psc_walk_coverage *c = psc_tags_coverage(tags, &n);
	const struct psc_tracker_coverage *t = psc_tags_tracker_coverage(tags);
	const char *all = strcmp(scope, "tag") == 0 ? "" : scope;
	metrics_head(f, all, name, "Part of the source that is in the dump.");
	double ratio = t->available && t->table_bytes != 0
			       ? (double)(t->table_bytes - t->missing_bytes) / (double)t->table_bytes
			       : 0.0;
	metrics_name(f, all, name);
	fprintf(f, "{pool=\"all\",source=\"tracker\"} %.4f\n", ratio);
	for (size_t i = 0; i < n; i++) {
		double bytes = (double)(c[i].mapped_bytes + c[i].unknown_bytes);
		ratio = !c[i].range_known || c[i].big_only ? 0.0 : bytes > 0.0 ? (double)c[i].read_bytes / bytes : 1.0;
		metrics_name(f, all, name);
		fprintf(f, "{pool=\"%s\",source=\"walk\"} %.4f\n", psc_pool_name(c[i].pool), ratio);
	}
	metrics_dump_info(f, all, run->dump);
}

/* ---- folded ---- */

void print_folded_frame(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == ';')
			fputs("\\x3b", f);
		else
			fputc(*text, f);
	}
}

void print_folded_tag(FILE *f, const char *pool, const char *tag, uint64_t block_bytes, int64_t bytes)
{
	fprintf(f, "%s;", pool);
	print_folded_frame(f, tag);
	if (block_bytes != 0)
		fprintf(f, ";%" PRIu64, block_bytes);
	fprintf(f, " %" PRId64 "\n", bytes);
}

void tags_print_folded(FILE *f, const struct psc_tags *tags, const struct tags_options *o)
{
	size_t n;
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	long printed = 0;
	for (size_t i = 0; i < n; i++) {
		const struct psc_tag_row *r = &rows[i];
		int64_t v = tags_row_bytes(r);
		char tag[17];
		if (!tags_row_wanted(r, o) || !(r->has_live || r->source == PSC_SOURCE_WALK) || v <= 0)
			continue;
		if (o->max_rows > 0 && printed++ >= o->max_rows)
			break;
		print_folded_tag(f, psc_pool_name(r->pool), psc_tag_format(r->tag, tag), r->block_bytes, v);
	}
}
