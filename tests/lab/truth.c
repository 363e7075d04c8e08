/* SPDX-License-Identifier: MIT */
/* What a right answer says about the machine, per class of container. */
#include "machine.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_LISTED_BLOCKS 20000u

/* Kernel dumps leave out the frames dropped from them. */
enum view { VIEW_FULL, VIEW_KERNEL };

struct rows {
	struct lab_walk *walk; /* [tag][pool] */
	struct lab_walk *big;  /* of these, in the big-page table */
	bool *is_protected, *maybe_protected, *unsure;
};

/* Session space hangs in the page tables of its processes only, and is not damaged. */
static bool readable(const struct lab_machine *m, uint64_t va, int view)
{
	if (m->session_heap && va >= m->b->session_base && va < m->b->session_base + 0x4400000)
		return true;
	uint64_t pa = lab_mem_pa(m->mem, va);
	return pa != UINT64_MAX && !(view == VIEW_KERNEL && lab_mem_is_dropped(m->mem, pa / LAB_PAGE));
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The data addresses a reader of the lists gets to know: up to and including the first unreadable node. */
static uint64_t *known_cached(const struct lab_machine *m, enum view view, size_t *ret_n)
{
	uint64_t *set = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < m->n_chains; i++) {
		const struct lab_chain *c = &m->chains[i];
		if (m->b->heap_backed && !readable(m, c->head_va, view))
			continue;
		for (size_t k = 0; k < c->n; k++) {
			LAB_GROW(set, n, cap);
			set[n++] = c->nodes[k];
			if (!readable(m, c->nodes[k], view))
				break;
		}
	}
	if (n)
		qsort(set, n, sizeof *set, by_address);
	*ret_n = n;
	return set;
}

/* What the list that keeps a freed block holds of it. */
static uint64_t list_entry(const struct lab_machine *m, const struct lab_block *b)
{
	return b->list_va ? b->list_va : b->header_va + m->header_bytes;
}

static struct rows walk_blocks(struct lab_machine *m, enum view view)
{
	size_t n = m->n_tags * LAB_N_POOLS, n_set;
	struct rows r = {calloc(n + 1, sizeof *r.walk), calloc(n + 1, sizeof *r.big), calloc(n + 1, 1),
			 calloc(n + 1, 1), calloc(n + 1, 1)};
	uint8_t *seen = lab_heap_seen(m, readable, view);
	uint64_t *set = known_cached(m, view, &n_set);
	if (!r.walk || !r.big || !r.is_protected || !r.maybe_protected || !r.unsure)
		lab_die("out of memory");
	for (size_t i = 0; i < m->n_tags; i++)
		for (int p = 0; p < LAB_N_POOLS; p++) {
			r.walk[i * LAB_N_POOLS + p] = m->tags[i].pool[p].walk;
			r.is_protected[i * LAB_N_POOLS + p] = m->tags[i].pool[p].is_protected;
		}
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		size_t row = (size_t)(lab_tag_get(m, b->tag) - m->tags) * LAB_N_POOLS + b->pool;
		bool marked = (b->tag & LAB_PROTECTED) != 0;
		if (b->tag_lost)
			continue;
		r.unsure[row] |= seen[i] == LAB_SEEN_MAYBE && !b->is_big;
		if (!b->is_big && (seen[i] != LAB_SEEN || b->unreachable || !readable(m, b->header_va, view))) {
			r.maybe_protected[row] |= marked;
			continue;
		}
		r.is_protected[row] |= marked;
		struct lab_walk *w = &r.walk[row];
		uint64_t entry = list_entry(m, b);
		bool cached = (b->state == LAB_CACHED || b->state == LAB_PENDING) && n_set &&
			      bsearch(&entry, set, n_set, sizeof *set, by_address);
		if (b->state == LAB_FREE)
			w->free++;
		else if (cached)
			w->cached++;
		else
			w->live++, w->live_bytes += b->bytes;
		if (b->is_big)
			r.big[row].live++, r.big[row].live_bytes += b->bytes;
	}
	free(set);
	free(seen);
	return r;
}

static void free_rows(struct rows *r)
{
	free(r->walk);
	free(r->big);
	free(r->is_protected);
	free(r->maybe_protected);
	free(r->unsure);
}

static void add_u64(cJSON *o, const char *key, uint64_t v)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, v);
	cJSON_AddRawToObject(o, key, text);
}

