/* SPDX-License-Identifier: MIT */
/* A small 32-bit machine (XP), without and with PAE, whose header does not say which. */
#include "unit.h"

#include "kernel/internal.h"
#include <string.h>

#define FRAMES      64u
#define HEADER      0x1000u
#define KERNEL      0x804d7000u
#define KDBG_VA     (KERNEL + 0x1100)
#define MODULE_HEAD (KERNEL + 0x1800)
#define PROCESSORS  (KERNEL + 0x1900)
#define UNLOADED    (KERNEL + 0x1a00)
#define ENTRIES     0x81000000u
#define PRCB        0xffdff120u
#define SHARED_PAGE 0xffdf0000u

struct machine {
	uint8_t *bytes;
	unsigned used;
	uint64_t top_pa;
	bool pae;
	struct psc_source *src;
	struct psc_image *img;
	struct psc_kernel k;
};

static void store(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t load(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	for (unsigned i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* The single run starts with page 1. */
static uint8_t *at_pa(struct machine *m, uint64_t pa)
{
	ck_assert_uint_lt((pa >> 12) - 1, FRAMES);
	return m->bytes + HEADER + (pa - 0x1000);
}

static uint64_t new_frame(struct machine *m)
{
	ck_assert_uint_lt(m->used, FRAMES);
	return (uint64_t)(1 + m->used++) << 12;
}

/* What entry e refers to; a fresh frame when it is empty. */
static uint64_t follow(struct machine *m, uint8_t *e, unsigned flags)
{
	unsigned n = m->pae ? 8 : 4;
	if (load(e, n) == 0)
		store(e, new_frame(m) | flags, n);
	return load(e, n) & 0xfffff000u;
}

static uint8_t *at_va(struct machine *m, uint32_t va)
{
	uint64_t pt, pa;
	if (m->pae) {
		uint64_t pd = load(at_pa(m, m->top_pa) + 8 * (va >> 30), 8) & 0xfffff000u;
		pt = follow(m, at_pa(m, pd) + 8 * (va >> 21 & 0x1ff), 0x63);
		pa = follow(m, at_pa(m, pt) + 8 * (va >> 12 & 0x1ff), 0x63);
	} else {
		pt = follow(m, at_pa(m, m->top_pa) + 4 * (va >> 22), 0x63);
		pa = follow(m, at_pa(m, pt) + 4 * (va >> 12 & 0x3ff), 0x63);
	}
	return at_pa(m, pa) + (va & 0xfff);
}

/* Never across a page. */
static void put(struct machine *m, uint32_t va, uint64_t v, unsigned n)
{
	store(at_va(m, va), v, n);
}

static void put_name(struct machine *m, uint32_t va, uint32_t text_va, const char *text)
{
	put(m, va, 2 * strlen(text), 2);
	put(m, va + 2, 2 * strlen(text) + 2, 2);
	put(m, va + 4, text_va, 4);
	for (unsigned i = 0; text[i]; i++)
		put(m, text_va + 2 * i, (uint8_t)text[i], 2);
}

static void make_tables(struct machine *m)
{
	m->top_pa = new_frame(m);
	if (!m->pae) {
		store(at_pa(m, m->top_pa) + 4 * 0x300, m->top_pa | 0x63, 4);
		return;
	}
	uint64_t pd[4];
	for (unsigned i = 0; i < 4; i++) {
		pd[i] = new_frame(m);
		store(at_pa(m, m->top_pa) + 8 * i, pd[i] | 1, 8);
	}
	for (unsigned i = 0; i < 4; i++)
		store(at_pa(m, pd[3]) + 8 * i, pd[i] | 0x63, 8);
}

static void make_kernel(struct machine *m)
{
	static const char *const names[2] = {"ntoskrnl.exe", "hal.dll"};
	put(m, KERNEL, 0x5a4d, 2);
	put(m, KERNEL + 0x3c, 0x80, 4);
	put(m, KERNEL + 0x80, 0x4550, 4);
	put(m, KERNEL + 0x84, 0x14c, 2);
	put(m, KERNEL + 0x88, 0x41107eb2, 4);
	put(m, KERNEL + 0x94, 0xe0, 2);
	put(m, KERNEL + 0x98, 0x10b, 2);
	put(m, KERNEL + 0x98 + 56, 0x3000, 4);
	uint8_t *d = at_va(m, KDBG_VA);
	store(d, 0x8055b1c0, 4);
	store(d + 4, 0x8055b1c0, 4);
	memcpy(d + 0x10, "KDBG", 4);
	store(d + 0x14, 0x290, 4);
	store(d + 0x18, 0xffffffff00000000u | KERNEL, 8);
	store(d + 0x36, m->pae, 2);
	store(d + 0x48, 0xffffffff00000000u | MODULE_HEAD, 8);
	store(d + 0x218, 0xffffffff00000000u | PROCESSORS, 8);
	store(d + 0x220, 0xffffffff00000000u | UNLOADED, 8);
	store(d + 0x228, 0xffffffff00000000u | (UNLOADED + 4), 8);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t va = ENTRIES + i * 0x400;
		put(m, va, i ? MODULE_HEAD : va + 0x400, 4);
		put(m, va + 4, i ? va - 0x400 : MODULE_HEAD, 4);
		put(m, va + 0x18, KERNEL + i * 0x200000, 4);
		put(m, va + 0x20, 0x3000, 4);
		put_name(m, va + 0x2c, va + 0x100, names[i]);
	}
	put(m, MODULE_HEAD, ENTRIES, 4);
	put(m, MODULE_HEAD + 4, ENTRIES + 0x400, 4);
	put(m, UNLOADED, ENTRIES + 0x800, 4);
	put(m, UNLOADED + 4, 1, 4);
	put_name(m, ENTRIES + 0x800, ENTRIES + 0xe00, "gone.sys");
	put(m, ENTRIES + 0x808, 0xf7000000, 4);
	put(m, ENTRIES + 0x80c, 0xf7004000, 4);
	put(m, PROCESSORS, PRCB, 4);
	put(m, PRCB + 0x10, 0, 1);
}

static void make(struct machine *m, bool pae)
{
	memset(m, 0, sizeof(*m));
	m->pae = pae;
	m->bytes = calloc(1, HEADER + FRAMES * 4096);
	ck_assert_ptr_nonnull(m->bytes);
	for (unsigned i = 0; i < HEADER; i += 4)
		memcpy(m->bytes + i, "PAGE", 4);
	make_tables(m);
	make_kernel(m);
	put(m, SHARED_PAGE + 0x30, 'C', 2);
	put(m, SHARED_PAGE + 0x32, ':', 2);
	put(m, SHARED_PAGE + 0x34, '\\', 2);
	put(m, SHARED_PAGE + 0x26c, 5, 4);
	memcpy(m->bytes + 4, "DUMP", 4);
	store(m->bytes + 8, 0xf, 4);
	store(m->bytes + 0xc, 2600, 4);
	store(m->bytes + 0x10, m->top_pa, 4);
	store(m->bytes + 0x18, MODULE_HEAD, 4);
	store(m->bytes + 0x1c, MODULE_HEAD + 8, 4);
	store(m->bytes + 0x20, 0x14c, 4);
	store(m->bytes + 0x24, 1, 4);
	store(m->bytes + 0x60, KDBG_VA, 4);
	store(m->bytes + 0x64, 1, 4);
	store(m->bytes + 0x68, FRAMES, 4);
	store(m->bytes + 0x6c, 1, 4);
	store(m->bytes + 0x70, FRAMES, 4);
	store(m->bytes + 0xf88, 1, 4);
}

static void open_and_check(struct machine *m)
{
	struct psc_error e;
	memset(&e, 0, sizeof(e));
	ck_assert_msg(psc_source_open_mem(m->bytes, HEADER + FRAMES * 4096, NULL, &m->src, &e) == PSC_OK, "%s", e.text);
	ck_assert_msg(psc_image_open(m->src, &m->img, &e) == PSC_OK, "%s", e.text);
	ck_assert_msg(psc_kernel_init(&m->k, m->img, NULL, NULL, &e) == PSC_OK, "%s", e.text);
	const struct psc_kernel *k = &m->k;
	ck_assert_int_eq(k->space.mmu, m->pae ? PSC_MMU_X86_PAE : PSC_MMU_X86);
	ck_assert(k->space_is_proven);
	ck_assert_uint_eq(k->space.top_pa, m->top_pa);
	ck_assert_uint_eq(k->id.pae, m->pae);
	ck_assert_uint_eq(k->base, KERNEL);
	ck_assert_str_eq(k->kdbg.state, "plain");
	ck_assert_uint_eq(k->kdbg.ps_loaded_module_list, MODULE_HEAD);
	ck_assert_str_eq(k->version, "5.1.2600");
	ck_assert_uint_eq(k->id.time_date_stamp, 0x41107eb2);
	ck_assert(!k->is_vista_or_later);
	ck_assert_uint_eq(k->n_prcb, 1);
	ck_assert_uint_eq(k->n_loaded, 2);
	ck_assert_str_eq(k->modules[1].name, "hal.dll");
	ck_assert_uint_eq(k->n_modules, 3);
	ck_assert_str_eq(k->modules[2].name, "gone.sys");
	ck_assert_uint_eq(k->modules[2].size_bytes, 0x4000);
	psc_kernel_deinit(&m->k);
	psc_image_close(m->img);
	psc_source_close(m->src);
	free(m->bytes);
}

START_TEST(both_modes)
{
	for (int pae = 0; pae < 2; pae++) {
		struct machine m;
		make(&m, pae);
		open_and_check(&m);
		/* The header says it, rightly or wrongly. */
		for (int said = 0; said < 2; said++) {
			make(&m, pae);
			m.bytes[0x5c] = (uint8_t)said;
			open_and_check(&m);
		}
	}
}
END_TEST

START_TEST(wrong_directory_table_base)
{
	for (int pae = 0; pae < 2; pae++) {
		struct machine m;
		make(&m, pae);
		store(m.bytes + 0x10, 0x3f000, 4);
		open_and_check(&m);
	}
}
END_TEST

/* Windows marks directories with a bit that processors ignore. */
START_TEST(search_with_software_bits)
{
	struct machine m;
	make(&m, true);
	for (unsigned i = 0; i < 4; i++)
		at_pa(&m, m.top_pa)[8 * i + 1] |= 8;
	store(m.bytes + 0x10, 0x3f000, 4);
	open_and_check(&m);
}
END_TEST

START_TEST(module_beyond_4_gib)
{
	struct machine m;
	struct psc_error e;
	make(&m, false);
	put(&m, ENTRIES + 0x400 + 0x20, 0x80000000, 4);
	ck_assert_int_eq(psc_source_open_mem(m.bytes, HEADER + FRAMES * 4096, NULL, &m.src, &e), PSC_OK);
	ck_assert_int_eq(psc_image_open(m.src, &m.img, &e), PSC_OK);
	ck_assert_int_eq(psc_kernel_init(&m.k, m.img, NULL, NULL, &e), PSC_OK);
	ck_assert_uint_eq(m.k.n_loaded, 1);
	psc_kernel_deinit(&m.k);
	psc_image_close(m.img);
	psc_source_close(m.src);
	free(m.bytes);
}
END_TEST

/* One build number, two layouts. */
START_TEST(service_packs_of_3790)
{
	static const struct {
		uint32_t csd, links;
	} cases[] = {{0, 0x88}, {0x100, 0x98}, {0x200, 0x98}, {0x300, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m;
		struct psc_error e;
		make(&m, true);
		store(m.bytes + 0xc, 3790, 4);
		put(&m, KDBG_VA + 0x268, 0xffffffff00000000u | (UNLOADED + 8), 8);
		put(&m, UNLOADED + 8, cases[i].csd, 4);
		ck_assert_int_eq(psc_source_open_mem(m.bytes, HEADER + FRAMES * 4096, NULL, &m.src, &e), PSC_OK);
		ck_assert_int_eq(psc_image_open(m.src, &m.img, &e), PSC_OK);
		ck_assert_int_eq(psc_kernel_init(&m.k, m.img, NULL, NULL, &e), PSC_OK);
		const struct psc_field *links = psc_profile_field(&m.k.profile, PSC_FIELD_EPROCESS_ActiveProcessLinks);
		ck_assert_uint_eq(links ? links->offset : 0, cases[i].links);
		ck_assert_str_eq(m.k.version, "5.2.3790");
		psc_kernel_deinit(&m.k);
		psc_image_close(m.img);
		psc_source_close(m.src);
		free(m.bytes);
	}
}
END_TEST

UNIT_MAIN("kernel_x86", both_modes, wrong_directory_table_base, search_with_software_bits, module_beyond_4_gib,
	  service_packs_of_3790)
