/* SPDX-License-Identifier: MIT */
/* VMware: the memory of a virtual machine in a .vmem file or inside the state file, and where its parts belong, which
 * the state file (.vmss, .vmsn) says (reference: dumps 18 [2]). */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/rangeset.h"

#include <inttypes.h>
#include <string.h>

#define HEADER_BYTES 12u
#define GROUP_BYTES  80u
#define GROUPS_MAX   4096u
#define TAGS_MAX     (1u << 20)
#define REGIONS_MAX  1024u
#define INDEXES_MAX  3u
#define SHORT_MAX    62u /* of a data size that stands in the flags */
#define STATE_CR3    3u

struct region {
	uint32_t ppn, page, n_pages;
};

struct state {
	struct psc_image *img;
	const struct psc_source *src;
	unsigned version;
	uint32_t n_regions;
	struct region regions[REGIONS_MAX];
	bool has_memory, is_compressed, has_group;
	uint64_t memory_off, memory_bytes;
};

struct tag {
	char name[64];
	uint32_t index[INDEXES_MAX];
	unsigned n_index;
	uint64_t off, bytes, memory_bytes;
	bool is_compressed;
};

bool psc_vmware_is_state(const uint8_t *head, size_t n)
{
	if (n < 4)
		return false;
	uint32_t magic = psc_le32(head);
	return magic == 0xbed2bed0 || magic == 0xbad1bad1 || magic == 0xbed2bed2 || magic == 0xbed3bed3;
}

static bool is_state(const struct psc_source *src)
{
	uint8_t head[4];
	return psc_source_read(src, 0, head, sizeof(head), NULL) == PSC_OK && psc_vmware_is_state(head, sizeof(head));
}

/* The tag at *at; false at the end mark or when nothing sensible follows. *at moves behind its data. */
static bool next_tag(const struct state *s, uint64_t *at, uint64_t end, struct tag *ret)
{
	uint8_t b[2 + 255 + 4 * INDEXES_MAX + 18];
	uint64_t left = *at < end ? end - *at : 0;
	size_t n = (size_t)psc_min_u64(left, sizeof(b));
	if (n < 2 || psc_source_read(s->src, *at, b, n, NULL) != PSC_OK)
		return false;
	struct psc_cursor c = psc_cursor_init(b, n);
	unsigned flags = psc_cursor_u8(&c), name_bytes = psc_cursor_u8(&c);
	if (flags == 0 && name_bytes == 0)
		return false;
	const uint8_t *name = psc_cursor_bytes(&c, name_bytes);
	memset(ret, 0, sizeof(*ret));
	if (name)
		memcpy(ret->name, name, psc_min_u64(name_bytes, sizeof(ret->name) - 1));
	ret->n_index = flags >> 6;
	for (unsigned i = 0; i < ret->n_index; i++)
		ret->index[i] = psc_cursor_u32(&c);
	ret->bytes = ret->memory_bytes = flags & 0x3f;
	if (ret->bytes >= SHORT_MAX) {
		ret->is_compressed = ret->bytes > SHORT_MAX;
		ret->bytes = psc_cursor_ptr(&c, s->version == 0 ? 4 : 8);
		ret->memory_bytes = psc_cursor_ptr(&c, s->version == 0 ? 4 : 8);
		ret->off = psc_cursor_u16(&c); /* padding */
	}
	ret->off += *at + psc_cursor_tell(&c);
	if (c.failed || !psc_range_ok(ret->off, ret->bytes, UINT64_MAX))
		return false;
	*at = ret->off + ret->bytes;
	return true;
}

static bool tag_number(const struct state *s, const struct tag *t, uint64_t *ret)
{
	uint8_t b[8] = {0};
	if ((t->bytes != 4 && t->bytes != 8) || psc_source_read(s->src, t->off, b, (size_t)t->bytes, NULL) != PSC_OK)
		return false;
	*ret = psc_le64(b);
	return true;
}

static void take_memory_tag(struct state *s, const struct tag *t)
{
	uint64_t v;
	if (strcmp(t->name, "Memory") == 0) {
		if (t->bytes == 0)
			return;
		s->has_memory = true;
		s->is_compressed = t->is_compressed || t->bytes != t->memory_bytes;
		s->memory_off = t->off;
		s->memory_bytes = t->bytes;
		return;
	}
	if (!tag_number(s, t, &v))
		return;
	if (strcmp(t->name, "regionsCount") == 0) {
		s->n_regions = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
		return;
	}
	if (t->n_index != 1 || t->index[0] >= REGIONS_MAX || v > UINT32_MAX)
		return;
	struct region *r = &s->regions[t->index[0]];
	if (strcmp(t->name, "regionPPN") == 0)
		r->ppn = (uint32_t)v;
	else if (strcmp(t->name, "regionPageNum") == 0)
		r->page = (uint32_t)v;
	else if (strcmp(t->name, "regionSize") == 0)
		r->n_pages = (uint32_t)v;
}

