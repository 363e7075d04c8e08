/* SPDX-License-Identifier: MIT */
/* Unwind data written by hand, byte by byte, and the registers that each must give back. */
#include "kernel/unwind.h"
#include "unit.h"
#include <string.h>

#define BASE        UINT64_C(0xfffff80000100000)
#define IMAGE_BYTES 0x4000u
#define PDATA       0x3000u
#define INFO        0x2000u
#define STACK       UINT64_C(0xffffd00000200000)
#define STACK_BYTES 0x4000u
#define FUNCTION    0x1000u /* to 0x1100 */

static uint8_t image[IMAGE_BYTES], stack[STACK_BYTES];
static uint64_t hole; /* this page is missing; 0: none */
static uint32_t n_pdata;

static size_t read_bytes(void *arg, uint64_t va, void *buf, size_t n)
{
	(void)arg;
	size_t done = 0;
	for (; done < n; done++, va++) {
		if (hole != 0 && va >> 12 == hole >> 12)
			break;
		if (va >= BASE && va - BASE < IMAGE_BYTES)
			((uint8_t *)buf)[done] = image[va - BASE];
		else if (va >= STACK && va - STACK < STACK_BYTES)
			((uint8_t *)buf)[done] = stack[va - STACK];
		else
			break;
	}
	return done;
}

static const struct psc_unwind_memory memory = {read_bytes, NULL};

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint64_t va, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		stack[va - STACK + (uint64_t)i] = (uint8_t)(v >> 8 * i);
}

static void setup(void)
{
	memset(image, 0x90, sizeof(image));
	memset(image + INFO, 0, 0x2000);
	memset(stack, 0, sizeof(stack));
	hole = 0;
	n_pdata = 0;
}

static void add_function(uint32_t begin, uint32_t end, uint32_t unwind)
{
	uint8_t *p = image + PDATA + 12 * n_pdata++;
	put32(p, begin);
	put32(p + 4, end);
	put32(p + 8, unwind);
}

/* Version, flags, prologue bytes, codes, register and offset, then the codes. */
static void put_info(uint32_t rva, const uint8_t *bytes, size_t n)
{
	memcpy(image + rva, bytes, n);
}
#define INFO_BYTES(rva, ...)                                                                                           \
	do {                                                                                                           \
		static const uint8_t bytes_[] = {__VA_ARGS__};                                                         \
		put_info(rva, bytes_, sizeof(bytes_));                                                                 \
	} while (0)

static struct psc_unwind_image img64(void)
{
	struct psc_unwind_image i = {BASE, IMAGE_BYTES, PDATA, 12 * n_pdata};
	return i;
}

static struct psc_cpu_regs regs_at(uint32_t rva, uint64_t rsp)
{
	struct psc_cpu_regs r;
	memset(&r, 0, sizeof(r));
	r.pc = BASE + rva;
	r.gpr[4] = rsp;
	r.known = 1u << 4;
	return r;
}

#define RETURN_TO (BASE + 0x1234)

START_TEST(every_operation)
{
	setup();
	/* push rbp; push rdi; sub rsp, 0x28 (small); sub rsp, 0x1000 (large, 16 bits); sub rsp, 0x100000 is not tried
	 * here; mov [rsp+0x10], rsi; movaps [rsp+0x20], xmm6 */
	INFO_BYTES(INFO, 0x01, 0x20, 9, 0x00, 0x20, 0x68, 0x02, 0x00, /* SAVE_XMM128 */
		   0x18, 0x64, 0x02, 0x00,                            /* SAVE_NONVOL rsi at 0x10 */
		   0x10, 0x01, 0x00, 0x02,                            /* ALLOC_LARGE 0x1000 */
		   0x08, 0x42,                                        /* ALLOC_SMALL 0x28 */
		   0x04, 0x70,                                        /* PUSH rdi */
		   0x02, 0x50);                                       /* PUSH rbp */
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
	struct psc_unwind_image img = img64();
	uint64_t rsp = STACK + 0x100, at = rsp + 0x1028;
	put64(rsp + 0x10, 0x5151);
	put64(at, 0xd1d1);
	put64(at + 8, 0xb9b9);
	put64(at + 16, RETURN_TO);
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x40, rsp);
	struct psc_unwind_step s;
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(r.gpr[4], at + 24);
	ck_assert_uint_eq(s.return_va, at + 16);
	ck_assert_uint_eq(s.function_rva, FUNCTION);
	ck_assert(s.has_function && !s.is_leaf);
	ck_assert_uint_eq(r.gpr[5], 0xb9b9);
	ck_assert_uint_eq(r.gpr[6], 0x5151);
	ck_assert_uint_eq(r.gpr[7], 0xd1d1);
	ck_assert_uint_eq(r.known, 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7);
}
END_TEST

