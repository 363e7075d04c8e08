/* SPDX-License-Identifier: MIT */
/* Free lists of the classic allocator's descriptors: each link must lead back, each block on a list must be free and of
 * the list's size. Reference: pool 3.2, 10.1. A node in a missing page ends its list: that is no defect.
 *
 * Allocators of the NT 5.2 family that check their lists mark every link in its lowest bit [1]. The heads of a
 * descriptor decide together whether its links are marked; then a link without the mark is a defect like any other. */
#include "pool/internal.h"
#include "util/bytes.h"

/* Blocks on all lists; more are not possible in 16 GiB of pool that is all free. */
#define NODES_MAX (UINT64_C(1) << 28)

struct lists {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	struct psc_defects *defects;
	uint64_t n_nodes;
	uint64_t mark; /* in each link of this descriptor's lists: 0 or 1 */
};

static void add(struct lists *l, enum psc_defect_kind kind, uint64_t va, uint64_t head, uint64_t expected,
		uint64_t found)
{
	const struct psc_defect d = {va, head, expected, found, kind};
	psc_defects_add(l->defects, &d);
}

/* As found in memory, with their marks. */
static void add_link(struct lists *l, uint64_t va, uint64_t head, uint64_t expected, uint64_t found)
{
	add(l, PSC_DEFECT_FREE_LINK, va, head, expected ? expected ^ l->mark : 0, found ^ l->mark);
}

static bool read_link(struct lists *l, uint64_t va, uint64_t *ret)
{
	if (!psc_read_ptr(&l->k->reader, va, ret))
		return false;
	*ret ^= l->mark;
	return true;
}

static void check_block(struct lists *l, uint64_t links_va, uint64_t head, uint32_t units)
{
	uint8_t bytes[16];
	const unsigned unit = l->rules.unit_bytes;
	struct psc_pool_header h;
	if (psc_read_va(&l->k->reader, links_va - unit, bytes, unit) != unit)
		return;
	psc_pool_header_parse(bytes, &l->rules, &h);
	if (psc_pool_header_in_use(&h, &l->rules))
		add(l, PSC_DEFECT_FREE_IN_USE, links_va - unit, head, 0, h.pool_type);
	else if (h.block_size != units)
		add(l, PSC_DEFECT_FREE_SIZE, links_va - unit, head, (uint64_t)units * unit,
		    (uint64_t)h.block_size * unit);
}

/* A circle that leaves out the head has a node with two nodes before it, and its Blink is right for one of them only.
 */
static void check_list(struct lists *l, uint64_t head, uint32_t units)
{
	const unsigned ptr = psc_pointer_bytes(&l->k->space);
	uint64_t before = head, va, blink;
	if (!read_link(l, head, &va))
		return;
	while (va != head && l->n_nodes++ < NODES_MAX) {
		if (!psc_is_kernel_va(&l->k->space, va) || va % ptr != 0) {
			add_link(l, before, head, 0, va);
			return;
		}
		if (!read_link(l, va + ptr, &blink))
			return;
		if (blink != before) {
			add_link(l, va, head, before, blink);
			return;
		}
		check_block(l, va, head, units);
		before = va;
		if (!read_link(l, va, &va))
			return;
	}
	if (va == head && read_link(l, head + ptr, &blink) && blink != before)
		add_link(l, head, head, before, blink);
}

static uint64_t find_mark(struct psc_kernel *k, uint64_t heads, uint32_t n_lists)
{
	uint32_t n[2] = {0, 0};
	for (uint32_t j = 0; j < n_lists; j++) {
		uint64_t flink;
		if (psc_read_ptr(&k->reader, heads + (uint64_t)j * 2 * psc_pointer_bytes(&k->space), &flink))
			n[flink & 1]++;
	}
	return n[1] > n[0];
}

void psc_free_lists_defects(struct psc_kernel *k, struct psc_defects *ret)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_POOL_DESCRIPTOR_ListHeads);
	struct lists l = {.k = k, .defects = ret};
	struct psc_pool_descriptors d;
	const unsigned entry = 2 * psc_pointer_bytes(&k->space);
	if (!f || f->size_bytes == 0)
		return;
	psc_pool_rules_init(&l.rules, k->id.build, k->id.machine != PSC_MACHINE_X86);
	uint32_t n_lists = f->size_bytes / entry;
	if (n_lists > l.rules.max_units)
		n_lists = l.rules.max_units;
	psc_pool_descriptors_find(k, &d);
	for (size_t i = 0; i < d.n; i++) {
		const uint64_t heads = d.items[i].va + f->offset;
		l.mark = find_mark(k, heads, n_lists);
		for (uint32_t j = 0; j < n_lists; j++)
			check_list(&l, heads + (uint64_t)j * entry, j + 1);
	}
}
