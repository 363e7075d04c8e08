/* SPDX-License-Identifier: MIT */
/*
 * Driver Verifier with pool tracking: drivers, pages or arrays of records, the log of operations, and from 20348 on the
 * table of allocating stacks (pool.md 8, 11.4). Blocks are planted with the machine; what names code addresses is
 * written when the drivers have been placed.
 */
#include "damage.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_DRIVERS      3 /* the last one had been unloaded */
#define N_SPECIAL      24
#define N_SITES        5 /* per driver */
#define SIGNATURE      0x21321345u
#define TAG_VEPP       LAB_TAG('V', 'e', 'p', 'p')
#define TAG_VERIFIER   LAB_TAG('V', 'f', 'r', ' ')
#define TYPE_VERIFIER  0x40u
#define LOG_RECORDS    0x400u
#define UNLOADED_AT    0x820000u /* from the base of drivers; modules.c lists it as unloaded */
#define UNLOADED_BYTES 0x9000u

/* One call site and what it allocated. */
struct site {
	unsigned driver;
	uint32_t tags[2], rva;
	uint64_t behind; /* next on the stack; 0: some address of the same driver */
	enum lab_pool pool;
	uint64_t live, live_bytes, frees, alloc_bytes;
};

struct record {
	uint64_t va, bytes, usable;
	uint32_t tag;
	unsigned site;
	bool special; /* alone at the end of its page */
};

struct lab_verifier {
	struct site sites[N_DRIVERS * N_SITES];
	unsigned n_sites;
	struct record *records;
	size_t n_records, cap_records;
	uint64_t *pages[N_DRIVERS]; /* of records; XP: the array */
	size_t n_pages[N_DRIVERS];
	uint64_t bases[N_DRIVERS];
};

static bool has_trees(const struct lab_machine *m)
{
	return lab_has_type(m->b, "_VF_TARGET_DRIVER");
}

static bool has_array(const struct lab_machine *m)
{
	return lab_has_field(m->b, "_MI_VERIFIER_DRIVER_ENTRY", "PoolHash");
}

static unsigned entry_bytes(const struct lab_machine *m)
{
	return 4 * lab_ptr_size(m->b);
}

static unsigned entries_per_page(const struct lab_machine *m)
{
	return LAB_PAGE / entry_bytes(m) - 1;
}

static size_t records_of(const struct lab_verifier *v, unsigned driver)
{
	size_t n = 0;
	for (size_t i = 0; i < v->n_records; i++)
		n += v->sites[v->records[i].site].driver == driver;
	return n;
}

static void make_pages(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	for (unsigned d = 0; d < N_DRIVERS; d++) {
		size_t n = records_of(v, d);
		/* Free slots among them. */
		v->n_pages[d] = has_array(m) ? 1 : (n + n / 8 + entries_per_page(m)) / entries_per_page(m);
		v->pages[d] = calloc(v->n_pages[d], sizeof *v->pages[d]);
		for (size_t i = 0; i < v->n_pages[d]; i++)
			v->pages[d][i] = has_array(m) ? lab_system_pages(m, 2 * n * entry_bytes(m))
						      : lab_big(m, TAG_VEPP, LAB_POOL_NONPAGED, LAB_PAGE, LAB_BIG_ZERO);
	}
}

