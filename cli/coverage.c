/* SPDX-License-Identifier: MIT */
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "rows.h"
#include <inttypes.h>
#include <string.h>

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
	cJSON_AddBoolToObject(o, "cached_known", c->cached_known);
	json_add_u64(o, "mapped_bytes", c->mapped_bytes);
	json_add_u64(o, "read_bytes", c->read_bytes);
	json_add_u64(o, "paged_out_bytes", c->paged_out_bytes);
	json_add_u64(o, "not_in_dump_bytes", c->not_in_dump_bytes);
	json_add_u64(o, "unknown_bytes", c->unknown_bytes);
	json_add_u64(o, "pool_page_bytes", c->pool_page_bytes);
	json_add_u64(o, "big_bytes", c->big_bytes);
	json_add_u64(o, "special_bytes", c->special_bytes);
	json_add_u64(o, "other_bytes", c->other_bytes);
	json_add_u64(o, "corrupt_pages_count", c->corrupt_pages);
	json_add_u64(o, "live_blocks_count", c->live_blocks);
	json_add_u64(o, "unvisited_bytes", c->unvisited_bytes);
	json_add_u64(o, "untagged_blocks_count", c->untagged_blocks);
	json_add_u64(o, "untagged_bytes", c->untagged_bytes);
	json_add_u64(o, "headerless_blocks_count", c->headerless_blocks);
	json_add_u64(o, "headerless_bytes", c->headerless_bytes);
	json_add_u64(o, "cached_blocks_count", c->cached_blocks);
	json_add_u64(o, "cached_bytes", c->cached_bytes);
	json_add_u64(o, "delayed_blocks_count", c->delayed_blocks);
	json_add_u64(o, "delayed_bytes", c->delayed_bytes);
	json_add_u64(o, "lost_count", c->lost_count);
	json_add_u64(o, "lost_bytes", c->lost_bytes);
	cJSON *lost = cJSON_AddObjectToObject(o, "lost");
	json_add_u64(lost, "paged_out_bytes", c->lost_paged_out_bytes);
	json_add_u64(lost, "not_in_dump_bytes", c->lost_not_in_dump_bytes);
	json_add_u64(lost, "unknown_bytes", c->lost_unknown_bytes);
	json_add_u64(lost, "corrupt_bytes", c->lost_corrupt_bytes);
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
	footer_printf(f, "  %-9s ", psc_pool_name(c->pool));
	if (c->big_only) {
		footer_printf(f, "%s big allocations counted; the heaps of small blocks were not found\n",
			      group_digits(c->live_blocks, false, a));
		return;
	}
	if (!c->range_known) {
		footer_printf(f, "not walked: its address range is not known; the kernel's symbols would tell\n");
		return;
	}
	footer_printf(f, "%s of %s bytes read", group_digits(c->read_bytes, false, a),
		      group_digits(c->mapped_bytes, false, b));
	if (c->paged_out_bytes != 0)
		footer_printf(f, ", %s paged out", group_digits(c->paged_out_bytes, false, a));
	if (c->not_in_dump_bytes != 0)
		footer_printf(f, ", %s not in this dump", group_digits(c->not_in_dump_bytes, false, a));
	if (c->unknown_bytes != 0)
		footer_printf(f, ", page tables missing for %s", group_digits(c->unknown_bytes, false, a));
	if (c->unvisited_bytes != 0)
		footer_printf(f, ", %s not reached", group_digits(c->unvisited_bytes, false, a));
	if (c->corrupt_pages != 0)
		footer_printf(f, ", %" PRIu64 " page%s with broken block chains", c->corrupt_pages,
			      c->corrupt_pages == 1 ? "" : "s");
	if (!c->cached_known)
		footer_printf(f, ", cached blocks count as live");
	footer_printf(f, "; range from %s\n", c->range_source);
	if (c->special_bytes != 0)
		footer_printf(f, "            %s of these bytes are special pool\n",
			      group_digits(c->special_bytes, false, a));
	if (c->lost_count != 0)
		footer_printf(f,
			      "            %s bytes of the heaps in %" PRIu64
			      " places are lost: blocks there cannot be told\n",
			      group_digits(c->lost_bytes, false, a), c->lost_count);
	if (c->untagged_blocks != 0)
		footer_printf(
			f, "            %" PRIu64 " live blocks of %s bytes have no tag that can be read: in no row\n",
			c->untagged_blocks, group_digits(c->untagged_bytes, false, a));
	if (c->cached_blocks != 0)
		footer_printf(f, "            %" PRIu64 " blocks of %s bytes were freed and are kept: in no row\n",
			      c->cached_blocks, group_digits(c->cached_bytes, false, a));
	if (c->delayed_blocks != 0)
		footer_printf(f,
			      "            %" PRIu64 " of the live blocks, %s bytes, were freed and wait in their "
			      "subsegments: nothing tells which\n",
			      c->delayed_blocks, group_digits(c->delayed_bytes, false, a));
}