/* CR3 of each processor: CR[cpu][3], or CR64 in newer versions. */
static void take_cpu_tag(struct state *s, const struct tag *t)
{
	uint64_t v;
	bool wide = strcmp(t->name, "CR64") == 0;
	if ((!wide && strcmp(t->name, "CR") != 0) || t->n_index != 2 || t->index[1] != STATE_CR3 ||
	    t->index[0] >= PSC_IMAGE_CPUS_MAX || !tag_number(s, t, &v))
		return;
	struct psc_image_cpu *cpu = psc_cpu_at(s->img, t->index[0]);
	if (cpu && (wide || cpu->cr3 == 0))
		cpu->cr3 = v;
}

/* Up to the end mark: memory inside the file is not always counted in the size of its group. */
static void read_group(struct state *s, uint64_t off, void (*take)(struct state *s, const struct tag *t),
		       unsigned *budget)
{
	struct tag t;
	uint64_t end = psc_source_size(s->src);
	while (*budget != 0 && next_tag(s, &off, end, &t)) {
		(*budget)--;
		take(s, &t);
	}
}

static enum psc_status read_state(struct state *s, struct psc_error *reterr)
{
	uint8_t h[HEADER_BYTES], g[GROUP_BYTES];
	unsigned budget = TAGS_MAX;
	enum psc_status st = psc_source_read(s->src, 0, h, sizeof(h), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "VMware state file");
	uint32_t n = psc_le32(h + 8);
	s->version = psc_le32(h) & 0xf;
	if (n > GROUPS_MAX)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, 8,
				"VMware state file: %" PRIu32 " groups make no sense", n);
	for (uint32_t i = 0; i < n; i++) {
		st = psc_source_read(s->src, HEADER_BYTES + (uint64_t)i * GROUP_BYTES, g, sizeof(g), reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "VMware state file, group %" PRIu32, i);
		uint64_t off = psc_le64(g + 64);
		if (memcmp(g, "memory", 7) == 0) {
			s->has_group = true;
			read_group(s, off, take_memory_tag, &budget);
		} else if (memcmp(g, "cpu", 4) == 0) {
			read_group(s, off, take_cpu_tag, &budget);
		}
	}
	if (s->n_regions > REGIONS_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
				"VMware state file: memory in %" PRIu32 " regions", s->n_regions);
	return PSC_OK;
}

/* Without regions memory begins at 0. */
static enum psc_status place_memory(struct psc_image *img, const struct state *s, uint64_t off, uint64_t bytes,
				    struct psc_error *reterr)
{
	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {0, 0, &set};
	enum psc_status st = PSC_OK;
	if (s->n_regions == 0)
		st = psc_extents_add_bytes(&b, 0, bytes, off, reterr);
	for (uint32_t i = 0; i < s->n_regions && st == PSC_OK; i++) {
		const struct region *r = &s->regions[i];
		st = psc_extents_add_bytes(&b, (uint64_t)r->ppn * PSC_PAGE_BYTES, (uint64_t)r->n_pages * PSC_PAGE_BYTES,
					   off + (uint64_t)r->page * PSC_PAGE_BYTES, reterr);
	}
	if (st == PSC_OK)
		st = psc_extents_finish_scattered(img, &b, reterr);
	psc_rangeset_deinit(&set);
	return st == PSC_OK ? st : psc_fail_prefix(reterr, st, "VMware state file");
}

/* The files may come in either order: which is the state, which the memory. */
static void sort_files(const struct psc_image *img, const struct psc_image_options *opts,
		       const struct psc_source **state, const struct psc_source **memory)
{
	*state = *memory = NULL;
	for (size_t i = 0; i <= opts->n_more; i++) {
		const struct psc_source *src = i == 0 ? img->src : opts->more[i - 1];
		const struct psc_source **to = is_state(src) ? state : memory;
		if (!*to)
			*to = src;
	}
}

bool psc_vmware_has_state(const struct psc_image_options *opts)
{
	for (size_t i = 0; i < opts->n_more; i++)
		if (is_state(opts->more[i]))
			return true;
	return false;
}

enum psc_status psc_vmware_open(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr)
{
	const struct psc_source *memory;
	struct state *s = psc_arena_alloc(&img->arena, sizeof(*s));
	if (!s)
		return psc_fail_no_memory(reterr);
	img->format = "vmware";
	s->img = img;
	sort_files(img, opts, &s->src, &memory);
	enum psc_status st = read_state(s, reterr);
	if (st != PSC_OK)
		return st;
	if (memory) {
		img->src = memory;
		img->size = psc_source_size(memory);
		return place_memory(img, s, 0, img->size, reterr);
	}
	if (!s->has_memory)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				s->has_group
					? "VMware state file (.vmss/.vmsn) without memory: name the .vmem file that "
					  "belongs to it with --with, or open that"
					: "VMware state file (.vmss/.vmsn) of a machine that was switched off: it has "
					  "no memory");
	if (s->is_compressed)
		return psc_fail(
			reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, s->memory_off,
			"VMware state file with compressed memory: not read; convert it with VMware's vmss2core");
	img->src = s->src;
	img->size = psc_source_size(s->src);
	return place_memory(img, s, s->memory_off, s->memory_bytes, reterr);
}
