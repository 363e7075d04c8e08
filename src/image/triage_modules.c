/* SPDX-License-Identifier: MIT */
/* Loaded and unloaded drivers of a triage dump. */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/text.h"

#include <string.h>

/* A driver entry: file offset of the name, then a frozen loader entry. reference: dumps 10 [V] 64 bit, [1] 32 bit */
struct driver_layout {
	uint8_t ldr, dll_base, size_of_image, checksum, time_date_stamp; /* the last four from ldr on */
	uint8_t bytes;                                                   /* default stride */
	uint8_t min_bytes;                                               /* up to and including size_of_image */
	uint8_t pointer_bytes;
};
static const struct driver_layout driver64 = {0x8, 0x30, 0x40, 0x78, 0x80, 0x90, 0x4c, 8};
static const struct driver_layout driver32 = {0x4, 0x18, 0x20, 0x40, 0x44, 0x4c, 0x28, 4};
#define MAX_STRIDE 0x100u

/* An unloaded driver: counted string with its text in place. reference: dumps 10 [V] 64 bit, [?] 32 bit */
struct unloaded_layout {
	uint8_t count_bytes, name, start, end, bytes, pointer_bytes;
};
static const struct unloaded_layout unloaded64 = {8, 0x10, 0x28, 0x30, 0x38, 8};
static const struct unloaded_layout unloaded32 = {4, 0x8, 0x20, 0x24, 0x28, 4};
#define UNLOADED_NAME_BYTES 24u

/* Real machines have a few hundred drivers; Windows remembers 50 unloaded ones. */
#define MAX_DRIVERS    8192u
#define MAX_UNLOADED   1024u
#define MAX_PATH_CHARS 520u

static uint64_t ptr_at(const uint8_t *p, unsigned pointer_bytes)
{
	return pointer_bytes == 8 ? psc_le64(p) : psc_le32(p);
}

/* The string pool follows the driver list, 8-byte aligned: that gives the size of an entry. */
static uint32_t derive_stride(const struct driver_layout *l, const struct psc_triage_lists *t)
{
	if (t->n_drivers == 0 || t->strings_off <= t->drivers_off)
		return l->bytes;
	uint64_t gap = t->strings_off - t->drivers_off;
	uint64_t stride = gap / t->n_drivers & ~(uint64_t)(l->pointer_bytes - 1);
	if (stride < l->min_bytes || stride > MAX_STRIDE || gap - stride * t->n_drivers >= 8)
		return l->bytes;
	return (uint32_t)stride;
}

/* DUMP_STRING: u32 length in characters, UTF-16LE text. NULL when it is not one. */
static const char *read_string(struct psc_image *img, uint64_t off)
{
	uint8_t head[4], text[MAX_PATH_CHARS * 2];
	if (off == 0 || psc_source_read(img->src, off, head, sizeof(head), NULL) != PSC_OK)
		return NULL;
	uint32_t n_chars = psc_le32(head);
	if (n_chars == 0 || n_chars > MAX_PATH_CHARS ||
	    psc_source_read(img->src, off + sizeof(head), text, (size_t)n_chars * 2, NULL) != PSC_OK)
		return NULL;
	return psc_utf16le_to_utf8(&img->arena, text, (size_t)n_chars * 2);
}

static void read_driver(struct psc_image *img, const struct driver_layout *l, const uint8_t *entry, uint32_t stride,
			struct psc_triage_module *ret)
{
	const uint8_t *ldr = entry + l->ldr;
	memset(ret, 0, sizeof(*ret));
	ret->path = read_string(img, psc_le32(entry));
	ret->base = ptr_at(ldr + l->dll_base, l->pointer_bytes);
	ret->size_of_image = psc_le32(ldr + l->size_of_image);
	if (l->ldr + l->checksum + 4u <= stride)
		ret->checksum = psc_le32(ldr + l->checksum);
	if (l->ldr + l->time_date_stamp + 4u <= stride)
		ret->time_date_stamp = psc_le32(ldr + l->time_date_stamp);
}

static void read_unloaded(struct psc_image *img, const struct unloaded_layout *l, const uint8_t *entry,
			  struct psc_triage_module *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->unloaded = true;
	size_t n = (size_t)psc_min_u64(psc_le16(entry), UNLOADED_NAME_BYTES);
	if (n != 0)
		ret->path = psc_utf16le_to_utf8(&img->arena, entry + l->name, n);
	ret->base = ptr_at(entry + l->start, l->pointer_bytes);
	ret->end = ptr_at(entry + l->end, l->pointer_bytes);
	if (ret->end > ret->base && ret->end - ret->base <= UINT32_MAX)
		ret->size_of_image = (uint32_t)(ret->end - ret->base);
}

/* How many of n entries lie inside the file, at most max. Warns when that is not all. */
static size_t limit_count(struct psc_image *img, const char *what, uint64_t n, uint64_t off, uint32_t stride,
			  size_t max)
{
	uint64_t room = off < img->size ? (img->size - off) / stride : 0;
	uint64_t kept = psc_min_u64(psc_min_u64(n, room), max);
	if (kept < n)
		psc_warn(&img->warnings, "%s list: %llu entries announced, %llu read", what, (unsigned long long)n,
			 (unsigned long long)kept);
	return (size_t)kept;
}

static uint64_t count_unloaded(const struct psc_image *img, const struct unloaded_layout *l, uint64_t off)
{
	uint8_t buf[8];
	if (off == 0 || psc_source_read(img->src, off, buf, l->count_bytes, NULL) != PSC_OK)
		return 0;
	return ptr_at(buf, l->count_bytes);
}

enum psc_status psc_triage_modules_open(struct psc_image *img, const struct psc_triage_lists *t,
					struct psc_error *reterr)
{
	const struct driver_layout *dl = img->header.is_64bit ? &driver64 : &driver32;
	const struct unloaded_layout *ul = img->header.is_64bit ? &unloaded64 : &unloaded32;
	uint32_t stride = derive_stride(dl, t);
	uint64_t unloaded_at = t->unloaded_off + ul->count_bytes;
	size_t n_drivers = 0, n_unloaded = 0;
	if (t->drivers_off != 0)
		n_drivers = limit_count(img, "driver", t->n_drivers, t->drivers_off, stride, MAX_DRIVERS);
	uint64_t announced = count_unloaded(img, ul, t->unloaded_off);
	if (announced != 0)
		n_unloaded = limit_count(img, "unloaded driver", announced, unloaded_at, ul->bytes, MAX_UNLOADED);
	if (n_drivers + n_unloaded == 0)
		return PSC_OK;
	img->modules = psc_arena_alloc_array(&img->arena, n_drivers + n_unloaded, sizeof(*img->modules));
	if (!img->modules)
		return psc_fail_no_memory(reterr);
	uint8_t entry[MAX_STRIDE];
	for (size_t i = 0; i < n_drivers; i++) {
		if (psc_source_read(img->src, t->drivers_off + (uint64_t)i * stride, entry, stride, NULL) != PSC_OK)
			break;
		read_driver(img, dl, entry, stride, &img->modules[img->n_modules++]);
	}
	for (size_t i = 0; i < n_unloaded; i++) {
		if (psc_source_read(img->src, unloaded_at + (uint64_t)i * ul->bytes, entry, ul->bytes, NULL) != PSC_OK)
			break;
		read_unloaded(img, ul, entry, &img->modules[img->n_modules++]);
	}
	return PSC_OK;
}