START_TEST(far_and_large_forms)
{
	setup();
	INFO_BYTES(INFO, 0x01, 0x20, 9, 0x00, 0x20, 0x69, 0x10, 0x00, 0x00, 0x00, /* SAVE_XMM128_FAR */
		   0x18, 0xf5, 0x18, 0x20, 0x00, 0x00,                            /* SAVE_NONVOL_FAR r15 at 0x2018 */
		   0x10, 0x11, 0x00, 0x30, 0x00, 0x00);                           /* ALLOC_LARGE 0x3000, 32 bits */
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
	struct psc_unwind_image img = img64();
	uint64_t rsp = STACK + 0x100;
	put64(rsp + 0x2018, 0xf00f);
	put64(rsp + 0x3000, RETURN_TO);
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x40, rsp);
	struct psc_unwind_step s;
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(r.gpr[15], 0xf00f);
	ck_assert_uint_eq(r.gpr[4], rsp + 0x3008);
}
END_TEST

/* push rbp; sub rsp, 0x40; lea rbp, [rsp+0x20]; mov [rbp+8], rbx. The body moves rsp. */
static void put_frame_function(void)
{
	INFO_BYTES(INFO, 0x01, 0x10, 5, 0x25, 0x10, 0x34, 0x05, 0x00, 0x0a, 0x03, 0x05, 0x72, 0x01, 0x50);
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
}

START_TEST(frame_register)
{
	setup();
	put_frame_function();
	struct psc_unwind_image img = img64();
	uint64_t low = STACK + 0x1000; /* rsp when rbp was set */
	put64(low + 0x28, 0xbbbb);
	put64(low + 0x40, 0x5555);
	put64(low + 0x48, RETURN_TO);
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x50, STACK + 0x100);
	struct psc_unwind_step s;
	r.gpr[5] = low + 0x20;
	r.known |= 1u << 5;
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(r.gpr[5], 0x5555);
	ck_assert_uint_eq(r.gpr[3], 0xbbbb);
	ck_assert_uint_eq(r.gpr[4], low + 0x50);
	/* Without the register nothing can be said. */
	r = regs_at(FUNCTION + 0x50, STACK + 0x100);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_UNKNOWN);
	ck_assert_uint_eq(r.pc, BASE + FUNCTION + 0x50);
}
END_TEST

START_TEST(in_the_prologue)
{
	setup();
	put_frame_function();
	struct psc_unwind_image img = img64();
	struct psc_unwind_step s;
	uint64_t rsp = STACK + 0x100;
	/* Before push: nothing; behind it: one word; behind the allocation: both; at an offset between two codes too.
	 */
	static const struct {
		uint32_t offset;
		uint64_t below;
	} at[] = {{0, 0}, {1, 8}, {4, 8}, {5, 0x48}, {9, 0x48}};
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memset(stack, 0, sizeof(stack));
		put64(rsp + at[i].below, RETURN_TO);
		struct psc_cpu_regs r = regs_at(FUNCTION + at[i].offset, rsp);
		psc_unwind_x64(&memory, &img, false, &r, &s);
		ck_assert_int_eq(s.result, PSC_UNWIND_OK);
		ck_assert_uint_eq(r.pc, RETURN_TO);
		ck_assert_uint_eq(r.gpr[4], rsp + at[i].below + 8);
	}
}
END_TEST

