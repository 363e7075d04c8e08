/* SPDX-License-Identifier: MIT */
/* Segment heaps with pages missing, and with overwritten structures (pool.md 10). */
#include "damage.h"
#include "heap.h"
#include <stdlib.h>

static uint64_t page_of(uint64_t va)
{
	return va & ~(uint64_t)(LAB_PAGE - 1);
}

/* What the way to the heaps leads over, and the kernel's own tables. */
static bool is_needed(const struct lab_block *b)
{
	static const char *const needed[] = {"Proc", "Thre", "MmLd", "MmPh", "MmDT", "Pool"};
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if ((b->tag & ~LAB_PROTECTED) == LAB_TAG(needed[i][0], needed[i][1], needed[i][2], needed[i][3]))
			return true;
	return b->pool == LAB_POOL_SESSION;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

struct pages {
	uint64_t *list;
	size_t n, cap;
};

static void add(struct pages *p, uint64_t page)
{
	LAB_GROW(p->list, p->n, p->cap);
	p->list[p->n++] = page;
}

static bool holds(const struct pages *p, uint64_t page)
{
	return p->n && bsearch(&page, p->list, p->n, sizeof page, by_address);
}

static struct pages needed_pages(const struct lab_machine *m)
{
	struct pages p = {0};
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		uint64_t end = b->outer_va + (b->is_big ? b->bytes : b->heap_bytes);
		if (!is_needed(b))
			continue;
		for (uint64_t at = page_of(b->chunk_va ? b->chunk_va : b->outer_va); at < end; at += LAB_PAGE)
			add(&p, at);
		/* So that these stay found. */
		if (b->sub_va)
			add(&p, b->sub_va);
	}
	if (p.n)
		qsort(p.list, p.n, sizeof *p.list, by_address);
	return p;
}

/* Pages with headers of small blocks, each once, in order. */
static struct pages small_pages(const struct lab_machine *m, bool paged_only)
{
	struct pages p = {0}, needed = needed_pages(m);
	size_t n = 0;
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		bool small = !b->is_big && (b->kind == LAB_KIND_LFH || b->kind == LAB_KIND_VS);
		if (small && (!paged_only || b->pool == LAB_POOL_PAGED) && !holds(&needed, page_of(b->outer_va)))
			add(&p, page_of(b->outer_va));
	}
	if (p.n)
		qsort(p.list, p.n, sizeof *p.list, by_address);
	for (size_t i = 0; i < p.n; i++)
		if (!n || p.list[n - 1] != p.list[i])
			p.list[n++] = p.list[i];
	p.n = n;
	free(needed.list);
	return p;
}

static void drop(struct lab_machine *m, uint64_t va)
{
	lab_mem_drop_from_kernel_dumps(m->mem, lab_mem_pa(m->mem, va) / LAB_PAGE);
	m->dropped_pages++;
}

void lab_heap_damage_holes(struct lab_machine *m, const struct lab_holes *holes)
{
	struct pages p = small_pages(m, true);
	for (size_t i = 0; i < p.n; i++) {
		unsigned x = lab_random(m, 100);
		if (x < holes->paged_out) {
			lab_mem_set_state(m->mem, p.list[i], LAB_PTE_PAGED_OUT, 0);
			m->paged_out_pages++;
		} else if ((x -= holes->paged_out) < holes->transition) {
			lab_mem_set_state(m->mem, p.list[i], LAB_PTE_TRANSITION, 0);
			m->transition_pages++;
		}
	}
	free(p.list);
	p = small_pages(m, false);
	for (size_t i = 0; i < p.n; i++)
		if (lab_mem_pa(m->mem, p.list[i]) != UINT64_MAX && lab_random(m, 100) < holes->dropped)
			drop(m, p.list[i]);
	free(p.list);
}

/* A small block of that kind, on a page and in a subsegment that nothing else needs. */
static const struct lab_block *choose(struct lab_machine *m, enum lab_kind kind, const struct pages *needed)
{
	for (unsigned tries = 0; tries < 100000; tries++) {
		const struct lab_block *b = &m->blocks[lab_random(m, (uint32_t)m->n_blocks)];
		if (b->kind == kind && !b->is_big && !is_needed(b) && !holds(needed, b->sub_va) &&
		    !holds(needed, page_of(b->outer_va)) && page_of(b->outer_va) != b->sub_va)
			return b;
	}
	return NULL;
}

static void lose(struct lab_machine *m, const char *what, uint64_t va)
{
	drop(m, va);
	lab_damage_note(m, what, va);
}

