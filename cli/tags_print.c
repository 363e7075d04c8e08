/* SPDX-License-Identifier: MIT */
#include "tags_print.h"
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "report.h"
#include "tags_export.h"
#include <inttypes.h>
#include <string.h>

#define SCHEMA "poolscope.tags/1"

/* The one definition of a row's columns, for every format. */
enum {
	COL_TAG,
	COL_TAG_HEX,
	COL_PROTECTED,
	COL_POOL,
	COL_BLOCK_BYTES,
	COL_HELD_BYTES,
	COL_HELD,
	COL_ALLOCS,
	COL_FREES,
	COL_LIVE,
	COL_LIVE_BYTES,
	COL_PER_ALLOC,
	COL_SOURCE,
	COL_WALK_LIVE,
	COL_WALK_LIVE_BYTES,
	COL_WALK_PROVEN,
	COL_WALK_FREE,
	COL_WALK_CACHED,
	COL_WALK_DIFF,
	COL_OWNER,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_TAG] = {.key = "tag", .heading = "Tag", .is_left = true, .paint = PAINT_KEY, .label = "tag"},
	[COL_TAG_HEX] = {.key = "tag_hex", .heading = "Hex", .is_left = true, .drop = 9},
	[COL_PROTECTED] = {.key = "protected", .is_left = true},
	[COL_POOL] = {.key = "pool", .heading = "Pool", .is_left = true, .label = "pool", .label_of_rest = true},
	[COL_BLOCK_BYTES] = {.is_bytes = true},
	/* The trackers' figure, or where they have none the walk's: reference: users 3.2 names these four. */
	[COL_HELD_BYTES] = {.metric = "outstanding_bytes", .metric_help = "Bytes of allocations not freed."},
	[COL_HELD] = {.metric = "outstanding_allocations", .metric_help = "Allocations not freed."},
	[COL_ALLOCS] = {.key = "allocs",
			.heading = "Allocs",
			.drop = 1,
			.metric = "allocations_total",
			.metric_help = "Allocations since the boot."},
	[COL_FREES] = {.key = "frees",
		       .heading = "Frees",
		       .drop = 2,
		       .metric = "frees_total",
		       .metric_help = "Frees since the boot."},
	[COL_LIVE] = {.key = "live", .heading = "Live"},
	[COL_LIVE_BYTES] = {.key = "live_bytes", .heading = "Bytes", .is_bytes = true},
	[COL_PER_ALLOC] = {.key = "bytes_per_alloc", .heading = "Per alloc", .drop = 7, .is_bytes = true},
	[COL_SOURCE] = {.key = "source", .heading = "Source", .is_left = true, .drop = 8},
	[COL_WALK_LIVE] = {.key = "walk.live", .heading = "Walk live", .drop = 4},
	[COL_WALK_LIVE_BYTES] = {.key = "walk.live_bytes", .heading = "Walk bytes", .drop = 6, .is_bytes = true},
	[COL_WALK_PROVEN] = {.key = "walk.proven", .drop = 4},
	[COL_WALK_FREE] = {.key = "walk.free"},
	[COL_WALK_CACHED] = {.key = "walk.cached", .heading = "Cached", .drop = 5},
	[COL_WALK_DIFF] = {.heading = "Difference", .drop = 3, .is_bytes = true, .paint = PAINT_ODD},
	[COL_OWNER] = {.key = "owner", .is_left = true, .min_width = 12},
};

/* The same with what the options add and leave out. */
static void choose_columns(const struct tags_options *o, bool is_scan, struct column cols[N_COLS])
{
	memcpy(cols, columns, sizeof(columns));
	if (is_scan)
		cols[COL_WALK_PROVEN].heading = "Proven";
	if (o->tag_file != NULL)
		cols[COL_OWNER].heading = "Owner";
	if ((o->run.flags & PSC_TAGS_BY_SIZE) != 0) {
		cols[COL_BLOCK_BYTES].key = "block_bytes";
		cols[COL_BLOCK_BYTES].heading = "Block";
		cols[COL_BLOCK_BYTES].label = "block_bytes";
		for (int c = COL_ALLOCS; c <= COL_PER_ALLOC; c++)
			cols[c].heading = NULL;
		cols[COL_WALK_DIFF].heading = NULL;
	}
	if ((o->run.flags & PSC_TAGS_NO_WALK) != 0)
		for (int c = COL_WALK_LIVE; c <= COL_WALK_DIFF; c++)
			cols[c].heading = NULL;
}

