/* SPDX-License-Identifier: MIT */
#include "symbols/pdb_internal.h"

/* Where a tail of '@' and digits starts; n if there is none. */
static size_t tail_of(const struct psc_cv_name *name)
{
	size_t i = name->n;
	while (i > 0 && name->s[i - 1] >= '0' && name->s[i - 1] <= '9')
		i--;
	return i > 1 && i < name->n && name->s[i - 1] == '@' ? i - 1 : name->n;
}

struct psc_cv_name psc_pdb_plain_name(uint16_t machine, const struct psc_cv_name *name)
{
	struct psc_cv_name plain = *name;
	if (name->n < 2 || name->s[0] == '?')
		return plain;
	size_t tail = tail_of(name);
	if (tail < name->n && tail > 1 && name->s[tail - 1] == '@') { /* vector calls, on x64 too */
		plain.n = tail - 1;
		return plain;
	}
	if (machine != PSC_MACHINE_X86 || (name->s[0] != '_' && name->s[0] != '@'))
		return plain;
	if (name->s[0] == '@' && tail == name->n)
		return plain;
	plain.s++;
	plain.n = tail - 1;
	return plain;
}
