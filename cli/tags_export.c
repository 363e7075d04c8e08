/* SPDX-License-Identifier: MIT */
#include "tags_export.h"
#include "json.h"
#include "report.h"
#include <inttypes.h>
#include <string.h>

/* ---- metrics ---- */

/* What is given per tag. Names follow those of windows_exporter. */
struct metric {
	const char *name, *type, *help;
	bool (*value)(const struct psc_tag_row *r, int64_t *ret);
};

static bool live_bytes(const struct psc_tag_row *r, int64_t *ret)
{
	*ret = r->has_live ? r->live_bytes : (int64_t)r->walk.live_bytes;
	return r->has_live || r->source == PSC_SOURCE_WALK;
}

static bool live(const struct psc_tag_row *r, int64_t *ret)
{
	*ret = r->has_live ? r->live : (int64_t)r->walk.live;
	return r->has_live || r->source == PSC_SOURCE_WALK;
}

static bool allocs(const struct psc_tag_row *r, int64_t *ret)
{
	*ret = (int64_t)r->allocs;
	return r->has_tracker && r->allocs <= INT64_MAX;
}

static bool frees(const struct psc_tag_row *r, int64_t *ret)
{
	*ret = (int64_t)r->frees;
	return r->has_tracker && r->frees <= INT64_MAX;
}

static const struct metric metrics[] = {
	{"windows_pool_tag_outstanding_bytes", "gauge", "Bytes of allocations not freed.", live_bytes},
	{"windows_pool_tag_outstanding_allocations", "gauge", "Allocations not freed.", live},
	{"windows_pool_tag_allocations_total", "counter", "Allocations since the boot.", allocs},
	{"windows_pool_tag_frees_total", "counter", "Frees since the boot.", frees},
};

/* The text in quotes, as the format wants it. */
static void print_label(FILE *f, const char *name, const char *text)
{
	fprintf(f, "%s=\"", name);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '\\' || *text == '"')
			fprintf(f, "\\%c", *text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}

static void print_sample(FILE *f, const char *name, const char *tag, enum psc_pool pool, int64_t value)
{
	fprintf(f, "%s{", name);
	print_label(f, "tag", tag);
	fputc(',', f);
	print_label(f, "pool", psc_pool_name(pool));
	fprintf(f, "} %" PRId64 "\n", value);
}

static void print_metric(FILE *f, const struct metric *m, const struct psc_tag_row *rows, size_t n,
			 const struct tags_options *o)
{
	int64_t other[PSC_POOL_MAX] = {0}, v;
	bool has_other[PSC_POOL_MAX] = {false};
	long printed = 0;
	char tag[17];

	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
	for (size_t i = 0; i < n; i++) {
		const struct psc_tag_row *r = &rows[i];
		if (!tags_row_wanted(r, o))
			continue;
		bool is_listed = o->max_rows <= 0 || printed < o->max_rows;
		printed++;
		if (!m->value(r, &v))
			continue;
		if (is_listed) {
			print_sample(f, m->name, psc_tag_format(r->tag, tag), r->pool, v);
		} else {
			other[r->pool] = (int64_t)((uint64_t)other[r->pool] + (uint64_t)v);
			has_other[r->pool] = true;
		}
	}
	for (int pool = 0; pool < PSC_POOL_MAX; pool++)
		if (has_other[pool])
			print_sample(f, m->name, "other", (enum psc_pool)pool, other[pool]);
}

static void print_coverage(FILE *f, const struct psc_tags *tags)
{
	size_t n;
	const struct psc_walk_coverage *c = psc_tags_coverage(tags, &n);
	const struct psc_tracker_coverage *t = psc_tags_tracker_coverage(tags);
	static const char name[] = "windows_pool_coverage_ratio";
	fprintf(f, "# HELP %s Part of the source that is in the dump.\n# TYPE %s gauge\n", name, name);
	double ratio = t->available && t->table_bytes != 0
			       ? (double)(t->table_bytes - t->missing_bytes) / (double)t->table_bytes
			       : 0.0;
	fprintf(f, "%s{pool=\"all\",source=\"tracker\"} %.4f\n", name, ratio);
	for (size_t i = 0; i < n; i++) {
		double all = (double)(c[i].mapped_bytes + c[i].unknown_bytes);
		ratio = !c[i].range_known || c[i].big_only ? 0.0 : all > 0.0 ? (double)c[i].read_bytes / all : 1.0;
		fprintf(f, "%s{pool=\"%s\",source=\"walk\"} %.4f\n", name, psc_pool_name(c[i].pool), ratio);
	}
}

static void print_dump_info(FILE *f, const struct psc_dump *dump)
{
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	char id[17], build[16];
	static const char name[] = "windows_pool_dump_info";
	fprintf(f, "# HELP %s The dump that these figures are from.\n# TYPE %s gauge\n%s{", name, name, name);
	snprintf(build, sizeof(build), "%" PRIu32, psc_dump_kernel(dump)->build);
	print_label(f, "dump_id", dump_id(dump, id));
	fputc(',', f);
	print_label(f, "build", build);
	fputc(',', f);
	print_label(f, "dump_type", psc_dump_type_name(i->dump_type));
	fputc(',', f);
	print_label(f, "machine", psc_machine_name(i->machine));
	fputs("} 1\n", f);
}

void tags_print_openmetrics(FILE *f, const struct psc_dump *dump, const struct psc_tags *tags,
			    const struct tags_options *o)
{
	size_t n;
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		print_metric(f, &metrics[i], rows, n, o);
	print_coverage(f, tags);
	print_dump_info(f, dump);
	fputs("# EOF\n", f);
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
		int64_t v;
		char tag[17];
		if (!tags_row_wanted(r, o) || !live_bytes(r, &v) || v <= 0)
			continue;
		if (o->max_rows > 0 && printed++ >= o->max_rows)
			break;
		print_folded_tag(f, psc_pool_name(r->pool), psc_tag_format(r->tag, tag), r->block_bytes, v);
	}
}