static void fill_cells(const struct psc_tag_row *r, const struct psc_tag_file *owners, char tag[17], char hex[9],
		       struct cell cells[N_COLS])
{
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	snprintf(hex, 9, "%02x%02x%02x%02x", r->tag[0], r->tag[1], r->tag[2], r->tag[3]);
	cells[COL_TAG] = cell_text(psc_tag_format(r->tag, tag));
	cells[COL_TAG_HEX] = cell_text(hex);
	cells[COL_PROTECTED] = cell_bool(r->is_protected);
	cells[COL_POOL] = cell_text(psc_pool_name(r->pool));
	cells[COL_SOURCE] = cell_text(psc_row_source_name(r->source));
	if (r->block_bytes != 0)
		cells[COL_BLOCK_BYTES] = cell_u64(r->block_bytes);
	if (r->has_tracker) {
		cells[COL_ALLOCS] = cell_u64(r->allocs);
		cells[COL_FREES] = cell_u64(r->frees);
	}
	if (r->has_live) {
		cells[COL_LIVE] = cell_i64(r->live);
		cells[COL_LIVE_BYTES] = cell_i64(r->live_bytes);
		cells[COL_PER_ALLOC] = cell_real(r->live > 0 ? (double)r->live_bytes / (double)r->live : 0.0);
	}
	if (r->has_walk) {
		cells[COL_WALK_LIVE] = cell_u64(r->walk.live);
		cells[COL_WALK_LIVE_BYTES] = cell_u64(r->walk.live_bytes);
		cells[COL_WALK_PROVEN] = cell_u64(r->walk.proven);
		if (!r->walk_big_only) {
			cells[COL_WALK_FREE] = cell_u64(r->walk.free);
			if (!r->walk_cached_unknown)
				cells[COL_WALK_CACHED] = cell_u64(r->walk.cached);
			if (r->has_live && !r->walk_cached_unknown)
				cells[COL_WALK_DIFF] = cell_i64(r->live_bytes - (int64_t)r->walk.live_bytes);
		}
	}
	if (r->has_live || r->source == PSC_SOURCE_WALK) {
		cells[COL_HELD] = cell_i64(r->has_live ? r->live : (int64_t)r->walk.live);
		cells[COL_HELD_BYTES] = cell_i64(tags_row_bytes(r));
	}
	if (owners != NULL)
		cells[COL_OWNER] = cell_text(psc_tag_file_lookup(owners, r->tag));
}

int64_t tags_row_bytes(const struct psc_tag_row *r)
{
	return r->has_live ? r->live_bytes : (int64_t)r->walk.live_bytes;
}

bool tags_row_wanted(const struct psc_tag_row *r, const struct tags_options *o)
{
	if (o->budgets.n != 0 && !budget_is_over(&o->budgets, r->tag))
		return false;
	if (o->pools != 0 && (o->pools >> r->pool & 1) == 0)
		return false;
	return o->pattern == NULL || psc_tag_pattern_match(o->pattern, r->tag);
}

void tags_count_budgets(const struct psc_tags *tags, struct tags_options *o)
{
	size_t n;
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	for (size_t i = 0; i < n; i++) {
		const struct psc_tag_row *r = &rows[i];
		if (o->pools != 0 && (o->pools >> r->pool & 1) == 0)
			continue;
		budget_count(&o->budgets, r->tag, r->has_live || r->has_walk, tags_row_bytes(r));
	}
}

static cJSON *json_counts(const struct psc_walk_counts *c)
{
	cJSON *o = cJSON_CreateObject();
	json_add_u64(o, "live", c->live);
	json_add_u64(o, "live_bytes", c->live_bytes);
	json_add_u64(o, "proven", c->proven);
	json_add_u64(o, "free", c->free);
	json_add_u64(o, "free_bytes", c->free_bytes);
	json_add_u64(o, "cached", c->cached);
	json_add_u64(o, "cached_bytes", c->cached_bytes);
	return o;
}