START_TEST(in_the_epilogue)
{
	setup();
	/* push rbx; push r12; sub rsp, 0x20 */
	INFO_BYTES(INFO, 0x01, 0x08, 3, 0x00, 0x08, 0x32, 0x03, 0xc0, 0x01, 0x30);
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
	struct psc_unwind_image img = img64();
	struct psc_unwind_step s;
	/* add rsp, 0x20; pop r12; pop rbx; ret */
	static const uint8_t code[] = {0x48, 0x83, 0xc4, 0x20, 0x41, 0x5c, 0x5b, 0xc3};
	static const struct {
		uint32_t offset;
		uint64_t below;
	} at[] = {{0, 0x30}, {4, 0x10}, {6, 8}, {7, 0}};
	memcpy(image + FUNCTION + 0x80, code, sizeof(code));
	for (size_t i = 0; i < 4; i++) {
		uint64_t rsp = STACK + 0x100, top = rsp + at[i].below;
		memset(stack, 0, sizeof(stack));
		put64(top, RETURN_TO);
		if (at[i].below >= 8)
			put64(top - 8, 0xbbbb);
		if (at[i].below >= 16)
			put64(top - 16, 0xcccc);
		struct psc_cpu_regs r = regs_at(FUNCTION + 0x80 + at[i].offset, rsp);
		psc_unwind_x64(&memory, &img, false, &r, &s);
		ck_assert_int_eq(s.result, PSC_UNWIND_OK);
		ck_assert_uint_eq(r.pc, RETURN_TO);
		ck_assert_uint_eq(r.gpr[4], top + 8);
		ck_assert_uint_eq((r.known >> 3 & 1), at[i].below >= 8);
		if (at[i].below >= 8)
			ck_assert_uint_eq(r.gpr[3], 0xbbbb);
		if (at[i].below >= 16)
			ck_assert_uint_eq(r.gpr[12], 0xcccc);
	}
	/* pop rbx in the middle of a function, not followed by a return, is no epilogue. */
	image[FUNCTION + 0x87] = 0x90;
	memset(stack, 0, sizeof(stack));
	put64(STACK + 0x130, RETURN_TO);
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x86, STACK + 0x100);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_uint_eq(r.gpr[4], STACK + 0x138);
	/* A jump out is one; a jump inside is none. */
	static const uint8_t out[] = {0xe9, 0x00, 0x10, 0x00, 0x00}, inside[] = {0xe9, 0xf0, 0xff, 0xff, 0xff};
	memcpy(image + FUNCTION + 0x90, out, sizeof(out));
	put64(STACK + 0x100, RETURN_TO);
	r = regs_at(FUNCTION + 0x90, STACK + 0x100);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_uint_eq(r.gpr[4], STACK + 0x108);
	memcpy(image + FUNCTION + 0x90, inside, sizeof(inside));
	r = regs_at(FUNCTION + 0x90, STACK + 0x100);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_uint_eq(r.gpr[4], STACK + 0x138);
}
END_TEST

START_TEST(version_2)
{
	setup();
	/* Two EPILOG slots before the codes: 8 bytes at the end, another 0x20 before it. */
	INFO_BYTES(INFO, 0x02, 0x05, 4, 0x00, 0x08, 0x16, 0x20, 0x06, 0x05, 0x32, 0x01, 0x30);
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
	struct psc_unwind_image img = img64();
	struct psc_unwind_step s;
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x40, STACK + 0x100);
	put64(STACK + 0x120, 0xbbbb);
	put64(STACK + 0x128, RETURN_TO);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(r.gpr[3], 0xbbbb);
	/* In version 1 operation 6 has two slots: the bytes then mean something else. */
	INFO_BYTES(INFO, 0x01, 0x05, 3, 0x00, 0x05, 0x16, 0x10, 0x00, 0x01, 0x30);
	r = regs_at(FUNCTION + 0x40, STACK + 0x120);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.gpr[4], STACK + 0x130);
}
END_TEST

