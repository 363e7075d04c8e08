/* SPDX-License-Identifier: MIT */
/* Triage dump (minidump): no physical memory, saved virtual ranges only. All offsets in its header are file offsets. */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define TRGD_MARK UINT32_C(0x44475254)
#define KDBG_TAG  UINT32_C(0x4742444b)

/* reference: dumps 10 [V] 64 bit, [2] 32 bit */
enum { TRIAGE64_BYTES = 0x80, TRIAGE32_BYTES = 0x68, BLOCK_BYTES = 16 };

/* MiniDumpFields: a section whose bit is clear has an offset all the same, but its bytes are zero. */
enum {
	FIELD_PRCB = 0x4,
	FIELD_PROCESS = 0x8,
	FIELD_THREAD = 0x10,
	FIELD_STACK = 0x20,
	FIELD_DATA_PAGE = 0x200,
	FIELD_DEBUGGER_DATA = 0x400,
};

#define OPTION_OVERFLOWED 0x100u
#define OPTIONS_UNKNOWN   UINT32_MAX
#define MAX_PROCESSORS    2048u
#define BUILD_7           7600u
#define KDBG_KEEP_BYTES   0x380u
#define BLOCKS_PER_READ   256u
#define MAX_BLOCKS        (1u << 18) /* real dumps have a few thousand */
#define KDBG_MIN_BYTES    0x18u

/* KDDEBUGGER_DATA64. reference: kernel 2 [V] */
enum {
	KDBG_OWNER_TAG = 0x10,
	KDBG_SIZE = 0x14,
	KDBG_KI_PROCESSOR_BLOCK = 0x218,
	KDBG_KTHREAD_APC_PROCESS = 0x2a0,
	KDBG_SIZE_EPROCESS = 0x2a8,
	KDBG_SIZE_PRCB = 0x2b0,
	KDBG_PRCB_CURRENT_THREAD = 0x2b4,
	KDBG_PRCB_NUMBER = 0x2be,
	KDBG_SIZE_ETHREAD = 0x2c0,
};

struct triage {
	uint32_t size_of_dump, valid_offset;
	uint32_t unloaded_off, prcb_off, process_off, thread_off;
	uint32_t stack_off, stack_size, drivers_off, n_drivers, strings_off;
	uint32_t options;
	uint64_t top_of_stack, data_page_va;
	uint32_t data_page_off, data_page_size, kdbg_off, kdbg_size;
	uint32_t blocks_off, n_blocks;
};

struct build {
	struct psc_saved_input *blocks;
	size_t n_blocks;
	struct psc_saved_input extras[PSC_SAVED_EXTRAS_MAX];
	size_t n_extras;
	uint64_t n_cut; /* inputs that reach behind the end of the file */
};

static enum psc_status read_header(const struct psc_image *img, struct triage *ret, struct psc_error *reterr)
{
	uint8_t buf[TRIAGE64_BYTES];
	unsigned ptr = img->header.is_64bit ? 8 : 4;
	size_t n = ptr == 8 ? TRIAGE64_BYTES : TRIAGE32_BYTES;
	enum psc_status st = psc_source_read(img->src, img->header_bytes, buf, n, reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "triage dump header");
	struct psc_cursor c = psc_cursor_init(buf, n);
	psc_cursor_skip(&c, 4); /* ServicePackBuild */
	ret->size_of_dump = psc_cursor_u32(&c);
	ret->valid_offset = psc_cursor_u32(&c);
	psc_cursor_skip(&c, 12); /* ContextOffset, ExceptionOffset, MmOffset */
	ret->unloaded_off = psc_cursor_u32(&c);
	ret->prcb_off = psc_cursor_u32(&c);
	ret->process_off = psc_cursor_u32(&c);
	ret->thread_off = psc_cursor_u32(&c);
	ret->stack_off = psc_cursor_u32(&c);
	ret->stack_size = psc_cursor_u32(&c);
	ret->drivers_off = psc_cursor_u32(&c);
	ret->n_drivers = psc_cursor_u32(&c);
	ret->strings_off = psc_cursor_u32(&c);
	psc_cursor_skip(&c, 8); /* StringPoolSize, BrokenDriverOffset */
	ret->options = psc_cursor_u32(&c);
	ret->top_of_stack = psc_cursor_ptr(&c, ptr);
	if (ptr == 8)
		psc_cursor_skip(&c, 16); /* IA-64 backing store */
	ret->data_page_va = psc_cursor_ptr(&c, ptr);
	ret->data_page_off = psc_cursor_u32(&c);
	ret->data_page_size = psc_cursor_u32(&c);
	ret->kdbg_off = psc_cursor_u32(&c);
	ret->kdbg_size = psc_cursor_u32(&c);
	ret->blocks_off = psc_cursor_u32(&c);
	ret->n_blocks = psc_cursor_u32(&c);
	return PSC_OK;
}

