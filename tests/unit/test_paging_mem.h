/* SPDX-License-Identifier: MIT */
/* A little machine for the paging tests: a full dump in a buffer, and page tables written into it by hand. */
#ifndef PSC_TESTS_PAGING_MEM_H
#define PSC_TESTS_PAGING_MEM_H

#include "paging/space.h"
#include "unit.h"
#include <string.h>

#define P_V   0x63u /* valid, writable, accessed, dirty */
#define P_PS  0x80u
#define P_NX  0x8000000000000000u
#define A_T   0x703u /* ARM64: valid, table or page, accessed, inner shareable */
#define BIT45 ((uint64_t)1 << 45)

struct pm_run {
	uint64_t pfn, n;
};

struct pm {
	uint8_t *bytes;
	size_t size, header_bytes;
	struct pm_run runs[8];
	size_t n_runs;
	uint64_t next_pfn; /* of the next table */
	struct psc_source *src;
	struct psc_image *img;
};

static inline void pm_put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Full dump of the given runs. reference: dumps 3, 4, 6 */
static inline void pm_init(struct pm *m, bool is_64bit, uint32_t build, const struct pm_run *runs, size_t n_runs)
{
	memset(m, 0, sizeof(*m));
	m->header_bytes = is_64bit ? 0x2000 : 0x1000;
	m->size = m->header_bytes;
	m->n_runs = n_runs;
	m->next_pfn = 1;
	uint64_t n_pages = 0;
	for (size_t i = 0; i < n_runs; i++) {
		m->runs[i] = runs[i];
		n_pages += runs[i].n;
	}
	m->size += (size_t)n_pages * PSC_PAGE_BYTES;
	m->bytes = calloc(1, m->size);
	ck_assert_ptr_nonnull(m->bytes);
	uint8_t *h = m->bytes;
	unsigned w = is_64bit ? 8 : 4;
	for (size_t i = 0; i < m->header_bytes; i += 4)
		memcpy(h + i, "PAGE", 4);
	memcpy(h + 4, is_64bit ? "DU64" : "DUMP", 4);
	pm_put(h + 8, 0xf, 4);
	pm_put(h + 0xc, build, 4);
	pm_put(h + (is_64bit ? 0x30 : 0x20), is_64bit ? 0x8664 : 0x14c, 4);
	pm_put(h + (is_64bit ? 0xf98 : 0xf88), 1, 4);
	uint8_t *block = h + (is_64bit ? 0x88 : 0x64);
	pm_put(block, n_runs, 4);
	pm_put(block + w, n_pages, w);
	for (size_t i = 0; i < n_runs; i++) {
		pm_put(block + 2 * w + i * 2 * w, runs[i].pfn, w);
		pm_put(block + 3 * w + i * 2 * w, runs[i].n, w);
	}
}

static inline uint8_t *pm_at(struct pm *m, uint64_t pa)
{
	uint64_t off = m->header_bytes, pfn = pa >> 12;
	for (size_t i = 0; i < m->n_runs; i++) {
		if (pfn >= m->runs[i].pfn && pfn - m->runs[i].pfn < m->runs[i].n)
			return m->bytes + off + (pfn - m->runs[i].pfn) * PSC_PAGE_BYTES + (pa & 0xfff);
		off += m->runs[i].n * PSC_PAGE_BYTES;
	}
	ck_abort_msg("the test writes outside its memory");
	return NULL;
}

static inline void pm_set64(struct pm *m, uint64_t pa, uint64_t v)
{
	pm_put(pm_at(m, pa), v, 8);
}

static inline void pm_set32(struct pm *m, uint64_t pa, uint32_t v)
{
	pm_put(pm_at(m, pa), v, 4);
}

static inline uint64_t pm_get(struct pm *m, uint64_t pa, unsigned n)
{
	uint64_t v = 0;
	const uint8_t *p = pm_at(m, pa);
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

/* Write entry at the given level (0 = leaf) of the walk to va, making tables on the way. Returns the entry's pa. */
static inline uint64_t pm_map(struct pm *m, enum psc_mmu mmu, uint64_t top, uint64_t va, unsigned level, uint64_t entry)
{
	static const unsigned x64[] = {12, 21, 30, 39, 48}, x86[] = {12, 22};
	bool narrow = mmu == PSC_MMU_X86;
	bool arm64 = psc_mmu_is_arm64(mmu);
	unsigned n_levels = narrow ? 2 : mmu == PSC_MMU_X86_PAE ? 3 : mmu == PSC_MMU_X64 || arm64 ? 4 : 5;
	unsigned size = narrow ? 4 : 8;
	uint64_t table = top;
	for (unsigned l = n_levels - 1;; l--) {
		unsigned shift = narrow ? x86[l] : x64[l];
		uint64_t pa = table + (va >> shift & (narrow                             ? 0x3ff
						      : mmu == PSC_MMU_X86_PAE && l == 2 ? 3
											 : 0x1ff)) *
					      size;
		if (l == level) {
			pm_put(pm_at(m, pa), entry, size);
			return pa;
		}
		uint64_t e = pm_get(m, pa, size);
		if (e == 0) {
			e = m->next_pfn++ << 12 | (mmu == PSC_MMU_X86_PAE && l == 2 ? 1 : arm64 ? A_T : P_V);
			pm_put(pm_at(m, pa), e, size);
		}
		table = e & 0x000ffffffffff000u;
	}
}

static inline void pm_open(struct pm *m)
{
	struct psc_error err = {0};
	ck_assert_msg(psc_source_open_mem(m->bytes, m->size, NULL, &m->src, &err) == PSC_OK, "%s", err.text);
	ck_assert_msg(psc_image_open(m->src, &m->img, &err) == PSC_OK, "%s", err.text);
}

static inline void pm_close(struct pm *m)
{
	psc_image_close(m->img);
	psc_source_close(m->src);
	free(m->bytes);
}

/* Open, and set up a space with a fresh reader (freed by the caller). */
static inline struct psc_reader *pm_reader(struct pm *m, struct psc_space *sp, enum psc_mmu mmu, uint64_t dtb,
					   const struct psc_softpte *soft)
{
	struct psc_error err = {0};
	if (!m->img)
		pm_open(m);
	ck_assert_msg(psc_space_init(sp, m->img, mmu, dtb, soft, &err) == PSC_OK, "%s", err.text);
	struct psc_reader *r = malloc(sizeof(*r));
	ck_assert_ptr_nonnull(r);
	psc_reader_init(r, sp);
	return r;
}

static inline void pm_expect(struct psc_reader *r, uint64_t va, enum psc_va_state state, uint64_t span)
{
	for (int again = 0; again < 2; again++) { /* a walk, then a hit */
		struct psc_xlate x = psc_translate(r, va);
		ck_assert_msg(x.state == state, "%llx: %s instead of %s", (unsigned long long)va,
			      psc_va_state_name(x.state), psc_va_state_name(state));
		ck_assert_uint_eq(x.span_bytes, span);
		if (state != PSC_VA_PRESENT && state != PSC_VA_TRANSITION)
			ck_assert(x.presence != PSC_PAGE_PRESENT);
	}
}

static inline void pm_expect_pa(struct psc_reader *r, uint64_t va, enum psc_va_state state, uint64_t pa, uint64_t span)
{
	pm_expect(r, va, state, span);
	ck_assert_uint_eq(psc_translate(r, va).pa, pa);
	ck_assert_int_eq(psc_translate(r, va).presence, PSC_PAGE_PRESENT);
}

#endif
