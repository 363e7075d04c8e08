/* SPDX-License-Identifier: MIT */
/* Symbols for the kernel that was identified (precedence: reference symbols 10). */
#include "kernel/internal.h"

#include "util/error.h"
#include <inttypes.h>

static enum psc_origin best_origin(const struct psc_kernel *k)
{
	enum psc_origin best = PSC_ORIGIN_NONE;
	for (unsigned s = 0; s < PSC_SYM_MAX; s++)
		if (k->profile.symbols[s].origin > best)
			best = k->profile.symbols[s].origin;
	return best;
}

/* What the header says of three kernel variables, without any debugger data block. */
struct header_pointer {
	enum psc_sym sym;
	uint64_t va; /* 0: not in the header, or not in the profile */
};

static void header_pointers(const struct psc_kernel *k, struct header_pointer ret[3])
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	const struct header_pointer all[3] = {
		{PSC_SYM_KdDebuggerDataBlock,
		 psc_header_has(h, PSC_HDR_KD_DEBUGGER_DATA_BLOCK) ? h->kd_debugger_data_block : 0},
		{PSC_SYM_PsLoadedModuleList,
		 psc_header_has(h, PSC_HDR_PS_LOADED_MODULE_LIST) ? h->ps_loaded_module_list : 0},
		{PSC_SYM_PsActiveProcessHead,
		 psc_header_has(h, PSC_HDR_PS_ACTIVE_PROCESS_HEAD) ? h->ps_active_process_head : 0},
	};
	for (size_t i = 0; i < 3; i++) {
		ret[i] = all[i];
		if (!psc_profile_has_sym(&k->profile, all[i].sym))
			ret[i].va = 0;
	}
}

/* When neither debugger data block nor module list is in the dump: the base at which the header's pointers are where
 * the symbols place them. Two or three must agree. */
static void base_from_header(struct psc_kernel *k, const struct header_pointer p[3])
{
	uint64_t base = 0;
	unsigned n = 0;
	for (size_t i = 0; i < 3; i++) {
		if (p[i].va == 0)
			continue;
		uint64_t candidate = p[i].va - k->profile.symbols[p[i].sym].rva;
		if (n != 0 && candidate != base)
			return;
		base = candidate;
		n++;
	}
	if (n < 2 || base % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, base))
		return;
	k->base = base;
	psc_warn(&k->warnings,
		 "the kernel's base %016" PRIx64
		 " is inferred: there the %u pointers of the dump's header are where the "
		 "symbol file places them",
		 base, n);
}

/* A file whose addresses all differ belongs to another kernel: its types may still fit, its addresses do not. */
static void check_header_pointers(struct psc_kernel *k)
{
	struct header_pointer p[3];
	unsigned n_same = 0, n_different = 0;
	header_pointers(k, p);
	if (!k->base)
		base_from_header(k, p);
	if (!k->base)
		return;
	for (size_t i = 0; i < 3; i++) {
		if (p[i].va == 0)
			continue;
		uint64_t expected = k->base + k->profile.symbols[p[i].sym].rva;
		if (expected == p[i].va) {
			n_same++;
			continue;
		}
		n_different++;
		psc_warn(&k->warnings,
			 "ISF does not fit this kernel: it places %s at %016" PRIx64
			 ", the dump's header at %016" PRIx64,
			 psc_sym_name(p[i].sym), expected, p[i].va);
	}
	if (n_different) {
		k->header_symbol_check = -1;
	} else if (n_same) {
		k->header_symbol_check = 1;
		psc_logf(k->log, PSC_LOG_INFO, "header pointers confirmed by ISF");
	}
	if (n_same || !n_different)
		return;
	psc_warn(&k->warnings, "The ISF's addresses are not used, only its types");
	for (unsigned s = 0; s < PSC_SYM_MAX; s++)
		k->profile.symbols[s].origin = PSC_ORIGIN_NONE;
}

/* Build 3790 for x86 has two layouts: as shipped, and with a service pack. CmNtCSDVersion tells them apart (reference:
 * kernel 15): the service pack is its second byte. */
static const char *version_hint(struct psc_kernel *k)
{
	uint32_t csd;
	if (k->has_revision)
		return k->version;
	if (k->id.machine != PSC_MACHINE_X86 || k->id.build != 3790 || !k->kdbg.cm_nt_csd_version ||
	    !psc_read_u32(&k->reader, k->kdbg.cm_nt_csd_version, &csd) || (csd >> 8 & 0xff) > 2)
		return NULL;
	return psc_arena_printf(&k->arena, "5.2.3790 SP%u", (unsigned)(csd >> 8 & 0xff));
}

static void say_what_would_help(struct psc_kernel *k)
{
	if (best_origin(k) != PSC_ORIGIN_NONE)
		return;
	if (k->id.pdb_guid[0])
		psc_warn(&k->warnings,
			 "No symbols for this kernel; its PDB (%s, %s, age %" PRIu32 "), or the ISF of it (%s-%" PRIu32
			 ".json.xz), would help: see 'poolscope symbols'",
			 k->id.pdb_name[0] ? k->id.pdb_name : "name unknown", k->id.pdb_guid, k->id.pdb_age,
			 k->id.pdb_guid, k->id.pdb_age);
	else if (k->id.time_date_stamp)
		psc_warn(&k->warnings,
			 "No symbols for this kernel, and no debug record of it in the dump; a PDB or an ISF of the "
			 "kernel file with time stamp %08" PRIX32 " and size %" PRIx32 " (%s) would help",
			 k->id.time_date_stamp, k->id.size_of_image, k->version ? k->version : "version unknown");
	else if (k->base)
		psc_warn(&k->warnings, "No symbols for this kernel, and neither its file header nor its debug record "
				       "is in the dump");
}

enum psc_status psc_kernel_load_profile(struct psc_kernel *k, const struct psc_kernel_options *opts,
					struct psc_error *reterr)
{
	k->profile.machine = k->id.machine;
	enum psc_status st = psc_kernel_load_files(k, opts, reterr);
	if (st != PSC_OK)
		return st;
	check_header_pointers(k);
	if (!opts || !opts->no_builtin)
		psc_builtin_load(&k->id, version_hint(k), &k->profile);
	psc_kernel_find_version(k);
	say_what_would_help(k);
	enum psc_origin best = best_origin(k);
	k->symbols = best != PSC_ORIGIN_NONE                     ? psc_origin_name(best)
		     : psc_kernel_sym(k, PSC_SYM_PoolTrackTable) ? psc_origin_name(PSC_ORIGIN_KDBG)
								 : "none";
	return PSC_OK;
}