START_TEST(chained_parts)
{
	setup();
	/* The part at 0x1100 continues 0x1000: its own codes save rsi, then the parent's are undone. */
	INFO_BYTES(INFO, 0x21, 0x05, 2, 0x00, 0x05, 0x64, 0x03, 0x00);
	put32(image + INFO + 8, FUNCTION);
	put32(image + INFO + 12, FUNCTION + 0x100);
	put32(image + INFO + 16, INFO + 0x40);
	INFO_BYTES(INFO + 0x40, 0x01, 0x05, 2, 0x00, 0x05, 0x32, 0x01, 0x30);
	add_function(FUNCTION, FUNCTION + 0x100, INFO + 0x40);
	add_function(FUNCTION + 0x100, FUNCTION + 0x180, INFO);
	struct psc_unwind_image img = img64();
	struct psc_unwind_step s;
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x110, STACK + 0x100);
	uint32_t begin = 0;
	put64(STACK + 0x118, 0x5151);
	put64(STACK + 0x120, 0xbbbb);
	put64(STACK + 0x128, RETURN_TO);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(r.gpr[6], 0x5151);
	ck_assert_uint_eq(r.gpr[3], 0xbbbb);
	ck_assert_uint_eq(s.function_rva, FUNCTION);
	ck_assert(psc_unwind_function_at(&memory, &img, PSC_MACHINE_X64, FUNCTION + 0x150, &begin));
	ck_assert_uint_eq(begin, FUNCTION);
	ck_assert(!psc_unwind_function_at(&memory, &img, PSC_MACHINE_X64, FUNCTION + 0x180, &begin));
	/* A jump to the other part is no tail call. */
	static const uint8_t jump[] = {0xe9, 0x10, 0x00, 0x00, 0x00};
	memcpy(image + FUNCTION + 0xf8, jump, sizeof(jump));
	memset(stack, 0, sizeof(stack));
	put64(STACK + 0x128, RETURN_TO);
	r = regs_at(FUNCTION + 0xf8, STACK + 0x100);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_uint_eq(r.gpr[4], STACK + 0x130);
	/* A chain that leads back to itself ends. */
	put32(image + INFO + 16, INFO);
	r = regs_at(FUNCTION + 0x110, STACK + 0x100);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_CORRUPT);
	ck_assert(!psc_unwind_function_at(&memory, &img, PSC_MACHINE_X64, FUNCTION + 0x150, &begin));
}
END_TEST

START_TEST(indirect_record)
{
	setup();
	/* The second entry refers to the first one's record: all of its codes have been carried out there. */
	INFO_BYTES(INFO, 0x01, 0x40, 2, 0x00, 0x05, 0x32, 0x01, 0x30);
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
	add_function(FUNCTION + 0x200, FUNCTION + 0x280, PDATA | 1);
	struct psc_unwind_image img = img64();
	struct psc_unwind_step s;
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x201, STACK + 0x100);
	put64(STACK + 0x120, 0xbbbb);
	put64(STACK + 0x128, RETURN_TO);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(s.function_rva, FUNCTION);
	/* Two steps of that are too many. */
	put32(image + PDATA + 8, PDATA | 1);
	r = regs_at(FUNCTION + 0x201, STACK + 0x100);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_CORRUPT);
}
END_TEST

START_TEST(machine_frames)
{
	setup();
	/* An interrupt with an error code: PUSH_MACHFRAME 1, ALLOC_SMALL 0x10. */
	for (unsigned code = 0; code < 2; code++) {
		setup();
		INFO_BYTES(INFO, 0x01, 0x04, 2, 0x00, 0x04, 0x12, 0x00, 0x0a);
		image[INFO + 7] = (uint8_t)(0x0a | code << 4);
		add_function(FUNCTION, FUNCTION + 0x100, INFO);
		struct psc_unwind_image img = img64();
		struct psc_unwind_step s;
		uint64_t at = STACK + 0x110 + 8 * code;
		struct psc_cpu_regs r = regs_at(FUNCTION + 0x40, STACK + 0x100);
		put64(at, BASE + 0x777);
		put64(at + 8, 0x10);
		put64(at + 0x18, STACK + 0x90); /* on another stack, below */
		psc_unwind_x64(&memory, &img, true, &r, &s);
		ck_assert_int_eq(s.result, PSC_UNWIND_TRAP);
		ck_assert_uint_eq(r.pc, BASE + 0x777);
		ck_assert_uint_eq(r.gpr[4], STACK + 0x90);
		ck_assert_uint_eq(s.return_va, at);
	}
}
END_TEST

