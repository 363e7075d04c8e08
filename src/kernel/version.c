/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include "util/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Builds as Microsoft numbered them; the gaps are betas of the version that follows, or never existed. */
static const struct {
	uint32_t first, last, major, minor;
} versions[] = {
	{1381, 1381, 4, 0}, {2195, 2195, 5, 0}, {2600, 2600, 5, 1}, {3790, 3790, 5, 2},   {6000, 6003, 6, 0},
	{7600, 7601, 6, 1}, {9200, 9200, 6, 2}, {9600, 9600, 6, 3}, {9926, 65535, 10, 0},
};

bool psc_nt_version_of_build(uint32_t build, uint32_t *ret_major, uint32_t *ret_minor)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		if (build < versions[i].first || build > versions[i].last)
			continue;
		*ret_major = versions[i].major;
		*ret_minor = versions[i].minor;
		return true;
	}
	return false;
}

/* "10.0.19041.804": true when build is the third number; *ret_revision gets the fourth. */
static bool split_version(const char *text, uint32_t build, uint32_t *ret_revision)
{
	const char *dot = strchr(text, '.');
	dot = dot ? strchr(dot + 1, '.') : NULL;
	if (!dot)
		return false;
	char *end;
	unsigned long b = strtoul(dot + 1, &end, 10);
	if (*end != '.' || b != build)
		return false;
	unsigned long rev = strtoul(end + 1, &end, 10);
	if (*end != '\0' || rev > UINT32_MAX)
		return false;
	*ret_revision = (uint32_t)rev;
	return true;
}

void psc_kernel_find_version(struct psc_kernel *k)
{
	const char *listed = NULL;
	const char *source = "build list";
	if (k->has_revision)
		return;
	if (k->id.time_date_stamp && k->id.size_of_image)
		listed = psc_builds_lookup(k->id.machine, k->id.time_date_stamp, k->id.size_of_image);
	if (!listed && k->profile.builtin_version) {
		listed = k->profile.builtin_version;
		source = "profile";
	}
	if (listed && split_version(listed, k->id.build, &k->revision)) {
		k->has_revision = true;
		k->version = listed;
		k->version_source = source;
		return;
	}
	if (listed)
		psc_warn(&k->warnings, "The kernel file is listed as %s, but the dump says build %" PRIu32, listed,
			 k->id.build);
	if (!k->version && k->id.major)
		k->version = psc_arena_printf(&k->arena, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, k->id.major, k->id.minor,
					      k->id.build);
}

/* The debugger data block names NtBuildLabEx as NtBuildLab (reference: kernel 2 [V]). */
void psc_kernel_read_build_lab(struct psc_kernel *k)
{
	char text[128];
	const uint64_t places[3] = {k->kdbg.nt_build_lab, psc_kernel_sym(k, PSC_SYM_NtBuildLabEx),
				    psc_kernel_sym(k, PSC_SYM_NtBuildLab)};
	for (size_t i = 0; i < 3 && !k->build_lab; i++) {
		if (!places[i])
			continue;
		size_t n = psc_read_va(&k->reader, places[i], text, sizeof(text)), len = 0;
		while (len < n && text[len] > 0x20 && text[len] < 0x7f)
			len++;
		/* "2600.xpsp": digits, a dot, and more. */
		if (len < 6 || (len < n && text[len] != '\0') || text[0] < '0' || text[0] > '9' ||
		    !memchr(text, '.', len))
			continue;
		k->build_lab = psc_arena_strndup(&k->arena, text, len);
	}
}