bool psc_triage_has_mark(const struct psc_image *img)
{
	struct triage t;
	uint8_t mark[4];
	return read_header(img, &t, NULL) == PSC_OK && t.valid_offset <= UINT32_MAX - 4 &&
	       t.size_of_dump == t.valid_offset + 4 &&
	       psc_source_read(img->src, t.valid_offset, mark, sizeof(mark), NULL) == PSC_OK &&
	       psc_le32(mark) == TRGD_MARK;
}

/* Cut to the file and to the address space; false when nothing is left. */
static bool clip(const struct psc_image *img, struct psc_saved_input *in, uint64_t *n_cut)
{
	uint64_t va_last = UINT64_MAX;
	if (!img->header.is_64bit) { /* stored sign-extended or not */
		in->va &= UINT32_MAX;
		va_last = (uint64_t)UINT32_MAX + 1;
	}
	in->size_bytes = psc_min_u64(in->size_bytes, va_last - in->va);
	uint64_t left = in->file_offset < img->size ? img->size - in->file_offset : 0;
	if (in->size_bytes > left) {
		in->size_bytes = left;
		(*n_cut)++;
	}
	return in->size_bytes != 0;
}

static bool is_written(const struct psc_image *img, uint32_t field)
{
	return field == 0 || img->header.mini_dump_fields == 0 || (img->header.mini_dump_fields & field) != 0;
}

static void add_extra(const struct psc_image *img, struct build *b, const char *what, uint32_t field, uint64_t va,
		      uint32_t off, uint32_t size)
{
	if (!is_written(img, field))
		return;
	struct psc_saved_input in = {va, size, off, what};
	if (va != 0 && off != 0 && size != 0 && b->n_extras < PSC_SAVED_EXTRAS_MAX && clip(img, &in, &b->n_cut))
		b->extras[b->n_extras++] = in;
}

static enum psc_status read_blocks(struct psc_image *img, const struct triage *t, struct build *b,
				   struct psc_error *reterr)
{
	uint64_t room = t->blocks_off < img->size ? (img->size - t->blocks_off) / BLOCK_BYTES : 0;
	size_t n = (size_t)psc_min_u64(t->n_blocks, room);
	if (n < t->n_blocks)
		psc_warn(&img->warnings, "%lu data blocks announced, the file has room for %llu",
			 (unsigned long)t->n_blocks, (unsigned long long)n);
	if (n > MAX_BLOCKS) {
		psc_warn(&img->warnings, "%llu data blocks, of which only the first %lu are read",
			 (unsigned long long)n, (unsigned long)MAX_BLOCKS);
		n = MAX_BLOCKS;
	}
	if (n == 0)
		return PSC_OK;
	b->blocks = calloc(n, sizeof(*b->blocks));
	if (!b->blocks)
		return psc_fail_no_memory(reterr);
	uint8_t buf[BLOCKS_PER_READ * BLOCK_BYTES];
	for (size_t i = 0; i < n; i += BLOCKS_PER_READ) {
		size_t part = n - i < BLOCKS_PER_READ ? n - i : BLOCKS_PER_READ;
		enum psc_status st = psc_source_read(img->src, t->blocks_off + (uint64_t)i * BLOCK_BYTES, buf,
						     part * BLOCK_BYTES, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "data block table");
		struct psc_cursor c = psc_cursor_init(buf, part * BLOCK_BYTES);
		for (size_t k = 0; k < part; k++) {
			struct psc_saved_input in = {psc_cursor_u64(&c), 0, 0, "data block"};
			in.file_offset = psc_cursor_u32(&c);
			in.size_bytes = psc_cursor_u32(&c);
			if (in.size_bytes != 0 && clip(img, &in, &b->n_cut))
				b->blocks[b->n_blocks++] = in;
		}
	}
	return PSC_OK;
}

