/* SPDX-License-Identifier: MIT */
/* Sessions without symbols. Reference: pool 4.1, 5.1, 6.2, kernel 11.
 *
 * _EPROCESS.Session is null in the System process; in others it is the address of a page that their own page tables
 * map, and on x64 those of the System process do not. What of the session is wanted is found by what it leads to: a
 * table with tags at their hash slots, a table of big pages, a heap. */
#include "pool/infer.h"
#include "pool/seg_heap.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define PROCESSES_MAX  64u
#define EPROCESS_MAX   0x1000u
#define SYSTEM_PID     4u
#define SESSION_BYTES  0x5000u /* the longest structure there is (x64; 7000 on x86, all of it in front [V]) */
#define SESSION_ID_AT  8u
#define SESSION_ID_MAX 0xffffu
#define MIN_POW        5u
#define MAX_POW        16u
#define KEYS_MIN       3u
#define KEYS_MANY      8u
#define NEAR           16u
#define BIG_MIN        16u
#define BIG_MAX        ((uint64_t)1 << 20)
#define NEAR_BIG       64u

struct process {
	uint64_t va, dtb;
	uint8_t *bytes;
};

struct view {
	struct psc_kernel *k;
	struct psc_space space; /* of a process of the session */
	struct psc_reader reader;
	uint64_t session;
	struct psc_tracker_layout layout;
};

struct search {
	struct psc_kernel *k;
	struct process processes[PROCESSES_MAX];
	size_t n, n_bytes; /* of each _EPROCESS */
	uint64_t system;
	struct view *view;
};

/* ---- _EPROCESS.Session ---- */

static bool take_process(void *arg, const struct psc_process *p)
{
	struct search *s = arg;
	if (p->pid == SYSTEM_PID)
		s->system = p->eprocess;
	s->processes[s->n++] = (struct process){p->eprocess, p->directory_table_base, NULL};
	return s->n < PROCESSES_MAX;
}

static bool is_present(struct psc_reader *r, uint64_t va)
{
	struct psc_xlate x = psc_translate(r, va);
	return (x.state == PSC_VA_PRESENT || x.state == PSC_VA_TRANSITION) && x.presence == PSC_PAGE_PRESENT;
}

static bool is_private(struct psc_kernel *k, uint64_t va)
{
	return k->space.is_32bit || psc_translate(&k->reader, va).state == PSC_VA_NOT_MAPPED;
}

static bool look_through(struct view *v, struct psc_kernel *k, uint64_t dtb)
{
	if (dtb == 0 || psc_space_init(&v->space, k->img, k->space.mmu, dtb, &k->space.softpte, NULL) != PSC_OK)
		return false;
	psc_reader_init(&v->reader, &v->space);
	return true;
}

static uint64_t word(const struct psc_kernel *k, const uint8_t *p)
{
	return psc_pointer_bytes(&k->space) == 4 ? psc_le32(p) : psc_le64(p);
}

/* How many processes have a session there; 0: it is not the place. */
static size_t sessions_at(struct search *s, size_t off)
{
	struct psc_kernel *k = s->k;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct process *p = &s->processes[i];
		if (!p->bytes)
			continue;
		uint64_t va = word(k, p->bytes + off);
		if (va == 0)
			continue;
		if (p->va == s->system || va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, va) ||
		    !is_private(k, va))
			return 0;
		n++;
	}
	/* Few offsets come so far: now through the process's own tables. */
	size_t n_seen = 0;
	for (size_t i = 0; i < s->n && n >= 2; i++) {
		uint32_t id;
		uint64_t va = s->processes[i].bytes ? word(k, s->processes[i].bytes + off) : 0;
		if (va == 0 || !look_through(s->view, k, s->processes[i].dtb) || !is_present(&s->view->reader, va))
			continue;
		if (!psc_read_u32(&s->view->reader, va + SESSION_ID_AT, &id) || id > SESSION_ID_MAX)
			return 0;
		s->view->session = va;
		n_seen++;
	}
	return n_seen;
}

