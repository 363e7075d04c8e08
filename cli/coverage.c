/* SPDX-License-Identifier: MIT */
#include "coverage.h"
#include "json.h"
#include "rows.h"
#include <inttypes.h>

void json_add_ratio(cJSON *coverage, double ratio)
{
	char text[32];
	snprintf(text, sizeof(text), "%.4f", ratio);
	cJSON_AddRawToObject(coverage, "ratio", text);
}

static cJSON *json_walk_coverage(const struct psc_walk_coverage *c)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "pool", psc_pool_name(c->pool));
	json_add_text_or_null(o, "range_source", c->range_known ? c->range_source : NULL);
	cJSON_AddBoolToObject(o, "big_only", c->big_only);
	json_add_u64(o, "mapped_bytes", c->mapped_bytes);
	json_add_u64(o, "read_bytes", c->read_bytes);
	json_add_u64(o, "paged_out_bytes", c->paged_out_bytes);
	json_add_u64(o, "not_in_dump_bytes", c->not_in_dump_bytes);
	json_add_u64(o, "unknown_bytes", c->unknown_bytes);
	json_add_u64(o, "pool_page_bytes", c->pool_page_bytes);
	json_add_u64(o, "big_bytes", c->big_bytes);
	json_add_u64(o, "other_bytes", c->other_bytes);
	json_add_u64(o, "corrupt_pages_count", c->corrupt_pages);
	json_add_u64(o, "live_blocks_count", c->live_blocks);
	return o;
}

void json_add_walk_coverage(cJSON *coverage, const struct psc_walk_coverage *c, size_t n)
{
	if (n == 0) {
		cJSON_AddNullToObject(coverage, "walk");
		return;
	}
	cJSON *a = cJSON_AddArrayToObject(coverage, "walk");
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(a, json_walk_coverage(&c[i]));
}

void json_add_scan_coverage(cJSON *coverage, const struct psc_scan_coverage *c)
{
	if (c == NULL) {
		cJSON_AddNullToObject(coverage, "scan");
		return;
	}
	cJSON *o = cJSON_AddObjectToObject(coverage, "scan");
	json_add_u64(o, "saved_bytes", c->saved_bytes);
	json_add_u64(o, "scanned_bytes", c->scanned_bytes);
	json_add_u64(o, "headers_count", c->headers);
	json_add_u64(o, "proven_count", c->proven_vs + c->proven_lfh);
	json_add_u64(o, "proven_vs_count", c->proven_vs);
	json_add_u64(o, "proven_lfh_count", c->proven_lfh);
	json_add_u64(o, "candidates_count", c->headers - c->proven_vs - c->proven_lfh);
	json_add_u64(o, "parked_count", c->parked);
}

void print_walk_coverage(FILE *f, const struct psc_walk_coverage *c)
{
	char a[32], b[32];
	fprintf(f, "  %-9s ", psc_pool_name(c->pool));
	if (c->big_only) {
		fprintf(f, "%s big allocations counted; small blocks of the segment heap are not read yet\n",
			group_digits(c->live_blocks, false, a));
		return;
	}
	if (!c->range_known) {
		fputs("not walked: its address range is not known; the kernel's symbols would tell\n", f);
		return;
	}
	fprintf(f, "%s of %s bytes read", group_digits(c->read_bytes, false, a),
		group_digits(c->mapped_bytes, false, b));
	if (c->paged_out_bytes != 0)
		fprintf(f, ", %s paged out", group_digits(c->paged_out_bytes, false, a));
	if (c->not_in_dump_bytes != 0)
		fprintf(f, ", %s not in this dump", group_digits(c->not_in_dump_bytes, false, a));
	if (c->unknown_bytes != 0)
		fprintf(f, ", page tables missing for %s", group_digits(c->unknown_bytes, false, a));
	if (c->corrupt_pages != 0)
		fprintf(f, ", %" PRIu64 " pages with broken block chains", c->corrupt_pages);
	fprintf(f, "; range from %s\n", c->range_source);
}

void print_scan_coverage(FILE *f, const struct psc_scan_coverage *c)
{
	char a[32], b[32];
	fprintf(f,
		"  scan      %s of %s saved bytes searched, %" PRIu64 " pool headers: %" PRIu64
		" proven blocks (%" PRIu64 " VS, %" PRIu64 " LFH), %" PRIu64 " candidates\n",
		group_digits(c->scanned_bytes, false, a), group_digits(c->saved_bytes, false, b), c->headers,
		c->proven_vs + c->proven_lfh, c->proven_vs, c->proven_lfh, c->headers - c->proven_vs - c->proven_lfh);
}
