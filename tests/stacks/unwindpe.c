/* SPDX-License-Identifier: MIT */
/* unwindpe FILE: one step up the stack of a PE image, per line of input: rva, 1 for a return address, registers
 * "rN=HEX" and words of the stack "ADDRESS=HEX", all in hexadecimal. Prints result, pc, and the registers that are
 * known. For unwind.py. */
#include "blame/code_image.h"
#include "kernel/unwind.h"
#include "util/bytes.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE        UINT64_C(0xfffff80012340000)
#define STACK       UINT64_C(0xffffd00000200000)
#define STACK_BYTES 0x20000u

static struct psc_code_image image;
static uint8_t stack[STACK_BYTES];

static size_t read_bytes(void *arg, uint64_t va, void *buf, size_t n)
{
	(void)arg;
	if (va >= BASE && va - BASE < image.size_bytes && n <= image.size_bytes - (va - BASE))
		memcpy(buf, image.bytes + (va - BASE), n);
	else if (va >= STACK && va - STACK < STACK_BYTES && n <= STACK_BYTES - (va - STACK))
		memcpy(buf, stack + (va - STACK), n);
	else
		return 0;
	return n;
}

int main(int argc, char **argv)
{
	static char line[65536];
	struct psc_unwind_memory memory = {read_bytes, NULL};
	struct psc_source *src = NULL;
	struct psc_error err;
	if (argc != 2 || psc_source_open_file(argv[1], NULL, &src, &err) != PSC_OK ||
	    psc_code_image_from_file(src, &image, &err) != PSC_OK) {
		fprintf(stderr, "unwindpe: %s\n", argc == 2 ? err.text : "which file?");
		return 2;
	}
	struct psc_unwind_image img = {BASE, image.size_bytes, image.dirs[PSC_DIR_EXCEPTION].rva,
				       image.dirs[PSC_DIR_EXCEPTION].size_bytes};
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct psc_cpu_regs regs;
		struct psc_unwind_step step;
		char *p = line;
		memset(&regs, 0, sizeof(regs));
		memset(stack, 0xdb, sizeof(stack));
		regs.pc = BASE + strtoull(p, &p, 16);
		bool is_return = strtoull(p, &p, 16) != 0;
		for (;;) {
			while (*p == ' ')
				p++;
			bool is_register = *p == 'r';
			if (*p == '\n' || *p == '\0')
				break;
			uint64_t what = strtoull(p + (is_register ? 1 : 0), &p, 16), value = strtoull(p + 1, &p, 16);
			if (is_register) {
				regs.gpr[what & 31] = value;
				regs.known |= 1u << (what & 31);
			} else if (what >= STACK && what - STACK <= STACK_BYTES - 8) {
				for (int i = 0; i < 8; i++)
					stack[what - STACK + (unsigned)i] = (uint8_t)(value >> 8 * i);
			}
		}
		if (image.machine == PSC_MACHINE_X64)
			psc_unwind_x64(&memory, &img, is_return, &regs, &step);
		else
			psc_unwind_arm64(&memory, &img, is_return, &regs, &step);
		printf("%d %" PRIx64 " %x", step.result, regs.pc, step.has_function ? step.function_rva : 0);
		for (unsigned i = 0; i < 32; i++)
			if (regs.known >> i & 1)
				printf(" %x=%" PRIx64, i, regs.gpr[i]);
		putchar('\n');
	}
	psc_code_image_deinit(&image);
	psc_source_close(src);
	return 0;
}