START_TEST(leaves_and_ends)
{
	setup();
	INFO_BYTES(INFO, 0x01, 0x00, 0, 0x00);
	add_function(FUNCTION, FUNCTION + 0x100, INFO);
	struct psc_unwind_image img = img64();
	struct psc_unwind_step s;
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x180, STACK + 0x100);
	put64(STACK + 0x100, RETURN_TO);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert(s.is_leaf && !s.has_function);
	ck_assert_uint_eq(r.gpr[4], STACK + 0x108);
	/* A call may be the last instruction of its function. */
	r = regs_at(FUNCTION + 0x100, STACK + 0x100);
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert(s.has_function);
	/* Outside the image, no directory. */
	r = regs_at(IMAGE_BYTES, STACK + 0x100);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_CORRUPT);
	img.pdata_bytes = 0;
	r = regs_at(FUNCTION, STACK + 0x100);
	psc_unwind_x64(&memory, &img, false, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_MISSING);
}
END_TEST

START_TEST(missing_and_corrupt)
{
	setup();
	static const uint64_t holes[] = {BASE + INFO, BASE + PDATA, STACK};
	struct psc_unwind_step s;
	for (size_t i = 0; i < 3; i++) {
		setup();
		INFO_BYTES(INFO, 0x01, 0x05, 2, 0x00, 0x05, 0x32, 0x01, 0x30);
		add_function(FUNCTION, FUNCTION + 0x100, INFO);
		struct psc_unwind_image img = img64();
		struct psc_cpu_regs r = regs_at(FUNCTION + 0x40, STACK + 0x100), before = r;
		hole = holes[i];
		psc_unwind_x64(&memory, &img, true, &r, &s);
		ck_assert_int_eq(s.result, PSC_UNWIND_MISSING);
		ck_assert(memcmp(&r, &before, sizeof(r)) == 0);
	}
	/* version 3; operation 11; a code cut short; info of ALLOC_LARGE; push rsp; SET_FPREG without a register */
	static const uint8_t bad[][8] = {
		{0x03, 0x05, 2, 0, 0x05, 0x32, 0x01, 0x30}, {0x01, 0x05, 2, 0, 0x05, 0x0b, 0, 0},
		{0x01, 0x05, 1, 0, 0x05, 0x01, 0, 0},       {0x01, 0x05, 2, 0, 0x05, 0x21, 0, 0},
		{0x01, 0x05, 1, 0, 0x05, 0x40, 0, 0},       {0x01, 0x05, 1, 0, 0x05, 0x03, 0, 0},
		{0x01, 0x05, 1, 0, 0x05, 0x2a, 0, 0}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup();
		put_info(INFO, bad[i], sizeof(bad[i]));
		add_function(FUNCTION, FUNCTION + 0x100, INFO);
		struct psc_unwind_image img = img64();
		struct psc_cpu_regs r = regs_at(FUNCTION + 0x40, STACK + 0x100);
		psc_unwind_x64(&memory, &img, true, &r, &s);
		ck_assert_int_eq(s.result, PSC_UNWIND_CORRUPT);
	}
	/* A frame register that leads down: to another stack perhaps, which who walks it knows. */
	setup();
	put_frame_function();
	struct psc_unwind_image img = img64();
	struct psc_cpu_regs r = regs_at(FUNCTION + 0x50, STACK + 0x1000);
	r.gpr[5] = STACK + 0x120;
	r.known |= 1u << 5;
	psc_unwind_x64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_lt(r.gpr[4], STACK + 0x1000);
}
END_TEST

