/* SPDX-License-Identifier: MIT */
#include "fakedump.h"

#include "kernel/symbolize.h"

static const char *text_at(struct psc_symbolizer *s, uint64_t va)
{
	static char buf[128];
	struct psc_symbol_text t;
	(void)psc_symbolize(s, va, &t);
	return psc_symbol_text_format(&t, va, buf, sizeof(buf));
}

START_TEST(modules_without_symbols)
{
	struct fake f;
	struct psc_symbolizer *s = NULL;
	struct psc_symbol_text t;
	char small[8];
	fake_machine(&f);
	fake_open(&f);
	ck_assert_int_eq(psc_symbolizer_open(&f.k, &s, NULL), PSC_OK);
	ck_assert_str_eq(text_at(s, FAKE_BASE + 0x21), "nt+0x21");
	ck_assert_str_eq(text_at(s, FAKE_BASE + 0x200000), "leaky+0x0");
	ck_assert_str_eq(text_at(s, FAKE_BASE + 0x204fff), "leaky+0x4fff");
	ck_assert_str_eq(text_at(s, FAKE_BASE + 0x205000), "0xfffff80412205000");
	ck_assert(!psc_symbolize(s, FAKE_BASE - 1, &t));
	ck_assert_ptr_null(t.module);
	ck_assert(psc_symbolize(s, FAKE_BASE + 0x100010, &t));
	ck_assert_str_eq(t.module, "hal.dll");
	ck_assert_str_eq(t.name, "hal");
	ck_assert_uint_eq(t.module_base, FAKE_BASE + 0x100000);
	ck_assert_uint_eq(t.offset, 0x10);
	ck_assert_ptr_null(t.symbol);
	ck_assert(!t.is_unloaded);
	ck_assert_str_eq(psc_symbol_text_format(&t, 0, small, sizeof(small)), "hal+0x1");
	psc_symbolizer_close(s);
	psc_symbolizer_close(NULL);
	fake_free(&f);
}
END_TEST

START_TEST(loaded_before_unloaded)
{
	struct fake f;
	struct psc_symbolizer *s = NULL;
	struct psc_symbol_text t;
	fake_machine(&f);
	fake_open(&f);
	/* hal.dll had been unloaded, and leaky.sys now lies over its second half. */
	f.k.modules[1].unloaded = true;
	f.k.modules[2].base = f.k.modules[1].base + 0x2000;
	ck_assert_int_eq(psc_symbolizer_open(&f.k, &s, NULL), PSC_OK);
	ck_assert(psc_symbolize(s, FAKE_BASE + 0x101000, &t));
	ck_assert_str_eq(t.name, "hal");
	ck_assert(t.is_unloaded);
	ck_assert(psc_symbolize(s, FAKE_BASE + 0x103000, &t));
	ck_assert_str_eq(t.name, "leaky");
	ck_assert(!t.is_unloaded);
	psc_symbolizer_close(s);
	fake_free(&f);
}
END_TEST

START_TEST(names_are_printable)
{
	struct psc_symbol_text t = {"a.sys", "a", 0, 0x30, "evil\n\x1b[31mname", 0x10, 0x20, false};
	char buf[64];
	ck_assert_str_eq(psc_symbol_text_format(&t, 0, buf, sizeof(buf)), "a!evil??[31mname+0x20");
	t.symbol = "f";
	t.symbol_offset = 0;
	ck_assert_str_eq(psc_symbol_text_format(&t, 0, buf, sizeof(buf)), "a!f");
}
END_TEST

UNIT_MAIN("kernel_symbolize", modules_without_symbols, loaded_before_unloaded, names_are_printable)