static void add_i64(cJSON *o, const char *key, int64_t v)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, v);
	cJSON_AddRawToObject(o, key, text);
}

struct counts {
	uint64_t allocs, frees;
	int64_t live, live_bytes;
	bool any;
};

/* As the tables hold it: 32-bit counters wrap in each table, and so does what is made of them. */
static struct counts sum_tables(const struct lab_machine *m, const struct lab_half *h)
{
	static const char type[] = "_POOL_TRACKER_TABLE";
	bool narrow_counts = lab_field_size(m->b, type, "NonPagedAllocs") == 4;
	bool narrow_bytes = lab_field_size(m->b, type, "NonPagedBytes") == 4;
	struct counts c = {0};
	uint64_t bytes = 0;
	for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++) {
		c.allocs += narrow_counts ? (uint32_t)h->cpu[cpu].allocs : h->cpu[cpu].allocs;
		c.frees += narrow_counts ? (uint32_t)h->cpu[cpu].frees : h->cpu[cpu].frees;
		bytes += h->cpu[cpu].bytes;
	}
	c.live = narrow_counts ? (int64_t)(uint32_t)(c.allocs - c.frees) : (int64_t)(c.allocs - c.frees);
	c.live_bytes = narrow_bytes ? (int64_t)(int32_t)(uint32_t)bytes : (int64_t)bytes;
	c.any = c.allocs || c.frees || c.live_bytes;
	return c;
}

static void add_walk(const struct lab_machine *m, cJSON *row, const struct lab_walk *w, const struct lab_walk *big,
		     enum lab_pool pool)
{
	cJSON *o;
	if (pool == LAB_POOL_SESSION && !m->session_heap) {
		cJSON_AddNullToObject(row, "walk");
		return;
	}
	/* Not sure: blocks that a search may find or not. */
	o = w ? cJSON_AddObjectToObject(row, "walk") : cJSON_AddStringToObject(row, "walk", "*");
	if (w) {
		add_u64(o, "live", w->live);
		add_u64(o, "live_bytes", w->live_bytes);
	}
	if (!m->b->heap_backed) {
		add_u64(o, "free", w->free);
		add_u64(o, "cached", w->cached);
		return;
	}
	/* Free blocks of a heap have no tag, and the tag of most cached ones is overwritten. */
	if (w) {
		cJSON_AddStringToObject(o, "free", "*");
		cJSON_AddStringToObject(o, "cached", "*");
	}
	if (m->o.no_block_records) {
		cJSON_AddStringToObject(row, "walk_big", "*");
		return;
	}
	if (!big->live) {
		cJSON_AddNullToObject(row, "walk_big");
		return;
	}
	o = cJSON_AddObjectToObject(row, "walk_big");
	add_u64(o, "live", big->live);
	add_u64(o, "live_bytes", big->live_bytes);
	cJSON_AddNullToObject(o, "free");
	cJSON_AddNullToObject(o, "cached");
}

static void add_figures(cJSON *row, const struct counts *c)
{
	char text[64];
	add_u64(row, "allocs", c->allocs);
	add_u64(row, "frees", c->frees);
	add_i64(row, "live", c->live);
	add_i64(row, "live_bytes", c->live_bytes);
	snprintf(text, sizeof text, "%.2f", c->live > 0 ? (double)c->live_bytes / (double)c->live : 0.0);
	cJSON_AddRawToObject(row, "bytes_per_alloc", text);
	cJSON_AddStringToObject(row, "source", "tracker");
}