START_TEST(calls)
{
	setup();
	static const struct {
		uint8_t bytes[8];
		int n, want;
	} x86[] = {
		{{0xe8, 1, 2, 3, 4}, 5, 1},                /* call rel32 */
		{{0xff, 0xd0}, 2, 1},                      /* call rax */
		{{0x41, 0xff, 0xd3}, 3, 1},                /* call r11 */
		{{0xff, 0x15, 1, 2, 3, 4}, 6, 1},          /* call [rip+x] */
		{{0xff, 0x50, 0x18}, 3, 1},                /* call [rax+18] */
		{{0xff, 0x90, 1, 2, 0, 0}, 6, 1},          /* call [rax+disp32] */
		{{0xff, 0x54, 0x24, 0x20}, 4, 1},          /* call [rsp+20] */
		{{0xff, 0x94, 0x24, 1, 2, 0, 0}, 7, 1},    /* call [rsp+disp32] */
		{{0xff, 0x14, 0xc8}, 3, 1},                /* call [rax+rcx*8] */
		{{0xff, 0x14, 0xcd, 1, 2, 3, 0x40}, 7, 1}, /* call [rcx*8+disp32] */
		{{0xff, 0xe0}, 2, 0},                      /* jmp rax */
		{{0xe9, 1, 2, 3, 4}, 5, 0},
		{{0xff, 0x30}, 2, 0}, /* push [rax] */
		{{0x90, 0x90, 0x90}, 3, 0},
	};
	for (size_t i = 0; i < sizeof(x86) / sizeof(x86[0]); i++) {
		memset(image + 0x1000, 0x90, 0x100);
		memcpy(image + 0x1080 - x86[i].n, x86[i].bytes, (size_t)x86[i].n);
		ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_X64, BASE + 0x1080), x86[i].want);
		ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_X86, BASE + 0x1080), x86[i].want);
	}
	static const struct {
		uint32_t word;
		int want;
	} arm[] = {{0x94000001, 1}, {0x97ffffff, 1}, {0xd63f0100, 1}, {0xd73f0901, 1}, {0xd63f081f, 1},
		   {0x14000001, 0}, {0xd61f0100, 0}, {0xd65f03c0, 0}, {0xd503201f, 0}};
	for (size_t i = 0; i < sizeof(arm) / sizeof(arm[0]); i++) {
		put32(image + 0x107c, arm[i].word);
		ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_ARM64, BASE + 0x1080), arm[i].want);
	}
	ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_ARM64, BASE + 0x1082), 0);
	/* The code is missing; or the page before, which may hold the start of a longer one. */
	hole = BASE + 0x1000;
	ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_X64, BASE + 0x1080), -1);
	memset(image + 0x2000, 0x90, 8);
	ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_X64, BASE + 0x2004), -1);
	image[0x2002] = 0xff;
	image[0x2003] = 0xd0;
	ck_assert_int_eq(psc_is_after_call(&memory, PSC_MACHINE_X64, BASE + 0x2004), 1);
}
END_TEST

/* ---- ARM64 ---- */

#define FP 29
#define LR 30
#define SP 31

static void add_arm64(uint32_t begin, uint32_t word)
{
	put32(image + PDATA + 8 * n_pdata, begin);
	put32(image + PDATA + 8 * n_pdata++ + 4, word);
}

static struct psc_cpu_regs arm_at(uint32_t rva, uint64_t sp)
{
	struct psc_cpu_regs r;
	memset(&r, 0, sizeof(r));
	r.pc = BASE + rva;
	r.gpr[SP] = sp;
	r.known = 1u << SP;
	return r;
}

static struct psc_unwind_image img_arm(void)
{
	struct psc_unwind_image i = {BASE, IMAGE_BYTES, PDATA, 8 * n_pdata};
	return i;
}

