/* SPDX-License-Identifier: MIT */
/* STACK_TRACE_DATABASE and RTL_STACK_TRACE_ENTRY. Reference: pool 8.6, layouts.tsv: [1], from the user-mode twins, so
 * nothing is taken on trust: the pointer to the array of entries is the one whose entries carry the indices at which
 * they stand. */
#include "blame/stackdb.h"
#include "util/bytes.h"
#include "util/error.h"

#include <string.h>

#define FLAG_POOL_TAGGING    0x400u /* NtGlobalFlag */
#define FLAG_STACK_TRACE_DB  0x2000u
#define BUILD_ALWAYS_TAGGING 3790u
#define BUILD_NEW_ENTRIES    7600u
/* EntryIndexArray is at B8, on x86 at 64; other generations keep it elsewhere, but not farther than this. */
#define HEAD_BYTES 0x400u
#define PROBES     8u
#define DEPTH_MAX  PSC_STACKDB_FRAMES_MAX
#define COUNT_NEW  0x7ffu
/* Looks for cancellation once for so many. */
#define CANCEL_ENTRIES 1024u

struct reading {
	struct psc_kernel *k;
	unsigned ptr;
	uint64_t array; /* entry i: the pointer i places below */
	struct psc_stackdb *ret;
};

enum outcome { ENTRY_GOOD, ENTRY_MISSING, ENTRY_WRONG };

struct entry {
	uint32_t count;
	unsigned depth;
	uint64_t frames[DEPTH_MAX];
};

/* HashChain, TraceCount, Index, Depth, BackTrace: the newer form splits TraceCount, what follows stands still. */
static enum outcome read_entry(const struct reading *g, uint32_t index, struct entry *ret)
{
	struct psc_kernel *k = g->k;
	const bool is_32bit = g->ptr == 4;
	const size_t head = g->ptr + 8;
	uint8_t b[16 + 8 * DEPTH_MAX];
	uint64_t va;
	if (!psc_read_ptr(&k->reader, g->array - (uint64_t)index * g->ptr, &va))
		return ENTRY_MISSING;
	if (!psc_is_kernel_va(&k->space, va) || va % g->ptr != 0)
		return ENTRY_WRONG;
	if (psc_read_va(&k->reader, va, b, head) != head)
		return ENTRY_MISSING;
	ret->count = psc_le32(b + g->ptr);
	ret->depth = psc_le16(b + g->ptr + 6);
	if (psc_le16(b + g->ptr + 4) != index || ret->depth == 0 || ret->depth > DEPTH_MAX)
		return ENTRY_WRONG;
	const size_t bytes = (size_t)ret->depth * g->ptr;
	if (psc_read_va(&k->reader, va + head, b + head, bytes) != bytes)
		return ENTRY_MISSING;
	for (unsigned i = 0; i < ret->depth; i++) {
		const uint8_t *at = b + head + (size_t)i * g->ptr;
		ret->frames[i] = is_32bit ? psc_le32(at) : psc_le64(at);
		if (!psc_is_kernel_va(&k->space, ret->frames[i]))
			return ENTRY_WRONG;
	}
	return ENTRY_GOOD;
}

/* Do the first entries below `array` carry their indices? A few lost pages among them are no contradiction. */
static bool is_array(struct reading *g, uint64_t array, uint32_t n)
{
	unsigned good = 0;
	g->array = array;
	if (!psc_is_kernel_va(&g->k->space, array) || array % g->ptr != 0)
		return false;
	for (uint32_t i = 1; i <= PROBES && i <= n; i++) {
		struct entry e;
		enum outcome o = read_entry(g, i, &e);
		if (o == ENTRY_WRONG)
			return false;
		good += o == ENTRY_GOOD;
	}
	return good != 0;
}

/* *ret_n: entries that the database counts, which stands before the pointer in every generation. False: no pointer,
 * or more than one that fits. */
static bool find_array(struct reading *g, uint64_t db, uint32_t *ret_n)
{
	uint64_t found = 0;
	for (uint32_t at = g->ptr; at < HEAD_BYTES; at += g->ptr) {
		uint64_t array;
		uint32_t n;
		if (!psc_read_ptr(&g->k->reader, db + at, &array) || !psc_read_u32(&g->k->reader, db + at - 4, &n) ||
		    n == 0 || !is_array(g, array, n))
			continue;
		if (found != 0 && found != array)
			return false;
		found = array;
		*ret_n = n;
	}
	g->array = found;
	return found != 0;
}

