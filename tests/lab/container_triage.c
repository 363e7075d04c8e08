/* SPDX-License-Identifier: MIT */
/* Minidump: dumps.md section 10, and the secondary data of section 11. All offsets are file offsets. */
#include "container_private.h"
#include "mem_private.h"
#include <stdlib.h>
#include <string.h>

#define UNLOADED_NAME_CHARS 12u
#define MM_BLOCK_BYTES      0x50u

/* Where the fields of TRIAGE_DUMP are, and the entry formats that depend on the pointer size. */
struct layout {
	uint32_t context, exception; /* in the dump header */
	uint32_t header_bytes;
	uint32_t top_of_stack;
	uint32_t debugger_data, debugger_data_bytes, blocks, n_blocks;
	uint32_t driver_bytes, driver_entry; /* stride; where the frozen loader entry starts */
	uint32_t dll_base, image_bytes, checksum, stamp;
	uint32_t unloaded_count_bytes, unloaded_bytes, unloaded_name, unloaded_start, unloaded_end;
};

static const struct layout layout64 = {
	.context = 0x348,
	.exception = 0xf00,
	.header_bytes = 0x80,
	.top_of_stack = 0x48,
	.debugger_data = 0x70,
	.debugger_data_bytes = 0x74,
	.blocks = 0x78,
	.n_blocks = 0x7c,
	.driver_bytes = 0x90,
	.driver_entry = 8,
	.dll_base = 0x30,
	.image_bytes = 0x40,
	.checksum = 0x78,
	.stamp = 0x80,
	.unloaded_count_bytes = 8,
	.unloaded_bytes = 0x38,
	.unloaded_name = 0x10,
	.unloaded_start = 0x28,
	.unloaded_end = 0x30,
};

static const struct layout layout32 = {
	.context = 0x320,
	.exception = 0x7d0,
	.header_bytes = 0x68,
	.top_of_stack = 0x48,
	.debugger_data = 0x58,
	.debugger_data_bytes = 0x5c,
	.blocks = 0x60,
	.n_blocks = 0x64,
	.driver_bytes = 0x4c,
	.driver_entry = 4,
	.dll_base = 0x18,
	.image_bytes = 0x20,
	.checksum = 0x40,
	.stamp = 0x44,
	.unloaded_count_bytes = 4,
	.unloaded_bytes = 0x28,
	.unloaded_name = 8,
	.unloaded_start = 0x20,
	.unloaded_end = 0x24,
};

struct triage {
	const struct lab_mem *m;
	const struct lab_header *h;
	const struct layout *l;
	struct lab_buf file; /* the whole dump, header included, so that buffer offsets are file offsets */
	size_t base;         /* of TRIAGE_DUMP */
};

static void set_pointer(const struct triage *t, size_t at, uint64_t v)
{
	if (t->h->is_64bit)
		lab_set64(t->file.bytes + at, v);
	else
		lab_set32(t->file.bytes + at, (uint32_t)v);
}

static void set_field(const struct triage *t, uint32_t field, size_t v)
{
	lab_set32(t->file.bytes + t->base + field, (uint32_t)v);
}

static bool has_memory(const struct lab_mem *m, uint64_t va)
{
	const uint64_t pa = lab_mem_pa(m, va);

	return pa != LAB_NO_PA && lab_mem_is_ram(m, pa / LAB_PAGE_BYTES);
}

/* Copies what is mapped; the rest is zeros (a section has no holes, unlike the blocks). */
static size_t add_memory(struct triage *t, uint64_t va, size_t n)
{
	const size_t at = lab_buf_add(&t->file, n);
	size_t done = 0;

	while (done < n) {
		const size_t in_page = LAB_PAGE_BYTES - (size_t)((va + done) % LAB_PAGE_BYTES);
		const size_t part = n - done < in_page ? n - done : in_page;

		if (has_memory(t->m, va + done))
			lab_get(t->m, va + done, t->file.bytes + at + done, part);
		done += part;
	}
	return at;
}

static void add_section(struct triage *t, uint32_t field, const struct lab_va_range *range)
{
	if (range->size_bytes == 0)
		return;
	lab_buf_align(&t->file, 8);
	set_field(t, field, add_memory(t, range->va, range->size_bytes));
}

static void put_utf16(uint8_t *p, const char *ascii, size_t n)
{
	for (size_t i = 0; i < n; i++)
		lab_set16(p + 2 * i, (uint8_t)ascii[i]);
}

