/* SPDX-License-Identifier: MIT */
#include "report/named_modules.h"

#include "report/callers.h"
#include "util/error.h"
#include "util/rangeset.h"

struct finder {
	struct psc_rangeset loaded; /* data: index into modules */
	struct psc_named_module *modules;
};

static struct psc_named_module *at(const struct finder *f, uint64_t va)
{
	const struct psc_range *r = psc_rangeset_find(&f->loaded, va);
	return r ? &f->modules[r->data] : NULL;
}

static void name(const struct finder *f, uint64_t va, enum psc_named_in where)
{
	struct psc_named_module *m = at(f, va);
	if (m)
		m->named_in |= (uint32_t)where;
}

static void take_callers(const struct finder *f, const struct psc_callers *callers)
{
	size_t n;
	const struct psc_caller_row *rows = psc_callers_rows(callers, &n);
	for (size_t i = 0; i < n; i++) {
		const struct psc_caller_row *r = &rows[i];
		struct psc_named_module *m = r->caller.is_unloaded ? NULL : at(f, r->caller.address);
		if (m) {
			m->named_in |= PSC_NAMED_IN_CALLERS;
			m->callers++;
			m->live += r->live;
			m->live_bytes += r->live_bytes;
		}
		for (size_t k = 0; k < r->n_stack; k++)
			if (!r->stack[k].is_unloaded)
				name(f, r->stack[k].address, PSC_NAMED_IN_CALLERS);
	}
	const struct psc_verified_driver *drivers = psc_callers_drivers(callers, &n);
	for (size_t i = 0; i < n; i++)
		if (drivers[i].is_loaded && drivers[i].base)
			name(f, drivers[i].base, PSC_NAMED_IN_VERIFIER);
}

enum psc_status psc_named_modules_find(struct psc_kernel *k, const struct psc_dump_info *info, struct psc_arena *arena,
				       struct psc_named_module **ret, struct psc_error *reterr)
{
	struct psc_callers_options options = PSC_CALLERS_OPTIONS_INIT;
	struct psc_callers *callers = NULL;
	struct finder f = {.modules = NULL};
	enum psc_status r = PSC_OK;
	f.modules = (struct psc_named_module *)psc_arena_alloc_array(arena, k->n_loaded + 1, sizeof(*f.modules));
	bool ok = f.modules != NULL;
	for (size_t i = 0; ok && i < k->n_loaded; i++) {
		const struct psc_module *m = &k->modules[i];
		ok = m->size_bytes > UINT64_MAX - m->base ||
		     psc_rangeset_add(&f.loaded, m->base, m->base + m->size_bytes, i);
	}
	if (!ok) {
		r = psc_fail_no_memory(reterr);
		goto out;
	}
	(void)psc_rangeset_seal(&f.loaded);
	for (size_t i = 0; info->has_bugcheck && i < 4; i++)
		name(&f, info->bugcheck_parameters[i], PSC_NAMED_IN_BUGCHECK);
	r = psc_callers_compute(k, &options, &callers, reterr);
	if (r != PSC_OK)
		goto out;
	take_callers(&f, callers);
	*ret = f.modules;
out:
	psc_callers_free(callers);
	psc_rangeset_deinit(&f.loaded);
	return r;
}
