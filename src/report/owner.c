/* SPDX-License-Identifier: MIT */
/* Who holds the blocks of a tag: gathers what the other files of that name find. */
#include "report/owner_internal.h"
#include "util/error.h"
#include "util/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *psc_grade_name(enum psc_grade grade)
{
	static const char *const names[] = {"exact", "inferred", "circumstantial"};
	return (unsigned)grade < 3 ? names[grade] : "circumstantial";
}

const char *psc_owner_source_name(enum psc_owner_source source)
{
	static const char *const names[PSC_OWNER_SOURCE_MAX] = {
		[PSC_OWNER_VERIFIER] = "verifier",
		[PSC_OWNER_TRACE] = "trace",
		[PSC_OWNER_STACKDB] = "stackdb",
		[PSC_OWNER_CALL_SITE] = "call_site",
		[PSC_OWNER_VERIFIER_STACK] = "verifier_stack",
		[PSC_OWNER_IMPORT] = "import",
		[PSC_OWNER_THREAD_STACK] = "thread_stack",
		[PSC_OWNER_CONTENTS] = "contents",
		[PSC_OWNER_TAG_CONSTANT] = "tag_constant",
		[PSC_OWNER_LOCKSTEP] = "lockstep",
		[PSC_OWNER_CENSUS] = "census",
		[PSC_OWNER_CHARGED_PROCESS] = "charged_process",
	};
	return (unsigned)source < PSC_OWNER_SOURCE_MAX ? names[source] : "unknown";
}

const char *psc_owner_role_name(enum psc_owner_role role)
{
	static const char *const names[] = {"suspect", "component", "context"};
	return (unsigned)role < 3 ? names[role] : "context";
}

const char *psc_owner_verdict_name(enum psc_owner_verdict verdict)
{
	static const char *const names[] = {"unknown", "not_proven", "inferred", "proven", "no_suspect"};
	return (unsigned)verdict < 5 ? names[verdict] : "unknown";
}

struct psc_owner_evidence *psc_owner_add(struct psc_owner_work *w, enum psc_owner_source source, enum psc_grade grade,
					 enum psc_owner_role role)
{
	struct psc_owner *r = w->r;
	if (!PSC_VEC_RESERVE_ONE(&r->rows)) {
		w->no_memory = true;
		return NULL;
	}
	struct psc_owner_evidence *e = &r->rows.items[r->rows.n++];
	memset(e, 0, sizeof(*e));
	e->source = source;
	e->grade = grade;
	e->role = role;
	e->reason = "";
	return e;
}

const char *psc_owner_text(struct psc_owner_work *w, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	const char *copy = psc_arena_strdup(&w->r->arena, text);
	if (!copy)
		w->no_memory = true;
	return copy ? copy : "";
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool psc_owner_same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (lower(*a) != lower(*b))
			return false;
	return *a == *b;
}

bool psc_owner_is_component(const struct psc_owner_work *w, const char *name)
{
	if (!w->kernel_tag || !name)
		return false;
	for (const char *p = w->kernel_tag->components; *p;) {
		const char *q = name;
		for (; *p && *p != ',' && *q && lower(*p) == lower(*q); p++, q++)
			;
		if ((*p == '\0' || *p == ',') && *q == '\0')
			return true;
		p += strcspn(p, ",");
		p += *p == ',';
	}
	return false;
}

void psc_owner_tag_bytes(uint32_t tag, uint8_t ret[4])
{
	for (int i = 0; i < 4; i++)
		ret[i] = (uint8_t)((tag & ~PSC_TAG_PROTECTED) >> (8 * i));
}

static const struct psc_kernel_tag *find_kernel_tag(uint32_t tag)
{
	for (size_t i = 0; i < psc_kernel_tags_n; i++)
		if (psc_kernel_tags[i].tag == tag)
			return &psc_kernel_tags[i];
	return NULL;
}

static void begin_info(struct psc_owner_work *w)
{
	struct psc_owner_info *i = &w->r->info;
	psc_owner_tag_bytes(w->tag, i->tag);
	for (int b = 0; b < 4; b++)
		i->reversed_tag[b] = i->tag[3 - b] & (b == 3 ? 0x7f : 0xff);
	i->pool_hit_tag = w->tag;
	i->has_current_hit_tag = psc_kernel_read_u32(w->k, PSC_SYM_PoolHitTag, &i->current_hit_tag);
	w->kernel_tag = find_kernel_tag(w->tag);
	if (!w->kernel_tag)
		return;
	i->component = w->kernel_tag->components;
	i->component_text = w->kernel_tag->text;
	i->component_source = w->kernel_tag->source;
	w->component = "";
	for (const char *p = w->kernel_tag->components; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");
		w->component = psc_owner_text(w, "%s%s%.*s", w->component, *w->component ? " or " : "", (int)n, p);
		p += n;
	}
}