static bool read_processes(struct search *s)
{
	const uint32_t size = s->k->kdbg.size_eprocess;
	s->n_bytes = size >= 0x100 && size < EPROCESS_MAX ? size : EPROCESS_MAX;
	(void)psc_kernel_processes(s->k, take_process, s, NULL);
	for (size_t i = 0; i < s->n; i++) {
		struct process *p = &s->processes[i];
		p->bytes = calloc(1, s->n_bytes);
		if (!p->bytes)
			return false;
		if (psc_read_va(&s->k->reader, p->va, p->bytes, s->n_bytes) != s->n_bytes) {
			free(p->bytes);
			p->bytes = NULL;
		}
	}
	return s->system != 0 && s->n >= 3;
}

static void find_session_field(struct search *s)
{
	struct psc_kernel *k = s->k;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t found[PSC_ALTERNATIVES_MAX];
	size_t n_found = 0, n_processes = 0;
	for (size_t off = 0x40; off + ptr <= s->n_bytes && n_found < PSC_ALTERNATIVES_MAX; off += ptr) {
		size_t n = sessions_at(s, off);
		if (n < 2)
			continue;
		found[n_found++] = off;
		n_processes = n;
	}
	if (n_found == 0)
		return;
	enum psc_confidence c = n_found > 1         ? PSC_CONFIDENCE_AMBIGUOUS
				: k->space.is_32bit ? PSC_CONFIDENCE_WEAK
						    : PSC_CONFIDENCE_PROVEN;
	struct psc_inferred *item = psc_infer_field(
		k, PSC_FIELD_EPROCESS_Session, (uint32_t)found[0], ptr, k->kdbg.size_eprocess, c,
		(uint32_t)(2 * n_processes),
		"null in the System process, in %zu others the address of a page that their own page tables map%s, "
		"with a session's number in it",
		n_processes, k->space.is_32bit ? "" : " and those of the System process do not");
	if (n_found > 1)
		psc_infer_alternatives(k, item, found, n_found);
}

/* ---- the session's tag table ---- */

struct tags {
	const struct psc_tracker_layout *l;
	uint64_t mask, n;
	uint32_t n_keys, n_near, n_bad;
};

static bool count_tag(void *arg, uint64_t index, const uint8_t *entry)
{
	struct tags *t = arg;
	uint32_t key = psc_le32(entry + t->l->key);
	if (key == 0) {
		t->n_bad += !psc_tracker_entry_is_zero(t->l, entry) && index + 1 != t->n;
		return t->n_bad == 0;
	}
	t->n_keys++;
	t->n_near += index + 1 == t->n || ((index - (psc_tracker_hash(key) & t->mask)) & t->mask) < NEAR;
	return true;
}

/* n entries with all tags near their slots, and nothing between them. */
static bool is_tag_table(struct view *v, uint64_t va, uint64_t mask, uint32_t *ret_keys)
{
	struct tags t = {.l = &v->layout, .mask = mask, .n = mask + 2};
	const struct psc_table_visitor visitor = {count_tag, NULL, &t};
	uint64_t missing = 0;
	if (!psc_table_read(&v->reader, va, t.n, v->layout.entry_bytes, &visitor, &missing) || missing != 0)
		return false;
	*ret_keys = t.n_keys;
	return t.n_bad == 0 && t.n_keys >= KEYS_MIN && t.n_near == t.n_keys;
}

/* The system's own tables stand in the big-page table. */
static bool is_big_allocation(struct psc_kernel *k, uint64_t va)
{
	struct psc_big_layout l;
	struct psc_big_page p;
	uint64_t table, n;
	return psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTable, &table) &&
	       psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTableSize, &n) && psc_is_pow2(n) && n <= PSC_BIG_SIZE_MAX &&
	       psc_big_layout_find(k, &l) && psc_big_lookup(k, &l, table, n, va, &p);
}