static void add_nulls(cJSON *row)
{
	static const char *const keys[] = {"allocs", "frees", "live", "live_bytes"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		cJSON_AddNullToObject(row, keys[i]);
	cJSON_AddStringToObject(row, "source", "walk");
}

static const char *pool_name(enum lab_pool pool)
{
	return pool == LAB_POOL_NONPAGED ? "nonpaged" : pool == LAB_POOL_PAGED ? "paged" : "session";
}

static void tag_hex(uint32_t key, char ret[9])
{
	snprintf(ret, 9, "%02x%02x%02x%02x", key & 0xff, key >> 8 & 0xff, key >> 16 & 0xff, key >> 24 & 0x7f);
}

static cJSON *make_rows(struct lab_machine *m, enum view view)
{
	struct rows r = walk_blocks(m, view);
	cJSON *rows = cJSON_CreateArray();
	for (size_t i = 0; i < m->n_tags; i++)
		for (int p = 0; p < LAB_N_POOLS; p++) {
			const struct lab_tag *t = &m->tags[i];
			struct lab_walk *w = &r.walk[i * LAB_N_POOLS + p];
			struct counts c = sum_tables(m, &t->pool[p]);
			bool lost = view == VIEW_KERNEL && p != LAB_POOL_SESSION &&
				    (t->place == LAB_PLACE_SLOT ||
				     (t->place == LAB_PLACE_OVERFLOW && t->slot == m->track_mask + 1)) &&
				    m->lost_slots[t->slot];
			bool walked = w->live || w->free || w->cached;
			char hex[9];
			if (!c.any && !walked)
				continue;
			cJSON *row = cJSON_CreateObject();
			tag_hex(t->key, hex);
			cJSON_AddStringToObject(row, "tag_hex", hex);
			cJSON_AddStringToObject(row, "pool", pool_name((enum lab_pool)p));
			if (r.is_protected[i * LAB_N_POOLS + p] || !r.maybe_protected[i * LAB_N_POOLS + p])
				cJSON_AddBoolToObject(row, "protected", r.is_protected[i * LAB_N_POOLS + p]);
			if (lost) {
				cJSON_AddStringToObject(row, "lost", m->main_table_lost ? "row" : "figures");
				/* One processor's part is gone: what is left is a bound for the counters and nothing
				 * more. */
				if (c.any && !m->main_table_lost) {
					cJSON_AddStringToObject(row, "source", "tracker_partial");
					cJSON_AddNullToObject(row, "live");
					cJSON_AddNullToObject(row, "live_bytes");
				}
			} else if (c.any)
				add_figures(row, &c);
			else
				add_nulls(row);
			if (r.unsure[i * LAB_N_POOLS + p])
				w = NULL;
			add_walk(m, row, w, &r.big[i * LAB_N_POOLS + p], (enum lab_pool)p);
			cJSON_AddItemToArray(rows, row);
		}
	free_rows(&r);
	cJSON *tags = cJSON_CreateObject();
	cJSON_AddItemToObject(tags, "rows", rows);
	return tags;
}

static void add_address(const struct lab_machine *m, cJSON *o, const char *key, uint64_t va)
{
	char text[32];
	if (lab_build_is64(m->b))
		snprintf(text, sizeof text, "0x%016" PRIx64, va);
	else
		snprintf(text, sizeof text, "0x%08" PRIx32, (uint32_t)va);
	if (o->type == cJSON_Array)
		cJSON_AddItemToArray(o, cJSON_CreateString(text));
	else
		cJSON_AddStringToObject(o, key, text);
}

static cJSON *make_info(const struct lab_machine *m, const struct lab_header *h)
{
	cJSON *info = cJSON_CreateObject(), *dump, *kernel, *bugcheck, *system, *parameters;
	cJSON_AddStringToObject(info, "schema", "poolscope.info/1");
	dump = cJSON_AddObjectToObject(info, "dump");
	cJSON_AddStringToObject(dump, "format", h->is_64bit ? "dump64" : "dump32");
	cJSON_AddStringToObject(dump, "machine", m->b->arch == LAB_ARCH_ARM64 ? "arm64" : h->is_64bit ? "x64" : "x86");
	char time_text[32];
	time_t seconds = (time_t)(h->system_time_filetime / 10000000 - 11644473600);
	strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	cJSON_AddStringToObject(dump, "time", time_text);
	add_u64(dump, "uptime_seconds", h->system_up_time_100ns / 10000000);
	kernel = cJSON_AddObjectToObject(info, "kernel");
	add_address(m, kernel, "base", m->b->kernel_base);
	add_u64(kernel, "build", m->b->number);
	cJSON_AddStringToObject(kernel, "pdb_name", m->kernel->pdb_name);
	cJSON_AddStringToObject(kernel, "pdb_guid", m->kernel->pdb_guid_hex);
	add_u64(kernel, "pdb_age", m->kernel->pdb_age);
	add_address(m, kernel, "directory_table_base", lab_mem_dtb(m->mem));
	static const char *const paging[] = {"x86", "x86_pae", "x64", "x64_la57", "arm64"};
	cJSON_AddStringToObject(kernel, "paging", paging[lab_mem_mmu(m->mem)]);
	bugcheck = cJSON_AddObjectToObject(info, "bugcheck");
	cJSON_AddStringToObject(bugcheck, "code", "0x0000000a");
	parameters = cJSON_AddArrayToObject(bugcheck, "parameters");
	for (int i = 0; i < 4; i++)
		add_address(m, parameters, NULL, h->bugcheck_parameters[i]);
	system = cJSON_AddObjectToObject(info, "system");
	add_u64(system, "processors", m->n_cpus);
	add_u64(system, "physical_memory_bytes", lab_mem_total_pages(m->mem) * LAB_PAGE);
	if (!m->modules_count_unknown)
		add_u64(system, "modules_count", m->n_modules);
	return info;
}

static unsigned dump_type_value(enum lab_container kind)
{
	static const unsigned values[LAB_CONTAINER_MAX] = {
		[LAB_CONTAINER_FULL] = 1,         [LAB_CONTAINER_SUMMARY] = 2,     [LAB_CONTAINER_HEADER] = 3,
		[LAB_CONTAINER_TRIAGE] = 4,       [LAB_CONTAINER_BITMAP_FULL] = 5, [LAB_CONTAINER_BITMAP_KERNEL] = 6,
		[LAB_CONTAINER_RANGE_KERNEL] = 8, [LAB_CONTAINER_RANGE_FULL] = 10,
	};
	return values[kind];
}

static bool without_memory(enum lab_container kind)
{
	return kind == LAB_CONTAINER_HEADER || kind == LAB_CONTAINER_TRIAGE;
}

static bool is_kernel_only(enum lab_container kind)
{
	return kind == LAB_CONTAINER_SUMMARY || kind == LAB_CONTAINER_BITMAP_KERNEL ||
	       kind == LAB_CONTAINER_RANGE_KERNEL;
}

/* The keys of the heaps: read where their page is in the container, else they follow from what they hide. */
static void add_keys(const struct lab_machine *m, cJSON *info, enum lab_container kind)
{
	char low[16];
	uint64_t va = m->b->heap_backed ? lab_global_va(m, "RtlpHpHeapGlobals") : 0;
	cJSON *pool;
	if (!va || without_memory(kind))
		return;
	bool is_read = readable(m, va, is_kernel_only(kind) ? VIEW_KERNEL : VIEW_FULL);
	snprintf(low, sizeof low, "0x%08" PRIx32, (uint32_t)m->lfh_key);
	pool = cJSON_AddObjectToObject(info, "pool");
	add_address(m, pool, "heap_key", m->heap_key);
	cJSON_AddStringToObject(pool, "heap_key_source", is_read ? "symbol" : "segment");
	cJSON_AddStringToObject(pool, "lfh_key_low32", low);
	cJSON_AddStringToObject(pool, "lfh_key_source", is_read ? "symbol" : "solved");
}

static cJSON *make_containers(const struct lab_machine *m, const struct lab_header *h, const struct lab_output *outputs,
			      size_t n)
{
	cJSON *all = cJSON_CreateObject();
	for (size_t i = 0; i < n; i++) {
		cJSON *c = cJSON_AddObjectToObject(all, lab_container_name(outputs[i].kind)), *info, *dump;
		cJSON_AddStringToObject(c, "file", outputs[i].file);
		info = cJSON_AddObjectToObject(c, "info");
		dump = cJSON_AddObjectToObject(info, "dump");
		add_u64(dump, "dump_type_value", dump_type_value(outputs[i].kind));
		add_keys(m, info, outputs[i].kind);
		if (outputs[i].kind >= LAB_CONTAINER_MEMORY_FIRST) {
			cJSON_AddStringToObject(dump, "dump_type", "full");
			cJSON_AddStringToObject(dump, "format", lab_container_name(outputs[i].kind));
			cJSON_AddNullToObject(info, "bugcheck");
			/* Kernels before 7 do not say it in their shared page. */
			if (h->minor < 7600)
				cJSON_AddNullToObject(cJSON_AddObjectToObject(info, "system"), "processors");
			continue;
		}
		cJSON_AddStringToObject(dump, "dump_type", lab_container_name(outputs[i].kind));
		/* What a container cannot tell: "*" takes a key out of the comparison. */
		if (outputs[i].kind == LAB_CONTAINER_HEADER) {
			cJSON_AddStringToObject(info, "kernel", "*");
			cJSON *system = cJSON_AddObjectToObject(info, "system");
			cJSON_AddNullToObject(system, "modules_count");
			cJSON_AddNullToObject(system, "physical_memory_bytes");
		} else if (outputs[i].kind == LAB_CONTAINER_TRIAGE) {
			cJSON *system = cJSON_AddObjectToObject(info, "system");
			cJSON_AddStringToObject(system, "physical_memory_bytes", "*");
			cJSON_AddNullToObject(cJSON_AddObjectToObject(info, "kernel"), "paging");
		}
	}
	return all;
}

static const char *state_name(uint8_t state)
{
	return state == LAB_ALLOCATED ? "allocated" : state == LAB_FREE ? "free" : "cached";
}

static bool has_header(const struct lab_block *b)
{
	return !b->is_big && b->kind != LAB_KIND_SPECIAL;
}

static const char *kind_name(const struct lab_block *b)
{
	static const char *const names[] = {"legacy", "big", "lfh", "vs", "segment", "large", "special"};
	return b->is_big && b->kind == LAB_KIND_LEGACY ? "big" : names[b->kind];
}

static void add_block(const struct lab_machine *m, cJSON *blocks, const struct lab_block *b, uint8_t seen, bool in_list,
		      bool has_root)
{
	cJSON *o = cJSON_CreateObject();
	bool storage_only = b->tag_lost || (seen == LAB_SEEN_STORAGE && !b->is_big);
	bool two_headers = b->outer_va && b->outer_va != b->header_va;
	uint64_t bytes = storage_only ? b->heap_bytes : b->bytes, header = has_header(b) ? m->header_bytes : 0;
	bool kept = b->state == LAB_CACHED || b->state == LAB_PENDING;
	char hex[9];
	add_address(m, o, "va", (storage_only ? b->outer_va : b->header_va) + header);
	/* Of a cached block whose header is intact, the header's size or the heap's. */
	bool either = b->list_va && !b->tag_lost && b->heap_bytes;
	if (two_headers || either || (storage_only && !b->tag_lost))
		cJSON_AddStringToObject(o, "size_bytes", "*");
	else
		add_u64(o, "size_bytes", b->requested ? b->requested : bytes - header);
	if (either)
		cJSON_AddStringToObject(o, "block_bytes", "*");
	else
		add_u64(o, "block_bytes", bytes);
	tag_hex(b->tag & ~LAB_PROTECTED, hex);
	if (storage_only)
		cJSON_AddNullToObject(o, "tag_hex");
	else
		cJSON_AddStringToObject(o, "tag_hex", b->list_va ? "*" : hex);
	cJSON_AddStringToObject(o, "pool", pool_name((enum lab_pool)b->pool));
	/* A big block is known from its table as well, but then not what stores it. */
	cJSON_AddStringToObject(o, "kind", b->is_big && seen != LAB_SEEN ? "*" : kind_name(b));
	cJSON_AddBoolToObject(o, "is_big", b->is_big);
	if (b->process)
		add_address(m, cJSON_AddObjectToObject(o, "process"), "eprocess", b->process);
	if (two_headers)
		add_address(m, o, "outer_va", b->outer_va);
	if (kept && !in_list)
		cJSON_AddStringToObject(o, "state", m->b->heap_backed && b->tag_lost ? "*" : "allocated");
	else if (kept && !has_root)
		cJSON_AddStringToObject(o, "state", "*");
	else
		cJSON_AddStringToObject(o, "state", state_name(b->state));
	if (!b->is_big && (seen == LAB_SEEN_NOT || seen == LAB_SEEN_MAYBE)) {
		cJSON_AddStringToObject(o, "lost", seen == LAB_SEEN_NOT ? "chunk" : "subsegment");
		if (two_headers)
			add_address(m, o, "storage_va", b->outer_va + header);
	}
	cJSON_AddItemToArray(blocks, o);
}

/* Into: blocks, blocks_count, blocks_complete. */
static void add_blocks(struct lab_machine *m, cJSON *into, enum view view)
{
	size_t listed = 0, n_set, in_view = 0;
	if (m->o.no_block_records)
		return;
	uint64_t *set = known_cached(m, view, &n_set);
	uint8_t *seen = lab_heap_seen(m, readable, view);
	bool has_root = !m->root_va || readable(m, m->root_va, view);
	cJSON *blocks = cJSON_AddArrayToObject(into, "blocks");
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		uint64_t entry = list_entry(m, b);
		bool is_legacy = b->kind == LAB_KIND_LEGACY && !b->is_big;
		if (is_legacy && (b->unreachable || !readable(m, b->header_va, view)))
			continue;
		in_view++;
		if (listed >= MAX_LISTED_BLOCKS)
			continue;
		listed++;
		add_block(m, blocks, b, seen[i], n_set && bsearch(&entry, set, n_set, sizeof *set, by_address),
			  has_root);
	}
	free(set);
	free(seen);
	add_u64(into, "blocks_count", in_view);
	if (view == VIEW_KERNEL && m->lost_exact_bytes)
		add_u64(into, "lost_exact_bytes", m->lost_exact_bytes);
	cJSON_AddBoolToObject(into, "blocks_complete", listed == in_view);
}

