/* SPDX-License-Identifier: MIT */
/* Pool descriptors of the classic allocator: found by their array of free lists, each head of which is linked to itself
 * or to blocks that point back. A stale copy fails at once, because its heads are linked to the original. Reference:
 * pool 3.1, 3.2 [V]. */
#include "pool/infer.h"
#include "util/bytes.h"
#include "util/checked.h"

#define FOUND_MAX 64u
#define TYPE_NX   0x200u
#define LISTS64   256u
#define LISTS32   512u

struct family {
	bool is_64bit;
	uint32_t first_build, size, lists, index, pending, pending_depth;
	uint32_t pages[2], big_pages[2]; /* in use; or allocated, deallocated */
	uint32_t counter_bytes;
};

/* Newest first. */
static const struct family families[] = {
	{true, 14393, 0x1140, 0x140, 0xc0, 0x100, 0x10c, {0x48, 0x88}, {0x50, 0x90}, 8},
	{true, 7600, 0x1140, 0x140, 0x80, 0x100, 0x108, {0xc0, 0}, {0x48, 0}, 4},
	{true, 6000, 0x1048, 0x48, 4, 0x28, 0x34, {0x10, 0}, {0x14, 0}, 4},
	{true, 3790, 0x1048, 0x48, 4, 0x28, 0x30, {0x10, 0}, {0x14, 0}, 4},
	{false, 14393, 0x1140, 0x140, 0xc0, 0x100, 0x108, {0x44, 0x84}, {0x48, 0x88}, 4},
	{false, 7600, 0x1140, 0x140, 0x80, 0x100, 0x104, {0xc0, 0}, {0x48, 0}, 4},
	{false, 6000, 0x1034, 0x34, 4, 0x20, 0x28, {0x10, 0}, {0x14, 0}, 4},
	{false, 3790, 0x1030, 0x30, 4, 0x20, 0x24, {0x10, 0}, {0x14, 0}, 4},
	{false, 2600, 0x1028, 0x28, 4, 0x20, 0x24, {0x10, 0}, {0x14, 0}, 4},
};
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

/* 1 linked, 0 not readable, -1 neither linked to itself nor to something that points back. All links may be marked in
 * their lowest bit (free_lists.c). */
static int head_state(struct psc_kernel *k, uint64_t head)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t flink, blink, back;
	if (!psc_read_ptr(&k->reader, head, &flink) || !psc_read_ptr(&k->reader, head + ptr, &blink))
		return 0;
	const uint64_t mark = flink & 1;
	flink ^= mark;
	blink ^= mark;
	if (flink == head && blink == head)
		return 1;
	if (flink % ptr != 0 || blink % ptr != 0 || !psc_is_kernel_va(&k->space, flink) ||
	    !psc_is_kernel_va(&k->space, blink) || flink == head || blink == head)
		return -1;
	if (psc_read_ptr(&k->reader, flink + ptr, &back) && back != (head | mark))
		return -1;
	if (psc_read_ptr(&k->reader, blink, &back) && back != (head | mark))
		return -1;
	return 1;
}

static unsigned n_lists(const struct psc_kernel *k)
{
	return psc_kernel_is_64bit(k) ? LISTS64 : LISTS32;
}

/* How many of its heads are linked; 0: no descriptor. */
static unsigned lists_linked(struct psc_kernel *k, const struct family *f, uint64_t va)
{
	const unsigned ptr = psc_pointer_bytes(&k->space), n = n_lists(k);
	unsigned good = 0, bad = 0;
	if (va % ptr != 0 || !psc_is_kernel_va(&k->space, va) || va > UINT64_MAX - f->size)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		int state = head_state(k, va + f->lists + (uint64_t)i * 2 * ptr);
		good += state > 0;
		bad += state < 0;
		if (bad > n / 32)
			return 0;
	}
	return good >= n - n / 4 ? good : 0;
}

enum kind { KIND_NONE, KIND_NONPAGED, KIND_PAGED };