struct tag_table {
	uint64_t at, va, mask;
	uint32_t n_keys;
};

struct tag_tables {
	struct tag_table best;
	uint64_t places[PSC_ALTERNATIVES_MAX];
	size_t n; /* that lead to different tables or lengths */
};

static void try_pointer(struct view *v, const struct psc_cluster *c, uint64_t at, uint64_t va, struct tag_tables *ret)
{
	struct psc_kernel *k = v->k;
	if (va == 0 || va % 8 != 0 || !psc_is_kernel_va(&k->space, va) || !is_private(k, va) ||
	    !is_present(&v->reader, va) || is_big_allocation(k, va))
		return;
	for (unsigned pow = MIN_POW; pow <= MAX_POW; pow++) {
		struct tag_table t = {at, va, ((uint64_t)1 << pow) - 1, 0};
		if (!psc_cluster_has(c, t.mask) || !psc_cluster_has(c, t.mask + 2) ||
		    !is_tag_table(v, va, t.mask, &t.n_keys))
			continue;
		if (ret->n != 0 && ret->best.va == t.va && ret->best.mask == t.mask)
			continue;
		if (ret->n < PSC_ALTERNATIVES_MAX)
			ret->places[ret->n++] = at;
		ret->best = t;
	}
}

static void note_size(struct psc_kernel *k, const struct psc_cluster *c, const struct tag_table *t,
		      enum psc_confidence confidence)
{
	if (psc_kernel_sym(k, PSC_SYM_ExpSessionPoolTrackTableSize) == 0)
		psc_infer_sym(k, PSC_SYM_ExpSessionPoolTrackTableSize,
			      psc_cluster_va(c, psc_cluster_nearest(c, t->mask + 2)), confidence, t->n_keys,
			      "holds %llu, with which %u of %u tags of a session's table are at their hash slots",
			      (unsigned long long)(t->mask + 2), (unsigned)t->n_keys, (unsigned)t->n_keys);
}

static const char tag_evidence[] =
	"leads to a table in session space in which %u of %u tags are at their hash slots, and nothing else is";

/* The variable; where there is none (22000) the session points to its table. */
static void find_tag_table(struct view *v, const struct psc_cluster *c, const uint8_t *session, size_t n_bytes)
{
	struct psc_kernel *k = v->k;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	struct tag_tables global = {.n = 0}, own = {.n = 0};
	if (psc_kernel_sym(k, PSC_SYM_ExpSessionPoolTrackTable) != 0 ||
	    psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags))
		return;
	for (size_t i = 0; i < c->n; i++)
		try_pointer(v, c, psc_cluster_va(c, i), c->words[i], &global);
	for (size_t off = 0; off + ptr <= n_bytes && global.n == 0; off += ptr)
		try_pointer(v, c, off, word(k, session + off), &own);
	const struct tag_tables *t = global.n != 0 ? &global : &own;
	if (t->n == 0)
		return;
	enum psc_confidence confidence = t->n > 1                      ? PSC_CONFIDENCE_AMBIGUOUS
					 : t->best.n_keys >= KEYS_MANY ? PSC_CONFIDENCE_PROVEN
								       : PSC_CONFIDENCE_LIKELY;
	struct psc_inferred *item =
		t == &global
			? psc_infer_sym(k, PSC_SYM_ExpSessionPoolTrackTable, t->best.at, confidence, t->best.n_keys,
					tag_evidence, (unsigned)t->best.n_keys, (unsigned)t->best.n_keys)
			: psc_infer_field(k, PSC_FIELD_MM_SESSION_SPACE_PoolTags, (uint32_t)t->best.at, ptr, 0,
					  confidence, t->best.n_keys, tag_evidence, (unsigned)t->best.n_keys,
					  (unsigned)t->best.n_keys);
	if (t->n > 1)
		psc_infer_alternatives(k, item, t->places, t->n);
	else
		note_size(k, c, &t->best, confidence);
}