static void add_damages(const struct lab_machine *m, cJSON *truth)
{
	cJSON *list = cJSON_AddArrayToObject(truth, "damage");
	for (size_t i = 0; i < m->n_damages; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "what", m->damages[i].what);
		add_address(m, o, "va", m->damages[i].va);
		if (m->damages[i].in_session)
			cJSON_AddTrueToObject(o, "in_session");
		cJSON_AddItemToArray(list, o);
	}
}

static void add_hex(cJSON *o, const char *key, uint64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "0x%" PRIx64, v);
	cJSON_AddStringToObject(o, key, text);
}

static void add_miscount(cJSON *list, const char *what, const struct lab_tag *t, int pool, uint64_t walked,
			 uint64_t counted)
{
	cJSON *o = cJSON_CreateObject();
	char hex[9];
	cJSON_AddStringToObject(o, "what", what);
	tag_hex(t->key, hex);
	cJSON_AddStringToObject(o, "tag_hex", hex);
	cJSON_AddStringToObject(o, "pool", pool_name((enum lab_pool)pool));
	add_hex(o, "expected", walked);
	add_hex(o, "found", counted);
	cJSON_AddItemToArray(list, o);
}

/* Figures that cannot be: negative ones, and of a machine on which nothing else is wrong more blocks, or other bytes,
 * than there are. Eight blocks a table may be under way; a machine that comes near that proves nothing. */