void lab_verifier_plant(struct lab_machine *m)
{
	struct lab_verifier *v = calloc(1, sizeof *v);
	m->verifier = v;
	v->n_sites = N_DRIVERS * N_SITES;
	for (unsigned s = 0; s < v->n_sites; s++) {
		struct site *site = &v->sites[s];
		unsigned n = 5 + lab_random(m, 60);
		site->driver = s / N_SITES;
		site->rva = 0x1000 + 0x40 * s + 5;
		site->pool = s % 3 == 2 ? LAB_POOL_PAGED : LAB_POOL_NONPAGED;
		site->tags[0] = LAB_TAG('V', 'd', '0' + s / N_SITES, 'a' + s % N_SITES);
		site->tags[1] = s % 4 == 1 ? LAB_TAG('V', 'x', '0' + s / N_SITES, '2') : site->tags[0];
		for (unsigned i = 0; i < n; i++) {
			uint32_t tag = site->tags[i & 1];
			uint64_t va = lab_pool_block(m, &(struct lab_request){.tag = tag,
									      .pool = site->pool,
									      .bytes = 24 + lab_random(m, 700),
									      .nx = m->b->number >= 9200});
			LAB_GROW(v->records, v->n_records, v->cap_records);
			uint64_t bytes = m->blocks[m->n_blocks - 1].bytes - m->header_bytes;
			v->records[v->n_records++] = (struct record){va, bytes, bytes, tag, s};
			site->live++;
			site->live_bytes += bytes;
			site->alloc_bytes += bytes;
		}
		site->frees = lab_random(m, 200);
		site->alloc_bytes += site->frees * 64;
	}
	for (unsigned i = 0; i < N_SPECIAL && m->special_records; i++) {
		struct lab_special special = {.tag = v->sites[0].tags[0], .bytes = 20 + 2 * lab_random(m, 1900)};
		LAB_GROW(v->records, v->n_records, v->cap_records);
		uint64_t va = lab_special_plant(m, &special);
		v->records[v->n_records++] = (struct record){va, special.bytes, special.bytes, special.tag, 0, true};
		v->sites[0].live++;
		v->sites[0].live_bytes += special.bytes;
		v->sites[0].alloc_bytes += special.bytes;
	}
	make_pages(m);
}

void lab_verifier_plant_owner(struct lab_machine *m)
{
	struct lab_verifier *v = calloc(1, sizeof *v);
	m->verifier = v;
	v->n_sites = m->owner->n_records;
	for (unsigned s = 0; s < v->n_sites; s++) {
		const struct lab_owner_record *r = &m->owner->records[s];
		struct site *site = &v->sites[s];
		site->pool = r->pool;
		site->tags[0] = site->tags[1] = r->tag;
		for (unsigned i = 0; i < r->live; i++) {
			uint64_t va = lab_pool_block(m, &(struct lab_request){.tag = r->tag,
									      .pool = r->pool,
									      .bytes = (uint32_t)r->request_bytes,
									      .nx = m->b->number >= 9200});
			LAB_GROW(v->records, v->n_records, v->cap_records);
			uint64_t usable = m->blocks[m->n_blocks - 1].bytes - m->header_bytes;
			uint64_t bytes = r->record_bytes ? r->record_bytes : usable;
			v->records[v->n_records++] = (struct record){va, bytes, usable, r->tag, s};
			site->live++;
			site->live_bytes += bytes;
		}
	}
	make_pages(m);
}

/* The drivers of an owner case: the one that is verified, and two without records. */
static const struct lab_module *module_of(const struct lab_machine *m, unsigned driver)
{
	for (size_t i = 0; m->owner && driver == 0 && i < m->n_modules; i++)
		if (!strncmp(m->modules[i].base_name, m->owner->verified, strlen(m->owner->verified)))
			return &m->modules[i];
	return &m->modules[driver + 2];
}

static uint64_t address_in(const struct lab_machine *m, const char *function, uint32_t offset)
{
	for (size_t k = 0; k < m->n_modules; k++)
		for (size_t i = 0; i < m->modules[k].image->n_symbols; i++)
			if (!strcmp(m->modules[k].image->symbols[i].name, function)) {
				uint64_t va = m->modules[k].base + m->modules[k].image->symbols[i].rva + offset;
				/* call [rip + x], or call x */
				if ((lab_get32(m->mem, va - 6) & 0xff) != 0xff &&
				    (lab_get32(m->mem, va - 5) & 0xff) != 0xe8)
					lab_die("no call ends at %s+0x%x", function, (unsigned)offset);
				return va;
			}
	lab_die("no driver has %s", function);
}

