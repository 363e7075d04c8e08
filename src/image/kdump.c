/* SPDX-License-Identifier: MIT */
/* kdump-compressed files, as QEMU's dump-guest-memory and makedumpfile write them, through libkdumpfile. What is in the
 * headers is checked here first; the notes are read here as well, because libkdumpfile takes none of QEMU's
 * (reference: dumps 17). */
#include "image/internal.h"
#include "io/os.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifdef PSC_HAVE_KDUMPFILE
#include <libkdumpfile/kdumpfile.h>

#define FILES_MAX      64u
#define CLONES_MAX     64u
#define MAX_NOTE_BYTES ((uint64_t)1 << 20)
#define MAX_PAGES      ((uint64_t)1 << 34)
#define BITS_CHUNK     ((uint64_t)1 << 23) /* pages a call */

/* The producer's word size decides where the fields are. */
struct form {
	uint32_t block_size, sub_blocks, bitmap_blocks;
	uint32_t notes; /* in the sub-header: u64 offset, then size */
	unsigned word_bytes;
};
static const struct form forms[2] = {
	{0x1ac, 0x1b0, 0x1b4, 0x30, 8},
	{0x1a0, 0x1a4, 0x1a8, 0x20, 4},
};

struct kdump {
	struct psc_decoder base;
	struct psc_bitmap present;
	kdump_ctx_t *ctx;
	struct psc_os_mutex *lock; /* of what follows */
	kdump_ctx_t *idle[CLONES_MAX];
	size_t n_idle;
	struct psc_source *copies[FILES_MAX]; /* of sources that are in memory */
	size_t n_copies;
};

static enum psc_page_presence locate(const struct psc_decoder *d, uint64_t pfn, uint64_t *ret_run)
{
	const struct kdump *k = (const struct kdump *)d;
	uint64_t index;
	enum psc_page_presence p = psc_bitmap_locate(&k->present, pfn, &index);
	*ret_run = p == PSC_PAGE_PRESENT ? psc_bitmap_run(&k->present, pfn, UINT64_MAX) : 1;
	return p;
}

/* A context belongs to one thread at a time: as many come to be as threads read at once. */
static kdump_ctx_t *borrow(struct kdump *k)
{
	kdump_ctx_t *ctx = NULL;
	psc_os_mutex_lock(k->lock);
	if (k->n_idle)
		ctx = k->idle[--k->n_idle];
	else
		ctx = kdump_clone(k->ctx, 0);
	psc_os_mutex_unlock(k->lock);
	return ctx;
}

static void give_back(struct kdump *k, kdump_ctx_t *ctx)
{
	psc_os_mutex_lock(k->lock);
	if (k->n_idle < CLONES_MAX) {
		k->idle[k->n_idle++] = ctx;
		ctx = NULL;
	}
	psc_os_mutex_unlock(k->lock);
	if (ctx)
		kdump_free(ctx);
}

static bool read_page(const struct psc_decoder *d, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES])
{
	/* The decoder is shared; what changes in it is under its lock. */
	struct kdump *k = (struct kdump *)(uintptr_t)d;
	kdump_ctx_t *ctx = borrow(k);
	size_t n = PSC_PAGE_BYTES;
	if (!ctx)
		return false;
	kdump_status st = kdump_read(ctx, KDUMP_MACHPHYSADDR, pfn << PSC_PAGE_SHIFT, page, &n);
	give_back(k, ctx);
	return st == KDUMP_OK && n == PSC_PAGE_BYTES;
}

static void close_kdump(struct psc_decoder *d)
{
	struct kdump *k = (struct kdump *)d;
	for (size_t i = 0; i < k->n_idle; i++)
		kdump_free(k->idle[i]);
	if (k->ctx)
		kdump_free(k->ctx);
	for (size_t i = 0; i < k->n_copies; i++)
		psc_source_close(k->copies[i]);
	if (k->lock)
		psc_os_mutex_free(k->lock);
	psc_bitmap_deinit(&k->present);
	free(k);
}

static enum psc_status fail_kdump(const struct kdump *k, kdump_status st, struct psc_error *reterr)
{
	const char *why = kdump_get_err(k->ctx);
	enum psc_status status = st == KDUMP_ERR_NOTIMPL  ? PSC_E_UNSUPPORTED
				 : st == KDUMP_ERR_EOF    ? PSC_E_TRUNCATED
				 : st == KDUMP_ERR_SYSTEM ? PSC_E_OS
							  : PSC_E_CORRUPT;
	return psc_fail(reterr, status, PSC_WHERE_NONE, 0, "kdump-compressed file: %s",
			why ? why : "libkdumpfile cannot read it");
}

/* What libkdumpfile takes on trust. */
static enum psc_status check_header(const struct psc_source *src, const struct form **ret, struct psc_error *reterr)
{
	uint8_t h[0x200];
	enum psc_status st = psc_source_read(src, 0, h, sizeof(h), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "kdump-compressed file");
	for (size_t i = 0; i < 2; i++) {
		const struct form *f = &forms[i];
		if (psc_le32(h + f->block_size) != PSC_PAGE_BYTES)
			continue;
		uint64_t head = 1 + (uint64_t)psc_le32(h + f->sub_blocks) + psc_le32(h + f->bitmap_blocks);
		if (psc_le32(h + f->sub_blocks) == 0 || psc_le32(h + f->bitmap_blocks) == 0)
			break;
		if (head > psc_source_size(src) / PSC_PAGE_BYTES)
			return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, psc_source_size(src),
					"kdump-compressed file: it ends inside its page bitmaps");
		*ret = f;
		return PSC_OK;
	}
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, 0x1a0,
			"kdump-compressed file: its header makes no sense for a machine with pages of 4096 bytes");
}

