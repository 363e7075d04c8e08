/* SPDX-License-Identifier: MIT */
/* Blocks that were freed and are kept: dynamic lookasides of every node, and the delayed frees of VS contexts.
 * Reference: pool 6.9, 6.6. What is on a list is known by address alone: the link overwrites the pool header. A link
 * that leads nowhere, or to what a list has already, is a defect. */
#include "pool/seg_heap.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX    ((size_t)1 << 22)
#define HEADS_MAX      ((size_t)1 << 21)
#define BUCKETS_MAX    64u
#define LOOKASIDES     2u
#define DEPTH_SLACK    16u
#define DELAY_LIST_MAX 0x10000u
#define SLOTS_MAX      0x100u
#define SLOT_BYTES     0x40u

struct collecting {
	struct psc_seg *s;
	struct psc_reader *r;
	struct psc_warnings *warnings;
	struct psc_hashmap heads; /* lists done: two affinities may share one */
	uint32_t space;           /* of the lists: two sessions may have blocks at one address */
	uint64_t n_bad;
	bool no_memory, full;
};

static void break_off(struct collecting *c, uint64_t head_va, uint64_t va)
{
	const struct psc_defect d = {va, head_va, 0, 0, PSC_DEFECT_LOOKASIDE_LINK};
	psc_defects_add(&c->s->defects, &d);
	c->n_bad++;
}

static void follow(struct collecting *c, uint64_t head_va, uint64_t first, uint32_t limit)
{
	struct psc_cached_set *set = &c->s->cached;
	uint64_t va = first;
	for (uint32_t n = 0; va != 0 && n < limit; n++) {
		bool is_new;
		if (!psc_is_kernel_va(c->r->sp, va) || va % c->s->rules.unit_bytes != 0) {
			break_off(c, head_va, va);
			return;
		}
		if (!psc_hashmap_put(&set->data_vas, (struct psc_hashkey){va, c->space}, &is_new)) {
			c->full = set->data_vas.n >= ENTRIES_MAX;
			c->no_memory = !c->full;
			return;
		}
		if (!is_new) {
			break_off(c, head_va, va);
			return;
		}
		set->entries++;
		if (!psc_read_ptr(c->r, va, &va))
			return; /* what follows is not known */
	}
}

static void read_list(struct collecting *c, uint64_t head_va, uint32_t limit)
{
	uint8_t head[16] = {0};
	const size_t size = c->s->rules.is_64bit ? 16 : 8;
	uint32_t depth;
	bool is_new;
	if (!psc_hashmap_put(&c->heads, (struct psc_hashkey){head_va, c->space}, &is_new)) {
		c->full = c->heads.n >= HEADS_MAX;
		c->no_memory = !c->full;
		return;
	}
	if (!is_new)
		return;
	if (psc_read_va(c->r, head_va, head, size) != size) {
		c->s->cached.lists_missing++;
		return;
	}
	c->s->cached.lists_read++;
	uint64_t first = psc_slist_first(head, head_va, c->s->k->id.build, c->s->rules.is_64bit, &depth);
	if (first != 0)
		follow(c, head_va, first, limit != 0 ? limit : depth + DEPTH_SLACK);
}

/* _RTL_DYNAMIC_LOOKASIDE[2] behind the heaps of each node. */
static void read_lookasides(struct collecting *c)
{
	const struct psc_seg *s = c->s;
	const struct psc_profile *p = &s->k->profile;
	const struct psc_field *look = psc_profile_field(p, PSC_FIELD_EX_HEAP_POOL_NODE_Lookasides);
	const struct psc_field *buckets = psc_profile_field(p, PSC_FIELD_RTL_DYNAMIC_LOOKASIDE_Buckets);
	const struct psc_field *list = psc_profile_field(p, PSC_FIELD_RTL_LOOKASIDE_ListHead);
	if (s->n_nodes == 0 || !look || !buckets || !list || look->struct_size == 0 || buckets->struct_size == 0 ||
	    list->struct_size == 0) {
		psc_warn(c->warnings,
			 "dynamic lookaside lists are not known for this kernel: blocks on them look live");
		return;
	}
	for (size_t i = 0; i < s->n_nodes; i++)
		for (uint32_t l = 0; l < LOOKASIDES; l++)
			for (uint32_t b = 0; b < BUCKETS_MAX && !c->no_memory && !c->full; b++)
				read_list(c,
					  s->nodes[i] + look->offset + l * buckets->struct_size + buckets->offset +
						  b * list->struct_size + list->offset,
					  0);
}

/* _HEAP_VS_CONTEXT.DelayFreeContext, or one in each affinity slot (26100(b)). */
static void read_delay_lists(struct collecting *c, const struct psc_heap *h)
{
	const struct psc_seg *s = c->s;
	if (!s->family.is_new_vs) {
		read_list(c, h->vs_context + (s->rules.is_64bit ? 0x40u : 0x20u), DELAY_LIST_MAX);
		return;
	}
	uint8_t context[4], ref[2];
	if (psc_read_va(c->r, h->vs_context, context, sizeof(context)) != sizeof(context))
		return;
	uint64_t maps = h->vs_context + (uint64_t)psc_le16(context) * SLOT_BYTES;
	uint32_t last = 0;
	for (uint32_t i = 0; i <= context[2] && i < SLOTS_MAX; i++) {
		if (psc_read_va(c->r, maps + i * 4, ref, sizeof(ref)) != sizeof(ref))
			continue;
		uint32_t slot = psc_le16(ref);
		if (slot == 0 || slot == last)
			continue;
		last = slot;
		uint64_t owner, slot_va = h->vs_context + (uint64_t)slot * SLOT_BYTES;
		/* The scale of references has one source: the slot must name its context. */
		if (psc_read_u64(c->r, slot_va, &owner) && owner == h->vs_context)
			read_list(c, slot_va + 0x40, DELAY_LIST_MAX);
	}
}

enum psc_status psc_seg_collect_cached(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr)
{
	struct collecting c = {.s = s, .warnings = warnings};
	psc_hashmap_init(&s->cached.data_vas, 0, ENTRIES_MAX);
	psc_hashmap_init(&c.heads, 0, HEADS_MAX);
	c.r = calloc(1, sizeof(*c.r));
	if (!c.r)
		return psc_fail_no_memory(reterr);
	psc_reader_init(c.r, &s->spaces[0]);
	read_lookasides(&c);
	for (size_t i = 0; i < s->n_heaps && !c.no_memory && !c.full; i++) {
		if (s->heaps[i].space != c.space) {
			c.space = s->heaps[i].space;
			psc_reader_init(c.r, &s->spaces[c.space]);
		}
		if (s->heaps[i].is_read)
			read_delay_lists(&c, &s->heaps[i]);
	}
	psc_hashmap_deinit(&c.heads);
	free(c.r);
	if (c.no_memory)
		return psc_fail_no_memory(reterr);
	if (c.n_bad != 0 || c.full)
		psc_warn(warnings, "%llu lists of freed blocks break off or are too long: some freed blocks look live",
			 (unsigned long long)(c.n_bad + c.full));
	if (s->cached.lists_missing != 0)
		psc_warn(warnings, "%llu lists of freed blocks are not in the dump: blocks on them look live",
			 (unsigned long long)s->cached.lists_missing);
	return PSC_OK;
}