void lab_heap_lose(struct lab_machine *m, enum lab_loss loss)
{
	/* Two pages of special blocks: what is lost is these, to the byte. */
	for (size_t i = 0; loss == LAB_LOSE_SPECIAL && i < m->n_blocks; i++)
		if (m->blocks[i].kind == LAB_KIND_SPECIAL && m->lost_exact_bytes < 2 * LAB_PAGE) {
			lose(m, "special page", m->blocks[i].sub_va);
			m->lost_exact_bytes += LAB_PAGE;
		}
	if (loss == LAB_LOSE_SPECIAL)
		return;
	struct pages needed = needed_pages(m);
	const struct lab_block *lfh = choose(m, LAB_KIND_LFH, &needed), *vs = choose(m, LAB_KIND_VS, &needed);
	if (!lfh || !vs)
		lab_die("too few blocks to lose one");
	switch (loss) {
	case LAB_LOSE_LFH_HEADER:
		lose(m, "lfh header page", lfh->sub_va);
		break;
	case LAB_LOSE_VS_HEADER:
		lose(m, "vs header page", vs->sub_va);
		break;
	case LAB_LOSE_MIDDLE:
		lose(m, "lfh page", page_of(lfh->outer_va));
		lose(m, "vs page", page_of(vs->outer_va));
		break;
	case LAB_LOSE_SEGMENT:
		lose(m, "segment header page", vs->sub_va & ~0xfffffull);
		break;
	case LAB_LOSE_KEYS:
		lose(m, "keys page", lab_global_va(m, "RtlpHpHeapGlobals"));
		break;
	case LAB_LOSE_ROOT:
		lose(m, "pool state page", m->root_va);
		break;
	case LAB_LOSE_SPECIAL:
		break;
	}
	free(needed.list);
}

static void broken(struct lab_machine *m, uint64_t va)
{
	LAB_GROW(m->broken, m->n_broken, m->cap_broken);
	m->broken[m->n_broken++] = va;
}

static bool is_broken(const struct lab_machine *m, uint64_t lo, uint64_t hi)
{
	for (size_t i = 0; i < m->n_broken; i++)
		if (m->broken[i] >= lo && m->broken[i] < hi)
			return true;
	return false;
}

/* What lies over a chunk, its block, or what describes them. */
enum overwrite { OVERRUN, CHUNK_SIZE, POOL_HEADER, LFH_HEADER, DESCRIPTOR, SIGNATURE };

/* The link of a freed block that a list keeps, if it lies in [va, va + bytes), leads nowhere now. */
static void note_link(struct lab_machine *m, const struct lab_block *b, uint64_t va, unsigned bytes)
{
	if (b->list_va && b->list_va >= va && b->list_va < va + bytes)
		lab_damage_note(m, "lookaside link", lab_get64(m->mem, b->list_va));
}

static void overwrite(struct lab_machine *m, const struct lab_block *b, enum overwrite how)
{
	uint64_t segment = b->sub_va & ~0xfffffull;
	switch (how) {
	case OVERRUN:
		/* From the chunk before: the chunk's header and what is behind it. */
		for (unsigned i = 0; i < 0x20; i++)
			lab_put8(m->mem, b->chunk_va + i, 0x41);
		broken(m, b->chunk_va);
		note_link(m, b, b->chunk_va, 0x20);
		lab_damage_note(m, "vs chunk overrun", b->chunk_va);
		break;
	case CHUNK_SIZE:
		lab_put64(m->mem, b->chunk_va, m->heap_key ^ b->chunk_va ^ (uint64_t)1 << 48);
		broken(m, b->chunk_va);
		lab_damage_note(m, "vs chunk of size 0", b->chunk_va);
		break;
	case POOL_HEADER:
		for (unsigned i = 0; i < 8; i++)
			lab_put8(m->mem, b->outer_va + i, 0xfe);
		broken(m, b->outer_va);
		note_link(m, b, b->outer_va, 8);
		lab_damage_note(m, "pool header", b->outer_va);
		break;
	case LFH_HEADER:
		lab_put32(m->mem, b->sub_va + lab_offset(m->b, "_HEAP_LFH_SUBSEGMENT", "BlockOffsets"), 0x41414141);
		broken(m, b->sub_va);
		lab_damage_note(m, "lfh header", b->sub_va);
		break;
	case DESCRIPTOR: {
		uint64_t at = segment + (b->sub_va - segment) / LAB_PAGE * 0x20;
		lab_put8(m->mem, at + lab_offset(m->b, "_HEAP_PAGE_RANGE_DESCRIPTOR", "RangeFlags"), 0x41);
		broken(m, at);
		lab_damage_note(m, "range descriptor", at);
		break;
	}
	case SIGNATURE:
		lab_put64(m->mem, segment + 0x10, 0x4242424242424242);
		broken(m, segment);
		lab_damage_note(m, "segment signature", segment);
		break;
	}
}

