/* SPDX-License-Identifier: MIT */
#include "io/member.h"

#include "util/error.h"
#include <inttypes.h>
#include <string.h>

static bool ends_with(const char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);
	for (size_t i = 0; i < m; i++)
		if (n < m || (name[n - m + i] | 0x20) != (ending[i] | 0x20))
			return false;
	return true;
}

/* As dumps and memory images are called. */
static bool is_dump_name(const char *name)
{
	static const char *const endings[] = {".dmp",   ".mdmp", ".vmem", ".raw",  ".mem", ".bin",        ".elf",
					      ".kdump", ".lime", ".vmsn", ".vmss", ".img", "hiberfil.sys"};
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_with(name, endings[i]))
			return true;
	return false;
}

bool psc_member_offer(struct psc_member_choice *c, const char *name)
{
	bool is_first = c->n_files++ == 0;
	if (!is_dump_name(name))
		return is_first;
	size_t used = strlen(c->dumps), len = strlen(name), comma = used ? 2 : 0;
	if (used + comma + len < sizeof(c->dumps)) {
		memcpy(c->dumps + used, ", ", comma);
		memcpy(c->dumps + used + comma, name, len + 1);
	}
	return c->n_dumps++ == 0;
}

enum psc_status psc_member_verdict(const struct psc_member_choice *c, const char *archive, struct psc_error *reterr)
{
	if (c->n_dumps == 1 || (c->n_dumps == 0 && c->n_files == 1))
		return PSC_OK;
	if (c->n_dumps > 1)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"the %s holds %" PRIu64 " dumps: %s; unpack the one you mean", archive, c->n_dumps,
				c->dumps);
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"the %s holds %" PRIu64 " files, and none is called like a dump; unpack the one you mean",
			archive, c->n_files);
}

void psc_member_name(char *to, size_t size, const char *name, size_t name_bytes)
{
	size_t n = name_bytes < size - 1 ? name_bytes : size - 1;
	memcpy(to, name, n);
	to[n] = '\0';
	for (char *c = to; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
}