static void add_miscounts(struct lab_machine *m, cJSON *truth)
{
	cJSON *list = cJSON_AddArrayToObject(truth, "miscounts");
	struct rows r = walk_blocks(m, VIEW_FULL);
	const bool sound = !m->n_damages && !m->n_broken && !m->special_records;
	const bool narrow = lab_field_size(m->b, "_POOL_TRACKER_TABLE", "NonPagedAllocs") == 4;
	const uint64_t slack = 8ull * m->n_track_tables, more = 8ull * (m->n_track_tables + 4);
	for (size_t i = 0; i < m->n_tags && !m->o.no_tagging; i++)
		for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++) {
			const struct lab_tag *t = &m->tags[i];
			struct counts c = sum_tables(m, &t->pool[p]);
			const struct lab_walk *w = &r.walk[i * LAB_N_POOLS + p];
			/* Modulo 2^32: so many only where the bytes say so too (pool.md 5.2). */
			if (narrow && c.live >> 31 && (c.live_bytes <= 0 || c.live_bytes / 16 < c.live))
				c.live -= INT64_C(1) << 32;
			uint64_t bytes = (uint64_t)c.live_bytes, by;
			if (t->place == LAB_PLACE_OVERFLOW || !t->key)
				continue;
			if (c.live < 0 || c.live_bytes < 0) {
				add_miscount(list, c.live < 0 ? "negative count of a tag" : "negative bytes of a tag",
					     t, p, 0, (uint64_t)(c.live < 0 ? c.live : c.live_bytes));
				continue;
			}
			if (!sound || (p == LAB_POOL_PAGED && m->paged_out_pages) || (uint64_t)c.live < w->live)
				continue;
			by = (uint64_t)c.live - w->live;
			if (by > slack && by <= more)
				lab_die("tag %08x: %" PRIu64 " blocks too many are neither few nor many", t->key, by);
			if (by > slack)
				add_miscount(list, "count of a tag against walk", t, p, w->live, (uint64_t)c.live);
			else if (!by && (bytes > w->live_bytes ? bytes - w->live_bytes : w->live_bytes - bytes) >
						more * LAB_PAGE)
				add_miscount(list, "bytes of a tag against walk", t, p, w->live_bytes, bytes);
		}
	free_rows(&r);
}

