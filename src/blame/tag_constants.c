/* SPDX-License-Identifier: MIT */
#include "blame/tag_constants.h"

#include "pool/pool.h"
#include "util/bytes.h"
#include "util/error.h"
#include "util/hashmap.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX      65536u
#define SCN_EXECUTE     0x20000000u
#define SCN_DISCARDABLE 0x02000000u
#define WORD_BYTES      4u

/* One form of one tag. */
struct pattern {
	uint32_t value; /* as the four bytes read, little-endian */
	uint32_t tag;
	unsigned form;
	uint32_t next; /* index + 1 of another pattern with the same bytes */
	/* In the section that is being read. */
	uint64_t count;
	uint32_t first_rva;
};

struct search {
	struct psc_kernel *k;
	struct pattern *patterns;
	size_t n_patterns;
	uint8_t filter[65536 / 8];   /* low halves of all values */
	struct psc_hashmap by_value; /* value -> uint32_t index + 1 */
	struct psc_tag_constants *ret;
	struct {
		struct psc_tag_constant *items;
		size_t n, cap;
	} found;
	bool no_memory;
};

static uint32_t reversed(uint32_t v)
{
	return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

/* The protected bit is the highest of the number, whichever way round its bytes stand. */
static uint32_t form_of(uint32_t tag, unsigned form)
{
	uint32_t v = (form & PSC_TAG_FORM_PROTECTED) ? tag | PSC_TAG_PROTECTED : tag & ~PSC_TAG_PROTECTED;
	return (form & PSC_TAG_FORM_REVERSED) ? reversed(v) : v;
}

static bool make_patterns(struct search *s, const uint32_t *tags, size_t n_tags)
{
	s->patterns = (struct pattern *)calloc(n_tags * PSC_TAG_FORMS + 1, sizeof(*s->patterns));
	if (s->patterns == NULL)
		return false;
	for (size_t t = 0; t < n_tags; t++) {
		for (unsigned form = 0; form < PSC_TAG_FORMS; form++) {
			uint32_t value = form_of(tags[t], form);
			bool is_repeated = false, is_new;
			for (unsigned lower = 0; lower < form; lower++)
				is_repeated = is_repeated || form_of(tags[t], lower) == value;
			if (is_repeated)
				continue;
			struct psc_hashkey key = {value, 0};
			uint32_t *index = (uint32_t *)psc_hashmap_put(&s->by_value, key, &is_new);
			if (index == NULL)
				return false;
			s->patterns[s->n_patterns] = (struct pattern){value, (uint32_t)t, form, *index, 0, 0};
			*index = (uint32_t)++s->n_patterns;
			s->filter[(value & 0xffff) >> 3] |= (uint8_t)(1u << (value & 7));
		}
	}
	return true;
}

static void count(struct search *s, uint32_t value, uint32_t rva)
{
	struct psc_hashkey key = {value, 0};
	const uint32_t *index = (const uint32_t *)psc_hashmap_get(&s->by_value, key);
	for (uint32_t i = index != NULL ? *index : 0; i != 0; i = s->patterns[i - 1].next) {
		struct pattern *p = &s->patterns[i - 1];
		if (p->count++ == 0)
			p->first_rva = rva;
	}
}

/* Every place in n bytes at which four of them begin. */
static void scan_bytes(struct search *s, const uint8_t *b, size_t n, uint32_t rva)
{
	for (size_t i = 0; i + WORD_BYTES <= n; i++) {
		uint32_t low = (uint32_t)b[i] | (uint32_t)b[i + 1] << 8;
		if (s->filter[low >> 3] >> (low & 7) & 1)
			count(s, psc_le32(b + i), rva + (uint32_t)i);
	}
}

static void scan_section(struct search *s, const struct psc_module *m, const struct psc_pe_section *sec,
			 struct psc_tag_module *cov)
{
	uint8_t seam[2 * (WORD_BYTES - 1)]; /* the end of one page and the start of the next */
	size_t n_before = 0;
	for (uint64_t at = sec->rva, end = at + sec->size_bytes; at < end;) {
		struct psc_xlate x;
		uint64_t va = m->base + at;
		size_t in_page = (size_t)(va % PSC_PAGE_BYTES), n = PSC_PAGE_BYTES - in_page;
		if (n > end - at)
			n = (size_t)(end - at);
		const uint8_t *page = psc_page_at(&s->k->reader, va, &x);
		cov->pages++;
		if (page == NULL) {
			cov->missing_pages++;
			cov->discarded_pages += (sec->characteristics & SCN_DISCARDABLE) != 0;
			n_before = 0;
		} else {
			const uint8_t *b = page + in_page;
			size_t n_after = n < WORD_BYTES - 1 ? n : WORD_BYTES - 1;
			memcpy(seam + n_before, b, n_after);
			scan_bytes(s, seam, n_before + n_after, (uint32_t)(at - n_before));
			scan_bytes(s, b, n, (uint32_t)at);
			n_before = n_after;
			memcpy(seam, b + n - n_before, n_before);
		}
		at += n;
	}
}

/* Hand over what the section held. */
static void flush(struct search *s, uint32_t module, const struct psc_pe_section *sec, bool has_sections)
{
	for (size_t i = 0; i < s->n_patterns; i++) {
		struct pattern *p = &s->patterns[i];
		if (p->count == 0)
			continue;
		if (s->found.n == PLACES_MAX) {
			s->ret->is_partial = true;
		} else if (!PSC_VEC_RESERVE_ONE(&s->found)) {
			s->no_memory = true;
		} else {
			struct psc_tag_constant *c = &s->found.items[s->found.n++];
			memset(c, 0, sizeof(*c));
			c->tag = p->tag;
			c->module = module;
			memcpy(c->section, sec->name, sizeof(c->section));
			c->is_code = has_sections && (sec->characteristics & SCN_EXECUTE) != 0;
			c->form = p->form;
			c->count = p->count;
			c->first_rva = p->first_rva;
		}
		p->count = 0;
	}
}

static void scan_module(struct search *s, uint32_t index, struct psc_tag_module *cov)
{
	struct psc_pe_section sections[PSC_PE_SECTIONS_MAX];
	const struct psc_module *m = &s->k->modules[index];
	uint64_t size = m->size_bytes < PSC_TAG_MODULE_BYTES_MAX ? m->size_bytes : PSC_TAG_MODULE_BYTES_MAX;
	size_t n = psc_pe_sections(&s->k->reader, m->base, sections, PSC_PE_SECTIONS_MAX);
	uint64_t end = 0;
	cov->module = index;
	cov->has_sections = n != 0;
	if (n == 0) {
		memset(&sections[0], 0, sizeof(sections[0]));
		sections[0].size_bytes = (uint32_t)size;
		n = 1;
	}
	for (size_t i = 0; i < n && !s->no_memory; i++) {
		struct psc_pe_section *sec = &sections[i];
		/* Sections ascend; what overlaps, or reaches behind what the loader says, is read once or not at all.
		 */
		if (sec->rva < end || sec->rva >= size)
			continue;
		if (sec->size_bytes > size - sec->rva)
			sec->size_bytes = (uint32_t)(size - sec->rva);
		end = (uint64_t)sec->rva + sec->size_bytes;
		scan_section(s, m, sec, cov);
		flush(s, index, sec, cov->has_sections);
	}
}

static int by_tag(const void *pa, const void *pb)
{
	const struct psc_tag_constant *a = (const struct psc_tag_constant *)pa,
				      *b = (const struct psc_tag_constant *)pb;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->first_rva != b->first_rva)
		return a->first_rva < b->first_rva ? -1 : 1;
	return (a->form > b->form) - (a->form < b->form);
}