static bool keep(struct reading *g, struct psc_arena *arena, uint32_t index, const struct entry *e)
{
	struct psc_stackdb_trace *t = &g->ret->by_index[index];
	uint64_t *frames = psc_arena_alloc_array(arena, e->depth, sizeof(*frames));
	if (!frames)
		return false;
	memcpy(frames, e->frames, e->depth * sizeof(*frames));
	t->frames = frames;
	t->n_frames = (uint8_t)e->depth;
	bool is_new = g->k->id.build >= BUILD_NEW_ENTRIES;
	t->count = is_new ? e->count & COUNT_NEW : e->count;
	t->count_is_cut = is_new && t->count == COUNT_NEW;
	g->ret->traces++;
	return true;
}

static bool read_entries(struct reading *g, struct psc_arena *arena, uint32_t n)
{
	struct psc_stackdb *ret = g->ret;
	struct entry e;
	ret->n_indices = n < PSC_STACKDB_ENTRIES_MAX ? n : PSC_STACKDB_ENTRIES_MAX;
	ret->by_index = psc_arena_alloc_array(arena, (size_t)ret->n_indices + 1, sizeof(*ret->by_index));
	if (!ret->by_index)
		return false;
	memset(ret->by_index, 0, ((size_t)ret->n_indices + 1) * sizeof(*ret->by_index));
	for (uint32_t i = 1; i <= ret->n_indices; i++) {
		if (i % CANCEL_ENTRIES == 0 && psc_image_is_cancelled(g->k->img))
			break;
		enum outcome o = read_entry(g, i, &e);
		ret->by_index[i].is_missing = o == ENTRY_MISSING;
		ret->missing += o == ENTRY_MISSING;
		ret->invalid += o == ENTRY_WRONG;
		if (o == ENTRY_GOOD && !keep(g, arena, i, &e))
			return false;
	}
	return true;
}

/* The field shares its bytes with the tag on x86, and with the charged process on the others. */
static bool may_be_in_headers(struct psc_kernel *k)
{
	uint32_t flags;
	if (!k->space.is_32bit)
		return true;
	return k->id.build != 0 && k->id.build < BUILD_ALWAYS_TAGGING &&
	       psc_kernel_read_u32(k, PSC_SYM_NtGlobalFlag, &flags) && (flags & FLAG_POOL_TAGGING) == 0;
}

enum psc_status psc_stackdb_read(struct psc_kernel *k, struct psc_arena *arena, struct psc_stackdb *ret,
				 struct psc_error *reterr)
{
	struct reading g = {k, psc_pointer_bytes(&k->space), 0, ret};
	uint64_t db;
	uint32_t n = 0, flags;
	memset(ret, 0, sizeof(*ret));
	const bool is_read = psc_kernel_read_ptr(k, PSC_SYM_RtlpStackTraceDatabase, &db);
	/* Without symbols the flag, which kernels export, says that none was made. */
	ret->known_off =
		is_read ? db == 0
			: psc_kernel_read_u32(k, PSC_SYM_NtGlobalFlag, &flags) && (flags & FLAG_STACK_TRACE_DB) == 0;
	if (ret->known_off || !is_read) {
		ret->why_not = ret->known_off
				       ? "the kernel's stack-trace database was off (NtGlobalFlag & 0x2000 clear)"
			       : psc_kernel_sym(k, PSC_SYM_RtlpStackTraceDatabase) == 0
				       ? "RtlpStackTraceDatabase is not known without symbols of this kernel"
				       : "RtlpStackTraceDatabase is not in the dump";
		return PSC_OK;
	}
	if (!psc_is_kernel_va(&k->space, db) || db % g.ptr != 0 || !find_array(&g, db, &n)) {
		ret->why_not = "the kernel's stack-trace database is not in the dump, or of a form that is not known";
		return PSC_OK;
	}
	if (!read_entries(&g, arena, n))
		return psc_fail_no_memory(reterr);
	ret->available = ret->traces != 0;
	if (!ret->available)
		ret->why_not = "no entry of the kernel's stack-trace database is in the dump";
	ret->in_headers = may_be_in_headers(k);
	return PSC_OK;
}
