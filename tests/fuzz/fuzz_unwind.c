/* SPDX-License-Identifier: MIT */
/* Unwind data and a stack of the input's choosing. Byte 0: bit 0 ARM64, bit 1 the first address is a return address;
 * byte 1: which eighth of the rest is the stack; bytes 2 to 7: where pc, exception directory and its size are; then the
 * image, then the stack. */
#include "kernel/unwind.h"
#include <stdlib.h>
#include <string.h>

#define BASE  UINT64_C(0xfffff80000100000)
#define STACK UINT64_C(0xffffd00000200000)
#define STEPS 64

struct input {
	const uint8_t *image, *stack;
	size_t image_bytes, stack_bytes;
};

static size_t read_bytes(void *arg, uint64_t va, void *buf, size_t n)
{
	const struct input *in = (const struct input *)arg;
	const uint8_t *from = NULL;
	size_t have = 0;
	if (va >= BASE && va - BASE < in->image_bytes) {
		from = in->image + (va - BASE);
		have = in->image_bytes - (size_t)(va - BASE);
	} else if (va >= STACK && va - STACK < in->stack_bytes) {
		from = in->stack + (va - STACK);
		have = in->stack_bytes - (size_t)(va - STACK);
	}
	if (n > have)
		n = have;
	if (n != 0)
		memcpy(buf, from, n);
	return n;
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct psc_cpu_regs regs;
	if (size < 8 || size > 1 << 16)
		return 0;
	bool is_arm64 = (data[0] & 1) != 0, is_return = (data[0] & 2) != 0;
	size_t rest = size - 8;
	in.stack_bytes = rest / 8 * (data[1] & 7);
	in.image_bytes = rest - in.stack_bytes;
	in.image = data + 8;
	in.stack = in.image + in.image_bytes;
	const struct psc_unwind_memory m = {read_bytes, &in};
	const struct psc_unwind_image img = {BASE, (uint32_t)in.image_bytes, data[4] | (uint32_t)data[5] << 8,
					     data[6] | (uint32_t)data[7] << 8};
	memset(&regs, 0, sizeof(regs));
	regs.pc = BASE + (data[2] | (uint32_t)data[3] << 8);
	for (unsigned i = 0; i < 32; i++)
		regs.gpr[i] = STACK + i * 8;
	regs.known = UINT32_MAX;
	for (unsigned n = 0; n < STEPS; n++) {
		struct psc_unwind_step s;
		struct psc_cpu_regs before = regs;
		uint32_t begin = 0;
		if (psc_unwind_function_at(&m, &img, is_arm64 ? PSC_MACHINE_ARM64 : PSC_MACHINE_X64,
					   (uint32_t)(regs.pc - BASE), &begin))
			check(begin <= UINT32_MAX);
		(void)psc_is_after_call(&m, is_arm64 ? PSC_MACHINE_ARM64 : PSC_MACHINE_X64, regs.pc);
		(void)psc_is_after_call(&m, PSC_MACHINE_X86, regs.pc);
		if (is_arm64)
			psc_unwind_arm64(&m, &img, is_return, &regs, &s);
		else
			psc_unwind_x64(&m, &img, is_return, &regs, &s);
		unsigned sp = is_arm64 ? PSC_REG_SP_ARM64 : PSC_REG_SP_X86;
		if (s.result != PSC_UNWIND_OK && s.result != PSC_UNWIND_TRAP) {
			/* Nothing has been touched. */
			check(memcmp(&regs, &before, sizeof(regs)) == 0);
			if (!is_arm64 || !psc_unwind_frame_record(&m, &regs, &s))
				break;
		} else {
			/* x64: a frame register may lead to another stack, which is for the caller to judge. */
			check(!is_arm64 || s.result == PSC_UNWIND_TRAP || regs.gpr[sp] >= before.gpr[sp]);
		}
		is_return = true;
	}
	return 0;
}
