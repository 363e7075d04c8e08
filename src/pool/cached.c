/* SPDX-License-Identifier: MIT */
/* Blocks that their owner freed and the pool keeps: per-processor lookasides and pending frees. Their headers read as
 * allocated, the trackers count them as freed. Reference: pool 3.6, 3.7 [V places]. */
#include "pool/internal.h"
#include "util/checked.h"
#include "util/error.h"

#include <string.h>

#define LISTS_PER_KIND 32u /* by block size in units */
#define ENTRIES_MAX    ((size_t)1 << 22)
#define DEPTH_SLACK    16u /* a push may be half done */
#define PENDING_MAX    65536u

struct collecting {
	struct psc_kernel *k;
	struct psc_cached_set *set;
	struct psc_hashmap heads; /* list heads done: two processors may share one */
	unsigned unit_bytes;
	uint64_t n_loops, n_bad;
	bool no_memory, full;
};

static bool add_entry(struct collecting *c, uint64_t va, bool *ret_new)
{
	if (psc_hashset_add(&c->set->data_vas, va, ret_new))
		return true;
	if (c->set->data_vas.n >= ENTRIES_MAX)
		c->full = true;
	else
		c->no_memory = true;
	return false;
}

static void report(struct collecting *c, uint64_t head_va, uint64_t va)
{
	const struct psc_defect d = {va, head_va, 0, 0, PSC_DEFECT_LOOKASIDE_LINK};
	psc_defects_add(&c->set->defects, &d);
}

/* Entries link through their first pointer and are data addresses. */
static void follow(struct collecting *c, uint64_t head_va, uint64_t first, uint32_t limit)
{
	uint64_t va = first;
	for (uint32_t n = 0; va != 0 && n < limit; n++) {
		bool is_new;
		if (!psc_is_kernel_va(&c->k->space, va) || va % c->unit_bytes != 0) {
			c->n_bad++;
			report(c, head_va, va);
			return;
		}
		if (!add_entry(c, va, &is_new))
			return;
		if (!is_new) {
			c->n_loops++;
			report(c, head_va, va);
			return;
		}
		c->set->entries++;
		if (!psc_read_ptr(&c->k->reader, va, &va))
			return; /* paged out: what follows is not known */
	}
}

static void read_list(struct collecting *c, uint64_t head_va)
{
	const bool is_64bit = psc_kernel_is_64bit(c->k);
	uint8_t head[16] = {0};
	const size_t size = is_64bit ? 16 : 8;
	bool is_new;
	if (!psc_hashset_add(&c->heads, head_va, &is_new)) {
		c->no_memory = true;
		return;
	}
	if (!is_new)
		return;
	if (psc_read_va(&c->k->reader, head_va, head, size) != size) {
		c->set->lists_missing++;
		return;
	}
	c->set->lists_read++;
	uint32_t depth;
	uint64_t first = psc_slist_first(head, head_va, c->k->id.build, is_64bit, &depth);
	if (first != 0)
		follow(c, head_va, first, depth + DEPTH_SLACK);
}

/* XP, 2003: pairs of pointers {P, L} to _GENERAL_LOOKASIDE. */
static void read_pointer_lists(struct collecting *c, uint64_t array)
{
	struct psc_kernel *k = c->k;
	const struct psc_field *p = psc_profile_field(&k->profile, PSC_FIELD_PP_LOOKASIDE_LIST_P);
	const struct psc_field *l = psc_profile_field(&k->profile, PSC_FIELD_PP_LOOKASIDE_LIST_L);
	const struct psc_field *head = psc_profile_field(&k->profile, PSC_FIELD_GENERAL_LOOKASIDE_ListHead);
	const unsigned ptr = psc_pointer_bytes(&k->space);
	const uint32_t offsets[2] = {p ? p->offset : 0, l ? l->offset : ptr}; /* two pointers in every version [V] */
	for (unsigned i = 0; i < LISTS_PER_KIND && !c->no_memory; i++) {
		for (unsigned j = 0; j < 2; j++) {
			uint64_t list;
			if (!psc_read_ptr(&k->reader, array + (uint64_t)i * 2 * ptr + offsets[j], &list)) {
				c->set->lists_missing++;
				continue;
			}
			if (list != 0 && psc_is_kernel_va(&k->space, list))
				read_list(c, list + (head ? head->offset : 0));
		}
	}
}

/* Vista and later: _GENERAL_LOOKASIDE_POOL in place. */
static void read_lists_in_place(struct collecting *c, uint64_t array)
{
	struct psc_kernel *k = c->k;
	const struct psc_field *head = psc_profile_field(&k->profile, PSC_FIELD_GENERAL_LOOKASIDE_POOL_ListHead);
	uint32_t stride = head ? head->struct_size : 0, offset = head ? head->offset : 0;
	if (stride == 0)
		stride = psc_kernel_is_64bit(k) ? 0x60 : 0x48; /* reference: pool 3.7 [V] */
	for (unsigned i = 0; i < LISTS_PER_KIND && !c->no_memory; i++)
		read_list(c, array + (uint64_t)i * stride + offset);
}