static void add_unloaded(struct triage *t)
{
	const struct layout *l = t->l;
	size_t at = lab_buf_add(&t->file, l->unloaded_count_bytes);

	set_field(t, 0x18, at);
	set_pointer(t, at, t->h->n_unloaded);
	for (uint32_t i = 0; i < t->h->n_unloaded; i++) {
		const struct lab_unloaded_module *u = &t->h->unloaded[i];
		const size_t length = strlen(u->name);
		const size_t kept = length < UNLOADED_NAME_CHARS ? length : UNLOADED_NAME_CHARS;

		at = lab_buf_add(&t->file, l->unloaded_bytes);
		lab_set16(t->file.bytes + at, (uint16_t)(2 * kept));
		lab_set16(t->file.bytes + at + 2, (uint16_t)(2 * kept));
		put_utf16(t->file.bytes + at + l->unloaded_name, u->name, kept);
		set_pointer(t, at + l->unloaded_start, u->start);
		set_pointer(t, at + l->unloaded_end, u->end);
	}
}

/* Entries and strings are adjacent: readers of 32-bit dumps derive the stride from that. */
static void add_drivers(struct triage *t)
{
	const struct layout *l = t->l;
	const uint32_t n = t->h->n_modules;
	size_t list, pool;

	lab_buf_align(&t->file, 8);
	list = lab_buf_add(&t->file, (size_t)n * l->driver_bytes);
	pool = t->file.size;
	for (uint32_t i = 0; i < n; i++) {
		const struct lab_triage_module *mod = &t->h->modules[i];
		const size_t entry = list + (size_t)i * l->driver_bytes, frozen = entry + l->driver_entry;
		const size_t length = strlen(mod->path);
		const size_t string = lab_buf_add(&t->file, 4 + 2 * (length + 1));

		lab_set32(t->file.bytes + string, (uint32_t)length);
		put_utf16(t->file.bytes + string + 4, mod->path, length);
		lab_buf_align(&t->file, 8);
		lab_set32(t->file.bytes + entry, (uint32_t)string);
		set_pointer(t, frozen + l->dll_base, mod->base);
		lab_set32(t->file.bytes + frozen + l->image_bytes, mod->size_bytes);
		lab_set32(t->file.bytes + frozen + l->checksum, mod->checksum);
		lab_set32(t->file.bytes + frozen + l->stamp, mod->time_date_stamp);
	}
	set_field(t, 0x30, list);
	set_field(t, 0x34, n);
	set_field(t, 0x38, pool);
	set_field(t, 0x3c, t->file.size - pool);
}

static int by_va(const void *a, const void *b)
{
	const uint64_t x = ((const struct lab_va_range *)a)->va, y = ((const struct lab_va_range *)b)->va;

	return x < y ? -1 : x > y;
}

static void add_block(struct lab_buf *blocks, uint64_t va, uint64_t size)
{
	const size_t at = lab_buf_add(blocks, 16);

	lab_set64(blocks->bytes + at, va);
	lab_set32(blocks->bytes + at + 12, (uint32_t)size);
}

/* Disjoint blocks of mapped memory, in VA order. */
static void collect_blocks(const struct triage *t, struct lab_buf *blocks, struct lab_va_range *ranges, size_t n)
{
	uint64_t next = 0;

	if (n > 0)
		qsort(ranges, n, sizeof *ranges, by_va);
	for (size_t i = 0; i < n; i++) {
		const uint64_t end = ranges[i].va + ranges[i].size_bytes;
		uint64_t va = ranges[i].va > next ? ranges[i].va : next;
		uint64_t start = va;

		while (va < end) {
			uint64_t page_end = (va | (LAB_PAGE_BYTES - 1)) + 1;

			if (page_end > end)
				page_end = end;
			if (!has_memory(t->m, va)) {
				if (va > start)
					add_block(blocks, start, va - start);
				start = page_end;
			}
			va = page_end;
		}
		if (va > start)
			add_block(blocks, start, va - start);
		if (end > next)
			next = end;
	}
}

static uint64_t read_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static void add_blocks(struct triage *t)
{
	const size_t n = t->h->n_triage_ranges;
	struct lab_va_range *ranges = lab_xcalloc(n, sizeof *ranges);
	struct lab_buf blocks = {0};
	size_t table;

	if (n > 0)
		memcpy(ranges, t->h->triage_ranges, n * sizeof *ranges);
	collect_blocks(t, &blocks, ranges, n);
	free(ranges);
	lab_buf_align(&t->file, 8);
	table = lab_buf_add_bytes(&t->file, blocks.bytes, blocks.size);
	set_field(t, t->l->blocks, table);
	set_field(t, t->l->n_blocks, blocks.size / 16);
	for (size_t i = 0; i < blocks.size; i += 16) {
		const uint64_t va = read_le(blocks.bytes + i, 8);
		const size_t size = (size_t)read_le(blocks.bytes + i + 12, 4);
		const size_t at = add_memory(t, va, size);

		lab_set32(t->file.bytes + table + i + 8, (uint32_t)at);
	}
	lab_buf_free(&blocks);
}

