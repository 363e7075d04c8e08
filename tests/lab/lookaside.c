/* SPDX-License-Identifier: MIT */
/* Per-processor caches of small blocks (pool.md 3.7, 3.8). */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

#define N_LISTS 32u

/* Both 16-byte forms and the packed one of processors without cmpxchg16b; x86 has 8 bytes. */
void lab_write_slist(struct lab_machine *m, uint64_t head, const uint64_t *nodes, unsigned n)
{
	uint64_t first = n ? nodes[0] : 0, sequence = n * 3 + 7;
	for (unsigned i = 0; i < n; i++)
		lab_put_ptr(m, nodes[i], i + 1 < n ? nodes[i + 1] : 0);
	if (!lab_build_is64(m->b)) {
		lab_put32(m->mem, head, (uint32_t)first);
		lab_put16(m->mem, head + 4, (uint16_t)n);
		lab_put16(m->mem, head + 6, (uint16_t)sequence);
	} else if (m->b->number >= 9600) {
		lab_put64(m->mem, head, n | sequence << 16);
		lab_put64(m->mem, head + 8, first);
	} else if (m->o.packed_slists) {
		uint64_t next = (first >> 4) & 0x7fffffffff, region = first ? first >> 61 : 0;
		lab_put64(m->mem, head, n | (sequence & 0x1ff) << 16 | next << 25);
		lab_put64(m->mem, head + 8, region << 61);
	} else {
		lab_put64(m->mem, head, n | sequence << 16);
		lab_put64(m->mem, head + 8, first | 1);
	}
}

void lab_chain_add(struct lab_machine *m, uint64_t head_va, uint64_t *nodes, size_t n)
{
	LAB_GROW(m->chains, m->n_chains, m->cap_chains);
	m->chains[m->n_chains++] = (struct lab_chain){head_va, nodes, n};
}

struct list_ref {
	uint64_t lookaside;
	const char *type; /* structure at that address */
};

static struct list_ref find_list(struct lab_machine *m, unsigned cpu, unsigned pool, bool nx, unsigned index)
{
	const struct lab_build *b = m->b;
	const char *field = pool == LAB_POOL_PAGED ? "PPPagedLookasideList" : "PPNPagedLookasideList";
	if (pool == LAB_POOL_NONPAGED && nx && b->number >= 9200)
		field = "PPNxPagedLookasideList";
	uint64_t array = m->prcb_va[cpu] + lab_offset(b, "_KPRCB", field);
	if (b->major >= 6)
		return (struct list_ref){array + index * lab_type_size(b, "_GENERAL_LOOKASIDE_POOL"),
					 "_GENERAL_LOOKASIDE_POOL"};
	return (struct list_ref){lab_get_ptr(m, array + index * lab_type_size(b, "_PP_LOOKASIDE_LIST")),
				 "_GENERAL_LOOKASIDE"};
}

/* XP, 2003: the processor block holds pointers to a list of the processor's own and to a shared one. */
static void make_pointed_lists(struct lab_machine *m)
{
	static const struct {
		const char *field, *shared;
	} kinds[] = {{"PPNPagedLookasideList", "ExpSmallNPagedPoolLookasideLists"},
		     {"PPPagedLookasideList", "ExpSmallPagedPoolLookasideLists"}};
	uint32_t size = lab_type_size(m->b, "_GENERAL_LOOKASIDE"), pair = lab_type_size(m->b, "_PP_LOOKASIDE_LIST");
	for (size_t k = 0; k < 2; k++)
		for (unsigned cpu = 0; cpu < m->n_cpus; cpu++) {
			uint64_t own = lab_system_bytes(m, N_LISTS * size);
			for (unsigned i = 0; i < N_LISTS; i++) {
				uint64_t at = m->prcb_va[cpu] + lab_offset(m->b, "_KPRCB", kinds[k].field) + i * pair;
				lab_put_field(m, at, "_PP_LOOKASIDE_LIST", "P", own + i * size);
				lab_put_field(m, at, "_PP_LOOKASIDE_LIST", "L",
					      lab_global_va(m, kinds[k].shared) + i * size);
			}
		}
}

static void init_list(struct lab_machine *m, struct list_ref l, unsigned pool, unsigned index)
{
	lab_put_field(m, l.lookaside, l.type, "Depth", 4);
	lab_put_field(m, l.lookaside, l.type, "MaximumDepth", 256);
	lab_put_field(m, l.lookaside, l.type, "Type", pool == LAB_POOL_PAGED);
	lab_put_field(m, l.lookaside, l.type, "Tag", LAB_TAG('P', 'o', 'o', 'l'));
	lab_put_field(m, l.lookaside, l.type, "Size", (index + 1) * m->unit);
}

void lab_lookaside_finish(struct lab_machine *m)
{
	struct lab_block_list {
		uint64_t *nodes;
		size_t n, cap;
	} * lists;
	if (m->b->major == 5)
		make_pointed_lists(m);
	size_t n_lists = (size_t)m->n_cpus * 3 * N_LISTS;
	lists = calloc(n_lists, sizeof *lists);
	if (!lists)
		lab_die("out of memory");
	for (size_t i = 0; i < m->n_cached; i++) {
		const struct lab_cached_block *c = &m->cached[i];
		unsigned cpu = lab_random(m, m->n_cpus), kind = c->pool == LAB_POOL_PAGED ? 2 : c->nx;
		struct lab_block_list *l = &lists[(cpu * 3 + kind) * N_LISTS + c->units - 1u];
		LAB_GROW(l->nodes, l->n, l->cap);
		l->nodes[l->n++] = c->data_va;
	}
	for (unsigned cpu = 0; cpu < m->n_cpus; cpu++)
		for (unsigned kind = 0; kind < 3; kind++)
			for (unsigned i = 0; i < N_LISTS; i++) {
				if (kind == 1 && m->b->number < 9200)
					continue;
				unsigned pool = kind == 2 ? LAB_POOL_PAGED : LAB_POOL_NONPAGED;
				struct lab_block_list *l = &lists[(cpu * 3 + kind) * N_LISTS + i];
				struct list_ref ref = find_list(m, cpu, pool, kind == 1, i);
				init_list(m, ref, pool, i);
				lab_write_slist(m, ref.lookaside, l->nodes, (unsigned)l->n);
				lab_chain_add(m, ref.lookaside, l->nodes, l->n);
			}
	free(lists);
}