/* What the descriptor at va says it is, and its index. */
static enum kind kind_of(struct psc_kernel *k, const struct family *f, uint64_t va, uint32_t *ret_index)
{
	uint32_t type;
	if (!psc_read_u32(&k->reader, va, &type) || !psc_read_u32(&k->reader, va + f->index, ret_index) ||
	    *ret_index >= FOUND_MAX)
		return KIND_NONE;
	return type == 1 ? KIND_PAGED : (type & ~TYPE_NX) == 0 ? KIND_NONPAGED : KIND_NONE;
}

struct found {
	uint64_t va;
	enum kind kind;
	uint32_t index;
};

struct search {
	struct psc_kernel *k;
	const struct psc_kernel_data *d;
	const struct family *f;
	struct found items[FOUND_MAX];
	size_t n;
	uint64_t n_checks;
};

static const struct found *known(const struct search *s, uint64_t va)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].va == va)
			return &s->items[i];
	return NULL;
}

static bool try_descriptor(struct search *s, uint64_t va)
{
	uint32_t index = 0;
	if (known(s, va))
		return true;
	if (s->n == FOUND_MAX)
		return false;
	enum kind kind = kind_of(s->k, s->f, va, &index);
	unsigned good = kind != KIND_NONE ? lists_linked(s->k, s->f, va) : 0;
	if (good == 0)
		return false;
	s->n_checks += good;
	s->items[s->n++] = (struct found){va, kind, index};
	return true;
}

/* Those inside the kernel's data: where a row of linked heads starts. */
static void find_static(struct search *s)
{
	const unsigned ptr = psc_pointer_bytes(&s->k->space);
	for (size_t j = 0; j < s->d->n; j++) {
		const struct psc_data_section *sec = &s->d->sections[j];
		const size_t n = psc_data_words(s->k, sec);
		for (size_t i = 0; i + 1 < n; i++) {
			uint64_t va = sec->va + (uint64_t)i * ptr, flink = psc_data_word(s->k, sec, i);
			if ((flink & ~(uint64_t)1) != va || psc_data_word(s->k, sec, i + 1) != flink)
				continue;
			uint64_t start = va;
			for (unsigned back = 0; back < n_lists(s->k) && start >= sec->va + 2 * ptr &&
						head_state(s->k, start - 2 * ptr) > 0;
			     back++)
				start -= 2 * ptr;
			if (start >= sec->va + s->f->lists && try_descriptor(s, start - s->f->lists))
				i = (size_t)((start - sec->va) / ptr) + 2u * n_lists(s->k) - 1;
		}
	}
}

/* Those that a pointer in the kernel's data leads to. */
static void find_pointed(struct search *s)
{
	for (size_t j = 0; j < s->d->n; j++) {
		const struct psc_data_section *sec = &s->d->sections[j];
		for (size_t i = 0; i < psc_data_words(s->k, sec); i++) {
			uint64_t va = psc_data_word(s->k, sec, i);
			if (va == 0 || va % 8 != 0 || !psc_is_kernel_va(&s->k->space, va) ||
			    psc_kernel_data_holds(s->d, va) || head_state(s->k, va + s->f->lists) <= 0)
				continue;
			(void)try_descriptor(s, va);
		}
	}
}

/* The array of pointers to descriptors of one kind with the indices 0, 1, ... that is longest. */
struct run {
	uint64_t at;
	size_t n;
	uint64_t ties[PSC_ALTERNATIVES_MAX];
	size_t n_ties;
};

static struct run longest_run(const struct search *s, enum kind kind)
{
	const unsigned ptr = psc_pointer_bytes(&s->k->space);
	struct run best = {0};
	for (size_t j = 0; j < s->d->n; j++) {
		const struct psc_data_section *sec = &s->d->sections[j];
		const size_t n = psc_data_words(s->k, sec);
		for (size_t i = 0; i < n; i++) {
			size_t length = 0;
			while (i + length < n) {
				const struct found *f = known(s, psc_data_word(s->k, sec, i + length));
				if (!f || f->kind != kind || f->index != length)
					break;
				length++;
			}
			if (length == 0 || length < best.n)
				continue;
			if (length > best.n)
				best = (struct run){sec->va + (uint64_t)i * ptr, length, {0}, 0};
			else if (best.n_ties < PSC_ALTERNATIVES_MAX)
				best.ties[best.n_ties++] = sec->va + (uint64_t)i * ptr;
		}
	}
	return best;
}