static void read_processors(struct collecting *c, struct psc_warnings *warnings)
{
	static const enum psc_field_id kinds[] = {
		PSC_FIELD_KPRCB_PPNPagedLookasideList,
		PSC_FIELD_KPRCB_PPPagedLookasideList,
		PSC_FIELD_KPRCB_PPNxPagedLookasideList,
	};
	struct psc_kernel *k = c->k;
	if (!psc_profile_field(&k->profile, kinds[0]) || !psc_profile_field(&k->profile, kinds[1])) {
		psc_warn(warnings,
			 "pool lookaside lists cannot be read (layout of _KPRCB not known): blocks cached there "
			 "count as live in the walk");
		c->set->lists_missing++;
		c->set->not_found = true;
		return;
	}
	uint32_t n = psc_pool_processors(k);
	c->set->not_found |= k->n_prcb == 0;
	if (k->n_prcb < n) {
		c->set->not_found = true;
		c->set->lists_missing += (uint64_t)(n - k->n_prcb) * 2 * LISTS_PER_KIND;
		psc_warn(warnings,
			 "pool lookaside lists of %u processors are not in the dump: blocks cached there count as live "
			 "in the walk",
			 (unsigned)(n - k->n_prcb));
	}
	for (size_t cpu = 0; cpu < k->n_prcb && !c->no_memory && !c->full; cpu++) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			uint64_t array = psc_member_va(k, k->prcb[cpu], kinds[i]);
			if (array == 0)
				continue;
			if (k->is_vista_or_later)
				read_lists_in_place(c, array);
			else
				read_pointer_lists(c, array);
		}
	}
}

static void read_pending(struct collecting *c, struct psc_warnings *warnings)
{
	struct psc_kernel *k = c->k;
	struct psc_pool_descriptors d;
	psc_pool_descriptors_find(k, &d);
	if (d.n == 0) {
		psc_warn(warnings,
			 "pool descriptors were not found: blocks on their lists of deferred frees count as live "
			 "in the walk");
		c->set->lists_missing++;
		c->set->not_found = true;
	}
	for (size_t i = 0; i < d.n && !c->no_memory && !c->full; i++) {
		uint64_t head = psc_member_va(k, d.items[i].va, PSC_FIELD_POOL_DESCRIPTOR_PendingFrees), first;
		uint64_t at_depth = psc_member_va(k, d.items[i].va, PSC_FIELD_POOL_DESCRIPTOR_PendingFreeDepth);
		uint32_t depth = PENDING_MAX;
		if (head == 0)
			continue;
		if (!psc_read_ptr(&k->reader, head, &first)) {
			c->set->lists_missing++;
			continue;
		}
		c->set->lists_read++;
		if (at_depth != 0 && psc_read_u32(&k->reader, at_depth, &depth) && depth <= PENDING_MAX)
			depth += DEPTH_SLACK;
		else
			depth = PENDING_MAX;
		if (first != 0)
			follow(c, head, first, depth);
	}
}

enum psc_status psc_cached_collect(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_cached_set *ret,
				   struct psc_error *reterr)
{
	struct collecting c = {0};
	memset(ret, 0, sizeof(*ret));
	psc_hashmap_init(&ret->data_vas, 0, ENTRIES_MAX);
	if (psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP)
		return PSC_OK;
	c.k = k;
	c.set = ret;
	c.unit_bytes = psc_kernel_is_64bit(k) ? 16 : 8;
	psc_hashmap_init(&c.heads, 0, 0);
	read_processors(&c, warnings);
	read_pending(&c, warnings);
	psc_hashmap_deinit(&c.heads);
	if (c.no_memory || ret->defects.no_memory) {
		psc_cached_deinit(ret);
		return psc_fail_no_memory(reterr);
	}
	if (c.n_loops != 0 || c.n_bad != 0)
		psc_warn(warnings, "pool lookaside lists: %llu lead in circles or into each other, %llu to no block",
			 (unsigned long long)c.n_loops, (unsigned long long)c.n_bad);
	if (c.full)
		psc_warn(warnings, "pool lookaside lists: more than %zu cached blocks, the rest counts as live",
			 ENTRIES_MAX);
	return PSC_OK;
}

void psc_cached_deinit(struct psc_cached_set *s)
{
	psc_hashmap_deinit(&s->data_vas);
	psc_defects_deinit(&s->defects);
}