static bool read_saved_ptr(const struct psc_image *img, uint64_t va, uint64_t *ret)
{
	uint8_t buf[8];
	size_t n = img->header.is_64bit ? 8 : 4;
	if (psc_saved_read(img->src, &img->saved, va, buf, n) != n)
		return false;
	*ret = n == 8 ? psc_le64(buf) : psc_le32(buf);
	return true;
}

static bool read_section_ptr(const struct psc_image *img, uint32_t section_off, uint32_t field_off, uint64_t *ret)
{
	uint8_t buf[8];
	size_t n = img->header.is_64bit ? 8 : 4;
	if (section_off == 0 || psc_source_read(img->src, (uint64_t)section_off + field_off, buf, n, NULL) != PSC_OK)
		return false;
	*ret = n == 8 ? psc_le64(buf) : psc_le32(buf);
	return true;
}

static bool is_kernel_pointer(const struct psc_image *img, uint64_t va)
{
	return img->header.is_64bit ? va >> 56 == 0xff && va % 8 == 0 : va >= 0x80000000u && va % 4 == 0;
}

/* The processor block that runs this thread; by its number when the blocks themselves were not saved. */
static uint64_t find_prcb(const struct psc_image *img, uint64_t array, uint64_t thread, uint32_t current_thread_off,
			  uint32_t number)
{
	uint32_t step = img->header.is_64bit ? 8 : 4;
	uint64_t by_number = 0;
	for (uint32_t i = 0; i < MAX_PROCESSORS; i++) {
		uint64_t prcb, t;
		if (!read_saved_ptr(img, array + (uint64_t)i * step, &prcb))
			break;
		if (!is_kernel_pointer(img, prcb))
			continue;
		if (!read_saved_ptr(img, prcb + current_thread_off, &t))
			by_number = i == number ? prcb : by_number;
		else if (t == thread)
			return prcb;
	}
	return by_number;
}

/* PRCB, thread and process of the processor that crashed: their addresses follow from what is already readable. */
static void add_current(const struct psc_image *img, const struct triage *t, struct build *b)
{
	uint8_t k[KDBG_KEEP_BYTES] = {0};
	size_t n = (size_t)psc_min_u64(img->kdbg_size, sizeof(k));
	if (!img->has_kdbg || psc_source_read(img->src, img->kdbg_off, k, n, NULL) != PSC_OK)
		return;
	n = (size_t)psc_min_u64(n, psc_le32(k + KDBG_SIZE));
	if (n < KDBG_SIZE_ETHREAD + 2)
		return;
	uint64_t array = psc_le64(k + KDBG_KI_PROCESSOR_BLOCK);
	if (!img->header.is_64bit)
		array &= UINT32_MAX;
	uint32_t thread_at = psc_le16(k + KDBG_PRCB_CURRENT_THREAD), number_at = psc_le16(k + KDBG_PRCB_NUMBER);
	uint32_t process_at = psc_le16(k + KDBG_KTHREAD_APC_PROCESS);
	uint64_t thread = 0, process = 0;
	if (thread_at == 0 || !read_section_ptr(img, t->prcb_off, thread_at, &thread) ||
	    !is_kernel_pointer(img, thread))
		return;
	uint8_t number[4] = {0xff, 0xff, 0xff, 0xff};
	if (number_at != 0)
		(void)psc_source_read(img->src, (uint64_t)t->prcb_off + number_at, number, sizeof(number), NULL);
	/* a byte up to Vista */
	uint32_t index = img->header.build < BUILD_7 ? number[0] : psc_le32(number);
	uint64_t prcb = is_kernel_pointer(img, array) ? find_prcb(img, array, thread, thread_at, index) : 0;
	add_extra(img, b, "prcb", FIELD_PRCB, prcb, t->prcb_off, psc_le16(k + KDBG_SIZE_PRCB));
	add_extra(img, b, "thread", FIELD_THREAD, thread, t->thread_off, psc_le16(k + KDBG_SIZE_ETHREAD));
	if (process_at != 0 && read_section_ptr(img, t->thread_off, process_at, &process) &&
	    is_kernel_pointer(img, process))
		add_extra(img, b, "process", FIELD_PROCESS, process, t->process_off, psc_le16(k + KDBG_SIZE_EPROCESS));
}