void lab_heap_damage_headers(struct lab_machine *m, unsigned n)
{
	static const enum overwrite turn[] = {OVERRUN,    POOL_HEADER, CHUNK_SIZE, LFH_HEADER,
					      CHUNK_SIZE, POOL_HEADER, OVERRUN,    DESCRIPTOR};
	struct pages needed = needed_pages(m);
	for (unsigned k = 0, tries = 0; k < n && tries < 50 * n; tries++) {
		enum overwrite how = turn[k % 8];
		bool is_lfh = how == POOL_HEADER || how == LFH_HEADER || how == DESCRIPTOR;
		const struct lab_block *b = choose(m, is_lfh ? LAB_KIND_LFH : LAB_KIND_VS, &needed);
		if (!b)
			break;
		/* One a subsegment, except for single blocks and chunks. */
		uint64_t lo = is_lfh ? b->sub_va : b->chunk_va, hi = lo + (is_lfh ? 32 * LAB_PAGE : 0x20);
		if (is_broken(m, lo, hi))
			continue;
		overwrite(m, b, how);
		k++;
	}
	/* A whole segment of the prototype heap: nobody needed lives there. */
	if (n > 20)
		for (size_t i = 0; i < m->n_blocks; i++) {
			const struct lab_block *b = &m->blocks[i];
			if (b->kind != LAB_KIND_VS || (b->tag & ~LAB_PROTECTED) != LAB_TAG('M', 'm', 'S', 't'))
				continue;
			overwrite(m, b, SIGNATURE);
			break;
		}
	free(needed.list);
}

/* ---- one defect of each kind that a check of the heaps knows ---- */

struct kinds {
	struct lab_machine *m;
	struct pages needed;
	uint64_t used[16]; /* subsegments */
	unsigned n_used;
};

/* In a subsegment in which nothing is damaged yet. */
static const struct lab_block *another(struct kinds *k, enum lab_kind kind)
{
	for (unsigned tries = 0; tries < 10000; tries++) {
		const struct lab_block *b = choose(k->m, kind, &k->needed);
		bool again = !b || b->state != LAB_ALLOCATED;
		for (unsigned i = 0; i < k->n_used && !again; i++)
			again = k->used[i] == b->sub_va;
		if (!again)
			return b;
	}
	lab_die("no block that could be damaged");
}

static void use(struct kinds *k, const struct lab_block *b)
{
	k->used[k->n_used++] = b->sub_va;
}

static void damage_vs(struct kinds *k)
{
	struct lab_machine *m = k->m;
	const struct lab_block *b = another(k, LAB_KIND_VS);
	use(k, b);
	lab_put64(m->mem, b->chunk_va, m->heap_key ^ b->chunk_va ^ (uint64_t)1 << 48);
	lab_damage_note(m, "VS chunk header", b->chunk_va);
	use(k, b = another(k, LAB_KIND_VS));
	/* One bit of UnsafePrevSize, encoded or not. */
	lab_put8(m->mem, b->chunk_va + 4, (uint8_t)(lab_get64(m->mem, b->chunk_va) >> 32 ^ 1));
	lab_damage_note(m, "VS previous size", b->chunk_va);
	use(k, b = another(k, LAB_KIND_VS));
	uint64_t at = b->sub_va + lab_offset(m->b, "_HEAP_VS_SUBSEGMENT", "Signature");
	lab_put16(m->mem, at, (uint16_t)(lab_get32(m->mem, at) ^ 0x5a5));
	lab_damage_note(m, "VS subsegment signature", b->sub_va);
}

static uint32_t lfh_field(struct lab_machine *m, uint64_t va, const char *field)
{
	static const char type[] = "_HEAP_LFH_SUBSEGMENT";
	return lab_get32(m->mem, va + lab_offset(m->b, type, field)) &
	       (lab_field_size(m->b, type, field) == 1 ? 0xffu : 0xffffu);
}

static void damage_lfh(struct kinds *k)
{
	static const char type[] = "_HEAP_LFH_SUBSEGMENT";
	struct lab_machine *m = k->m;
	const struct lab_block *b = another(k, LAB_KIND_LFH);
	use(k, b);
	lab_put32(m->mem, b->sub_va + lab_offset(m->b, type, "BlockOffsets"), 0x41414141);
	lab_damage_note(m, "LFH geometry", b->sub_va);
	do
		b = another(k, LAB_KIND_LFH);
	while (lfh_field(m, b->sub_va, "FreeCount") == lfh_field(m, b->sub_va, "BlockCount"));
	use(k, b);
	lab_put_field(m, b->sub_va, type, "FreeCount", lfh_field(m, b->sub_va, "FreeCount") + 1);
	lab_damage_note(m, "LFH bitmap", b->sub_va);
	do
		b = another(k, LAB_KIND_LFH);
	while (!lfh_field(m, b->sub_va, "WitheldBlockCount"));
	use(k, b);
	lab_put_field(m, b->sub_va, type, "BlockCount", lfh_field(m, b->sub_va, "BlockCount") + 1);
	lab_put_field(m, b->sub_va, type, "WitheldBlockCount", lfh_field(m, b->sub_va, "WitheldBlockCount") - 1);
	lab_damage_note(m, "LFH withheld count", b->sub_va);
	use(k, b = another(k, LAB_KIND_LFH));
	for (unsigned i = 0; i < 8; i++)
		lab_put8(m->mem, b->outer_va + i, 0xfe);
	lab_damage_note(m, "header size against chunk size", b->outer_va);
	use(k, b = another(k, LAB_KIND_LFH));
	uint64_t segment = b->sub_va & ~0xfffffull, at = segment + (b->sub_va - segment) / LAB_PAGE * 0x20;
	lab_put32(m->mem, at, 0x41414141);
	lab_damage_note(m, "range descriptor", at);
}