START_TEST(arm64_packed)
{
	setup();
	/* stp x19, x20, [sp, -0x20]!; str x21, [sp, 0x10]; stp fp, lr, [sp, -0x20]!; mov fp, sp: 0x40 bytes, RegI 3, CR
	 * 3 */
	add_arm64(FUNCTION, 1u | 64u << 2 | 3u << 16 | 3u << 21 | 4u << 23);
	struct psc_unwind_image img = img_arm();
	struct psc_unwind_step s;
	uint64_t sp = STACK + 0x100;
	struct psc_cpu_regs r = arm_at(FUNCTION + 0x40, sp - 0x80); /* the body took more */
	r.gpr[FP] = sp;
	r.known |= 1u << FP;
	put64(sp, STACK + 0x800);
	put64(sp + 8, RETURN_TO);
	put64(sp + 0x20, 0x1919);
	put64(sp + 0x30, 0x2121);
	psc_unwind_arm64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(s.return_va, sp + 8);
	ck_assert_uint_eq(r.gpr[SP], sp + 0x40);
	ck_assert_uint_eq(r.gpr[FP], STACK + 0x800);
	ck_assert_uint_eq(r.gpr[19], 0x1919);
	ck_assert_uint_eq(r.gpr[21], 0x2121);
	/* CR 1: lr behind the saved registers. */
	n_pdata = 0;
	add_arm64(FUNCTION, 1u | 64u << 2 | 2u << 16 | 1u << 21 | 3u << 23);
	r = arm_at(FUNCTION + 0x40, sp);
	put64(sp + 0x10 + 0x10, RETURN_TO + 4); /* 0x10 of locals, x19, x20, lr */
	psc_unwind_arm64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO + 4);
	ck_assert_uint_eq(r.gpr[SP], sp + 0x30);
	/* A function that saved no lr cannot have called; interrupted, lr itself says. */
	n_pdata = 0;
	add_arm64(FUNCTION, 1u | 64u << 2 | 1u << 23);
	r = arm_at(FUNCTION + 0x40, sp);
	psc_unwind_arm64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_CORRUPT);
	r.gpr[LR] = RETURN_TO;
	r.known |= 1u << LR;
	psc_unwind_arm64(&memory, &img, false, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.gpr[SP], sp + 0x10);
	ck_assert_uint_eq(s.return_va, 0);
	/* More saved than the frame holds. */
	n_pdata = 0;
	add_arm64(FUNCTION, 1u | 64u << 2 | 10u << 16 | 1u << 23);
	r = arm_at(FUNCTION + 0x40, sp);
	psc_unwind_arm64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_CORRUPT);
}
END_TEST

