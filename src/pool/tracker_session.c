/* SPDX-License-Identifier: MIT */
/* Trackers of session pool: one table per session, at an address that only processes of the session map.
 * Reference: pool 5.1 (places per build [V]), kernel 11. */
#include "pool/internal.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>

#define SESSIONS_MAX        4096u
#define SESSION_ENTRIES_MAX ((1u << 16) + 1)

struct sessions {
	struct psc_tracker_read *t;
	struct psc_hashmap seen;   /* {session, frame}: two sessions may show at one address */
	struct psc_hashmap failed; /* {session}: not readable through some process of it */
	struct psc_hashmap known;  /* {session} */
	struct psc_reader *reader; /* large: on the heap */
	struct psc_space space;
	uint64_t global_table, global_size; /* 0 not known */
	size_t n;
};

static bool session_entry(void *arg, uint64_t index, const uint8_t *entry)
{
	struct psc_tracker_read *t = arg;
	(void)index;
	if (t->n_entries_left == 0)
		return false;
	t->n_entries_left--;
	uint32_t key = psc_le32(entry + t->layout.key);
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

/* The table of the session of p: in place, behind a pointer, or where the global says. */
static bool table_of(struct sessions *s, const struct psc_process *p, uint64_t *ret_va, uint64_t *ret_n)
{
	struct psc_kernel *k = s->t->k;
	const struct psc_field *tags = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags);
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t n = s->global_size;
	if (tags && tags->size_bytes > ptr) {
		*ret_va = p->session + tags->offset;
		uint64_t room = tags->size_bytes / s->t->layout.entry_bytes;
		*ret_n = n != 0 ? psc_min_u64(n, room) : room;
		return true;
	}
	uint64_t va = s->global_table;
	if (tags && !psc_read_ptr(s->reader, p->session + tags->offset, &va))
		return false;
	*ret_va = va;
	*ret_n = n;
	return va != 0 && n != 0 && psc_is_kernel_va(&s->space, va);
}

/* false: out of memory. */
static bool note(struct sessions *s, struct psc_hashmap *set, uint64_t session)
{
	bool is_new;
	if (psc_hashset_add(set, session, &is_new) || set->n >= SESSIONS_MAX)
		return true;
	s->t->no_memory = true;
	return false;
}

static void warn_of_lost(struct sessions *s)
{
	struct psc_hashkey key;
	size_t pos = 0, n = 0;
	while (psc_hashmap_next(&s->failed, &pos, &key, NULL))
		n += !psc_hashset_has(&s->known, key.a);
	if (n == 0)
		return;
	s->t->session_incomplete = true;
	psc_warn(s->t->warnings, "session trackers: %zu sessions are not in the dump", n);
}

static bool visit(void *arg, const struct psc_process *p)
{
	struct sessions *s = arg;
	struct psc_tracker_read *t = s->t;
	struct psc_kernel *k = t->k;
	if (p->session == 0 || !psc_is_kernel_va(&k->space, p->session) || p->directory_table_base == 0)
		return true;
	/* An unreadable session may be readable through another process of it. */
	if (psc_space_init(&s->space, k->img, k->space.mmu, p->directory_table_base, &k->space.softpte, NULL) != PSC_OK)
		return note(s, &s->failed, p->session);
	psc_reader_init(s->reader, &s->space);
	struct psc_xlate x = psc_translate(s->reader, p->session);
	if ((x.state != PSC_VA_PRESENT && x.state != PSC_VA_TRANSITION) || x.presence != PSC_PAGE_PRESENT)
		return note(s, &s->failed, p->session);
	struct psc_hashkey key = {p->session, x.pa};
	bool is_new;
	if (!psc_hashmap_put(&s->seen, key, &is_new)) {
		t->no_memory = s->seen.n < SESSIONS_MAX;
		t->session_incomplete = true;
		return false;
	}
	if (!is_new)
		return true;
	uint64_t va, n;
	if (!note(s, &s->known, p->session))
		return false;
	if (!table_of(s, p, &va, &n)) {
		t->session_incomplete = true;
		return true;
	}
	const struct psc_field *id_field = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_SessionId);
	uint32_t id = 0;
	if (id_field)
		(void)psc_read_u32(s->reader, p->session + id_field->offset, &id);
	const struct psc_table_visitor visitor = {session_entry, NULL, t};
	uint64_t missing = 0, size_bytes = n * t->layout.entry_bytes;
	psc_table_read(s->reader, va, n, t->layout.entry_bytes, &visitor, &missing);
	t->bytes_total += size_bytes;
	t->bytes_missing += missing;
	t->session_incomplete |= missing != 0;
	if (missing != 0)
		psc_warn(t->warnings, "session trackers: %llu of %llu bytes of session %u's table are not in the dump",
			 (unsigned long long)missing, (unsigned long long)size_bytes, (unsigned)id);
	if (missing < size_bytes) {
		t->n_tables++;
		t->has_session = true;
	}
	return !t->no_memory;
}

void psc_tracker_sessions_read(struct psc_tracker_read *t)
{
	struct psc_kernel *k = t->k;
	struct sessions s = {0};
	uint64_t size;
	s.t = t;
	if (k->space.mmu == PSC_MMU_NONE)
		return;
	if (psc_kernel_read_ptr(k, PSC_SYM_ExpSessionPoolTrackTableSize, &size) && size <= SESSION_ENTRIES_MAX)
		s.global_size = size;
	if (!psc_kernel_read_ptr(k, PSC_SYM_ExpSessionPoolTrackTable, &s.global_table))
		s.global_table = 0;
	if (s.global_table == 0 && !psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags))
		return;
	s.reader = calloc(1, sizeof(*s.reader));
	if (!s.reader) {
		t->no_memory = true;
		return;
	}
	psc_hashmap_init(&s.seen, 0, SESSIONS_MAX);
	psc_hashmap_init(&s.failed, 0, SESSIONS_MAX);
	psc_hashmap_init(&s.known, 0, SESSIONS_MAX);
	struct psc_error err;
	enum psc_status r = psc_kernel_processes(k, visit, &s, &err);
	t->session_incomplete |= t->n_entries_left == 0;
	warn_of_lost(&s);
	if (r == PSC_E_CORRUPT)
		psc_warn(t->warnings, "session trackers: the process list is broken, sessions may be missing");
	psc_hashmap_deinit(&s.seen);
	psc_hashmap_deinit(&s.failed);
	psc_hashmap_deinit(&s.known);
	free(s.reader);
}