static void place_owner_sites(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	for (unsigned s = 0; m->owner && s < v->n_sites; s++) {
		const struct lab_owner_record *r = &m->owner->records[s];
		v->sites[s].rva = (uint32_t)(address_in(m, r->function, r->caller_offset) - v->bases[0]);
		v->sites[s].behind = r->behind ? address_in(m, r->behind, r->behind_offset) : 0;
	}
}

static void write_entry(struct lab_machine *m, uint64_t at, const struct record *r, uint64_t caller)
{
	unsigned ptr = lab_ptr_size(m->b);
	lab_put_ptr(m, at, r->va);
	lab_put_ptr(m, at + ptr, caller);
	lab_put_ptr(m, at + 2 * ptr, r->bytes);
	lab_put_ptr(m, at + 3 * ptr, r->tag);
	if (r->special) {
		lab_special_track(m, r->va, at);
		return;
	}
	/* The block points back, and its header says so. */
	uint64_t header = r->va - m->header_bytes;
	lab_put_ptr(m, r->va + r->usable - ptr, at);
	uint32_t first = lab_get32(m->mem, header);
	lab_put32(m->mem, header, first | TYPE_VERIFIER << (lab_build_is64(m->b) ? 24 : 25));
}

static void write_free_entry(struct lab_machine *m, uint64_t at)
{
	lab_put_ptr(m, at + lab_ptr_size(m->b), m->b->driver_base + 0x1234); /* what it held before */
	lab_put_ptr(m, at + 2 * lab_ptr_size(m->b), 1);
}

static uint64_t caller_of(const struct lab_verifier *v, const struct record *r)
{
	const struct site *s = &v->sites[r->site];
	return v->bases[s->driver] + s->rva;
}

static void write_records(struct lab_machine *m, unsigned driver, uint64_t owner)
{
	struct lab_verifier *v = m->verifier;
	unsigned ptr = lab_ptr_size(m->b), per_page = entries_per_page(m);
	size_t page = 0, slot = 0, left = v->n_pages[driver] * per_page - records_of(v, driver);
	for (size_t i = 0; i < v->n_pages[driver] && !has_array(m); i++) {
		lab_put_ptr(m, v->pages[driver][i], i + 1 < v->n_pages[driver] ? v->pages[driver][i + 1] : 0);
		lab_put_ptr(m, v->pages[driver][i] + ptr, owner);
		lab_put_ptr(m, v->pages[driver][i] + 2 * ptr, SIGNATURE);
	}
	for (size_t i = 0; i < v->n_records;) {
		const struct record *r = &v->records[i];
		if (v->sites[r->site].driver != driver) {
			i++;
			continue;
		}
		if (!has_array(m) && slot == per_page) {
			slot = 0;
			page++;
		}
		uint64_t at = v->pages[driver][page] + (slot + !has_array(m)) * entry_bytes(m);
		slot++;
		if (has_array(m) ? lab_random(m, 3) == 0 && slot < records_of(v, driver)
				 : left && lab_random(m, 8) == 0) {
			if (!has_array(m))
				left--;
			write_free_entry(m, at);
			continue;
		}
		write_entry(m, at, r, caller_of(v, r));
		i++;
	}
	for (; !has_array(m) && page < v->n_pages[driver]; page++, slot = 0)
		for (; slot < per_page; slot++)
			write_free_entry(m, v->pages[driver][page] + (slot + 1) * entry_bytes(m));
}