static void damage_segments(struct lab_machine *m)
{
	uint64_t va = m->heaps[LAB_HEAP_PROTOTYPE]->context[0].segments[0]->va;
	lab_put64(m->mem, va + 0x10, 0x4242424242424242);
	lab_damage_note(m, "segment signature", va);
	va = m->heaps[LAB_HEAP_NONPAGED]->context[0].segments[0]->va;
	lab_put64(m->mem, va, va + 0x18);
	lab_damage_note(m, "segment list link", va + 0x18);
}

/* A leaf gets a child that is no node. */
static void damage_large_tree(struct lab_machine *m)
{
	for (size_t i = 0; i < m->n_heaps; i++) {
		uint64_t tree = m->heaps[i]->va + lab_offset(m->b, "_SEGMENT_HEAP", "LargeAllocMetadata"), left;
		if (!m->heaps[i]->n_large)
			continue;
		bool encoded = lab_get64(m->mem, tree + 8) & 1;
		uint64_t node = lab_get64(m->mem, tree) ^ (encoded ? tree : 0);
		while ((left = lab_get64(m->mem, node)) != 0)
			node = left ^ (encoded ? node : 0);
		lab_put64(m->mem, node, encoded ? 1 : node + 1);
		lab_damage_note(m, "large allocation tree link", node + 1);
		return;
	}
	lab_die("no large allocation");
}

static void damage_special_and_cached(struct lab_machine *m)
{
	unsigned n = 0;
	for (size_t i = 0; i < m->n_blocks && n < 2; i++) {
		const struct lab_block *b = &m->blocks[i];
		if (b->kind != LAB_KIND_SPECIAL || b->header_va - b->sub_va < 0x100)
			continue;
		if (n++) {
			lab_put16(m->mem, b->sub_va, 0);
			lab_damage_note(m, "special pool record", b->sub_va);
			continue;
		}
		lab_put8(m->mem, b->header_va - 1, (uint8_t)(lab_get32(m->mem, b->header_va - 4) >> 24 ^ 0x55));
		lab_damage_note(m, "special pool pattern", b->header_va - 1);
	}
	for (size_t i = 0; i < m->n_heaps; i++)
		for (unsigned k = 0; k < HEAP_LOOKASIDES; k++) {
			const struct heap_stack *s = &m->heaps[i]->lookaside[k];
			if (s->n < 2)
				continue;
			lab_put64(m->mem, s->nodes[s->n - 1], s->nodes[0]);
			lab_damage_note(m, "lookaside link", s->nodes[0]);
			return;
		}
}

/* A chunk of the first session; the block before it has a tag there that it does not have in the second. */
void lab_heap_damage_session(struct lab_machine *m)
{
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		if (b->pool != LAB_POOL_SESSION || b->kind != LAB_KIND_VS || b->is_big || b->state != LAB_ALLOCATED)
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct lab_block *before = &m->blocks[k];
			if (before->kind != LAB_KIND_VS || before->is_big || before->state != LAB_ALLOCATED ||
			    before->outer_va + before->heap_bytes != b->chunk_va)
				continue;
			lab_put32(m->mem, before->outer_va + 4, LAB_TAG('S', 'u', 's', 'p'));
			lab_put64(m->mem, b->chunk_va, m->heap_key ^ b->chunk_va ^ (uint64_t)1 << 48);
			lab_damage_note(m, "VS chunk header", b->chunk_va);
			return;
		}
	}
	lab_die("no chunk of a session behind another");
}

void lab_heap_damage_kinds(struct lab_machine *m)
{
	struct kinds k = {.m = m, .needed = needed_pages(m)};
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		if (b->tag != LAB_TAG('Q', 'u', 'o', 'D'))
			continue;
		use(&k, b);
		lab_put64(m->mem, b->header_va + 8, 0x4141414141414141);
		lab_damage_note(m, "bad billed process", b->header_va);
	}
	damage_vs(&k);
	damage_lfh(&k);
	damage_segments(m);
	damage_large_tree(m);
	damage_special_and_cached(m);
	free(k.needed.list);
}
