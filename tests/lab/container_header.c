/* SPDX-License-Identifier: MIT */
/* DUMP_HEADER64 and DUMP_HEADER32: dumps.md sections 2 to 5. */
#include "container_private.h"
#include "mem_private.h"
#include <string.h>

#define MAX_RUNS64        43u
#define MAX_RUNS32        86u
#define MINIDUMP_FIELDS   0xcffu
#define EXCEPTION_CODE_BP UINT32_C(0x80000003)

size_t lab_header_bytes(const struct lab_header *h)
{
	return h->is_64bit ? LAB_HEADER64_BYTES : LAB_HEADER32_BYTES;
}

/* Fields with all bits set stay as the fill pattern. */
static void field32(uint8_t *p, uint32_t v)
{
	if (v != UINT32_MAX)
		lab_set32(p, v);
}

static void field64(uint8_t *p, uint64_t v)
{
	if (v != UINT64_MAX)
		lab_set64(p, v);
}

static void field_pointer32(uint8_t *p, uint64_t v)
{
	if (v != UINT64_MAX)
		lab_set32(p, (uint32_t)v);
}

static void field_comment(uint8_t *p, const char *comment)
{
	const size_t limit = 127;

	if (comment == NULL)
		return;
	strncpy((char *)p, comment, limit);
	p[limit] = 0;
}

static uint32_t dump_type(enum lab_container kind)
{
	switch (kind) {
	case LAB_CONTAINER_FULL:
		return 1;
	case LAB_CONTAINER_SUMMARY:
		return 2;
	case LAB_CONTAINER_HEADER:
		return 3;
	case LAB_CONTAINER_TRIAGE:
		return 4;
	case LAB_CONTAINER_BITMAP_FULL:
		return 5;
	case LAB_CONTAINER_BITMAP_KERNEL:
		return 6;
	case LAB_CONTAINER_RANGE_KERNEL:
		return 8;
	case LAB_CONTAINER_RANGE_FULL:
		return 10;
	default:
		lab_die("container %d has no Windows header", (int)kind);
	}
}

/* A program counter inside the kernel, if the caller named its modules. */
static uint64_t plausible_pc(const struct lab_header *h)
{
	return h->n_modules > 0 ? h->modules[0].base + 0x1010 : h->kd_debugger_data_block & ~UINT64_C(0xfff);
}

static void context_x64(uint8_t *c, const struct lab_header *h)
{
	static const uint16_t selectors[6] = {0x10, 0x2b, 0x2b, 0x53, 0x2b, 0x18};

	memset(c, 0, 0x4d0);
	lab_set32(c + 0x30, 0x10001f);
	lab_set32(c + 0x34, 0x1f80);
	for (size_t i = 0; i < 6; i++)
		lab_set16(c + 0x38 + 2 * i, selectors[i]);
	lab_set32(c + 0x44, 0x246);
	lab_set64(c + 0x80, h->bugcheck_code);
	lab_set64(c + 0x98, h->stack_va);
	lab_set64(c + 0xa0, h->stack_va + 0x80);
	lab_set64(c + 0xf8, plausible_pc(h));
}

static void context_arm64(uint8_t *c, const struct lab_header *h)
{
	memset(c, 0, 0x390);
	lab_set32(c, 0x400007);
	lab_set32(c + 4, 0x60000004);
	lab_set64(c + 8, h->bugcheck_code);
	lab_set64(c + 0xf0, h->stack_va + 0x80);
	lab_set64(c + 0xf8, plausible_pc(h) + 4);
	lab_set64(c + 0x100, h->stack_va);
	lab_set64(c + 0x108, plausible_pc(h));
}

static void context_x86(uint8_t *c, const struct lab_header *h)
{
	memset(c, 0, 0x2cc);
	lab_set32(c, 0x1003f);
	lab_set32(c + 0x90, 0x30);
	lab_set32(c + 0x94, 0x23);
	lab_set32(c + 0x98, 0x23);
	lab_set32(c + 0xb0, h->bugcheck_code);
	lab_set32(c + 0xb4, (uint32_t)h->stack_va + 0x40);
	lab_set32(c + 0xb8, (uint32_t)plausible_pc(h));
	lab_set32(c + 0xbc, 8);
	lab_set32(c + 0xc0, 0x246);
	lab_set32(c + 0xc4, (uint32_t)h->stack_va);
	lab_set32(c + 0xc8, 0x10);
}

static const struct lab_run *checked_runs(const struct lab_mem *m, size_t limit, size_t *ret_n)
{
	const struct lab_run *runs = lab_mem_runs(m, ret_n);

	if (*ret_n > limit)
		lab_die("%zu runs of RAM do not fit in a header for %zu", *ret_n, limit);
	return runs;
}

static void memory_block64(uint8_t *p, const struct lab_mem *m)
{
	size_t n;
	const struct lab_run *runs = checked_runs(m, MAX_RUNS64, &n);

	lab_set32(p, (uint32_t)n);
	lab_set64(p + 8, lab_mem_total_pages(m));
	for (size_t i = 0; i < n; i++) {
		lab_set64(p + 0x10 + 16 * i, runs[i].first_pfn);
		lab_set64(p + 0x18 + 16 * i, runs[i].n_pages);
	}
}