static cJSON *json_total(const struct psc_tags_totals *t)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "pool", psc_pool_name(t->pool));
	if (t->has_tracker && t->tracker_incomplete_rows == 0) {
		cJSON *tracker = cJSON_AddObjectToObject(o, "tracker");
		json_add_i64(tracker, "live", t->tracker_live);
		json_add_i64(tracker, "live_bytes", t->tracker_live_bytes);
	} else {
		cJSON_AddNullToObject(o, "tracker");
	}
	if (t->has_walk)
		cJSON_AddItemToObject(o, "walk", json_counts(&t->walk));
	else
		cJSON_AddNullToObject(o, "walk");
	json_add_u64_or_null(o, "kernel_bytes", t->has_kernel_bytes, t->kernel_bytes);
	json_add_text_or_null(o, "kernel_source", t->has_kernel_bytes ? t->kernel_source : NULL);
	json_add_u64_or_null(o, "pages_bytes", t->has_pages, t->pages_bytes);
	json_add_u64_or_null(o, "heaps_bytes", t->has_heaps_bytes, t->heaps_bytes);
	if (t->has_kernel_bytes && t->has_pages) {
		json_add_i64(o, "pages_difference", t->pages_difference);
		cJSON_AddBoolToObject(o, "pages_explained", t->pages_explained);
	} else {
		cJSON_AddNullToObject(o, "pages_difference");
		cJSON_AddNullToObject(o, "pages_explained");
	}
	return o;
}

static void json_add_tracker_coverage(cJSON *coverage, const struct psc_tracker_coverage *c)
{
	if (!c->available) {
		cJSON_AddNullToObject(coverage, "trackers");
		return;
	}
	cJSON *o = cJSON_AddObjectToObject(coverage, "trackers");
	json_add_u64(o, "tables_count", c->tables);
	json_add_u64(o, "table_bytes", c->table_bytes);
	json_add_u64(o, "missing_bytes", c->missing_bytes);
	json_add_u64(o, "incomplete_rows_count", c->incomplete_rows);
}

static cJSON *json_coverage(const struct run *run, const struct psc_tags *tags)
{
	size_t n, n_heaps;
	const struct psc_heap_row *heaps = psc_tags_heaps(tags, &n_heaps);
	const struct psc_walk_coverage *c = psc_tags_coverage(tags, &n);
	cJSON *o = run_coverage(run);
	json_add_tracker_coverage(o, psc_tags_tracker_coverage(tags));
	json_add_scan_coverage(o, psc_tags_scan_coverage(tags));
	json_add_walk_coverage(o, c, n);
	json_add_heaps(o, heaps, n_heaps, run->is_32bit);
	json_add_keys(o, psc_tags_keys(tags), run->is_32bit);
	return o;
}

static void print_total_lines(FILE *f, const struct psc_tags *tags)
{
	size_t n;
	char a[32], b[32];
	const struct psc_tags_totals *t = psc_tags_get_totals(tags, &n);

	footer_printf(f, "\nTotals (all tags):\n");
	for (size_t i = 0; i < n; i++) {
		if (!t[i].has_tracker && !t[i].has_walk && !t[i].has_kernel_bytes)
			continue;
		const char *sep = "";
		footer_printf(f, "  %-9s ", psc_pool_name(t[i].pool));
		if (t[i].has_tracker && t[i].tracker_incomplete_rows != 0) {
			footer_printf(f, "trackers not known (%s rows are not complete)",
				      group_digits(t[i].tracker_incomplete_rows, false, a));
			sep = "; ";
		} else if (t[i].has_tracker) {
			footer_printf(f, "trackers %s blocks, %s bytes", group_i64(t[i].tracker_live, a),
				      group_i64(t[i].tracker_live_bytes, b));
			sep = "; ";
		}
		if (t[i].has_walk) {
			footer_printf(f, "%swalk %s blocks, %s bytes", sep, group_digits(t[i].walk.live, false, a),
				      group_digits(t[i].walk.live_bytes, false, b));
			sep = "; ";
		}
		if (t[i].has_kernel_bytes)
			footer_printf(f, "%skernel counter %s bytes (%s)", sep,
				      group_digits(t[i].kernel_bytes, false, a), t[i].kernel_source);
		if (t[i].has_pages)
			footer_printf(f, "; pages of the heaps %s", group_digits(t[i].pages_bytes, false, a));
		if (t[i].has_pages && t[i].has_kernel_bytes)
			footer_printf(f, " (difference %s%s)", group_i64(t[i].pages_difference, b),
				      t[i].pages_difference == 0 ? ""
				      : t[i].pages_explained     ? ", not more than is missing"
								 : ", more than is missing");
		footer_printf(f, "\n");
	}
}