/* ---- its table of big pages ---- */

struct bigs {
	struct psc_kernel *k;
	const struct psc_big_layout *l;
	uint64_t mask, n_live, n_unused, n_bad;
};

static bool count_big(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct bigs *b = arg;
	struct psc_big_page p;
	uint64_t raw = word(b->k, bytes + b->l->va);
	psc_big_entry_parse(bytes, b->l, &p);
	if (raw == 1) {
		b->n_unused++;
	} else if (p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&b->k->space, p.va) || p.bytes == 0 || p.tag == 0) {
		b->n_bad++;
	} else if (!p.is_free) {
		b->n_live++;
		b->n_bad += ((index - (psc_big_hash(p.va) & b->mask)) & b->mask) >= NEAR_BIG;
	}
	return b->n_bad == 0;
}

static void find_big_table(struct view *v, const uint8_t *session, size_t n_bytes)
{
	struct psc_kernel *k = v->k;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	struct psc_big_layout l;
	uint64_t found[PSC_ALTERNATIVES_MAX], n_live = 0, n_entries = 0;
	size_t n_found = 0;
	if (psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPages) || !psc_big_layout_find(k, &l))
		return;
	for (size_t off = 0; off + 2 * ptr <= n_bytes && n_found < PSC_ALTERNATIVES_MAX; off += ptr) {
		uint64_t va = word(k, session + off), n = word(k, session + off + ptr), missing = 0;
		struct bigs b = {.k = k, .l = &l, .mask = n - 1};
		const struct psc_table_visitor visitor = {count_big, NULL, &b};
		if (va == 0 || va % PSC_PAGE_BYTES != 0 || !psc_is_pow2(n) || n < BIG_MIN || n > BIG_MAX ||
		    !psc_is_kernel_va(&k->space, va) || n > psc_table_entries_max(k, l.entry_bytes) ||
		    !psc_table_read(&v->reader, va, n, l.entry_bytes, &visitor, &missing) || missing != 0 ||
		    b.n_unused == 0)
			continue;
		found[n_found++] = off;
		n_live = b.n_live;
		n_entries = n;
	}
	if (n_found == 0)
		return;
	enum psc_confidence c = n_found > 1          ? PSC_CONFIDENCE_AMBIGUOUS
				: n_live >= KEYS_MIN ? PSC_CONFIDENCE_PROVEN
						     : PSC_CONFIDENCE_LIKELY;
	struct psc_inferred *item = psc_infer_field(k, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPages, (uint32_t)found[0],
						    ptr, 0, c, (uint32_t)n_entries,
						    "points to a table of big pages: of %llu entries, the number that "
						    "follows, %llu are live and near their hash "
						    "slots, the others are freed or were never used",
						    (unsigned long long)n_entries, (unsigned long long)n_live);
	if (n_found > 1)
		psc_infer_alternatives(k, item, found, n_found);
	else
		psc_infer_field(k, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPagesSize, (uint32_t)found[0] + ptr, ptr, 0,
				c, 1, "the number of entries behind the pointer to them");
}

/* ---- its heap ---- */