static void memory_block32(uint8_t *p, const struct lab_mem *m)
{
	size_t n;
	const struct lab_run *runs = checked_runs(m, MAX_RUNS32, &n);

	lab_set32(p, (uint32_t)n);
	lab_set32(p + 4, (uint32_t)lab_mem_total_pages(m));
	for (size_t i = 0; i < n; i++) {
		lab_set32(p + 8 + 8 * i, (uint32_t)runs[i].first_pfn);
		lab_set32(p + 12 + 8 * i, (uint32_t)runs[i].n_pages);
	}
}

static void fill_pattern(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t) "PAGE"[i % 4];
}

static void make64(uint8_t *p, const struct lab_mem *m, const struct lab_header *h, enum lab_container kind,
		   uint64_t space)
{
	memcpy(p, "PAGEDU64", 8);
	field32(p + 0x8, h->major);
	field32(p + 0xc, h->minor);
	lab_set64(p + 0x10, lab_mem_dtb(m));
	field64(p + 0x18, h->pfn_database);
	field64(p + 0x20, h->ps_loaded_module_list);
	field64(p + 0x28, h->ps_active_process_head);
	field32(p + 0x30, h->machine);
	field32(p + 0x34, h->n_processors);
	field32(p + 0x38, h->bugcheck_code);
	for (size_t i = 0; i < 4; i++)
		field64(p + 0x40 + 8 * i, h->bugcheck_parameters[i]);
	field64(p + 0x80, h->kd_debugger_data_block);
	if (kind == LAB_CONTAINER_FULL)
		memory_block64(p + 0x88, m);
	if (h->machine == 0xaa64)
		context_arm64(p + 0x348, h);
	else
		context_x64(p + 0x348, h);
	lab_set32(p + 0xf00, EXCEPTION_CODE_BP);
	lab_set32(p + 0xf04, 1);
	lab_set64(p + 0xf08, 0);
	lab_set64(p + 0xf10, plausible_pc(h));
	lab_set32(p + 0xf18, 0);
	lab_set32(p + 0xf98, dump_type(kind));
	lab_set64(p + 0xfa0, space);
	field64(p + 0xfa8, h->system_time_filetime);
	field_comment(p + 0xfb0, h->comment);
	field64(p + 0x1030, h->system_up_time_100ns);
	if (kind == LAB_CONTAINER_TRIAGE)
		lab_set32(p + 0x1038, MINIDUMP_FIELDS);
	field32(p + 0x1040, h->product_type);
	field32(p + 0x1044, h->suite_mask);
	lab_set32(p + 0x1048, 0);
	p[0x104d] = 0;
	field32(p + 0x1050, h->attributes);
}

static void make32(uint8_t *p, const struct lab_mem *m, const struct lab_header *h, enum lab_container kind,
		   uint64_t space)
{
	memcpy(p, "PAGEDUMP", 8);
	field32(p + 0x8, h->major);
	field32(p + 0xc, h->minor);
	lab_set32(p + 0x10, (uint32_t)lab_mem_dtb(m));
	field_pointer32(p + 0x14, h->pfn_database);
	field_pointer32(p + 0x18, h->ps_loaded_module_list);
	field_pointer32(p + 0x1c, h->ps_active_process_head);
	field32(p + 0x20, h->machine);
	field32(p + 0x24, h->n_processors);
	field32(p + 0x28, h->bugcheck_code);
	for (size_t i = 0; i < 4; i++)
		field_pointer32(p + 0x2c + 4 * i, h->bugcheck_parameters[i]);
	p[0x5c] = h->pae ? 1 : 0;
	if (h->minor >= 3790)
		p[0x5d] = 0;
	field_pointer32(p + 0x60, h->kd_debugger_data_block);
	if (kind == LAB_CONTAINER_FULL)
		memory_block32(p + 0x64, m);
	context_x86(p + 0x320, h);
	lab_set32(p + 0x7d0, EXCEPTION_CODE_BP);
	lab_set32(p + 0x7d4, 1);
	lab_set32(p + 0x7d8, 0);
	lab_set32(p + 0x7dc, (uint32_t)plausible_pc(h));
	lab_set32(p + 0x7e0, 0);
	field_comment(p + 0x820, h->comment);
	field32(p + 0x8a0, h->attributes);
	lab_set32(p + 0xf88, dump_type(kind));
	if (kind == LAB_CONTAINER_TRIAGE)
		lab_set32(p + 0xf8c, MINIDUMP_FIELDS);
	field32(p + 0xf94, h->product_type);
	field32(p + 0xf98, h->suite_mask);
	lab_set32(p + 0xf9c, 0);
	lab_set64(p + 0xfa0, space);
	field64(p + 0xfb8, h->system_up_time_100ns);
	field64(p + 0xfc0, h->system_time_filetime);
}

uint8_t *lab_header_make(const struct lab_mem *m, const struct lab_header *h, enum lab_container kind,
			 uint64_t data_bytes)
{
	const size_t n = lab_header_bytes(h);
	uint8_t *p = lab_xcalloc(1, n);
	/* Windows asks for some room beyond the pages, for secondary data. */
	const uint64_t space = n + data_bytes + 0x38000;

	fill_pattern(p, n);
	if (h->is_64bit)
		make64(p, m, h, kind, space);
	else
		make32(p, m, h, kind, space);
	return p;
}
