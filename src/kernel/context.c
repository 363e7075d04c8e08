/* SPDX-License-Identifier: MIT */
/* CONTEXT records and the registers that the processors saved. Layouts: Microsoft's public headers; reference kernel 8,
 * 9b, 9 (ARM64) [V]. */
#include "kernel/threads.h"

#include "util/bytes.h"
#include <string.h>

#define BUILD_2003 3790u

#define FLAG_X86   0x00010000u
#define FLAG_X64   0x00100000u
#define FLAG_ARM64 0x00400000u

#define X86_BYTES   0xc8u /* up to Esp; the record is 0x2cc long */
#define X64_BYTES   0x100u
#define ARM64_BYTES 0x110u

/* "PAGE": what writers fill a record with that they do not have. */
#define FILL UINT64_C(0x4547415045474150)

static void take(struct psc_cpu_regs *r, unsigned reg, uint64_t value)
{
	r->gpr[reg] = value;
	r->known |= 1u << reg;
}

static bool parse_x86(const uint8_t *b, size_t n, struct psc_cpu_regs *r)
{
	/* eax, ecx, edx, ebx, esp, ebp, esi, edi */
	static const uint8_t at[8] = {0xb0, 0xac, 0xa8, 0xa4, 0xc4, 0xb4, 0xa0, 0x9c};
	if (n < X86_BYTES || !(psc_le32(b) & FLAG_X86))
		return false;
	for (unsigned i = 0; i < 8; i++)
		take(r, i, psc_le32(b + at[i]));
	r->pc = psc_le32(b + 0xb8);
	return r->pc != (uint32_t)FILL;
}

static bool parse_x64(const uint8_t *b, size_t n, struct psc_cpu_regs *r)
{
	if (n < X64_BYTES || !(psc_le32(b + 0x30) & FLAG_X64))
		return false;
	for (unsigned i = 0; i < 16; i++)
		take(r, i, psc_le64(b + 0x78 + 8 * i));
	r->pc = psc_le64(b + 0xf8);
	return r->pc != FILL;
}

static bool parse_arm64(const uint8_t *b, size_t n, struct psc_cpu_regs *r)
{
	if (n < ARM64_BYTES || !(psc_le32(b) & FLAG_ARM64))
		return false;
	for (unsigned i = 0; i < 32; i++)
		take(r, i, psc_le64(b + 8 + 8 * i)); /* x0 .. x28, fp, lr, sp */
	r->pc = psc_le64(b + 0x108);
	return r->pc != FILL;
}

bool psc_context_parse(enum psc_machine machine, const uint8_t *bytes, size_t n, struct psc_cpu_regs *ret)
{
	bool ok = false;
	memset(ret, 0, sizeof(*ret));
	if (machine == PSC_MACHINE_X64)
		ok = parse_x64(bytes, n, ret);
	else if (machine == PSC_MACHINE_X86)
		ok = parse_x86(bytes, n, ret);
	else if (machine == PSC_MACHINE_ARM64)
		ok = parse_arm64(bytes, n, ret);
	return ok && ret->pc != 0;
}

static bool read_context(struct psc_kernel *k, uint64_t va, struct psc_cpu_regs *ret)
{
	uint8_t bytes[ARM64_BYTES];
	size_t n = psc_read_va(&k->reader, va, bytes, sizeof(bytes));
	return psc_context_parse(k->id.machine, bytes, n, ret);
}

bool psc_kernel_cpu_regs(struct psc_kernel *k, size_t processor, struct psc_cpu_regs *ret)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_KPRCB_Context);
	uint32_t pointer_at = k->kdbg.offset_prcb_context ? k->kdbg.offset_prcb_context : f ? f->offset : 0;
	uint64_t va;
	if (processor >= k->n_prcb)
		return false;
	/* The bug check's own record first: the one inside the block may be older (reference: kernel 8). */
	if (pointer_at != 0 && psc_read_ptr(&k->reader, k->prcb[processor] + pointer_at, &va) &&
	    psc_is_kernel_va(&k->space, va) && read_context(k, va, ret))
		return true;
	uint32_t state_at = k->kdbg.offset_prcb_state_context;
	/* XP's debugger data block does not say; KPRCB.ProcessorState begins with its context [1] (reference: kernel
	 * 9b). */
	if (state_at == 0 && k->space.is_32bit && k->id.build < BUILD_2003)
		state_at = 0x1c;
	return state_at != 0 && read_context(k, k->prcb[processor] + state_at, ret);
}

bool psc_kernel_crash_regs(struct psc_kernel *k, struct psc_cpu_regs *ret)
{
	uint8_t bytes[ARM64_BYTES];
	size_t n = psc_image_read_context(k->img, bytes, sizeof(bytes));
	return psc_context_parse(k->id.machine, bytes, n, ret);
}