static void put_field(struct psc_kernel *k, const struct family *f, enum psc_field_id id, uint32_t offset,
		      uint32_t size_bytes)
{
	k->profile.fields[id] = (struct psc_field){
		.origin = PSC_ORIGIN_INFERRED, .offset = offset, .size_bytes = size_bytes, .struct_size = f->size};
}

static void use_family(struct psc_kernel *k, const struct family *f, size_t n, uint64_t n_checks)
{
	static const enum psc_field_id all[] = {
		PSC_FIELD_POOL_DESCRIPTOR_BigPagesAllocated, PSC_FIELD_POOL_DESCRIPTOR_BigPagesDeallocated,
		PSC_FIELD_POOL_DESCRIPTOR_PagesAllocated,    PSC_FIELD_POOL_DESCRIPTOR_PagesDeallocated,
		PSC_FIELD_POOL_DESCRIPTOR_TotalBigPages,     PSC_FIELD_POOL_DESCRIPTOR_TotalPages,
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		psc_infer_drop_field(k, all[i]);
	put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_PoolType, 0, 4);
	put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_PoolIndex, f->index, 4);
	put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_PendingFrees, f->pending, psc_pointer_bytes(&k->space));
	put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_PendingFreeDepth, f->pending_depth, 4);
	if (f->pages[1] == 0) {
		put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_TotalPages, f->pages[0], f->counter_bytes);
		put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_TotalBigPages, f->big_pages[0], f->counter_bytes);
	} else {
		put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_PagesAllocated, f->pages[0], f->counter_bytes);
		put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_PagesDeallocated, f->pages[1], f->counter_bytes);
		put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_BigPagesAllocated, f->big_pages[0], f->counter_bytes);
		put_field(k, f, PSC_FIELD_POOL_DESCRIPTOR_BigPagesDeallocated, f->big_pages[1], f->counter_bytes);
	}
	psc_infer_note(k, "_POOL_DESCRIPTOR", "size", f->size, PSC_CONFIDENCE_PROVEN,
		       (uint32_t)psc_min_u64(n_checks, UINT32_MAX),
		       "%zu descriptors of this form: their lists of free blocks at %x are linked to themselves or to "
		       "blocks that point back",
		       n, (unsigned)f->lists);
}

static void put_nonpaged(struct search *s)
{
	struct psc_kernel *k = s->k;
	uint64_t single[PSC_ALTERNATIVES_MAX];
	size_t n = 0;
	struct run run = longest_run(s, KIND_NONPAGED);
	k->inferred_pools[0] = run.n > 1 ? (uint32_t)run.n : 1;
	if (run.n > 1 && psc_kernel_sym(k, PSC_SYM_ExpNonPagedPoolDescriptor) == 0)
		psc_infer_alternatives(k,
				       psc_infer_sym(k, PSC_SYM_ExpNonPagedPoolDescriptor, run.at,
						     psc_infer_arrays_differ(k, run.at, run.ties, run.n_ties, run.n)
							     ? PSC_CONFIDENCE_AMBIGUOUS
							     : PSC_CONFIDENCE_PROVEN,
						     (uint32_t)run.n,
						     "an array of pointers to the nonpaged descriptors 0 to %zu",
						     run.n - 1),
				       run.ties, run.n_ties);
	if (psc_kernel_sym(k, PSC_SYM_NonPagedPoolDescriptor) != 0)
		return;
	/* The one of two side by side that comes first (executable, then NX). */
	for (size_t i = 0; i < s->n && n < PSC_ALTERNATIVES_MAX; i++) {
		const struct found *f = &s->items[i];
		const struct found *before = known(s, f->va - s->f->size);
		if (f->kind != KIND_NONPAGED || f->index != 0 || !psc_kernel_data_holds(s->d, f->va) ||
		    (before && before->kind == KIND_NONPAGED && before->index == 0))
			continue;
		single[n++] = f->va;
	}
	if (n == 0)
		return;
	struct psc_inferred *item = psc_infer_sym(
		k, PSC_SYM_NonPagedPoolDescriptor, single[0], n == 1 ? PSC_CONFIDENCE_PROVEN : PSC_CONFIDENCE_AMBIGUOUS,
		n_lists(k), "a descriptor of nonpaged pool in the kernel's data with all its free lists linked");
	if (n > 1)
		psc_infer_alternatives(k, item, single, n);
}

