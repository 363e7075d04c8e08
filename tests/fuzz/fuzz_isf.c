/* SPDX-License-Identifier: MIT */
/* ISF files: the input is a whole file, plain, gzip or xz. A file that is refused must leave the profile alone. */
#include "symbols/profile.h"
#include <stdlib.h>
#include <string.h>

static void check_profile(const struct psc_profile *p)
{
	for (int i = 0; i < PSC_SYM_MAX; i++)
		if (p->symbols[i].origin != PSC_ORIGIN_NONE && p->symbols[i].rva == 0)
			abort();
	for (int i = 0; i < PSC_FIELD_MAX; i++) {
		const struct psc_field *f = psc_profile_field(p, (enum psc_field_id)i);
		if (!f)
			continue;
		if (f->struct_size != 0 && (uint64_t)f->offset + f->size_bytes > f->struct_size)
			abort();
		if (f->bit_position + f->bit_length > 64)
			abort();
	}
}

static void load(const uint8_t *data, size_t size, const char *guid)
{
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {.arena = &arena};
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .build = 19041, .pdb_age = 1};
	struct psc_profile profile, empty;
	struct psc_error err;
	memset(&profile, 0, sizeof(profile));
	memset(&empty, 0, sizeof(empty));
	memcpy(id.pdb_guid, guid, strlen(guid) + 1);
	if (psc_isf_load_mem(data, size, "fuzz.json", &id, &profile, &arena, &warnings, &err) == PSC_OK)
		check_profile(&profile);
	else if (memcmp(&profile, &empty, sizeof(profile)) != 0)
		abort();
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	load(data, size, "");
	load(data, size, "00112233445566778899AABBCCDDEEFF");
	return 0;
}
