/* SPDX-License-Identifier: MIT */
/* Sessions: their space is mapped by the page tables of their own processes only, and two may show at one address.
 * Reference: kernel 11. */
#include "pool/internal.h"

#include <stdlib.h>

#define SESSIONS_MAX 4096u

struct visiting {
	struct psc_kernel *k;
	bool (*visit)(void *arg, const struct psc_session *s);
	void *arg;
	struct psc_sessions *ret;
	struct psc_hashmap seen;   /* {session, frame} */
	struct psc_hashmap failed; /* {session}: not readable through some process of it */
	struct psc_hashmap known;  /* {session} */
	struct psc_reader *reader; /* large: on the heap */
	struct psc_space space;
};

/* false: out of memory. */
static bool note(struct visiting *v, struct psc_hashmap *set, uint64_t session)
{
	bool is_new;
	if (psc_hashset_add(set, session, &is_new) || set->n >= SESSIONS_MAX)
		return true;
	v->ret->no_memory = true;
	return false;
}

static bool visit_process(void *arg, const struct psc_process *p)
{
	struct visiting *v = arg;
	struct psc_kernel *k = v->k;
	struct psc_session s = {.va = p->session, .reader = v->reader};
	if (p->session == 0 || !psc_is_kernel_va(&k->space, p->session) || p->directory_table_base == 0)
		return true;
	/* An unreadable session may be readable through another process of it. */
	if (psc_space_init(&v->space, k->img, k->space.mmu, p->directory_table_base, &k->space.softpte, NULL) != PSC_OK)
		return note(v, &v->failed, p->session);
	psc_reader_init(v->reader, &v->space);
	struct psc_xlate x = psc_translate(v->reader, p->session);
	if ((x.state != PSC_VA_PRESENT && x.state != PSC_VA_TRANSITION) || x.presence != PSC_PAGE_PRESENT)
		return note(v, &v->failed, p->session);
	struct psc_hashkey key = {p->session, x.pa};
	bool is_new;
	if (!psc_hashmap_put(&v->seen, key, &is_new)) {
		v->ret->no_memory = v->seen.n < SESSIONS_MAX;
		v->ret->is_cut = true;
		return false;
	}
	if (!is_new)
		return true;
	if (!note(v, &v->known, p->session))
		return false;
	const struct psc_field *id = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_SessionId);
	if (id)
		(void)psc_read_u32(v->reader, p->session + id->offset, &s.id);
	return v->visit(v->arg, &s);
}

void psc_sessions_visit(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_session *s), void *arg,
			struct psc_sessions *ret)
{
	struct visiting v = {.k = k, .visit = visit, .arg = arg, .ret = ret};
	struct psc_hashkey key;
	size_t pos = 0;
	*ret = (struct psc_sessions){0};
	if (k->space.mmu == PSC_MMU_NONE)
		return;
	v.reader = calloc(1, sizeof(*v.reader));
	if (!v.reader) {
		ret->no_memory = true;
		return;
	}
	psc_hashmap_init(&v.seen, 0, SESSIONS_MAX);
	psc_hashmap_init(&v.failed, 0, SESSIONS_MAX);
	psc_hashmap_init(&v.known, 0, SESSIONS_MAX);
	struct psc_error err;
	ret->is_list_broken = psc_kernel_processes(k, visit_process, &v, &err) == PSC_E_CORRUPT;
	while (psc_hashmap_next(&v.failed, &pos, &key, NULL))
		ret->n_lost += !psc_hashset_has(&v.known, key.a);
	psc_hashmap_deinit(&v.seen);
	psc_hashmap_deinit(&v.failed);
	psc_hashmap_deinit(&v.known);
	free(v.reader);
}