void print_scan_coverage(FILE *f, const struct psc_scan_coverage *c)
{
	char a[32], b[32];
	footer_printf(f,
		      "  scan      %s of %s saved bytes searched, %" PRIu64 " pool headers: %" PRIu64
		      " proven blocks (%" PRIu64 " VS, %" PRIu64 " LFH), %" PRIu64 " candidates\n",
		      group_digits(c->scanned_bytes, false, a), group_digits(c->saved_bytes, false, b), c->headers,
		      c->proven_vs + c->proven_lfh, c->proven_vs, c->proven_lfh,
		      c->headers - c->proven_vs - c->proven_lfh);
}

static void add_key(cJSON *o, const char *name, bool known, uint64_t key, int digits)
{
	char buf[24];
	snprintf(buf, sizeof(buf), "0x%0*" PRIx64, digits, key);
	json_add_text_or_null(o, name, known ? buf : NULL);
}

void json_fill_keys(cJSON *o, const struct psc_pool_keys *k, bool is_32bit)
{
	add_key(o, "heap_key", k->has_heap_key, k->heap_key, is_32bit ? 8 : 16);
	json_add_text_or_null(o, "heap_key_source", k->heap_key_source);
	json_add_u64_or_null(o, "heap_key_votes", k->heap_key_votes != 0, k->heap_key_votes);
	add_key(o, "lfh_key_low32", k->has_lfh_key_low32, k->lfh_key_low32, 8);
	json_add_text_or_null(o, "lfh_key_source", k->lfh_key_source);
	json_add_u64_or_null(o, "lfh_key_votes", k->lfh_key_votes != 0, k->lfh_key_votes);
}

void json_add_keys(cJSON *coverage, const struct psc_pool_keys *keys, bool is_32bit)
{
	if (keys == NULL)
		cJSON_AddNullToObject(coverage, "keys");
	else
		json_fill_keys(cJSON_AddObjectToObject(coverage, "keys"), keys, is_32bit);
}

static void print_key(FILE *f, const char *name, const char *source, uint32_t votes, const char *voters)
{
	if (source == NULL)
		footer_printf(f, "  keys      the %s key is not known: what it hides is lost\n", name);
	else if (votes != 0)
		footer_printf(f, "  keys      the %s key is %s from %" PRIu32 " %s\n", name,
			      strcmp(source, "solved") == 0 ? "solved" : "computed", votes, voters);
}

void print_keys(FILE *f, const struct psc_pool_keys *keys)
{
	if (keys == NULL)
		return;
	bool is_segment = keys->heap_key_source != NULL && strcmp(keys->heap_key_source, "segment") == 0;
	print_key(f, "heap", keys->heap_key_source, keys->heap_key_votes, is_segment ? "segments" : "chunks");
	print_key(f, "LFH", keys->lfh_key_source, keys->lfh_key_votes, "subsegments");
}

static cJSON *json_heap_counter(const struct psc_heap_counter *c)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "name", c->name);
	json_add_u64(o, "counted_bytes", c->counted_bytes);
	json_add_u64(o, "walked_bytes", c->walked_bytes);
	json_add_i64(o, "difference", c->difference);
	cJSON_AddBoolToObject(o, "exact", c->is_exact);
	cJSON_AddBoolToObject(o, "explained", c->is_explained);
	return o;
}

static void json_add_heap_counters(cJSON *heap, const struct psc_heap_row *h)
{
	if (!h->has_counters) {
		cJSON_AddNullToObject(heap, "counters");
		return;
	}
	cJSON *a = cJSON_AddArrayToObject(heap, "counters");
	for (size_t i = 0; i < h->n_counters; i++)
		cJSON_AddItemToArray(a, json_heap_counter(&h->counters[i]));
}