static void find_heap(struct view *v, const uint8_t *session, size_t n_bytes)
{
	static const uint32_t places64[] = {0x30d8, 0x38e0, 0x38f0}, places32[] = {0x1c78};
	struct psc_kernel *k = v->k;
	const bool is_64bit = psc_kernel_is_64bit(k);
	const unsigned ptr = psc_pointer_bytes(&k->space);
	const uint32_t *places = is_64bit ? places64 : places32;
	const size_t n_places = is_64bit ? sizeof(places64) / sizeof(*places64) : 1;
	uint64_t found[PSC_ALTERNATIVES_MAX], state, heap;
	uint32_t place = 0;
	size_t n_found = 0;
	if (psc_pool_allocator(k) != PSC_ALLOCATOR_SEGMENT_HEAP ||
	    psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_HeapState))
		return;
	for (size_t off = 0; off + ptr <= n_bytes && n_found < PSC_ALTERNATIVES_MAX; off += ptr) {
		state = word(k, session + off);
		if (state == 0 || state % 8 != 0 || !psc_is_kernel_va(&k->space, state) || !is_private(k, state))
			continue;
		for (size_t i = 0; i < n_places; i++) {
			struct psc_heap_family family;
			if (!psc_read_ptr(&v->reader, state + places[i], &heap) ||
			    !psc_seg_family_of(&v->reader, heap, is_64bit, &family))
				continue;
			place = places[i];
			if (n_found < PSC_ALTERNATIVES_MAX)
				found[n_found++] = off;
		}
	}
	if (n_found == 0)
		return;
	enum psc_confidence c = n_found > 1 ? PSC_CONFIDENCE_AMBIGUOUS : PSC_CONFIDENCE_PROVEN;
	struct psc_inferred *item = psc_infer_field(
		k, PSC_FIELD_MM_SESSION_SPACE_HeapState, (uint32_t)found[0], ptr, 0, c, 7,
		"leads to a state of %x and more bytes whose heap has the signature of one, and contexts "
		"that point back",
		(unsigned)place);
	if (n_found > 1) {
		psc_infer_alternatives(k, item, found, n_found);
		return;
	}
	psc_infer_field(k, PSC_FIELD_EX_HEAP_SESSION_STATE_PagedHeap, place, ptr, 0, c, 7,
			"points to a heap with its signature and contexts that point back");
	psc_infer_field(k, PSC_FIELD_EX_HEAP_SESSION_STATE_SpecialPoolHeap, place + ptr, ptr, 0, PSC_CONFIDENCE_LIKELY,
			1, "behind the session's heap in every build");
}

/* ---- all of it ---- */

/* A process whose session can be read. */
static bool find_view(struct search *s)
{
	const struct psc_field *f = psc_profile_field(&s->k->profile, PSC_FIELD_EPROCESS_Session);
	uint64_t va;
	for (size_t i = 0; f && i < s->n; i++)
		if (psc_read_ptr(&s->k->reader, s->processes[i].va + f->offset, &va) &&
		    psc_is_kernel_va(&s->k->space, va) && look_through(s->view, s->k, s->processes[i].dtb) &&
		    is_present(&s->view->reader, va)) {
			s->view->session = va;
			return true;
		}
	return false;
}

static void infer(struct search *s, const struct psc_cluster *c)
{
	struct psc_kernel *k = s->k;
	uint8_t session[SESSION_BYTES];
	if (!read_processes(s))
		return;
	if (!psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_Session))
		find_session_field(s);
	if (!find_view(s) || !psc_tracker_layout_find(k, &s->view->layout))
		return;
	/* As far as it is there: missing pages read as nothing. */
	memset(session, 0, sizeof(session));
	for (size_t at = 0; at < sizeof(session); at += PSC_PAGE_BYTES)
		(void)psc_read_va(&s->view->reader, s->view->session + at, session + at, PSC_PAGE_BYTES);
	find_tag_table(s->view, c, session, sizeof(session));
	find_big_table(s->view, session, sizeof(session));
	find_heap(s->view, session, sizeof(session));
}

void psc_infer_session(struct psc_kernel *k, const struct psc_cluster *c)
{
	/* XP and 2003 have no tables of sessions, and from 22621 on their place is not known. */
	if (!k->is_vista_or_later || k->space.mmu == PSC_MMU_NONE)
		return;
	struct search *s = calloc(1, sizeof(*s));
	struct view *v = calloc(1, sizeof(*v));
	if (s && v) {
		s->k = v->k = k;
		s->view = v;
		infer(s, c);
		for (size_t i = 0; i < s->n; i++)
			free(s->processes[i].bytes);
	}
	free(s);
	free(v);
}
