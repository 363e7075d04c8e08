/* SPDX-License-Identifier: MIT */
#include "symbols/profile.h"

static const char *const symbol_names[] = {
#define X(name) #name,
	PSC_SYMBOL_LIST(X)
#undef X
};

static const struct {
	const char *type, *field;
} field_names[] = {
#define X(type, field) {"_" #type, #field},
	PSC_FIELD_LIST(X)
#undef X
};

const char *psc_origin_name(enum psc_origin origin)
{
	switch (origin) {
	case PSC_ORIGIN_NONE:
		return "none";
	case PSC_ORIGIN_INFERRED:
		return "inferred";
	case PSC_ORIGIN_BUILTIN_RANGE:
		return "builtin_range";
	case PSC_ORIGIN_HEADER:
		return "header";
	case PSC_ORIGIN_EXPORT:
		return "export";
	case PSC_ORIGIN_KDBG:
		return "kdbg";
	case PSC_ORIGIN_BUILTIN:
		return "builtin";
	case PSC_ORIGIN_ISF:
		return "isf";
	case PSC_ORIGIN_PDB:
		return "pdb";
	}
	return "none";
}

const char *psc_sym_name(enum psc_sym s)
{
	return (unsigned)s < PSC_SYM_MAX ? symbol_names[s] : "?";
}

const char *psc_field_name(enum psc_field_id f, const char **ret_struct)
{
	bool ok = (unsigned)f < PSC_FIELD_MAX;
	if (ret_struct)
		*ret_struct = ok ? field_names[f].type : "?";
	return ok ? field_names[f].field : "?";
}

unsigned psc_profile_merge(struct psc_profile *profile, const struct psc_profile *from)
{
	unsigned n = 0;
	for (int i = 0; i < PSC_SYM_MAX; i++)
		if (from->symbols[i].origin != PSC_ORIGIN_NONE &&
		    from->symbols[i].origin >= profile->symbols[i].origin) {
			profile->symbols[i] = from->symbols[i];
			n++;
		}
	for (int i = 0; i < PSC_FIELD_MAX; i++)
		if (from->fields[i].origin != PSC_ORIGIN_NONE && from->fields[i].origin >= profile->fields[i].origin) {
			profile->fields[i] = from->fields[i];
			n++;
		}
	return n;
}