static void find_kdbg(struct psc_image *img, const struct triage *t)
{
	uint8_t buf[KDBG_MIN_BYTES];
	if (t->kdbg_off == 0 || t->kdbg_size < KDBG_MIN_BYTES)
		return;
	if (!psc_range_ok(t->kdbg_off, t->kdbg_size, img->size) ||
	    psc_source_read(img->src, t->kdbg_off, buf, sizeof(buf), NULL) != PSC_OK) {
		if (is_written(img, FIELD_DEBUGGER_DATA))
			psc_warn(&img->warnings, "the copy of the debugger data block lies behind the end of the file");
		return;
	}
	if (psc_le32(buf + KDBG_OWNER_TAG) != KDBG_TAG) {
		if (is_written(img, FIELD_DEBUGGER_DATA))
			psc_warn(&img->warnings, "the copy of the debugger data block has no KDBG mark: ignored");
		return;
	}
	img->has_kdbg = true;
	img->kdbg_off = t->kdbg_off;
	img->kdbg_size = t->kdbg_size;
}

static enum psc_status place_ranges(struct psc_image *img, const struct triage *t, struct build *b,
				    struct psc_error *reterr)
{
	const struct psc_dump_header *h = &img->header;
	enum psc_status st = read_blocks(img, t, b, reterr);
	if (st != PSC_OK)
		return st;
	add_extra(img, b, "stack", FIELD_STACK, t->top_of_stack, t->stack_off, t->stack_size);
	if (img->has_kdbg)
		add_extra(img, b, "debugger data", 0, h->kd_debugger_data_block, t->kdbg_off, t->kdbg_size);
	add_extra(img, b, "data page", FIELD_DATA_PAGE, t->data_page_va, t->data_page_off, t->data_page_size);
	size_t n_overlaps = 0, n_first = b->n_extras;
	if (!psc_saved_place(&img->saved, b->blocks, b->n_blocks, b->extras, b->n_extras, &n_overlaps))
		return psc_fail_no_memory(reterr);
	add_current(img, t, b);
	if (b->n_extras > n_first &&
	    !psc_saved_place(&img->saved, b->blocks, b->n_blocks, b->extras, b->n_extras, &n_overlaps))
		return psc_fail_no_memory(reterr);
	if (n_overlaps != 0)
		psc_warn(&img->warnings, "%llu data blocks overlap another one", (unsigned long long)n_overlaps);
	if (b->n_cut != 0)
		psc_warn(&img->warnings, "%llu saved ranges lie wholly or partly behind the end of the file",
			 (unsigned long long)b->n_cut);
	return PSC_OK;
}

enum psc_status psc_triage_open(struct psc_image *img, struct psc_error *reterr)
{
	struct triage t;
	enum psc_status st = read_header(img, &t, reterr);
	if (st != PSC_OK)
		return st;
	img->kind = PSC_IMAGE_VIRTUAL;
	img->expected_size = t.size_of_dump;
	uint8_t mark[4];
	if (img->size < t.size_of_dump)
		psc_warn(&img->warnings, "the dump is truncated: the file ends at 0x%llx, expected 0x%lx",
			 (unsigned long long)img->size, (unsigned long)t.size_of_dump);
	else if (psc_source_read(img->src, t.valid_offset, mark, sizeof(mark), NULL) != PSC_OK ||
		 psc_le32(mark) != TRGD_MARK)
		psc_warn(&img->warnings, "the end mark TRGD is not where the triage header says: damaged dump");
	if (t.options != OPTIONS_UNKNOWN && t.options != PSC_FILL_U32 && (t.options & OPTION_OVERFLOWED))
		psc_warn(&img->warnings, "the writer of this minidump ran out of space and left contents out");

	find_kdbg(img, &t);
	struct build b;
	memset(&b, 0, sizeof(b));
	st = place_ranges(img, &t, &b, reterr);
	free(b.blocks);
	if (st != PSC_OK)
		return st;
	struct psc_triage_lists lists = {t.drivers_off, t.n_drivers, t.strings_off, t.unloaded_off};
	return psc_triage_modules_open(img, &lists, reterr);
}