/* Current and peak allocations and bytes, of one driver or (N_DRIVERS) of all. */
static void write_counts(struct lab_machine *m, uint64_t at, const char *type, unsigned driver)
{
	const struct lab_verifier *v = m->verifier;
	uint64_t n[2] = {0}, bytes[2] = {0};
	for (size_t i = 0; i < v->n_records; i++) {
		const struct site *s = &v->sites[v->records[i].site];
		if (driver != N_DRIVERS && s->driver != driver)
			continue;
		n[s->pool == LAB_POOL_PAGED]++;
		bytes[s->pool == LAB_POOL_PAGED] += v->records[i].bytes;
	}
	lab_put_field(m, at, type, "CurrentPagedPoolAllocations", n[1]);
	lab_put_field(m, at, type, "CurrentNonPagedPoolAllocations", n[0]);
	bool has_peak = m->owner && m->owner->peak;
	lab_put_field(m, at, type, "PeakPagedPoolAllocations", has_peak ? 0 : n[1] + 7);
	lab_put_field(m, at, type, "PeakNonPagedPoolAllocations", has_peak ? m->owner->peak : n[0] + 9);
	lab_put_field(m, at, type, "PagedBytes", bytes[1]);
	lab_put_field(m, at, type, "NonPagedBytes", bytes[0]);
	lab_put_field(m, at, type, "PeakPagedBytes", has_peak ? 0 : bytes[1] + 0x1000);
	lab_put_field(m, at, type, "PeakNonPagedBytes", has_peak ? m->owner->peak_bytes : bytes[0] + 0x2000);
}

static const char *driver_name(const struct lab_machine *m, unsigned driver)
{
	return driver == N_DRIVERS - 1 ? "labgone.sys" : module_of(m, driver)->base_name;
}

/* ---- to Vista: a list ---- */

static void write_list(struct lab_machine *m)
{
	static const char *const type = "_MI_VERIFIER_DRIVER_ENTRY";
	struct lab_verifier *v = m->verifier;
	uint64_t nodes[N_DRIVERS];
	for (unsigned d = 0; d < N_DRIVERS; d++) {
		uint64_t at = lab_system_bytes(m, lab_type_size(m->b, type));
		bool gone = d == N_DRIVERS - 1;
		nodes[d] = at;
		lab_put_field(m, at, type, "Loads", 2);
		lab_put_field(m, at, type, "Unloads", gone ? 2 : 1);
		lab_put_string(m, at + lab_offset(m->b, type, "BaseName"), driver_name(m, d), LAB_POOL_NONPAGED);
		lab_put_field(m, at, type, "StartAddress", v->bases[d]);
		lab_put_field(m, at, type, "EndAddress",
			      v->bases[d] + (gone ? UNLOADED_BYTES : module_of(m, d)->image->size_of_image));
		write_counts(m, at, type, d);
		if (has_array(m)) {
			lab_put_field(m, at, type, "PoolHash", v->pages[d][0]);
			lab_put_field(m, at, type, "PoolHashSize", 2 * records_of(v, d));
		} else {
			lab_write_slist(m, at + lab_offset(m->b, type, "PoolPageHeaders"), v->pages[d], 1);
		}
		write_records(m, d, at);
	}
	lab_link_list(m, lab_global_va(m, m->b->major == 5 ? "MiSuspectDriverList" : "VfSuspectDriversList"), nodes,
		      N_DRIVERS);
}

/* ---- 7 and later: trees ---- */

/* Sorted nodes, the middle one the root; children of children likewise. Returns the root. */
static uint64_t link_tree(struct lab_machine *m, const uint64_t *nodes, size_t n, uint64_t parent)
{
	unsigned ptr = lab_ptr_size(m->b);
	if (!n)
		return 0;
	size_t mid = n / 2;
	uint64_t left = link_tree(m, nodes, mid, nodes[mid]);
	uint64_t right = link_tree(m, nodes + mid + 1, n - mid - 1, nodes[mid]);
	lab_put_ptr(m, nodes[mid], parent);
	lab_put_ptr(m, nodes[mid] + ptr, left);
	lab_put_ptr(m, nodes[mid] + 2 * ptr, right);
	lab_put8(m->mem, nodes[mid] + 3 * ptr, (uint8_t)(left && !right ? 0xff : right && !left ? 1 : 0));
	return nodes[mid];
}

