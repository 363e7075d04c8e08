/* SPDX-License-Identifier: MIT */
/* The heaps of the pool: of every node, special pool, private pools, and of every session. Reference: pool 6.2 [V]
 * unless said otherwise. Which layout a heap has is told by its own pointers. */
#include "pool/seg_heap.h"
#include "util/checked.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX         0x40u
#define NODES_MAX_32      0x10u
#define SIGNATURE         0xddeeddeeu
#define HEAPS_PER_NODE    4u
#define SPECIAL_MAX       4u
#define PRIVATE_POOLS_MAX 1024u
#define ALL_NODES_MAX     ((size_t)4096)
#define HEAP_BYTES        0x580u /* up to the end of the VS context in every family */

/* _HEAP_SEG_CONTEXT, x64 and x86. */
struct context_layout {
	uint32_t unit_shift, first_index, lfh, vs, heap, list, count;
};
static const struct context_layout context64 = {0x8, 0xa, 0x18, 0x20, 0x38, 0x48, 0x58};
static const struct context_layout context32 = {0x4, 0x6, 0x14, 0x18, 0x24, 0x44, 0x4c};

static const struct psc_heap_family families64[] = {
	{8, 16, 0x100, 0xc0, 0x280, 0x340, false}, /* 17763 ... 19041 */
	{8, 16, 0x140, 0xc0, 0x2c0, 0x380, false}, /* 20348 ... 26100(a) */
	{8, 16, 0x140, 0xc0, 0x2c0, 0x340, true},  /* 26100(b) */
};
static const struct psc_heap_family families32[] = {
	{4, 8, 0x100, 0x80, 0x200, 0x2c0, false}, /* 18362 ... 19041 */
};

const char *psc_heap_type_name(enum psc_heap_type type)
{
	static const char *const names[PSC_HEAP_TYPE_MAX] = {"nonpaged", "nonpaged_nx", "paged", "prototype",
							     "session"};
	return (unsigned)type < PSC_HEAP_TYPE_MAX ? names[type] : "unknown";
}

static uint64_t ptr_at(const uint8_t *p, uint32_t pointer_bytes)
{
	return pointer_bytes == 8 ? psc_le64(p) : psc_le32(p);
}

static bool fits(const uint8_t *heap, uint64_t va, const struct psc_heap_family *f)
{
	const struct context_layout *l = f->pointer_bytes == 8 ? &context64 : &context32;
	for (uint32_t i = 0; i < 2; i++) {
		const uint8_t *c = heap + f->seg_contexts + i * f->context_stride;
		if (ptr_at(c + l->heap, f->pointer_bytes) != va ||
		    ptr_at(c + l->lfh, f->pointer_bytes) != va + f->lfh_context ||
		    ptr_at(c + l->vs, f->pointer_bytes) != va + f->vs_context)
			return false;
	}
	return true;
}

static bool read_heap(struct psc_reader *r, uint64_t va, bool is_64bit, uint8_t heap[HEAP_BYTES],
		      struct psc_heap_family *ret)
{
	const struct psc_heap_family *f = is_64bit ? families64 : families32;
	size_t n = is_64bit ? sizeof(families64) / sizeof(*families64) : 1;
	if (va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(r->sp, va) ||
	    psc_read_va(r, va, heap, HEAP_BYTES) != HEAP_BYTES || psc_le32(heap + (is_64bit ? 0x10 : 8)) != SIGNATURE)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!fits(heap, va, &f[i]))
			continue;
		*ret = f[i];
		return true;
	}
	return false;
}

bool psc_seg_family_of(struct psc_reader *r, uint64_t heap_va, bool is_64bit, struct psc_heap_family *ret)
{
	uint8_t heap[HEAP_BYTES];
	return read_heap(r, heap_va, is_64bit, heap, ret);
}