void json_add_heaps(cJSON *coverage, const struct psc_heap_row *h, size_t n, bool is_32bit)
{
	if (n == 0) {
		cJSON_AddNullToObject(coverage, "heaps");
		return;
	}
	cJSON *a = cJSON_AddArrayToObject(coverage, "heaps");
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		json_add_address(o, "va", h[i].va, is_32bit);
		json_add_u64(o, "node", h[i].node);
		cJSON_AddStringToObject(o, "type", psc_heap_type_name(h[i].type));
		cJSON_AddStringToObject(o, "pool", psc_pool_name(h[i].pool));
		cJSON_AddBoolToObject(o, "special", h[i].is_special);
		json_add_u64(o, "segments_count", h[i].segments);
		json_add_u64_or_null(o, "segments_counted", h[i].has_counters, h[i].segments_counted);
		json_add_u64_or_null(o, "committed_bytes", h[i].has_counters, h[i].committed_bytes);
		json_add_u64_or_null(o, "free_committed_bytes", h[i].has_counters, h[i].free_committed_bytes);
		json_add_u64(o, "walked_bytes", h[i].walked_bytes);
		json_add_u64(o, "large_bytes", h[i].large_bytes);
		if (h[i].has_counters)
			json_add_i64(o, "difference", h[i].difference);
		else
			cJSON_AddNullToObject(o, "difference");
		json_add_u64(o, "live_blocks_count", h[i].live_blocks);
		json_add_u64(o, "live_bytes", h[i].live_bytes);
		json_add_u64(o, "cached_bytes", h[i].cached_bytes);
		json_add_u64(o, "free_bytes", h[i].free_bytes);
		json_add_u64(o, "lost_bytes", h[i].lost_bytes);
		json_add_u64(o, "vs_bytes", h[i].vs_bytes);
		json_add_u64_or_null(o, "vs_counted_bytes", h[i].has_counters, h[i].vs_counted_bytes);
		json_add_u64(o, "lfh_bytes", h[i].lfh_bytes);
		json_add_u64(o, "range_bytes", h[i].range_bytes);
		json_add_u64(o, "internal_bytes", h[i].internal_bytes);
		json_add_u64(o, "free_range_bytes", h[i].free_range_bytes);
		json_add_u64(o, "descriptor_bytes", h[i].descriptor_bytes);
		json_add_u64(o, "unowned_bytes", h[i].unowned_bytes);
		json_add_u64(o, "unknown_bytes", h[i].unknown_bytes);
		json_add_heap_counters(o, &h[i]);
		cJSON_AddItemToArray(a, o);
	}
}

/* Those that do not agree. Where the rule of a counter is not known, some difference is normal: JSON has it. */
static void print_heap_counters(FILE *f, const struct psc_heap_row *h)
{
	char a[32], b[32], c[32];
	for (size_t i = 0; i < h->n_counters; i++) {
		const struct psc_heap_counter *n = &h->counters[i];
		if (n->difference == 0 || !n->is_exact)
			continue;
		fprintf(f, "      %s: %s bytes counted, %s walked, difference %s: %s\n", n->name,
			group_digits(n->counted_bytes, false, a), group_digits(n->walked_bytes, false, b),
			group_i64(n->difference, c),
			n->is_explained ? "not more than is missing" : "more than is missing");
	}
}

void print_heaps(FILE *f, const struct psc_heap_row *h, size_t n)
{
	char a[32], b[32], c[32], d[32];
	if (n == 0)
		return;
	footer_printf(f, "Heaps:\n");
	for (size_t i = 0; i < n; i++) {
		footer_printf(f, "  %016" PRIx64 " node %" PRIu32 " %-11s%s %" PRIu64 " segments, %s bytes walked",
			      h[i].va, h[i].node, psc_heap_type_name(h[i].type), h[i].is_special ? " special" : "",
			      h[i].segments, group_digits(h[i].walked_bytes, false, a));
		if (h[i].has_counters)
			footer_printf(f, " of %s committed (difference %s)",
				      group_digits(h[i].committed_bytes, false, b), group_i64(h[i].difference, c));
		footer_printf(f, ", %s in live blocks", group_digits(h[i].live_bytes, false, d));
		if (h[i].lost_bytes != 0)
			footer_printf(f, ", %s lost", group_digits(h[i].lost_bytes, false, a));
		if (h[i].unknown_bytes != 0)
			footer_printf(f, ", page tables missing for %s", group_digits(h[i].unknown_bytes, false, a));
		if (h[i].has_counters && h[i].segments_counted > h[i].segments)
			footer_printf(f, ", %" PRIu64 " segments not found", h[i].segments_counted - h[i].segments);
		footer_printf(f, "\n");
		print_heap_counters(f, &h[i]);
	}
}
