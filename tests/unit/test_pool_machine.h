/* SPDX-License-Identifier: MIT */
/* A machine for the test_pool_*.c programs: fakedump.h's page tables, and a kernel filled in by hand for any x64 build.
 */
#ifndef PSC_TESTS_POOL_MACHINE_H
#define PSC_TESTS_POOL_MACHINE_H

#include "fakedump.h"

#include "pool/internal.h"

#define PM_DATA     (FAKE_BASE + 0x100000) /* of the kernel: globals */
#define PM_NONPAGED 0xfffffa8000000000u
#define PM_PAGED    0xfffff8a000000000u
#define PM_TAG(a, b, c, d)                                                                                             \
	((uint32_t)(unsigned char)(a) | (uint32_t)(unsigned char)(b) << 8 | (uint32_t)(unsigned char)(c) << 16 |       \
	 (uint32_t)(unsigned char)(d) << 24)

struct pm {
	struct fake f;
	struct psc_kernel *k;
	struct psc_arena arena;
	struct psc_warnings warnings;
	uint64_t next_global;
	uint32_t build;
	uint64_t syms[PSC_SYM_MAX];
};

static inline void pm_new(struct pm *m, uint32_t build, unsigned n_frames)
{
	memset(m, 0, sizeof(*m));
	fake_new(&m->f, n_frames);
	m->build = build;
	m->next_global = PM_DATA;
	m->warnings.arena = &m->arena;
	fake_page(&m->f, PM_DATA);
	fake_put64(&m->f, FAKE_PROCESS_HEAD, FAKE_PROCESS_HEAD);
	fake_put64(&m->f, FAKE_PROCESS_HEAD + 8, FAKE_PROCESS_HEAD);
}

/* A pointer-sized variable of the kernel. */
static inline uint64_t pm_global(struct pm *m, enum psc_sym s, uint64_t value)
{
	uint64_t va = m->next_global;
	m->next_global += 8;
	m->syms[s] = va;
	fake_put64(&m->f, va, value);
	return va;
}

/* An array or structure of the kernel. */
static inline uint64_t pm_place(struct pm *m, enum psc_sym s, uint64_t size_bytes)
{
	uint64_t va = m->next_global;
	m->next_global += (size_bytes + 15) & ~(uint64_t)15;
	for (uint64_t at = va & ~(uint64_t)0xfff; at < m->next_global; at += 0x1000)
		fake_page(&m->f, at);
	m->syms[s] = va;
	return va;
}

static inline void pm_open(struct pm *m, unsigned n_cpu)
{
	struct fake *f = &m->f;
	struct psc_error e;
	memset(&e, 0, sizeof(e));
	fake_header(f, 0xc, m->build, 4);
	fake_header(f, 0x34, n_cpu, 4);
	ck_assert_msg(psc_source_open_mem(f->bytes, f->size, NULL, &f->src, &e) == PSC_OK, "%s", e.text);
	ck_assert_msg(psc_image_open(f->src, &f->img, &e) == PSC_OK, "%s", e.text);
	m->k = &f->k;
	m->k->img = f->img;
	m->k->warnings.arena = &m->k->arena;
	m->k->id.machine = PSC_MACHINE_X64;
	m->k->id.build = m->build;
	m->k->is_vista_or_later = m->build >= 6000;
	m->k->base = FAKE_BASE;
	ck_assert_int_eq(psc_space_init(&m->k->space, f->img, PSC_MMU_X64, f->top_pfn << 12, NULL, &e), PSC_OK);
	psc_reader_init(&m->k->reader, &m->k->space);
	psc_builtin_load(&m->k->id, NULL, &m->k->profile);
	for (unsigned s = 0; s < PSC_SYM_MAX; s++) {
		m->k->profile.symbols[s].origin = m->syms[s] ? PSC_ORIGIN_ISF : PSC_ORIGIN_NONE;
		m->k->profile.symbols[s].rva = m->syms[s] ? (uint32_t)(m->syms[s] - FAKE_BASE) : 0;
	}
}

static inline bool pm_warned(const struct pm *m, const char *part)
{
	for (size_t i = 0; i < m->warnings.n; i++)
		if (strstr(m->warnings.items[i], part))
			return true;
	return false;
}

static inline void pm_free(struct pm *m)
{
	fake_free(&m->f);
	psc_warnings_deinit(&m->warnings);
	psc_arena_deinit(&m->arena);
}

#endif