/* What the contexts are when they cannot be read: pool 6.3 [2]. */
static void assume_contexts(struct psc_heap *h, const struct psc_heap_family *f)
{
	for (uint32_t i = 0; i < 2; i++) {
		h->contexts[i].va = h->va + f->seg_contexts + i * f->context_stride;
		h->contexts[i].segment_bytes = i == 0 ? (uint64_t)1 << 20 : (uint64_t)16 << 20;
		h->contexts[i].unit_shift = i == 0 ? 12 : 16;
		h->contexts[i].first_index = i == 0 ? 2 : 1;
	}
}

static void take_contexts(struct psc_heap *h, const uint8_t *heap, const struct psc_heap_family *f)
{
	const struct context_layout *l = f->pointer_bytes == 8 ? &context64 : &context32;
	const uint32_t p = f->pointer_bytes;
	assume_contexts(h, f);
	for (uint32_t i = 0; i < 2; i++) {
		struct psc_heap_context *c = &h->contexts[i];
		const uint8_t *bytes = heap + f->seg_contexts + i * f->context_stride;
		uint64_t mask = ptr_at(bytes, p), size = p == 8 ? 0 - mask : (uint32_t)(0 - mask);
		uint32_t shift = bytes[l->unit_shift], first = bytes[l->first_index];
		c->list_head = h->va + f->seg_contexts + i * f->context_stride + l->list;
		c->n_segments = ptr_at(bytes + l->count, p);
		if (!psc_is_pow2(size) || shift < PSC_PAGE_SHIFT || shift > 20 ||
		    size != (uint64_t)PSC_DESCRIPTORS << shift || size / PSC_PAGE_BYTES > PSC_SEGMENT_PAGES_MAX ||
		    first == 0 || first >= PSC_DESCRIPTORS)
			continue;
		c->segment_bytes = size;
		c->unit_shift = shift;
		c->first_index = first;
		c->is_known = true;
	}
}

/* MemStats and the VS context's counters (pool 9). */
static void take_counters(struct psc_heap *h, const uint8_t *heap, const struct psc_heap_family *f, bool is_26100)
{
	const uint32_t p = f->pointer_bytes;
	const uint8_t *stats = heap + 0x80, *vs = heap + f->vs_context;
	const uint8_t *large = heap + (p == 8 ? 0x58 : 0x4c);
	uint32_t units_at = f->is_new_vs ? 0x50 : p == 8 ? 0x30 : 0x18;
	h->has_counters = true;
	h->reserved_pages = ptr_at(stats, p);
	h->committed_pages = ptr_at(stats + p, p);
	h->free_pages = ptr_at(stats + 2 * p, p);
	h->lfh_free_pages = ptr_at(stats + 3 * p, p);
	h->has_vs_free_pages = is_26100;
	h->vs_free_pages = is_26100 ? ptr_at(stats + 4 * p, p) : 0;
	h->large_reserved_pages = ptr_at(large, p);
	h->large_pages = ptr_at(large + p, p);
	h->vs_total_units = ptr_at(vs + units_at, p);
	h->vs_free_units = ptr_at(vs + units_at + p, p);
}

struct psc_heap *psc_seg_add_heap(struct psc_seg *s, struct psc_reader *r, uint64_t va, enum psc_heap_type type,
				  uint32_t node, uint32_t space)
{
	const bool is_64bit = psc_kernel_is_64bit(s->k);
	uint8_t bytes[HEAP_BYTES];
	struct psc_heap_family f;
	if (va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(r->sp, va) || s->n_heaps == PSC_HEAPS_MAX)
		return NULL;
	for (size_t i = 0; i < s->n_heaps; i++)
		if (s->heaps[i].va == va && s->heaps[i].space == space)
			return NULL;
	struct psc_heap *h = &s->heaps[s->n_heaps];
	*h = (struct psc_heap){.va = va, .node = node, .type = type, .space = space};
	h->pool = type == PSC_HEAP_SESSION                               ? PSC_POOL_SESSION
		  : type == PSC_HEAP_PAGED || type == PSC_HEAP_PROTOTYPE ? PSC_POOL_PAGED
									 : PSC_POOL_NONPAGED;
	h->is_read = read_heap(r, va, is_64bit, bytes, &f);
	if (h->is_read && !s->has_family) {
		s->family = f;
		s->has_family = true;
	}
	if (!h->is_read) {
		/* Its page is missing, not something else: segments may still name it. */
		struct psc_xlate x = psc_translate(r, va);
		if ((x.state == PSC_VA_PRESENT || x.state == PSC_VA_TRANSITION) && x.presence == PSC_PAGE_PRESENT)
			return NULL;
		if (x.state == PSC_VA_NOT_MAPPED)
			return NULL;
		s->n_heaps++;
		return h; /* contexts are assumed once the family is known */
	}
	take_contexts(h, bytes, &f);
	take_counters(h, bytes, &f, s->k->id.build >= 26000);
	h->vs_context = va + f.vs_context;
	h->large_tree = va + (is_64bit ? 0x48 : 0x44);
	s->n_heaps++;
	return h;
}