static void print_coverage_lines(const struct run *run, const struct psc_tags *tags)
{
	FILE *f = run->f;
	size_t n;
	char a[32], b[32];
	const struct psc_walk_coverage *c = psc_tags_coverage(tags, &n);
	const struct psc_tracker_coverage *t = psc_tags_tracker_coverage(tags);

	run_print_coverage(run);
	if (!t->available) {
		footer_printf(f, "  trackers  not read: %s\n", t->why_not != NULL ? t->why_not : "not in this dump");
	} else {
		footer_printf(f, "  trackers  %" PRIu64 " tables, %s bytes", t->tables,
			      group_digits(t->table_bytes, false, a));
		if (t->missing_bytes != 0)
			footer_printf(f, ", %s missing: live figures of %" PRIu64 " rows are not known",
				      group_digits(t->missing_bytes, false, b), t->incomplete_rows);
		footer_printf(f, "\n");
	}
	const struct psc_scan_coverage *s = psc_tags_scan_coverage(tags);
	if (s != NULL)
		print_scan_coverage(f, s);
	for (size_t i = 0; i < n; i++)
		print_walk_coverage(f, &c[i]);
	print_keys(f, psc_tags_keys(tags));
	const struct psc_heap_row *heaps = psc_tags_heaps(tags, &n);
	print_heaps(f, heaps, n);
}

static bool finish(struct report *r, const struct run *run, const struct psc_tags *tags)
{
	size_t n;
	const struct psc_tags_totals *totals = psc_tags_get_totals(tags, &n);
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(a, json_total(&totals[i]));
	report_list(r, "totals", "total", a);
	if (r->format == FORMAT_TABLE) {
		print_total_lines(r->f, tags);
		print_coverage_lines(run, tags);
	} else if (r->format == FORMAT_OPENMETRICS) {
		tags_print_metrics_end(run, tags, r->spec->scope);
	}
	return report_end(r, json_coverage(run, tags), run_warnings(run));
}

bool tags_print(struct run *run, const struct psc_tags *tags, const struct tags_options *o)
{
	const struct report_spec spec = {SCHEMA, "tag", false,
					 (o->run.flags & PSC_TAGS_BY_SIZE) != 0 ? "tag_size" : "tag"};
	struct report r;
	struct column cols[N_COLS];
	struct cell cells[N_COLS];
	char tag[17], hex[9];
	size_t n;
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	long printed = 0, more = 0;

	if (o->common.format == FORMAT_FOLDED) {
		tags_print_folded(run->f, tags, o);
		return true;
	}
	choose_columns(o, psc_tags_scan_coverage(tags) != NULL, cols);
	report_init(&r, run, &spec, cols, N_COLS);
	for (size_t i = 0; i < n; i++) {
		if (!tags_row_wanted(&rows[i], o))
			continue;
		if (o->max_rows > 0 && printed >= o->max_rows) {
			more++;
			if (r.format == FORMAT_OPENMETRICS) {
				fill_cells(&rows[i], o->owners, tag, hex, cells);
				report_rest(&r, cells);
			}
			continue;
		}
		fill_cells(&rows[i], o->owners, tag, hex, cells);
		if (run->interrupted)
			cells[COL_WALK_DIFF] = cell_null();
		report_row(&r, cells);
		printed++;
	}
	bool ok = finish(&r, run, tags);
	if (more > 0 && !o->common.quiet && o->common.format != FORMAT_OPENMETRICS)
		message("%ld more rows; -n 0 prints all", more);
	return ok;
}