/* The sentinel's right child is the root. */
static void write_avl(struct lab_machine *m, uint64_t table, const uint64_t *nodes, size_t n)
{
	unsigned ptr = lab_ptr_size(m->b);
	lab_put_ptr(m, table, table);
	lab_put_ptr(m, table + 2 * ptr, link_tree(m, nodes, n, table));
	lab_put_field(m, table, "_RTL_AVL_TABLE", "NumberGenericTableElements", n);
	lab_put_field(m, table, "_RTL_AVL_TABLE", "DepthOfTree", n > 3 ? 3 : n > 1 ? 2 : n);
}

static uint64_t node_bytes(const struct lab_machine *m)
{
	return lab_type_size(m->b, "_RTL_BALANCED_LINKS");
}

static void write_trees(struct lab_machine *m)
{
	static const char *const data_type = "_VF_TARGET_VERIFIED_DRIVER_DATA";
	static const char *const suspect_type = "_VF_SUSPECT_DRIVER_ENTRY", *const target_type = "_VF_TARGET_DRIVER";
	struct lab_verifier *v = m->verifier;
	const unsigned n_tables = 4, ptr = lab_ptr_size(m->b);
	uint64_t tables = lab_system_bytes(m, n_tables * lab_type_size(m->b, "_VF_AVL_TABLE"));
	uint64_t tree = lab_global_va(m, "ViTargetDriversAvl"), suspects[N_DRIVERS], nodes[2];
	lab_put_field(m, tree, "_VF_AVL_TREE", "Tables", tables);
	lab_put_field(m, tree, "_VF_AVL_TREE", "TablesNo", n_tables);
	for (unsigned d = 0; d < N_DRIVERS; d++) {
		bool gone = d == N_DRIVERS - 1;
		uint64_t data = lab_system_bytes(m, lab_type_size(m->b, data_type));
		suspects[d] = lab_system_bytes(m, lab_type_size(m->b, suspect_type));
		lab_put_field(m, suspects[d], suspect_type, "Loads", 3);
		lab_put_field(m, suspects[d], suspect_type, "Unloads", gone ? 3 : 2);
		lab_put_string(m, suspects[d] + lab_offset(m->b, suspect_type, "BaseName"), driver_name(m, d),
			       LAB_POOL_NONPAGED);
		lab_put_field(m, data, data_type, "SuspectDriverEntry", suspects[d]);
		lab_write_slist(m, data + lab_offset(m->b, data_type, "PoolPageHeaders"), v->pages[d], 1);
		write_counts(m, data, data_type, d);
		write_records(m, d, data);
		if (gone)
			continue; /* only its pages still lead to it */
		nodes[d] = lab_system_bytes(m, node_bytes(m) + lab_type_size(m->b, target_type));
		uint64_t element = nodes[d] + node_bytes(m);
		lab_put_ptr(m, element, v->bases[d]);
		lab_put_ptr(m, element + ptr, module_of(m, d)->image->size_of_image);
		lab_put_field(m, element, target_type, "VerifiedData", data);
	}
	/* Two targets in two tables; a third table holds a driver that is not verified. */
	for (unsigned d = 0; d < 2; d++)
		write_avl(m, tables + d * lab_type_size(m->b, "_VF_AVL_TABLE"), &nodes[d], 1);
	uint64_t plain = lab_system_bytes(m, node_bytes(m) + lab_type_size(m->b, target_type));
	lab_put_ptr(m, plain + node_bytes(m), m->modules[0].base);
	lab_put_ptr(m, plain + node_bytes(m) + ptr, m->modules[0].image->size_of_image);
	write_avl(m, tables + 2ull * lab_type_size(m->b, "_VF_AVL_TABLE"), &plain, 1);
	write_avl(m, tables + 3ull * lab_type_size(m->b, "_VF_AVL_TABLE"), NULL, 0);
	lab_link_list(m, lab_global_va(m, "VfSuspectDriversList"), suspects, N_DRIVERS);
}