static uint32_t field_or(const struct psc_kernel *k, enum psc_field_id id, uint32_t otherwise)
{
	const struct psc_field *f = psc_profile_field(&k->profile, id);
	return f ? f->offset : otherwise;
}

static uint32_t node_bytes(const struct psc_kernel *k)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_EX_HEAP_POOL_NODE_Lookasides);
	if (f && f->struct_size != 0)
		return f->struct_size;
	return k->id.machine == PSC_MACHINE_ARM64 ? 0x4180 : 0x20c0;
}

/* The heaps of one node: an array of four pointers. */
static void add_node(struct psc_seg *s, uint64_t va, uint32_t node)
{
	const uint32_t p = psc_pointer_bytes(&s->k->space);
	struct {
		uint64_t *items;
		size_t n, cap;
	} v = {s->nodes, s->n_nodes, s->cap_nodes};
	if (v.n < ALL_NODES_MAX && PSC_VEC_RESERVE_ONE(&v))
		v.items[v.n++] = va;
	else
		s->no_memory |= v.n < ALL_NODES_MAX;
	s->nodes = v.items;
	s->n_nodes = v.n;
	s->cap_nodes = v.cap;
	for (uint32_t type = 0; type < HEAPS_PER_NODE; type++) {
		uint64_t heap;
		if (psc_read_ptr(&s->k->reader, va + type * p, &heap) && heap != 0)
			(void)psc_seg_add_heap(s, &s->k->reader, heap, (enum psc_heap_type)type, node, 0);
	}
}

/* 26100: two lists of _EXP_POOL_CONTEXT, linked by PoolLink [1]. */
static void add_private(struct psc_seg *s, uint64_t head, struct psc_warnings *warnings)
{
	struct psc_kernel *k = s->k;
	const uint32_t link = field_or(k, PSC_FIELD_EXP_POOL_CONTEXT_PoolLink, 0x20);
	const uint32_t count_at = field_or(k, PSC_FIELD_EXP_POOL_CONTEXT_NodeCount, 0x48);
	const uint32_t nodes_at = field_or(k, PSC_FIELD_EXP_POOL_CONTEXT_Node, 0x50);
	uint64_t at, previous = head;
	if (!psc_read_ptr(&k->reader, head, &at))
		return;
	for (uint32_t n = 0; at != head && n < PRIVATE_POOLS_MAX; n++) {
		uint64_t back, next, node;
		uint32_t n_nodes;
		if (!psc_is_kernel_va(&k->space, at) || !psc_read_ptr(&k->reader, at, &next) ||
		    !psc_read_ptr(&k->reader, at + 8, &back) || back != previous) {
			if (at != 0)
				psc_warn(warnings, "the list of private pools breaks off: pools may be missing");
			return;
		}
		if (psc_read_u32(&k->reader, at - link + count_at, &n_nodes))
			for (uint32_t i = 0; i < n_nodes && i < NODES_MAX; i++)
				if (psc_read_ptr(&k->reader, at - link + nodes_at + (uint64_t)i * 8, &node) &&
				    psc_is_kernel_va(&k->space, node))
					add_node(s, node, i);
		previous = at;
		at = next;
	}
}