static void add_kdbg(struct triage *t)
{
	const struct lab_header *h = t->h;
	size_t at;

	if (h->kdbg_size_bytes == 0)
		return;
	lab_buf_align(&t->file, 8);
	at = h->kdbg_bytes != NULL ? lab_buf_add_bytes(&t->file, h->kdbg_bytes, h->kdbg_size_bytes)
				   : add_memory(t, h->kdbg_va, h->kdbg_size_bytes);
	set_field(t, t->l->debugger_data, at);
	set_field(t, t->l->debugger_data_bytes, h->kdbg_size_bytes);
}

void lab_write_triage(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h)
{
	struct triage t = {.m = m, .h = h, .l = h->is_64bit ? &layout64 : &layout32};
	uint8_t *header;
	size_t mark;

	t.base = lab_buf_add(&t.file, lab_header_bytes(h));
	t.base = lab_buf_add(&t.file, t.l->header_bytes);
	set_field(&t, 0xc, t.l->context);
	set_field(&t, 0x10, t.l->exception);
	/* The block's own bit of MiniDumpFields is clear: an offset, and zeros there. */
	lab_buf_align(&t.file, 8);
	set_field(&t, 0x14, lab_buf_add(&t.file, MM_BLOCK_BYTES));
	add_unloaded(&t);
	add_section(&t, 0x1c, &h->prcb);
	add_section(&t, 0x20, &h->process);
	add_section(&t, 0x24, &h->thread);
	lab_buf_align(&t.file, 8);
	set_field(&t, 0x28, add_memory(&t, h->stack_va, h->stack_size_bytes));
	set_field(&t, 0x2c, h->stack_size_bytes);
	set_field(&t, 0x44, UINT32_MAX);
	set_pointer(&t, t.base + t.l->top_of_stack, h->stack_va);
	add_kdbg(&t);
	add_drivers(&t);
	add_blocks(&t);
	lab_buf_align(&t.file, 4);
	mark = lab_buf_add_bytes(&t.file, "TRGD", 4);
	set_field(&t, 0x4, t.file.size);
	set_field(&t, 0x8, mark);
	if (t.file.size > UINT32_MAX)
		lab_die("minidump of %zu bytes", t.file.size);
	header = lab_header_make(m, h, LAB_CONTAINER_TRIAGE, t.file.size - lab_header_bytes(h));
	memcpy(t.file.bytes, header, lab_header_bytes(h));
	free(header);
	lab_out_bytes(o, t.file.bytes, t.file.size);
	lab_buf_free(&t.file);
	lab_write_secondary(o, h);
}

static void add_blob(struct lab_buf *b, const uint8_t guid[16], const void *data, uint32_t n, uint32_t pre,
		     uint32_t post)
{
	const size_t at = lab_buf_add(b, 0x20);

	lab_set32(b->bytes + at, 0x20);
	memcpy(b->bytes + at + 4, guid, 16);
	lab_set32(b->bytes + at + 0x14, n);
	lab_set32(b->bytes + at + 0x18, pre);
	lab_set32(b->bytes + at + 0x1c, post);
	(void)lab_buf_add(b, pre);
	(void)lab_buf_add_bytes(b, data, n);
	(void)lab_buf_add(b, post);
}

void lab_write_secondary(struct lab_out *o, const struct lab_header *h)
{
	/* 6C7AC389-4313-47DC-9F34-A8800A0FB56C: processor speed */
	static const uint8_t speed_guid[16] = {0x89, 0xc3, 0x7a, 0x6c, 0x13, 0x43, 0xdc, 0x47,
					       0x9f, 0x34, 0xa8, 0x80, 0x0a, 0x0f, 0xb5, 0x6c};
	/* D03DC06F-..., the rest is made up: an entry no reader knows */
	static const uint8_t other_guid[16] = {0x6f, 0xc0, 0x3d, 0xd0, 0x11, 0x22, 0x33, 0x44,
					       0x85, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc};
	static const uint8_t no_guid[16] = {0};
	uint8_t speed[4];
	struct lab_buf b = {0};

	lab_set32(speed, 2592);
	(void)lab_buf_add_bytes(&b, "DumpBlob", 8);
	(void)lab_buf_add(&b, 8);
	lab_set32(b.bytes + 8, 0x10);
	lab_set32(b.bytes + 12, UINT32_C(0xf0000000) | (h->minor & 0xffff));
	add_blob(&b, speed_guid, speed, sizeof speed, 0, 4);
	add_blob(&b, no_guid, NULL, 0, 0, 0);
	add_blob(&b, other_guid, "GenuineLab", 10, 8, 6);
	lab_out_bytes(o, b.bytes, b.size);
	lab_buf_free(&b);
}
