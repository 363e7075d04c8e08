/* SPDX-License-Identifier: MIT */
/* Trackers of session pool: one table per session, at an address that only processes of the session map.
 * Reference: pool 5.1 (places per build [V]), kernel 11. */
#include "pool/internal.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>

#define SESSION_ENTRIES_MAX ((1u << 16) + 1)

struct sessions {
	struct psc_tracker_read *t;
	struct psc_tracker_proof proof;
	uint64_t global_table, global_size; /* 0 not known */
};

/* One table, and its keys where they are to be checked. */
struct reading {
	struct psc_tracker_read *t;
	uint32_t *keys;   /* NULL: not asked for */
	uint8_t *missing; /* as in struct psc_tracker_slots */
};

static bool session_entry(void *arg, uint64_t index, const uint8_t *entry)
{
	struct reading *r = arg;
	struct psc_tracker_read *t = r->t;
	if (t->n_entries_left == 0)
		return false;
	t->n_entries_left--;
	uint32_t key = psc_le32(entry + t->layout.key);
	if (r->keys)
		r->keys[index] = key;
	if (psc_tracker_entry_is_zero(&t->layout, entry))
		return true;
	if (key == 0)
		key = PSC_TAG_OVERFLOW;
	struct psc_tracker_sum *sum = psc_tracker_sum_at(t, key);
	if (!sum)
		return !t->no_memory;
	psc_tracker_entry_add(&t->layout, entry, true, sum);
	return true;
}

static void mark_missing(void *arg, uint64_t first, uint64_t end)
{
	struct reading *r = arg;
	for (uint64_t i = first; r->missing && i < end; i++)
		r->missing[i] = 2;
}

/* The table of a session: in place, behind a pointer, or where the global says. */
static bool table_of(struct sessions *s, const struct psc_session *session, uint64_t *ret_va, uint64_t *ret_n)
{
	struct psc_kernel *k = s->t->k;
	const struct psc_field *tags = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags);
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t n = s->global_size;
	if (tags && tags->size_bytes > ptr) {
		*ret_va = session->va + tags->offset;
		uint64_t room = tags->size_bytes / s->t->layout.entry_bytes;
		*ret_n = n != 0 ? psc_min_u64(n, room) : room;
		return true;
	}
	uint64_t va = s->global_table;
	if (tags && !psc_read_ptr(session->reader, session->va + tags->offset, &va))
		return false;
	*ret_va = va;
	*ret_n = n;
	return va != 0 && n != 0 && psc_is_kernel_va(session->reader->sp, va);
}

/* Slots are by the size that the kernel says, of which the last is the overflow entry: a table of another size has no
 * mask that is known. */
static void check_slots(struct sessions *s, const struct reading *r, uint64_t va, uint64_t n)
{
	if (!r->keys || n != s->global_size || n < 2 || !psc_is_pow2(n - 1))
		return;
	const struct psc_tracker_slots slots = {
		.keys = r->keys, .missing = r->missing, .va = va, .mask = n - 2, .size = n};
	psc_tracker_slots_prove(s->t, &slots, &s->proof);
}

static void read_table(struct sessions *s, const struct psc_session *session, uint64_t va, uint64_t n)
{
	struct psc_tracker_read *t = s->t;
	struct reading r = {.t = t};
	const struct psc_table_visitor visitor = {session_entry, mark_missing, &r};
	uint64_t missing = 0, size_bytes = n * t->layout.entry_bytes;
	if (t->defects) {
		r.keys = calloc((size_t)n + 1, sizeof(*r.keys));
		r.missing = calloc((size_t)n + 1, 1);
		t->no_memory |= !r.keys || !r.missing;
	}
	if (!t->no_memory)
		psc_table_read(session->reader, va, n, t->layout.entry_bytes, &visitor, &missing);
	if (t->n_entries_left != 0 && !t->no_memory)
		check_slots(s, &r, va, n);
	free(r.keys);
	free(r.missing);
	t->bytes_total += size_bytes;
	t->bytes_missing += missing;
	t->session_incomplete |= missing != 0;
	if (missing != 0)
		psc_warn(t->warnings, "session trackers: %llu of %llu bytes of session %u's table are not in the dump",
			 (unsigned long long)missing, (unsigned long long)size_bytes, (unsigned)session->id);
	if (missing < size_bytes) {
		t->n_tables++;
		t->has_session = true;
	}
}

static bool visit(void *arg, const struct psc_session *session)
{
	struct sessions *s = arg;
	struct psc_tracker_read *t = s->t;
	uint64_t va, n;
	if (table_of(s, session, &va, &n))
		read_table(s, session, va, n);
	else
		t->session_incomplete = true;
	return !t->no_memory;
}

void psc_tracker_sessions_read(struct psc_tracker_read *t)
{
	struct psc_kernel *k = t->k;
	struct sessions s = {.t = t};
	struct psc_sessions all;
	uint64_t size;
	if (k->space.mmu == PSC_MMU_NONE)
		return;
	if (psc_kernel_read_ptr(k, PSC_SYM_ExpSessionPoolTrackTableSize, &size) && size <= SESSION_ENTRIES_MAX)
		s.global_size = size;
	if (!psc_kernel_read_ptr(k, PSC_SYM_ExpSessionPoolTrackTable, &s.global_table))
		s.global_table = 0;
	if (s.global_table == 0 && !psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags))
		return;
	psc_sessions_visit(k, visit, &s, &all);
	t->no_memory |= all.no_memory;
	t->session_incomplete |= t->n_entries_left == 0 || all.is_cut || all.n_lost != 0;
	if (all.n_lost != 0)
		psc_warn(t->warnings, "session trackers: %zu sessions are not in the dump", all.n_lost);
	if (all.is_list_broken)
		psc_warn(t->warnings, "session trackers: the process list is broken, sessions may be missing");
	psc_tracker_proof_finish(t, &s.proof);
}
