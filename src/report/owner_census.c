/* SPDX-License-Identifier: MIT */
/* Blocks of objects against the kernel's own lists: processes and threads by their lists, objects of every type by
 * what the object manager counts. */
#include "kernel/object_types.h"
#include "kernel/threads.h"
#include "report/owner_internal.h"
#include "util/error.h"
#include "util/vec.h"

#include <stdio.h>
#include <stdlib.h>

#define TAG_PROC 0x636f7250u
#define TAG_THRE 0x65726854u

static int by_address(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
	return (a > b) - (a < b);
}

static bool add_object(struct psc_owner_objects *o, uint64_t va)
{
	if (!PSC_VEC_RESERVE_ONE(o)) {
		o->no_memory = true;
		return false;
	}
	o->items[o->n++] = va;
	return true;
}

static bool take_thread(void *arg, const struct psc_thread *t)
{
	return add_object((struct psc_owner_objects *)arg, t->ethread);
}

enum psc_status psc_owner_list_objects(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct psc_owner_objects *o = &w->objects;
	if (w->tag == TAG_PROC) {
		o->what = "process";
		o->is_complete = w->processes.is_complete;
		for (size_t i = 0; i < w->processes.n; i++)
			if (!add_object(o, w->processes.items[i].eprocess))
				break;
	} else if (w->tag == TAG_THRE) {
		struct psc_thread_coverage c;
		enum psc_status st = psc_kernel_threads(w->k, take_thread, o, &c, reterr);
		if (st != PSC_OK)
			return st;
		o->what = "thread";
		o->is_complete = c.lists_available && c.processes_available && c.broken_lists == 0;
	}
	if (o->no_memory)
		return psc_fail_no_memory(reterr);
	if (o->n > 1)
		qsort(o->items, o->n, sizeof(*o->items), by_address);
	return PSC_OK;
}

bool psc_owner_holds_object(const struct psc_owner_objects *o, uint64_t lo, uint64_t hi)
{
	size_t a = 0, b = o->n;
	while (a < b) {
		size_t mid = a + (b - a) / 2;
		if (o->items[mid] < lo)
			a = mid + 1;
		else
			b = mid;
	}
	return a < o->n && o->items[a] < hi;
}

static bool add_listed(struct psc_owner_work *w)
{
	const unsigned long long seen = w->r->info.seen, listed = w->holding_listed;
	const struct psc_owner_objects *o = &w->objects;
	if (o->n == 0)
		return true;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_CENSUS, PSC_GRADE_INFERRED, PSC_OWNER_CONTEXT);
	if (!e)
		return false;
	e->has_blocks = true;
	e->blocks = seen - listed;
	e->bytes = w->r->info.seen_bytes - w->r->info.seen_bytes / seen * listed;
	const char *plural = w->tag == TAG_THRE ? "s, idle ones among them" : o->n == 1 ? "" : "es";
	e->reason = psc_owner_text(
		w,
		"%llu blocks of %s objects against %zu %s%s in the kernel's list%s: %llu blocks hold one of these, "
		"%llu none; a %s that ended stays while anyone holds a handle or reference",
		seen, o->what, o->n, o->what, plural, o->is_complete ? "" : " (which is not complete)", listed,
		seen - listed, o->what);
	return !w->no_memory;
}

/* "File" or "FilterConnectionPort and FilterCommunicationPort". */
static const char *type_names(struct psc_owner_work *w, const struct psc_object_types *t)
{
	const char *text = "";
	size_t shown = t->n < PSC_OBJECT_TYPE_NAMES ? t->n : PSC_OBJECT_TYPE_NAMES;
	for (size_t i = 0; i < shown; i++)
		text = psc_owner_text(w, "%s%s%s", text, i == 0 ? "" : i + 1 == t->n ? " and " : ", ", t->names[i]);
	return shown < t->n ? psc_owner_text(w, "%s and %zu more", text, t->n - shown) : text;
}

static bool add_counted(struct psc_owner_work *w)
{
	const unsigned long long seen = w->r->info.seen;
	struct psc_object_types t;
	psc_object_types_of_tag(w->k, w->tag, &t);
	if (t.n == 0)
		return true;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_CENSUS, PSC_GRADE_INFERRED, PSC_OWNER_CONTEXT);
	if (!e)
		return false;
	const unsigned long long objects = t.objects, handles = t.handles;
	const char *held = "";
	if (t.has_handles && objects > handles) {
		/* An object with a handle has one or more. */
		e->has_blocks = true;
		e->blocks = objects - handles;
		held = psc_owner_text(
			w,
			"%llu handles are open to them, so at least %llu objects are held by references of "
			"the kernel and its drivers alone",
			handles, objects - handles);
	} else if (t.has_handles) {
		held = psc_owner_text(
			w,
			"%llu handles are open to them, so each may be held by a handle: the handle tables "
			"of processes say by whose",
			handles);
	} else {
		held = "how many handles are open to them is not known";
	}
	e->reason = psc_owner_text(
		w, "%llu live block%s against %llu object%s that the object manager counts of the type%s %s; %s", seen,
		PSC_PLURAL(seen), objects, PSC_PLURAL(objects), PSC_PLURAL(t.n), type_names(w, &t), held);
	return !w->no_memory;
}

bool psc_owner_add_census(struct psc_owner_work *w)
{
	return w->r->info.seen == 0 || (add_listed(w) && add_counted(w));
}
