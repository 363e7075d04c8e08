/* SPDX-License-Identifier: MIT */
/* Every symbol and field that is known, with its origin: for `info`. */
#include "kernel/infer.h"

const char *psc_kernel_symbols_origin(const struct psc_kernel *k)
{
	enum psc_origin best = PSC_ORIGIN_NONE;
	for (unsigned i = 0; i < PSC_SYM_MAX; i++) {
		enum psc_origin origin = psc_kernel_sym_origin(k, (enum psc_sym)i);
		if (origin > best)
			best = origin;
	}
	return psc_origin_name(best);
}

struct psc_profile_item *psc_kernel_items(struct psc_kernel *k, struct psc_arena *arena, size_t *ret_n)
{
	struct psc_profile_item *items =
		psc_arena_alloc_array(arena, (size_t)PSC_SYM_MAX + PSC_FIELD_MAX, sizeof(*items));
	size_t n = 0;
	*ret_n = 0;
	if (!items)
		return NULL;
	for (unsigned i = 0; i < PSC_SYM_MAX; i++) {
		enum psc_sym s = (enum psc_sym)i;
		uint64_t va = psc_kernel_sym(k, s);
		if (va != 0)
			items[n++] = (struct psc_profile_item){psc_sym_name(s), false, va,
							       psc_origin_name(psc_kernel_sym_origin(k, s))};
	}
	for (unsigned i = 0; i < PSC_FIELD_MAX; i++) {
		const struct psc_field *f = psc_profile_field(&k->profile, (enum psc_field_id)i);
		if (f)
			items[n++] = (struct psc_profile_item){psc_infer_field_text(k, (enum psc_field_id)i), true,
							       f->offset, psc_origin_name(f->origin)};
	}
	*ret_n = n;
	return items;
}