/* ---- the log ---- */

static void write_log_record(struct lab_machine *m, uint64_t ring, uint32_t index, uint64_t va, uint64_t bytes,
			     uint64_t routine, uint64_t caller, uint64_t behind)
{
	static const char *const type = "_VF_POOL_TRACE";
	unsigned ptr = lab_ptr_size(m->b);
	uint64_t at = ring + (uint64_t)(index % LOG_RECORDS) * lab_type_size(m->b, type), stack;
	stack = at + lab_offset(m->b, type, "StackTrace");
	lab_put_field(m, at, type, "Address", va);
	lab_put_field(m, at, type, "Size", bytes);
	lab_put_field(m, at, type, "Thread", m->thread_va[0]);
	lab_put_ptr(m, stack, m->b->kernel_base + routine);
	lab_put_ptr(m, stack + ptr, caller);
	lab_put_ptr(m, stack + 2 * ptr, behind ? behind : caller + 0x20);
	lab_put_ptr(m, stack + 3 * ptr, 0);
}

/* Older operations first, more than the ring holds; then, of some live blocks, the free of what was there before and
 * their own allocation. */
static void write_log(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	if (!lab_has_type(m->b, "_VF_POOL_TRACE"))
		return;
	uint64_t ring = lab_system_pages(m, (uint64_t)LOG_RECORDS * lab_type_size(m->b, "_VF_POOL_TRACE"));
	uint32_t index = 0xfffffe00u; /* the counter wraps */
	uint64_t freed = v->records[0].va & ~(uint64_t)0xfff;
	for (unsigned i = 0; i < LOG_RECORDS / 2 + 77; i++) {
		uint64_t caller = caller_of(v, &v->records[lab_random(m, (uint32_t)v->n_records)]);
		write_log_record(m, ring, ++index, freed + 0x2000000 + i * 0x40, 0x40, 0x1010, caller, 0);
		write_log_record(m, ring, ++index, freed + 0x2000000 + i * 0x40, 0, 0x1090, caller, 0);
	}
	for (size_t i = 0; i < v->n_records; i += m->owner ? 1 : 5) {
		const struct record *r = &v->records[i];
		write_log_record(m, ring, ++index, r->va, 0, 0x1090, caller_of(v, r) + 0x40, 0);
		write_log_record(m, ring, ++index, r->va, r->bytes, 0x1010, caller_of(v, r), v->sites[r->site].behind);
	}
	lab_set_global(m, "VfPoolTraces", ring);
	lab_set_global32(m, "VfPoolTracesLength", LOG_RECORDS);
	lab_set_global32(m, "VfPoolTracesIndex", index);
}

/* ---- stacks, 20348 and later ---- */

static bool has_stacks(const struct lab_machine *m)
{
	return m->b->number >= 20348;
}

static struct lab_mem *by_block_mem; /* qsort passes no argument */

static int by_block(const void *a, const void *b)
{
	uint64_t x = lab_get64(by_block_mem, *(const uint64_t *)a + 0x20);
	uint64_t y = lab_get64(by_block_mem, *(const uint64_t *)b + 0x20);
	return x < y ? -1 : x > y;
}