static bool find_nodes(struct psc_seg *s, uint64_t state, struct psc_warnings *warnings)
{
	struct psc_kernel *k = s->k;
	const struct psc_field *count =
		psc_profile_field(&k->profile, PSC_FIELD_EX_POOL_HEAP_MANAGER_STATE_NumberOfPools);
	const struct psc_field *nodes = psc_profile_field(&k->profile, PSC_FIELD_EX_POOL_HEAP_MANAGER_STATE_PoolNode);
	const struct psc_field *private =
		psc_profile_field(&k->profile, PSC_FIELD_EX_POOL_HEAP_MANAGER_STATE_PrivatePools);
	const uint32_t p = psc_pointer_bytes(&k->space), stride = node_bytes(k);
	const uint32_t nodes_max = psc_kernel_is_64bit(k) ? NODES_MAX : NODES_MAX_32;
	uint32_t n;
	if (!count || !nodes)
		return false;
	/* Without the count: as many nodes as have a heap. */
	bool has_count = psc_read_u32(&k->reader, state + count->offset, &n) && n >= 1 && n <= nodes_max;
	if (!has_count)
		n = nodes_max;
	for (uint32_t i = 0; i < n; i++) {
		size_t before = s->n_heaps;
		add_node(s, state + nodes->offset + (uint64_t)i * stride, i);
		if (!has_count && s->n_heaps == before)
			break;
	}
	size_t first_special = s->n_heaps;
	for (uint32_t i = 0; i < SPECIAL_MAX; i++) {
		uint64_t heap;
		/* Behind the nodes, in every build. Three or four; a fourth that is none is not taken. */
		if (psc_read_ptr(&k->reader, state + nodes->offset + (uint64_t)nodes_max * stride + i * p, &heap) &&
		    heap != 0)
			(void)psc_seg_add_heap(s, &k->reader, heap, (enum psc_heap_type)i, 0, 0);
	}
	for (size_t i = first_special; i < s->n_heaps; i++)
		s->heaps[i].is_special = true;
	for (uint32_t i = 0; private && i < 2; i++)
		add_private(s, state + private->offset + i * 16, warnings);
	return s->n_heaps != 0;
}

/* ---- sessions ---- */

struct finding {
	struct psc_seg *s;
	struct psc_hashmap seen; /* {session, frame} */
	struct psc_reader *reader;
	struct psc_warnings *warnings;
	bool no_memory;
};

static bool visit_process(void *arg, const struct psc_process *p)
{
	struct finding *f = arg;
	struct psc_seg *s = f->s;
	struct psc_kernel *k = s->k;
	const struct psc_field *state = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_HeapState);
	const struct psc_field *paged = psc_profile_field(&k->profile, PSC_FIELD_EX_HEAP_SESSION_STATE_PagedHeap);
	const struct psc_field *special =
		psc_profile_field(&k->profile, PSC_FIELD_EX_HEAP_SESSION_STATE_SpecialPoolHeap);
	struct psc_space *space = &s->spaces[s->n_spaces];
	uint64_t va, heap;
	bool is_new;
	if (p->session == 0 || !psc_is_kernel_va(&k->space, p->session) || p->directory_table_base == 0)
		return true;
	if (s->n_spaces == PSC_HEAP_SPACES_MAX ||
	    psc_space_init(space, k->img, k->space.mmu, p->directory_table_base, &k->space.softpte, NULL) != PSC_OK)
		return true;
	psc_reader_init(f->reader, space);
	struct psc_xlate x = psc_translate(f->reader, p->session);
	if ((x.state != PSC_VA_PRESENT && x.state != PSC_VA_TRANSITION) || x.presence != PSC_PAGE_PRESENT) {
		s->n_spaces_failed++;
		return true;
	}
	struct psc_hashkey key = {p->session, x.pa};
	if (!psc_hashmap_put(&f->seen, key, &is_new)) {
		f->no_memory = f->seen.n < PSC_HEAP_SPACES_MAX;
		return false;
	}
	if (!is_new || !psc_read_ptr(f->reader, p->session + state->offset, &va) || !psc_is_kernel_va(space, va))
		return true;
	size_t before = s->n_heaps;
	uint32_t index = (uint32_t)s->n_spaces;
	if (psc_read_ptr(f->reader, va + paged->offset, &heap) && heap != 0)
		(void)psc_seg_add_heap(s, f->reader, heap, PSC_HEAP_SESSION, 0, index);
	if (special && psc_read_ptr(f->reader, va + special->offset, &heap) && heap != 0) {
		struct psc_heap *h = psc_seg_add_heap(s, f->reader, heap, PSC_HEAP_SESSION, 0, index);
		if (h)
			h->is_special = true;
	}
	if (s->n_heaps == before)
		return true;
	s->n_spaces++;
	f->no_memory = !psc_seg_read_session_big(s, f->reader, p->session, index, f->warnings);
	return !f->no_memory;
}