START_TEST(arm64_xdata)
{
	setup();
	/* stp x19, x20, [sp, -0x30]!; stp x21, x22, [sp, 0x10]; stp fp, lr, [sp, 0x20]; add fp, sp, 0x20; sub sp, 0x10
	 * as codes in the order of undoing: alloc_s 1, add_fp 4, save_fplr 4, save_next, save_r19r20_x 6, end */
	static const uint8_t codes[] = {0x01, 0xe2, 0x04, 0x44, 0xe6, 0x26, 0xe4, 0xe3};
	add_arm64(FUNCTION, INFO);
	put32(image + INFO, 64u | 1u << 21 | 2u << 27); /* one epilogue with the same codes */
	memcpy(image + INFO + 4, codes, sizeof(codes));
	struct psc_unwind_image img = img_arm();
	struct psc_unwind_step s;
	uint64_t sp = STACK + 0x100, low = sp + 0x10;
	put64(low, 0x1919);
	put64(low + 8, 0x2020);
	put64(low + 0x10, 0x2121);
	put64(low + 0x18, 0x2222);
	put64(low + 0x20, STACK + 0x800);
	put64(low + 0x28, RETURN_TO);
	struct psc_cpu_regs r = arm_at(FUNCTION + 0x40, sp);
	r.gpr[FP] = low + 0x20;
	r.known |= 1u << FP;
	psc_unwind_arm64(&memory, &img, true, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(r.gpr[SP], low + 0x30);
	ck_assert_uint_eq(r.gpr[19], 0x1919);
	ck_assert_uint_eq(r.gpr[20], 0x2020);
	ck_assert_uint_eq(r.gpr[21], 0x2121);
	ck_assert_uint_eq(r.gpr[22], 0x2222);
	/* In the prologue, two instructions carried out: x21 and x22 are saved, fp and lr are not. */
	r = arm_at(FUNCTION + 8, low);
	r.gpr[LR] = RETURN_TO + 8;
	r.known |= 1u << LR;
	psc_unwind_arm64(&memory, &img, false, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO + 8);
	ck_assert_uint_eq(r.gpr[SP], low + 0x30);
	/* In the epilogue, all but the last restored. */
	r = arm_at(FUNCTION + 0x100 - 8, low);
	r.gpr[LR] = RETURN_TO + 12;
	r.known |= 1u << LR;
	psc_unwind_arm64(&memory, &img, false, &r, &s);
	ck_assert_int_eq(s.result, PSC_UNWIND_OK);
	ck_assert_uint_eq(r.pc, RETURN_TO + 12);
	ck_assert_uint_eq(r.gpr[SP], low + 0x30);
}
END_TEST

START_TEST(arm64_frame_record)
{
	setup();
	struct psc_unwind_step s;
	struct psc_cpu_regs r = arm_at(FUNCTION, STACK + 0x80);
	ck_assert(!psc_unwind_frame_record(&memory, &r, &s));
	r.gpr[FP] = STACK + 0x100;
	r.known |= 1u << FP;
	put64(STACK + 0x100, STACK + 0x200);
	put64(STACK + 0x108, RETURN_TO & UINT64_C(0xff80ffffffffffff)); /* with a signature in the upper bits */
	ck_assert(psc_unwind_frame_record(&memory, &r, &s));
	ck_assert_uint_eq(r.pc, RETURN_TO);
	ck_assert_uint_eq(s.return_va, STACK + 0x108);
	ck_assert_uint_eq(r.gpr[FP], STACK + 0x200);
	/* Down, or odd. */
	r.gpr[FP] = STACK + 0x40;
	ck_assert(!psc_unwind_frame_record(&memory, &r, &s));
	r.gpr[FP] = STACK + 0x204;
	ck_assert(!psc_unwind_frame_record(&memory, &r, &s));
}
END_TEST

START_TEST(contexts)
{
	setup();
	uint8_t b[0x400];
	struct psc_cpu_regs r;
	memset(b, 0, sizeof(b));
	put32(b + 0x30, 0x10000f);
	put32(b + 0x98, 0x1234);
	put32(b + 0xa0, 0x5678);
	put32(b + 0xf8, 0x9abc);
	ck_assert(psc_context_parse(PSC_MACHINE_X64, b, sizeof(b), &r));
	ck_assert_uint_eq(r.gpr[4], 0x1234);
	ck_assert_uint_eq(r.gpr[5], 0x5678);
	ck_assert_uint_eq(r.pc, 0x9abc);
	ck_assert(!psc_context_parse(PSC_MACHINE_X64, b, 0xf8, &r));
	ck_assert(!psc_context_parse(PSC_MACHINE_X86, b, sizeof(b), &r));
	memset(b, 0, sizeof(b));
	put32(b, 0x1001f);
	put32(b + 0xb4, 0xb4);
	put32(b + 0xb8, 0xb8);
	put32(b + 0xc4, 0xc4);
	ck_assert(psc_context_parse(PSC_MACHINE_X86, b, sizeof(b), &r));
	ck_assert_uint_eq(r.gpr[5], 0xb4);
	ck_assert_uint_eq(r.pc, 0xb8);
	ck_assert_uint_eq(r.gpr[4], 0xc4);
	memset(b, 0, sizeof(b));
	put32(b, 0x400007);
	put32(b + 0xf0, 29);
	put32(b + 0xf8, 30);
	put32(b + 0x100, 31);
	put32(b + 0x108, 0x108);
	ck_assert(psc_context_parse(PSC_MACHINE_ARM64, b, sizeof(b), &r));
	ck_assert_uint_eq(r.gpr[29], 29);
	ck_assert_uint_eq(r.gpr[30], 30);
	ck_assert_uint_eq(r.gpr[31], 31);
	ck_assert_uint_eq(r.pc, 0x108);
	for (size_t i = 0; i < sizeof(b); i += 4)
		memcpy(b + i, "PAGE", 4);
	ck_assert(!psc_context_parse(PSC_MACHINE_ARM64, b, sizeof(b), &r));
	ck_assert(!psc_context_parse(PSC_MACHINE_X64, b, sizeof(b), &r));
	ck_assert(!psc_context_parse(PSC_MACHINE_X86, b, sizeof(b), &r));
}
END_TEST

UNIT_MAIN("unwind", every_operation, far_and_large_forms, frame_register, in_the_prologue, in_the_epilogue, version_2,
	  chained_parts, indirect_record, machine_frames, leaves_and_ends, missing_and_corrupt, calls, arm64_packed,
	  arm64_xdata, arm64_frame_record, contexts)