static void write_stacks(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	uint64_t nodes[2 * N_DRIVERS * N_SITES], *blocks;
	size_t n = 0, n_blocks = 0;
	if (!has_stacks(m))
		return;
	blocks = calloc(v->n_records, sizeof *blocks);
	for (unsigned s = 0; s < v->n_sites; s++) {
		const struct site *site = &v->sites[s];
		for (unsigned t = 0; t < 1 + (site->tags[1] != site->tags[0]); t++) {
			uint64_t at = lab_system_bytes(m, node_bytes(m) + 0x1b8), e = at + node_bytes(m);
			uint64_t live = 0, bytes = 0, caller = v->bases[site->driver] + site->rva;
			for (size_t i = 0; i < v->n_records; i++)
				if (v->records[i].site == s && v->records[i].tag == site->tags[t]) {
					uint64_t info = lab_system_bytes(m, node_bytes(m) + 0x18);
					lab_put64(m->mem, info + node_bytes(m), v->records[i].va);
					lab_put64(m->mem, info + node_bytes(m) + 8, v->records[i].bytes);
					lab_put64(m->mem, info + node_bytes(m) + 0x10, e);
					blocks[n_blocks++] = info;
					live++;
					bytes += v->records[i].bytes;
				}
			uint64_t frees = t ? 0 : site->frees;
			lab_put32(m->mem, e, 0x1000 + (uint32_t)n);
			lab_put32(m->mem, e + 4, site->tags[t]);
			lab_put32(m->mem, e + 8, 1 | (site->pool == LAB_POOL_PAGED ? 0 : 0x10));
			lab_put32(m->mem, e + 0xc, (uint32_t)(live + frees));
			lab_put32(m->mem, e + 0x10, (uint32_t)frees);
			lab_put64(m->mem, e + 0x18, bytes + frees * 64);
			lab_put64(m->mem, e + 0x20, frees * 64);
			lab_put64(m->mem, e + 0x28, m->b->kernel_base + 0x1010);
			lab_put64(m->mem, e + 0x30, caller);
			lab_put64(m->mem, e + 0x38, site->behind ? site->behind : caller + 0x20);
			nodes[n++] = at;
		}
	}
	write_avl(m, lab_global_va(m, "ViPoolStackInfoAvl"), nodes, n);
	lab_set_global32(m, "ViPoolStackInfoAvlInitialized", 1);
	/* Keyed by address. */
	by_block_mem = m->mem;
	qsort(blocks, n_blocks, sizeof *blocks, by_block);
	write_avl(m, lab_global_va(m, "ViPoolInfoAvl"), blocks, n_blocks);
	lab_set_global32(m, "ViPoolInfoAvlInitialized", 1);
	free(blocks);
}

void lab_verifier_lose(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	for (unsigned d = 0; d < 2; d++) {
		uint64_t page = v->pages[d][v->n_pages[d] - 1];
		lab_mem_drop_from_kernel_dumps(m->mem, lab_mem_pa(m->mem, page) / LAB_PAGE);
		m->dropped_pages++;
	}
}

void lab_verifier_finish(struct lab_machine *m)
{
	static const char *const type = "_MM_DRIVER_VERIFIER_DATA";
	struct lab_verifier *v = m->verifier;
	if (!v)
		return;
	for (unsigned d = 0; d < N_DRIVERS; d++)
		v->bases[d] = d == N_DRIVERS - 1 ? m->b->driver_base + UNLOADED_AT : module_of(m, d)->base;
	place_owner_sites(m);
	uint64_t data = lab_global_va(m, "MmVerifierData");
	lab_put_field(m, data, type, "Level", 8);
	lab_put_field(m, data, type, "AllocationsAttempted", 12345);
	lab_put_field(m, data, type, "AllocationsSucceeded", 12340);
	lab_put_field(m, data, type, "AllocationsFailed", 5);
	lab_put_field(m, data, type, "AllocationsWithNoTag", 3);
	lab_put_field(m, data, type, "Loads", 6);
	lab_put_field(m, data, type, "Unloads", 4);
	write_counts(m, data, type, N_DRIVERS);
	if (has_trees(m))
		write_trees(m);
	else
		write_list(m);
	write_log(m);
	write_stacks(m);
}