static enum psc_status scan_all(struct search *s, psc_progress_fn *progress, void *progress_arg,
				struct psc_error *reterr)
{
	struct psc_tag_constants *ret = s->ret;
	uint64_t done = 0, total = 0;
	for (size_t i = 0; i < s->k->n_loaded; i++)
		total += s->k->modules[i].size_bytes;
	for (size_t i = 0; i < s->k->n_loaded && !s->no_memory && !psc_image_is_cancelled(s->k->img); i++) {
		struct psc_tag_module *cov = &ret->modules[ret->n_modules];
		if (progress != NULL && progress(progress_arg, "modules", done, total) != 0)
			return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
		scan_module(s, (uint32_t)i, cov);
		ret->n_modules++;
		ret->pages += cov->pages;
		ret->missing_pages += cov->missing_pages;
		done += s->k->modules[i].size_bytes;
	}
	if (s->no_memory)
		return psc_fail_no_memory(reterr);
	ret->items = (struct psc_tag_constant *)psc_arena_alloc_array(&ret->arena, s->found.n + 1, sizeof(*ret->items));
	if (ret->items == NULL)
		return psc_fail_no_memory(reterr);
	if (s->found.n != 0)
		memcpy(ret->items, s->found.items, s->found.n * sizeof(*ret->items));
	ret->n = s->found.n;
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_tag);
	return PSC_OK;
}

enum psc_status psc_tag_constants_find(struct psc_kernel *k, const uint32_t *tags, size_t n_tags,
				       psc_progress_fn *progress, void *progress_arg, struct psc_tag_constants *ret,
				       struct psc_error *reterr)
{
	struct search *s;
	enum psc_status st;
	if (n_tags > PSC_TAG_CONSTANTS_TAGS_MAX)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"%zu tags; at most %u can be searched at once", n_tags, PSC_TAG_CONSTANTS_TAGS_MAX);
	memset(ret, 0, sizeof(*ret));
	s = (struct search *)calloc(1, sizeof(*s));
	if (s == NULL)
		return psc_fail_no_memory(reterr);
	s->k = k;
	s->ret = ret;
	psc_hashmap_init(&s->by_value, sizeof(uint32_t), 0);
	ret->modules =
		(struct psc_tag_module *)psc_arena_alloc_array(&ret->arena, k->n_loaded + 1, sizeof(*ret->modules));
	st = ret->modules != NULL && make_patterns(s, tags, n_tags) ? scan_all(s, progress, progress_arg, reterr)
								    : psc_fail_no_memory(reterr);
	psc_hashmap_deinit(&s->by_value);
	free(s->patterns);
	free(s->found.items);
	free(s);
	return st;
}

void psc_tag_constants_deinit(struct psc_tag_constants *c)
{
	psc_arena_deinit(&c->arena);
	memset(c, 0, sizeof(*c));
}