static enum psc_status read_notes(struct psc_image *img, const struct form *f, struct psc_error *reterr)
{
	uint8_t sub[0x40];
	enum psc_status st = psc_source_read(img->src, PSC_PAGE_BYTES, sub, sizeof(sub), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "kdump-compressed file");
	uint64_t off = psc_le64(sub + f->notes);
	uint64_t size = f->word_bytes == 8 ? psc_le64(sub + f->notes + 8) : psc_le32(sub + f->notes + 8);
	size = psc_min_u64(size, MAX_NOTE_BYTES);
	if (off == 0 || size == 0 || !psc_range_ok(off, size, img->size))
		return PSC_OK;
	uint8_t *notes = malloc((size_t)size);
	if (!notes)
		return psc_fail_no_memory(reterr);
	st = psc_source_read(img->src, off, notes, (size_t)size, reterr);
	if (st == PSC_OK)
		psc_notes_parse(img, notes, (size_t)size);
	free(notes);
	return st;
}

static enum psc_status open_files(struct kdump *k, const struct psc_image *img, const struct psc_image_options *opts,
				  struct psc_error *reterr)
{
	int fds[FILES_MAX];
	size_t n = 1 + opts->n_more;
	if (n > FILES_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "a dump split into more than %u files",
				FILES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct psc_source *src = i == 0 ? img->src : opts->more[i - 1];
		const struct form *f;
		enum psc_status st = check_header(src, &f, reterr);
		if (st != PSC_OK)
			return st;
		fds[i] = psc_source_fd(src);
		if (fds[i] >= 0)
			continue;
		st = psc_source_copy_to_file(src, opts->tmpdir, &k->copies[k->n_copies], reterr);
		if (st != PSC_OK)
			return st;
		fds[i] = psc_source_fd(k->copies[k->n_copies++]);
	}
	/* A file that is not to be mapped may shrink while it is read. */
	if (!psc_source_view(img->src, 0, 1))
		(void)kdump_set_number_attr(k->ctx, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER);
	kdump_status st = kdump_open_fdset(k->ctx, (unsigned)n, fds);
	return st == KDUMP_OK ? PSC_OK : fail_kdump(k, st, reterr);
}

static enum psc_status load_pagemap(struct kdump *k, struct psc_error *reterr)
{
	kdump_attr_t map;
	kdump_num_t max_pfn = 0;
	kdump_status st = kdump_get_number_attr(k->ctx, "max_pfn", &max_pfn);
	map.type = KDUMP_BITMAP;
	if (st == KDUMP_OK)
		st = kdump_get_typed_attr(k->ctx, KDUMP_ATTR_FILE_PAGEMAP, &map);
	if (st != KDUMP_OK)
		return fail_kdump(k, st, reterr);
	if (max_pfn == 0 || max_pfn > MAX_PAGES)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
				"kdump-compressed file: %" PRIu64 " pages of memory", (uint64_t)max_pfn);
	uint8_t *bits = calloc((size_t)(max_pfn / 8 + 1), 1);
	if (!bits)
		return psc_fail_no_memory(reterr);
	k->present.bits = k->present.owned = bits;
	k->present.n_bits = max_pfn;
	for (uint64_t at = 0; at < max_pfn && st == KDUMP_OK; at += BITS_CHUNK)
		st = kdump_bmp_get_bits(map.val.bitmap, at, psc_min_u64(at + BITS_CHUNK, max_pfn) - 1, bits + at / 8);
	return st == KDUMP_OK ? PSC_OK : fail_kdump(k, st, reterr);
}

enum psc_status psc_kdump_open(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr)
{
	const struct form *f = &forms[0];
	uint64_t n_set = 0;
	img->format = "kdump";
	enum psc_status st = check_header(img->src, &f, reterr);
	if (st == PSC_OK)
		st = read_notes(img, f, reterr);
	if (st != PSC_OK)
		return st;
	struct kdump *k = calloc(1, sizeof(*k));
	if (!k)
		return psc_fail_no_memory(reterr);
	k->base.locate = locate;
	k->base.read = read_page;
	k->base.close = close_kdump;
	img->decoder = &k->base; /* closed with the image */
	k->ctx = kdump_new();
	if (!k->ctx || psc_os_mutex_new(&k->lock) != 0)
		return psc_fail_no_memory(reterr);
	st = open_files(k, img, opts, reterr);
	if (st == PSC_OK)
		st = load_pagemap(k, reterr);
	if (st == PSC_OK)
		st = psc_bitmap_seal(&k->present, &n_set, reterr);
	if (st != PSC_OK)
		return st;
	img->layout = PSC_LAYOUT_DECODED;
	img->kind = PSC_IMAGE_PHYSICAL;
	img->outside = PSC_PAGE_HOLE;
	img->pages_described = img->pages_present = n_set;
	img->highest_pfn = n_set ? k->present.n_bits - 1 : 0;
	return PSC_OK;
}
#else
enum psc_status psc_kdump_open(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr)
{
	(void)img;
	(void)opts;
	return psc_fail(
		reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0,
		"kdump-compressed memory dump: this poolscope was built without libkdumpfile; convert it to an ELF "
		"core, or dump the guest with QEMU's dump-guest-memory without -z, -l and -s");
}
#endif