/* The lab's own check: on a machine without bulk counts the tables must tell what was planted. */
static void check_healthy(struct lab_machine *m)
{
	struct rows r = walk_blocks(m, VIEW_FULL);
	for (size_t i = 0; i < m->n_tags; i++)
		for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++) {
			struct counts c = sum_tables(m, &m->tags[i].pool[p]);
			const struct lab_walk *w = &r.walk[i * LAB_N_POOLS + p];
			if (c.live != (int64_t)w->live || c.live_bytes != (int64_t)w->live_bytes)
				lab_die("tag %08x %s: tracker %" PRId64 "/%" PRId64 ", blocks %" PRIu64 "/%" PRIu64,
					m->tags[i].key, pool_name((enum lab_pool)p), c.live, c.live_bytes, w->live,
					w->live_bytes);
		}
	free_rows(&r);
}

void lab_truth_write(struct lab_machine *m, const struct lab_header *h, const char *isf_name,
		     const struct lab_output *outputs, size_t n_outputs, const char *path)
{
	static const char *const exact[] = {"healthy",      "fecf",          "leak-abc", "odd-tags",  "loops",
					    "encoded-kdbg", "packed-slists", "bench",    "bench-rows"};
	for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
		if (!strcmp(m->o.case_name, exact[i]))
			check_healthy(m);
	cJSON *truth = cJSON_CreateObject();
	cJSON_AddStringToObject(truth, "schema", "poolscope.lab/1");
	cJSON_AddStringToObject(truth, "case", m->o.case_name);
	add_u64(truth, "seed", m->o.seed);
	cJSON_AddStringToObject(truth, "build", m->b->key);
	cJSON_AddStringToObject(truth, "isf", isf_name);
	cJSON_AddStringToObject(truth, "kernel_image", "ntoskrnl.exe");
	cJSON_AddStringToObject(truth, "kernel_pdb", m->kernel->pdb_name);
	cJSON_AddItemToObject(truth, "containers", make_containers(m, h, outputs, n_outputs));
	cJSON *coverage = cJSON_AddObjectToObject(truth, "coverage");
	add_u64(coverage, "paged_out_pages", m->paged_out_pages);
	add_u64(coverage, "transition_pages", m->transition_pages);
	add_u64(coverage, "stale_pages", m->stale_pages);
	add_u64(coverage, "dropped_from_kernel_dumps_pages", m->dropped_pages);
	cJSON_AddItemToObject(truth, "info", make_info(m, h));
	cJSON_AddItemToObject(truth, "tags", make_rows(m, VIEW_FULL));
	cJSON *special = cJSON_AddObjectToObject(truth, "tags_by_container"),
	      *special_blocks = cJSON_AddObjectToObject(truth, "blocks_by_container");
	for (size_t i = 0; i < n_outputs; i++) {
		enum lab_container kind = outputs[i].kind;
		const char *name = lab_container_name(kind);
		if (without_memory(kind))
			cJSON_AddTrueToObject(cJSON_AddObjectToObject(special, name), "unavailable");
		else if (m->dropped_pages && is_kernel_only(kind)) {
			cJSON_AddItemToObject(special, name, make_rows(m, VIEW_KERNEL));
			add_blocks(m, cJSON_AddObjectToObject(special_blocks, name), VIEW_KERNEL);
		}
	}
	add_damages(m, truth);
	add_miscounts(m, truth);
	/* With pages missing only what a heap's losses explain may differ. */
	if (m->b->heap_backed) {
		bool whole = !m->n_damages && !m->n_broken && !m->dropped_pages && !m->paged_out_pages;
		cJSON_AddItemToObject(truth, "heaps", lab_heaps_truth(m));
		cJSON_AddBoolToObject(truth, "heaps_exact", whole);
	}
	add_blocks(m, truth, VIEW_FULL);
	lab_verifier_truth(m, truth);
	lab_stacks_truth(m, truth);
	lab_stackdb_truth(m, truth);
	lab_objects_truth(m, truth);
	char *text = cJSON_PrintUnformatted(truth);
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fputc('\n', f) < 0 || fclose(f))
		lab_die("cannot write %s", path);
	free(text);
	cJSON_Delete(truth);
}