void lab_verifier_truth(const struct lab_machine *m, cJSON *truth)
{
	const struct lab_verifier *v = m->verifier;
	if (!v)
		return;
	cJSON *callers = cJSON_AddArrayToObject(truth, "callers");
	for (unsigned s = 0; s < v->n_sites; s++) {
		const struct site *site = &v->sites[s];
		cJSON *row = cJSON_CreateObject(), *caller = cJSON_AddObjectToObject(row, "caller"), *tags;
		char text[24], hex[9];
		snprintf(text, sizeof text, "0x%0*" PRIx64, lab_build_is64(m->b) ? 16 : 8,
			 v->bases[site->driver] + site->rva);
		cJSON_AddStringToObject(caller, "address", text);
		cJSON_AddStringToObject(caller, "module", driver_name(m, site->driver));
		snprintf(text, sizeof text, "0x%" PRIx32, site->rva);
		cJSON_AddStringToObject(caller, "offset", text);
		cJSON_AddBoolToObject(caller, "unloaded", site->driver == N_DRIVERS - 1);
		cJSON_AddStringToObject(row, "source", "verifier");
		cJSON_AddStringToObject(row, "grade", "exact");
		cJSON_AddStringToObject(row, "pool", site->pool == LAB_POOL_PAGED ? "paged" : "nonpaged");
		cJSON_AddNumberToObject(row, "live_count", (double)site->live);
		cJSON_AddNumberToObject(row, "live_bytes", (double)site->live_bytes);
		tags = cJSON_AddArrayToObject(row, "tags_hex");
		for (unsigned t = 0; t < 1 + (site->tags[1] != site->tags[0]); t++) {
			uint32_t x = site->tags[t];
			snprintf(hex, sizeof hex, "%02x%02x%02x%02x", x & 0xff, x >> 8 & 0xff, x >> 16 & 0xff, x >> 24);
			cJSON_AddItemToArray(tags, cJSON_CreateString(hex));
		}
		if (has_stacks(m)) {
			cJSON_AddNumberToObject(row, "allocs_count", (double)(site->live + site->frees));
			cJSON_AddNumberToObject(row, "frees_count", (double)site->frees);
		}
		cJSON_AddItemToArray(callers, row);
	}
}

void lab_verifier_free(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	if (!v)
		return;
	for (unsigned d = 0; d < N_DRIVERS; d++)
		free(v->pages[d]);
	free(v->records);
	free(v);
}

/* Of each driver at most one thing, so that most agree. On XP there is no pointer back, and counters are not compared.
 */
void lab_verifier_damage(struct lab_machine *m)
{
	struct lab_verifier *v = m->verifier;
	const char *type = has_trees(m) ? "_VF_TARGET_VERIFIED_DRIVER_DATA" : "_MI_VERIFIER_DRIVER_ENTRY";
	unsigned ptr = lab_ptr_size(m->b);
	const struct record *r = &v->records[20];
	uint64_t entry = lab_get_ptr(m, r->va + r->usable - ptr);
	lab_put32(m->mem, entry + 3 * ptr, LAB_TAG('E', 'v', 'i', 'l'));
	lab_damage_note(m, "Verifier record", r->va);
	if (has_array(m))
		return;
	r = &v->records[10];
	lab_put_ptr(m, r->va + r->usable - ptr, 0x41414141);
	lab_damage_note(m, "Verifier trailer", r->va + r->usable - ptr);
	uint64_t owner = lab_get_ptr(m, v->pages[0][0] + ptr);
	uint64_t at = owner + lab_offset(m->b, type, "CurrentNonPagedPoolAllocations");
	lab_put32(m->mem, at, lab_get32(m->mem, at) + 100);
	lab_damage_note(m, "Verifier count", owner);
	owner = lab_get_ptr(m, v->pages[1][0] + ptr);
	at = owner + lab_offset(m->b, type, "PagedBytes");
	lab_put_ptr(m, at, lab_get_ptr(m, at) + 0x1000);
	lab_damage_note(m, "Verifier bytes", owner);
}
