/* SPDX-License-Identifier: MIT */
/* Heaps and segments by what is in memory, where the kernel's own lists are not known or broken. Reference: pool 6.11.
 *
 * A heap is a page with the signature whose contexts point at themselves; a segment names its context under the key. */
#include "pool/seg_heap.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_ALIGN ((uint64_t)1 << 20)

typedef bool page_fn(struct psc_seg *s, uint64_t va, const uint8_t *bytes, bool is_nx);

/* Readable pages of kernel space that begin at a multiple of align. false: out of memory. */
static bool visit_pages(struct psc_seg *s, uint64_t align, page_fn *visit)
{
	struct psc_kernel *k = s->k;
	struct psc_run_iter it;
	struct psc_va_run run;
	uint8_t scratch[PSC_PAGE_BYTES];
	uint64_t n_left = psc_image_pages_present(k->img) * 2 + 65536;
	psc_run_iter_init(&it, &k->reader, psc_kernel_start(&k->space), 0, 0);
	while (!psc_image_is_cancelled(k->img) && psc_run_iter_next(&it, &run, NULL) == PSC_OK) {
		if ((run.state != PSC_VA_PRESENT && run.state != PSC_VA_TRANSITION) || run.presence != PSC_PAGE_PRESENT)
			continue;
		uint64_t offset = (align - run.va % align) % align;
		for (; offset < run.size_bytes; offset += align) {
			enum psc_page_presence presence;
			if (n_left-- == 0)
				return true;
			const uint8_t *page =
				psc_image_page(k->img, (run.pa + offset) >> PSC_PAGE_SHIFT, scratch, &presence);
			if (page && !visit(s, run.va + offset, page, run.is_nx))
				return false;
		}
	}
	return true;
}

static bool visit_segment(struct psc_seg *s, uint64_t va, const uint8_t *bytes, bool is_nx)
{
	uint64_t signature = s->rules.is_64bit ? psc_le64(bytes + 0x10) : psc_le32(bytes + 8);
	uint32_t heap, context;
	(void)is_nx;
	if (!psc_seg_owner(s, 0, va, signature, &heap, &context) ||
	    va % s->heaps[heap].contexts[context].segment_bytes != 0)
		return true;
	return psc_seg_add_segment(s, va, heap, context); /* those found before go when sorted */
}

bool psc_seg_scan_segments(struct psc_seg *s)
{
	return !s->keys.has_heap_key || visit_pages(s, SEGMENT_ALIGN, visit_segment);
}

static bool visit_heap(struct psc_seg *s, uint64_t va, const uint8_t *bytes, bool is_nx)
{
	struct psc_heap_family f;
	uint32_t signature = psc_le32(bytes + (s->rules.is_64bit ? 0x10 : 8));
	(void)is_nx;
	if (signature == 0xddeeddeeu && psc_seg_family_of(&s->k->reader, va, s->rules.is_64bit, &f))
		(void)psc_seg_add_heap(s, &s->k->reader, va, PSC_HEAP_TYPE_MAX, 0, 0);
	return true;
}

/* The kind of a heap by what it holds: pool headers of its first segments say nonpaged or paged, page table entries
 * whether it can be executed. */
static void judge_heap(struct psc_seg *s, struct psc_heap *h)
{
	struct psc_kernel *k = s->k;
	uint64_t at, n_paged = 0, n_nonpaged = 0, n_nx = 0, n_pages = 0;
	struct psc_pool_rules rules;
	psc_pool_rules_init(&rules, k->id.build, s->rules.is_64bit);
	for (uint32_t c = 0; c < 2; c++) {
		if (!psc_read_ptr(&k->reader, h->contexts[c].list_head, &at) || at == h->contexts[c].list_head ||
		    at % h->contexts[c].segment_bytes != 0)
			continue;
		for (uint32_t i = 0; i < h->contexts[c].segment_bytes / PSC_PAGE_BYTES && i < 256; i++) {
			struct psc_xlate x;
			const uint8_t *page = psc_page_at(&k->reader, at + (uint64_t)i * PSC_PAGE_BYTES, &x);
			if (!page)
				continue;
			n_pages++;
			n_nx += x.is_nx;
			for (uint32_t o = 0; o < PSC_PAGE_BYTES && i >= 2; o += rules.unit_bytes) {
				struct psc_pool_header ph;
				psc_pool_header_parse(page + o, &rules, &ph);
				if (ph.previous_size != 0 || ph.block_size == 0 ||
				    !psc_pool_header_in_use(&ph, &rules) ||
				    !psc_pool_header_type_plausible(&ph, &rules, PSC_POOL_MAX) ||
				    !psc_tag_is_plain(ph.tag) || ph.tag == 0x20202020u)
					continue;
				n_paged += psc_pool_header_is_paged(&ph, &rules);
				n_nonpaged += !psc_pool_header_is_paged(&ph, &rules);
			}
		}
	}
	h->type = n_paged > n_nonpaged  ? PSC_HEAP_PAGED
		  : n_nx * 2 >= n_pages ? PSC_HEAP_NONPAGED_NX
					: PSC_HEAP_NONPAGED;
	h->pool = h->type == PSC_HEAP_PAGED ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
}

void psc_seg_scan_heaps(struct psc_seg *s, struct psc_warnings *warnings)
{
	size_t before = s->n_heaps;
	(void)visit_pages(s, PSC_PAGE_BYTES, visit_heap);
	for (size_t i = before; i < s->n_heaps; i++) {
		judge_heap(s, &s->heaps[i]);
		s->heaps[i].may_be_special = true;
	}
	if (s->n_heaps == before)
		return;
	s->source = "signatures in memory";
	psc_warn(
		warnings,
		"the pool's heaps were found by their signature, %zu of them; which pool each serves is judged by what "
		"it holds",
		s->n_heaps - before);
}