static enum psc_status find_sessions(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr)
{
	struct psc_kernel *k = s->k;
	struct finding f = {.s = s, .warnings = warnings};
	if (!psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_HeapState) ||
	    !psc_profile_field(&k->profile, PSC_FIELD_EX_HEAP_SESSION_STATE_PagedHeap))
		return PSC_OK;
	f.reader = calloc(1, sizeof(*f.reader));
	if (!f.reader)
		return psc_fail_no_memory(reterr);
	psc_hashmap_init(&f.seen, 0, PSC_HEAP_SPACES_MAX);
	s->session_entries_left = psc_table_entries_max(k, 0x10); /* the smallest entry that has a size */
	(void)psc_kernel_processes(k, visit_process, &f, NULL);
	psc_seg_sort_session_big(s);
	if (s->n_spaces_failed != 0)
		psc_warn(warnings, "the sessions of %llu processes are not in the dump: their pool is not walked",
			 (unsigned long long)s->n_spaces_failed);
	psc_hashmap_deinit(&f.seen);
	free(f.reader);
	return f.no_memory ? psc_fail_no_memory(reterr) : PSC_OK;
}

enum psc_status psc_seg_find_heaps(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr)
{
	uint64_t state = psc_kernel_sym(s->k, PSC_SYM_ExPoolState);
	s->spaces[0] = s->k->space;
	s->n_spaces = 1;
	if (state != 0 && find_nodes(s, state, warnings))
		s->source = "ExPoolState";
	if (s->source == NULL || !s->has_family)
		psc_seg_scan_heaps(s, warnings);
	if (s->no_memory)
		return psc_fail_no_memory(reterr);
	enum psc_status r = find_sessions(s, warnings, reterr);
	if (r != PSC_OK)
		return r;
	for (size_t i = 0; i < s->n_heaps && s->has_family; i++)
		if (!s->heaps[i].is_read)
			assume_contexts(&s->heaps[i], &s->family);
	return PSC_OK;
}

bool psc_seg_is_listed(struct psc_kernel *k, const char **ret_detail)
{
	const struct psc_field *nodes = psc_profile_field(&k->profile, PSC_FIELD_EX_POOL_HEAP_MANAGER_STATE_PoolNode);
	uint64_t state = psc_kernel_sym(k, PSC_SYM_ExPoolState), heap;
	struct psc_heap_family f;
	for (uint32_t type = 0; state != 0 && nodes && type < HEAPS_PER_NODE; type++)
		if (psc_read_ptr(&k->reader, state + nodes->offset + type * psc_pointer_bytes(&k->space), &heap) &&
		    psc_seg_family_of(&k->reader, heap, psc_kernel_is_64bit(k), &f)) {
			*ret_detail = "heaps of every node from ExPoolState";
			return true;
		}
	*ret_detail = "ExPoolState is not known or not in the dump: heaps are looked for by their signature";
	return true;
}
