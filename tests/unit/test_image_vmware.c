/* SPDX-License-Identifier: MIT */
/* VMware state files: tags with 0, 1 and 2 indexes, regions, memory inside, and nonsense. */
#include "test_image_build.h"
#include <stdio.h>

struct writer {
	struct file f;
	size_t at;
};

static void tag(struct writer *w, const char *name, unsigned n_index, uint32_t i0, uint32_t i1, uint32_t value)
{
	w->f.bytes[w->at] = (uint8_t)(n_index << 6 | 4);
	w->f.bytes[w->at + 1] = (uint8_t)strlen(name);
	put_bytes(&w->f, w->at + 2, name, strlen(name));
	w->at += 2 + strlen(name);
	for (unsigned i = 0; i < n_index; i++, w->at += 4)
		put32(&w->f, w->at, i == 0 ? i0 : i1);
	put32(&w->f, w->at, value);
	w->at += 4;
}

static void region(struct writer *w, uint32_t i, uint32_t ppn, uint32_t page, uint32_t n)
{
	tag(w, "regionPPN", 1, i, 0, ppn);
	tag(w, "regionPageNum", 1, i, 0, page);
	tag(w, "regionSize", 1, i, 0, n);
}

static void group(struct writer *w, unsigned i, const char *name)
{
	put_bytes(&w->f, 12 + 80 * i, name, strlen(name));
	put64(&w->f, 12 + 80 * i + 64, w->at);
}

/* cpu and memory; the long tag has its padding. Memory begins at *ret_memory. */
static struct file state(uint32_t magic, uint32_t n_regions, bool inside, size_t *ret_memory)
{
	struct writer w = {new_file(0x8000), 0x200};
	put32(&w.f, 0, magic);
	put32(&w.f, 8, 2);
	group(&w, 0, "cpu");
	tag(&w, "CR", 2, 0, 0, 0x80050031);
	tag(&w, "CR", 2, 1, 3, 0x1ab000);
	w.at += 2;
	group(&w, 1, "memory");
	tag(&w, "regionsCount", 0, 0, 0, n_regions);
	region(&w, 0, 0x10, 1, 1);
	region(&w, 1, 0x100000, 0, 1);
	*ret_memory = 0;
	if (inside) {
		bool narrow = (magic & 0xf) == 0;
		w.f.bytes[w.at] = 0 << 6 | 62;
		w.f.bytes[w.at + 1] = 6;
		put_bytes(&w.f, w.at + 2, "Memory", 6);
		w.at += 8;
		for (unsigned i = 0; i < 2; i++, w.at += narrow ? 4 : 8)
			put32(&w.f, w.at, 0x2000);
		put16(&w.f, w.at, 7);
		w.at += 2 + 7;
		*ret_memory = w.at;
		w.at += 0x2000;
	}
	return w.f;
}

START_TEST(memory_inside)
{
	static const uint32_t magics[] = {0xbed2bed0, 0xbad1bad1, 0xbed2bed2, 0xbed3bed3};
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		size_t at, n;
		struct file f = state(magics[i], 2, true, &at);
		put_page(&f, at + 0x1000, 0x10);
		put_page(&f, at, 0x100000);
		struct opened o = open_good(&f);
		ck_assert_str_eq(psc_image_format(o.img), "vmware");
		expect_page(o.img, 0x10, at + 0x1000);
		expect_page(o.img, 0x100000, at);
		expect_no_page(o.img, 0x11, PSC_PAGE_HOLE);
		const struct psc_image_cpu *cpu = psc_image_cpus(o.img, &n);
		ck_assert_uint_eq(n, 2);
		ck_assert_uint_eq(cpu[0].cr3, 0);
		ck_assert_uint_eq(cpu[1].cr3, 0x1ab000);
		close_opened(&o);
		free(f.bytes);
		/* No regions: from address 0 on. */
		f = state(magics[i], 0, true, &at);
		put_page(&f, at + 0x1000, 1);
		o = open_good(&f);
		expect_page(o.img, 1, at + 0x1000);
		expect_no_page(o.img, 2, PSC_PAGE_HOLE);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(memory_beside)
{
	size_t unused;
	struct file f = state(0xbed2bed2, 2, false, &unused), vmem = new_file(0x2000);
	struct psc_source_options so;
	struct psc_source *a, *b;
	struct psc_image *img;
	struct psc_error e;
	memset(&so, 0, sizeof(so));
	put_page(&vmem, 0x1000, 0x10);
	ck_assert_int_eq(psc_source_open_mem(f.bytes, f.size, &so, &a, NULL), PSC_OK);
	ck_assert_int_eq(psc_source_open_mem(vmem.bytes, vmem.size, &so, &b, NULL), PSC_OK);
	for (int order = 0; order < 2; order++) {
		const struct psc_source *more[1] = {order ? a : b};
		struct psc_image_options io = {.more = more, .n_more = 1};
		ck_assert_int_eq(psc_image_open_with(order ? b : a, &io, &img, &e), PSC_OK);
		ck_assert_str_eq(psc_image_format(img), "vmware");
		expect_page(img, 0x10, 0x1000);
		psc_image_close(img);
	}
	psc_source_close(a);
	psc_source_close(b);
	expect_failure(f.bytes, f.size, PSC_E_NOT_FOUND, "--with");
	free(f.bytes);
	free(vmem.bytes);
}
END_TEST

START_TEST(nonsense)
{
	size_t at;
	struct file f = state(0xbed2bed2, 2, true, &at);
	put32(&f, 8, 0x7fffffff);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "groups");
	put32(&f, 8, 3); /* the third is not there: no name, nothing of it is read */
	struct opened o = open_good(&f);
	close_opened(&o);
	put32(&f, 8, 1);
	expect_failure(f.bytes, f.size, PSC_E_NOT_FOUND, "switched off");
	put32(&f, 8, 2);
	expect_failure(f.bytes, 100, PSC_E_TRUNCATED, "VMware");
	expect_failure(f.bytes, 8, PSC_E_TRUNCATED, "VMware");
	put32(&f, at - 9 - 8, 0x3000); /* larger in memory than in the file */
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "compressed");
	free(f.bytes);
	f = state(0xbed2bed2, 2000, true, &at);
	expect_failure(f.bytes, f.size, PSC_E_LIMIT, "2000 regions");
	free(f.bytes);
	/* Regions on top of each other. */
	f = state(0xbed2bed2, 3, true, &at);
	struct writer w = {f, at + 0x2000};
	region(&w, 2, 0x10, 0, 2);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "overlap");
	free(f.bytes);
}
END_TEST

START_TEST(real_state_file)
{
	const char *shared = getenv("POOLSCOPE_SHARED");
	char path[4096];
	struct psc_source *src;
	struct psc_image *img;
	struct psc_error e;
	if (!shared)
		return;
	snprintf(path, sizeof(path), "%s/data/vmware/Windows10x64-Snapshot1.vmsn", shared);
	if (psc_source_open_file(path, NULL, &src, &e) != PSC_OK)
		return;
	/* One group, of a machine that was off: checked with an independent reader. */
	ck_assert_int_eq(psc_image_open(src, &img, &e), PSC_E_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(e.text, "switched off"));
	psc_source_close(src);
}
END_TEST

UNIT_MAIN("image_vmware", memory_inside, memory_beside, nonsense, real_state_file)