static enum psc_status gather(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct psc_owner *r = w->r;
	begin_info(w);
	enum psc_status st = psc_symbolizer_open(w->k, &w->symbolizer, reterr);
	if (st == PSC_OK)
		st = psc_trackers_read(w->k, &r->arena, &r->warnings, &w->trackers, reterr);
	if (st == PSC_OK)
		st = psc_process_table_read(w->k, &w->processes, reterr);
	if (st == PSC_OK)
		st = psc_owner_list_objects(w, reterr);
	if (st == PSC_OK)
		st = psc_owner_walk(w, reterr);
	if (st == PSC_OK)
		st = psc_owner_add_callers(w, reterr);
	if (st == PSC_OK)
		st = psc_owner_find_sites(w, reterr);
	if (st != PSC_OK)
		return st;
	if (!psc_owner_add_sites(w) || !psc_owner_add_imports(w))
		return psc_fail_no_memory(reterr);
	st = psc_owner_find_stacks(w, reterr);
	if (st == PSC_OK)
		st = psc_owner_find_contents(w, reterr);
	if (st == PSC_OK)
		st = psc_owner_find_constants(w, reterr);
	if (st != PSC_OK)
		return st;
	if (!psc_owner_add_related(w) || !psc_owner_add_census(w) || !psc_owner_rank(w))
		return psc_fail_no_memory(reterr);
	psc_owner_say_use(w);
	psc_owner_say_next(w);
	return w->no_memory ? psc_fail_no_memory(reterr) : PSC_OK;
}

enum psc_status psc_owner_compute(struct psc_kernel *k, const struct psc_owner_options *opts, struct psc_owner **ret,
				  struct psc_error *reterr)
{
	struct psc_owner_work w = {.k = k, .o = opts};
	w.r = (struct psc_owner *)calloc(1, sizeof(*w.r));
	if (!w.r)
		return psc_fail_no_memory(reterr);
	w.r->warnings.arena = &w.r->arena;
	for (int i = 0; i < 4; i++)
		w.tag |= (uint32_t)opts->tag[i] << (8 * i);
	w.tag &= ~PSC_TAG_PROTECTED;
	psc_tally_init(&w.tally, false);
	enum psc_status st = gather(&w, reterr);
	psc_tally_deinit(&w.tally);
	psc_process_table_deinit(&w.processes);
	free(w.objects.items);
	psc_symbolizer_close(w.symbolizer);
	psc_sites_free(w.sites);
	if (st != PSC_OK) {
		psc_owner_free(w.r);
		return st;
	}
	w.r->is_interrupted = psc_image_is_cancelled(k->img);
	if (w.r->is_interrupted)
		psc_warn(&w.r->warnings, "the run was interrupted: evidence is missing, and counts are lower bounds");
	*ret = w.r;
	return PSC_OK;
}

void psc_owner_free(struct psc_owner *owner)
{
	if (!owner)
		return;
	psc_callers_free(owner->callers);
	free(owner->rows.items);
	psc_warnings_deinit(&owner->warnings);
	psc_arena_deinit(&owner->arena);
	free(owner);
}

const struct psc_owner_info *psc_owner_get_info(const struct psc_owner *owner)
{
	return &owner->info;
}

const struct psc_owner_evidence *psc_owner_rows(const struct psc_owner *owner, size_t *ret_count)
{
	*ret_count = owner->rows.n;
	return owner->rows.items;
}

const struct psc_owner_suspect *psc_owner_suspects(const struct psc_owner *owner, size_t *ret_count)
{
	*ret_count = owner->n_suspects;
	return owner->suspects;
}

const struct psc_owner_class *psc_owner_classes(const struct psc_owner *owner, size_t *ret_count)
{
	*ret_count = owner->n_classes;
	return owner->classes;
}

const struct psc_verified_driver *psc_owner_drivers(const struct psc_owner *owner, size_t *ret_count)
{
	return psc_callers_drivers(owner->callers, ret_count);
}

const struct psc_walk_coverage *psc_owner_coverage(const struct psc_owner *owner, size_t *ret_count)
{
	*ret_count = owner->n_coverage;
	return owner->coverage;
}

bool psc_owner_is_interrupted(const struct psc_owner *owner)
{
	return owner->is_interrupted;
}

double psc_owner_coverage_ratio(const struct psc_owner *owner)
{
	const struct psc_owner_info *i = &owner->info;
	return i->sites_run && i->sites_ratio < i->walk_ratio ? i->sites_ratio : i->walk_ratio;
}

const char *const *psc_owner_warnings(const struct psc_owner *owner, size_t *ret_count)
{
	*ret_count = owner->warnings.n;
	return owner->warnings.items;
}
