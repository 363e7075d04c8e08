/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include "util/bytes.h"
#include <inttypes.h>
#include <string.h>

#define KDBG_READ_BYTES  0x380u
#define KDBG_TAG         0x4742444bu /* "KDBG" */
#define KDBG_SIZE_2000   0x208u
#define KDBG_SIZE_XP     0x290u
#define KDBG_SIZE_MAX    0x600u
#define KDBG_HEADER_SIZE 0x18u
#define BUILD_8          9200u

/* Reference: kernel 2 [V]. Addresses of variables. */
static const struct {
	uint16_t off, member;
} addresses[] = {
#define A(off, member)                                                                                                 \
	{                                                                                                              \
		off, (uint16_t)offsetof(struct psc_kdbg, member)                                                       \
	}
	A(0x48, ps_loaded_module_list),
	A(0x50, ps_active_process_head),
	A(0x68, exp_paged_pool_descriptor),
	A(0x70, exp_number_of_paged_pools),
	A(0xc0, mm_pfn_database),
	A(0xc8, mm_system_ptes_start),
	A(0xd0, mm_system_ptes_end),
	A(0xf0, mm_highest_physical_page),
	A(0xf8, mm_number_of_physical_pages),
	A(0x100, mm_maximum_nonpaged_pool_in_bytes),
	A(0x108, mm_nonpaged_system_start),
	A(0x110, mm_nonpaged_pool_start),
	A(0x118, mm_nonpaged_pool_end),
	A(0x120, mm_paged_pool_start),
	A(0x128, mm_paged_pool_end),
	A(0x130, mm_paged_pool_information),
	A(0x140, mm_size_of_paged_pool_in_bytes),
	A(0x170, mm_paged_pool_commit),
	A(0x1b8, pool_track_table),
	A(0x1c0, nonpaged_pool_descriptor),
	A(0x1d0, mm_system_range_start),
	A(0x208, nt_build_lab),
	A(0x218, ki_processor_block),
	A(0x220, mm_unloaded_drivers),
	A(0x228, mm_last_unloaded_driver),
	A(0x238, mm_special_pool_tag),
	A(0x248, mm_verifier_data),
	A(0x250, mm_allocated_nonpaged_pool),
	A(0x268, cm_nt_csd_version),
	A(0x270, mm_physical_memory_block),
#undef A
};

/* Reference: kernel 2 [V]. Offsets and sizes of the running build. */
static const struct {
	uint16_t off, member;
} numbers[] = {
#define N(off, member)                                                                                                 \
	{                                                                                                              \
		off, (uint16_t)offsetof(struct psc_kdbg, member)                                                       \
	}
	N(0x29c, offset_kthread_kernel_stack),
	N(0x2a0, offset_kthread_apc_process),
	N(0x2a2, offset_kthread_state),
	N(0x2a8, size_eprocess),
	N(0x2ae, offset_eprocess_dtb),
	N(0x2b0, size_prcb),
	N(0x2b4, offset_prcb_current_thread),
	N(0x2bc, offset_prcb_state_context),
	N(0x2be, offset_prcb_number),
	N(0x2c0, size_ethread),
	N(0x2f2, offset_prcb_special_registers),
	N(0x338, offset_prcb_context),
	N(0x340, offset_kthread_stack_limit), /* these two have 32 bits */
	N(0x344, offset_kthread_stack_base),
	N(0x350, offset_prcb_idle_thread),
	N(0x354, offset_prcb_dpc_stack),
	N(0x356, offset_prcb_isr_stack),
#undef N
};

static bool size_is_known(uint32_t size)
{
	return size == KDBG_SIZE_2000 || (size >= KDBG_SIZE_XP && size <= KDBG_SIZE_MAX && size % 8 == 0);
}

/* 32-bit kernels store sign-extended values; some writers zero-extend. 0 = not offered. */
static uint64_t address_at(const uint8_t *p, const struct psc_space *sp)
{
	uint64_t v = psc_le64(p);
	if (sp->is_32bit && (v >> 32 == 0 || v >> 32 == UINT32_MAX))
		v &= UINT32_MAX;
	return psc_is_kernel_va(sp, v) ? v : 0;
}

bool psc_kdbg_parse(const uint8_t *bytes, size_t n, const struct psc_space *sp, struct psc_kdbg *ret)
{
	struct psc_kdbg d;
	memset(&d, 0, sizeof(d));
	if (n < KDBG_HEADER_SIZE + 8 || psc_le32(bytes + 0x10) != KDBG_TAG)
		return false;
	d.size_bytes = psc_le32(bytes + 0x14);
	d.kern_base = address_at(bytes + 0x18, sp);
	if (!size_is_known(d.size_bytes) || d.kern_base == 0 || d.kern_base % PSC_PAGE_BYTES)
		return false;
	if (n > d.size_bytes)
		n = d.size_bytes;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		if (addresses[i].off + 8u > n)
			continue;
		uint64_t v = address_at(bytes + addresses[i].off, sp);
		memcpy((uint8_t *)&d + addresses[i].member, &v, sizeof(v));
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (numbers[i].off + 2u > n)
			continue;
		uint16_t v = psc_le16(bytes + numbers[i].off);
		memcpy((uint8_t *)&d + numbers[i].member, &v, sizeof(v));
	}
	d.pae = n >= 0x38 && (psc_le16(bytes + 0x36) & 1) != 0;
	if (n >= 0x368)
		d.pte_base = address_at(bytes + 0x360, sp);
	*ret = d;
	return true;
}