static void put_paged(struct search *s)
{
	struct psc_kernel *k = s->k;
	struct run run = longest_run(s, KIND_PAGED);
	if (run.n == 0)
		return;
	k->inferred_pools[1] = (uint32_t)run.n;
	if (psc_kernel_sym(k, PSC_SYM_ExpPagedPoolDescriptor) != 0)
		return;
	/* PoolVector holds the first one too, and no other behind it. */
	bool differ = psc_infer_arrays_differ(k, run.at, run.ties, run.n_ties, run.n);
	enum psc_confidence c = differ                         ? PSC_CONFIDENCE_AMBIGUOUS
				: run.n > 1 && run.n_ties == 0 ? PSC_CONFIDENCE_PROVEN
							       : PSC_CONFIDENCE_LIKELY;
	struct psc_inferred *item =
		psc_infer_sym(k, PSC_SYM_ExpPagedPoolDescriptor, run.at, c, (uint32_t)run.n,
			      "an array of pointers to the paged descriptors 0 to %zu, each with its index", run.n - 1);
	psc_infer_alternatives(k, item, run.ties, run.n_ties);
}

static bool is_used(const struct psc_kernel *k, const struct family *f)
{
	const struct psc_field *index = psc_profile_field(&k->profile, PSC_FIELD_POOL_DESCRIPTOR_PoolIndex);
	const struct psc_field *depth = psc_profile_field(&k->profile, PSC_FIELD_POOL_DESCRIPTOR_PendingFreeDepth);
	return index && depth && index->struct_size == f->size && index->offset == f->index &&
	       depth->offset == f->pending_depth;
}

/* Families in the order of trust: the one in use, those up to this build, the rest. */
static size_t order_families(const struct psc_kernel *k, const struct family *ret[N_FAMILIES])
{
	size_t n = 0;
	for (unsigned pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < N_FAMILIES; i++) {
			const struct family *f = &families[i];
			bool used = is_used(k, f), older = k->id.build >= f->first_build;
			if (f->is_64bit == psc_kernel_is_64bit(k) && (pass == 0 ? used : !used && older == (pass == 1)))
				ret[n++] = f;
		}
	return n;
}

static void search_family(struct search *s, const struct family *f)
{
	s->f = f;
	s->n = 0;
	s->n_checks = 0;
	find_static(s);
	find_pointed(s);
}

void psc_infer_descriptors(struct psc_kernel *k, const struct psc_kernel_data *d)
{
	const struct family *order[N_FAMILIES];
	const struct psc_field *type = psc_profile_field(&k->profile, PSC_FIELD_POOL_DESCRIPTOR_PoolType);
	bool from_file = type && type->origin > PSC_ORIGIN_BUILTIN_RANGE;
	bool has_symbols = psc_kernel_sym(k, PSC_SYM_NonPagedPoolDescriptor) != 0 &&
			   psc_kernel_sym(k, PSC_SYM_ExpPagedPoolDescriptor) != 0 &&
			   psc_kernel_sym(k, PSC_SYM_ExpNumberOfPagedPools) != 0;
	if ((from_file && has_symbols) || psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP)
		return;
	struct search s = {.k = k, .d = d};
	size_t n = order_families(k, order);
	for (size_t i = 0; i < n; i++) {
		search_family(&s, order[i]);
		/* Paged descriptors carry different indices; alone they settle which of two like families it is. */
		if (s.n < 2 || longest_run(&s, KIND_PAGED).n == 0)
			continue;
		bool used = is_used(k, order[i]);
		if (type && !used && !from_file)
			psc_infer_note(k, "_POOL_DESCRIPTOR", "size", 0, PSC_CONFIDENCE_REJECTED, 0,
				       "no descriptors of the built-in form are in the kernel's data");
		if (!used && !from_file)
			use_family(k, order[i], s.n, s.n_checks);
		put_nonpaged(&s);
		put_paged(&s);
		return;
	}
}