/* Reference: kernel 3 [2]. */
void psc_kdbg_decode(uint8_t *bytes, size_t n, uint64_t wait_never, uint64_t wait_always, uint64_t encoded_va)
{
	unsigned rotate = (unsigned)(wait_never & 0x3f);
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t x = psc_le64(bytes + i) ^ wait_never;
		if (rotate)
			x = x << rotate | x >> (64 - rotate);
		x ^= encoded_va;
		uint64_t swapped = 0;
		for (unsigned b = 0; b < 8; b++)
			swapped = swapped << 8 | (x >> (8 * b) & 0xff);
		swapped ^= wait_always;
		for (unsigned b = 0; b < 8; b++)
			bytes[i + b] = (uint8_t)(swapped >> (8 * b));
	}
}

static bool take(struct psc_kernel *k, const uint8_t *bytes, size_t n, uint64_t va, const char *state)
{
	struct psc_kdbg d;
	if (!psc_kdbg_parse(bytes, n, &k->space, &d))
		return false;
	size_t want = d.size_bytes < KDBG_READ_BYTES ? d.size_bytes : KDBG_READ_BYTES;
	if (n < want)
		psc_warn(&k->warnings, "The debugger data block at %016" PRIx64 " is cut: %zu of %" PRIu32 " bytes", va,
			 n, d.size_bytes);
	d.va = va;
	d.state = state;
	k->kdbg = d;
	return true;
}

static bool take_plain(struct psc_kernel *k, uint64_t va, const char *state)
{
	uint8_t bytes[KDBG_READ_BYTES];
	if (!psc_is_kernel_va(&k->space, va))
		return false;
	size_t n = psc_read_va(&k->reader, va, bytes, sizeof(bytes));
	return take(k, bytes, n, va, state);
}

static bool take_triage_copy(struct psc_kernel *k, uint64_t va)
{
	uint8_t bytes[KDBG_READ_BYTES];
	uint64_t off;
	uint32_t size;
	if (!psc_image_triage_kdbg(k->img, &off, &size))
		return false;
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	if (psc_source_read(psc_image_source(k->img), off, bytes, size, NULL) != PSC_OK)
		return false;
	return take(k, bytes, size, va, "copy");
}

void psc_kernel_find_kdbg(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint64_t va = psc_header_has(h, PSC_HDR_KD_DEBUGGER_DATA_BLOCK) ? h->kd_debugger_data_block : 0;
	k->kdbg.state = "missing";
	if (psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL && take_triage_copy(k, va))
		return;
	if (va)
		(void)take_plain(k, va, "plain");
}

static bool take_encoded(struct psc_kernel *k, uint64_t va)
{
	uint8_t bytes[KDBG_READ_BYTES], head[KDBG_HEADER_SIZE];
	uint64_t never, always, flag_va = psc_kernel_sym(k, PSC_SYM_KdpDataBlockEncoded);
	if (k->space.is_32bit || k->id.build < BUILD_8 || !flag_va || !psc_is_kernel_va(&k->space, va))
		return false;
	if (!psc_kernel_read_ptr(k, PSC_SYM_KiWaitNever, &never) ||
	    !psc_kernel_read_ptr(k, PSC_SYM_KiWaitAlways, &always))
		return false;
	size_t n = psc_read_va(&k->reader, va, bytes, sizeof(bytes)) & ~(size_t)7;
	if (n < KDBG_HEADER_SIZE)
		return false;
	memcpy(head, bytes, sizeof(head));
	psc_kdbg_decode(head, sizeof(head), never, always, flag_va);
	if (psc_le32(head + 0x10) != KDBG_TAG)
		return false;
	psc_kdbg_decode(bytes, n, never, always, flag_va);
	return take(k, bytes, n, va, "decoded");
}

void psc_kernel_find_kdbg_late(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint64_t header_va = psc_header_has(h, PSC_HDR_KD_DEBUGGER_DATA_BLOCK) ? h->kd_debugger_data_block : 0;
	uint64_t symbol_va = psc_profile_has_sym(&k->profile, PSC_SYM_KdDebuggerDataBlock)
				     ? psc_kernel_sym(k, PSC_SYM_KdDebuggerDataBlock)
				     : 0;
	struct psc_kdbg d;
	if (symbol_va && symbol_va != header_va && take_plain(k, symbol_va, "plain"))
		return;
	if ((header_va && take_encoded(k, header_va)) || (symbol_va && take_encoded(k, symbol_va)))
		return;
	/* Without a header, psc_kernel_discover() has searched for a plain one. */
	if (psc_image_has_header(k->img) && psc_kdbg_scan(k, &d)) {
		k->kdbg = d;
		psc_warn(&k->warnings, "The header %s; a debugger data block was found at %016" PRIx64,
			 header_va ? "points to no debugger data block" : "has no pointer to the debugger data block",
			 d.va);
		return;
	}
	if (psc_kdbg_find_scrambled(k, header_va))
		return;
	psc_warn(&k->warnings,
		 "No debugger data block was found%s in the kernel's data; a file of symbols (PDB or ISF) "
		 "would replace most of it",
		 header_va ? " where the header points, nor" : "");
}
