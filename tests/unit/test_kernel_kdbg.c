/* SPDX-License-Identifier: MIT */
#include "fakedump.h"

#include <stdio.h>

#define NEVER_HIGH 0x0123456789abcd00u
#define ALWAYS     0xfedcba9876543210u

static uint64_t swap64(uint64_t v)
{
	uint64_t r = 0;
	for (int i = 0; i < 8; i++)
		r = r << 8 | (v >> (8 * i) & 0xff);
	return r;
}

/* The inverse of the kernel's decoding, word by word. */
static void encode(uint8_t *p, size_t n, uint64_t never)
{
	unsigned rot = (unsigned)(never & 0x3f);
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t x = swap64(fake_load(p + i, 8) ^ ALWAYS) ^ FAKE_ENCODED;
		x = rot ? x >> rot | x << (64 - rot) : x;
		fake_store(p + i, x ^ never, 8);
	}
}

static void encode_in_dump(struct fake *f, uint64_t never)
{
	uint8_t *page = fake_page(f, FAKE_KDBG);
	encode(page + (FAKE_KDBG & 0xfff), 0x380, never);
	fake_put64(f, FAKE_WAIT_NEVER, never);
	fake_put64(f, FAKE_WAIT_ALWAYS, ALWAYS);
	fake_put(f, FAKE_ENCODED, "\1", 1);
}

START_TEST(plain)
{
	struct fake f;
	fake_machine(&f);
	fake_open(&f);
	ck_assert_str_eq(f.k.kdbg.state, "plain");
	ck_assert_uint_eq(f.k.kdbg.va, FAKE_KDBG);
	ck_assert_uint_eq(f.k.kdbg.size_bytes, 0x380);
	ck_assert_uint_eq(f.k.kdbg.kern_base, FAKE_BASE);
	ck_assert_uint_eq(f.k.base, FAKE_BASE);
	ck_assert_uint_eq(f.k.kdbg.pool_track_table, FAKE_BASE + 0x2900);
	ck_assert_uint_eq(f.k.kdbg.mm_paged_pool_start, 0);
	ck_assert_uint_eq(f.k.kdbg.size_prcb, 0xaf00);
	ck_assert_uint_eq(f.k.kdbg.pte_base, 0xfffff68000000000u);
	ck_assert_uint_eq(psc_kernel_sym(&f.k, PSC_SYM_PoolTrackTable), FAKE_BASE + 0x2900);
	ck_assert_int_eq(psc_kernel_sym_origin(&f.k, PSC_SYM_PoolTrackTable), PSC_ORIGIN_KDBG);
	ck_assert_uint_eq(psc_kernel_sym(&f.k, PSC_SYM_MmPagedPoolStart), 0);
	ck_assert_str_eq(f.k.symbols, "kdbg");
	ck_assert_str_eq(f.k.id.pdb_guid, FAKE_GUID);
	ck_assert_str_eq(f.k.build_lab, "19041.1.amd64fre.vb_release.191206-1406");
	ck_assert_str_eq(f.k.version, "10.0.19041");
	fake_free(&f);
}
END_TEST

START_TEST(every_size)
{
	static const uint32_t sizes[] = {0x208, 0x290, 0x318, 0x328, 0x330, 0x340, 0x360, 0x368, 0x370, 0x380, 0x400};
	struct psc_space sp = {.mmu = PSC_MMU_X64};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct fake f;
		fake_machine(&f);
		memset(fake_page(&f, FAKE_KDBG) + (FAKE_KDBG & 0xfff), 0, 0x400);
		fake_kdbg(&f, FAKE_KDBG, sizes[i]);
		fake_open(&f);
		ck_assert_str_eq(f.k.kdbg.state, "plain");
		ck_assert_uint_eq(f.k.kdbg.size_bytes, sizes[i]);
		ck_assert_uint_eq(f.k.kdbg.pool_track_table, FAKE_BASE + 0x2900);
		ck_assert_uint_eq(f.k.kdbg.ki_processor_block != 0, sizes[i] >= 0x290);
		ck_assert_uint_eq(f.k.kdbg.size_prcb != 0, sizes[i] >= 0x318);
		ck_assert_uint_eq(f.k.kdbg.pte_base != 0, sizes[i] >= 0x368);
		fake_free(&f);
	}
	static const uint32_t bad[] = {0, 0x28f, 0x294, 0x608, 0xffffffff};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t d[0x400] = {0};
		struct psc_kdbg ret;
		memcpy(d + 0x10, "KDBG", 4);
		fake_store(d + 0x14, bad[i], 4);
		fake_store(d + 0x18, FAKE_BASE, 8);
		ck_assert(!psc_kdbg_parse(d, sizeof(d), &sp, &ret));
	}
}
END_TEST

/* Sign-extended values; a 32-bit list entry followed by eight zero bytes before the tag. */
START_TEST(block_of_32_bits)
{
	struct psc_space sp = {.mmu = PSC_MMU_X86, .is_32bit = true};
	struct psc_kdbg ret;
	uint8_t d[0x290] = {0};
	fake_store(d, 0x8055b1c0, 4);
	fake_store(d + 4, 0x8055b1c0, 4);
	memcpy(d + 0x10, "KDBG", 4);
	fake_store(d + 0x14, 0x290, 4);
	fake_store(d + 0x18, 0xffffffff804d7000u, 8);
	fake_store(d + 0x36, 1, 2);
	fake_store(d + 0x48, 0xffffffff8055b1c0u, 8);
	fake_store(d + 0x1b8, 0x80560000, 8);
	fake_store(d + 0x218, 0x1234567880560000u, 8);
	ck_assert(psc_kdbg_parse(d, sizeof(d), &sp, &ret));
	ck_assert_uint_eq(ret.kern_base, 0x804d7000);
	ck_assert_uint_eq(ret.ps_loaded_module_list, 0x8055b1c0);
	ck_assert_uint_eq(ret.pool_track_table, 0x80560000);
	ck_assert_uint_eq(ret.ki_processor_block, 0);
	ck_assert(ret.pae);
}
END_TEST

START_TEST(decode_every_amount)
{
	for (unsigned rot = 0; rot < 64; rot++) {
		uint8_t plain_bytes[64], d[64];
		for (unsigned i = 0; i < sizeof(d); i++)
			d[i] = plain_bytes[i] = (uint8_t)(i * 37 + rot);
		encode(d, sizeof(d), NEVER_HIGH | rot);
		ck_assert(memcmp(d, plain_bytes, sizeof(d)) != 0);
		psc_kdbg_decode(d, sizeof(d), NEVER_HIGH | rot, ALWAYS, FAKE_ENCODED);
		ck_assert_mem_eq(d, plain_bytes, sizeof(d));
	}
}
END_TEST

static void write_isf(const char *path, uint32_t shift)
{
	FILE *out = fopen(path, "wb");
	ck_assert_ptr_nonnull(out);
	fprintf(out,
		"{\"metadata\": {\"format\": \"6.1.0\", \"producer\": {\"name\": \"test\", \"version\": \"1\"}, "
		"\"windows\": {\"pdb\": {\"GUID\": \"%s\", \"age\": 1, \"database\": \"ntkrnlmp.pdb\", "
		"\"machine_type\": 34404}}}, \"base_types\": {\"unsigned char\": {\"kind\": \"char\", \"size\": 1, "
		"\"signed\": false, \"endian\": \"little\"}}, \"user_types\": {}, \"enums\": {}, \"symbols\": {",
		FAKE_GUID);
#define SYMBOL(name, va) fprintf(out, "\"%s\": {\"address\": %lu},", name, (unsigned long)((va)-FAKE_BASE + shift))
	SYMBOL("KdDebuggerDataBlock", FAKE_KDBG);
	SYMBOL("PsLoadedModuleList", FAKE_MODULE_HEAD);
	SYMBOL("PsActiveProcessHead", FAKE_PROCESS_HEAD);
	SYMBOL("KiWaitNever", FAKE_WAIT_NEVER);
	SYMBOL("KiWaitAlways", FAKE_WAIT_ALWAYS);
	SYMBOL("KdpDataBlockEncoded", FAKE_ENCODED);
	SYMBOL("KiProcessorBlock", FAKE_PROCESSORS + 64);
#undef SYMBOL
	fprintf(out, "\"last\": {\"address\": 1}}}");
	fclose(out);
}

START_TEST(encoded_with_symbols)
{
	static const unsigned amounts[] = {0, 1, 31, 32, 63};
	const char *path = "test_kernel_kdbg_encoded.json";
	struct psc_kernel_options opts = {.isf_path = path};
	write_isf(path, 0);
	for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++) {
		struct fake f;
		fake_machine(&f);
		encode_in_dump(&f, NEVER_HIGH | amounts[i]);
		ck_assert_int_eq(fake_open_with(&f, &opts), PSC_OK);
		ck_assert_str_eq(f.k.kdbg.state, "decoded");
		ck_assert_uint_eq(f.k.kdbg.va, FAKE_KDBG);
		ck_assert_uint_eq(f.k.kdbg.size_bytes, 0x380);
		ck_assert_uint_eq(f.k.kdbg.pool_track_table, FAKE_BASE + 0x2900);
		ck_assert_int_eq(f.k.header_symbol_check, 1);
		ck_assert_str_eq(f.k.symbols, "isf");
		/* Both known and different: the block wins, and it is said. */
		ck_assert_uint_eq(psc_kernel_sym(&f.k, PSC_SYM_KiProcessorBlock), FAKE_PROCESSORS);
		ck_assert_int_eq(psc_kernel_sym_origin(&f.k, PSC_SYM_KiProcessorBlock), PSC_ORIGIN_KDBG);
		ck_assert(fake_warned(&f, "KiProcessorBlock"));
		fake_free(&f);
	}
	remove(path);
}
END_TEST

START_TEST(symbols_that_do_not_fit)
{
	const char *path = "test_kernel_kdbg_wrong.json";
	struct psc_kernel_options opts = {.isf_path = path};
	struct fake f;
	write_isf(path, 0x40);
	fake_machine(&f);
	ck_assert_int_eq(fake_open_with(&f, &opts), PSC_OK);
	ck_assert_int_eq(f.k.header_symbol_check, -1);
	ck_assert(fake_warned(&f, "does not fit this kernel"));
	ck_assert_uint_eq(psc_kernel_sym(&f.k, PSC_SYM_KiWaitNever), 0);
	fake_free(&f);
	remove(path);
	fake_machine(&f);
	opts.isf_path = "test_kernel_kdbg_absent.json";
	ck_assert_int_ne(fake_open_with(&f, &opts), PSC_OK);
	fake_free(&f);
}
END_TEST

START_TEST(encoded_without_symbols)
{
	struct fake f;
	fake_machine(&f);
	encode_in_dump(&f, NEVER_HIGH | 5);
	fake_open(&f);
	ck_assert_str_eq(f.k.kdbg.state, "decoded");
	ck_assert_uint_eq(f.k.base, FAKE_BASE);
	ck_assert_uint_eq(f.k.n_loaded, 3);
	ck_assert_uint_eq(f.k.n_prcb, 2);
	ck_assert_uint_eq(f.k.n_inferred, 1);
	ck_assert_str_eq(f.k.inferred[0].name, "KdDebuggerDataBlock");
	ck_assert_uint_eq(f.k.inferred[0].value, FAKE_KDBG);
	ck_assert_int_eq(f.k.inferred[0].confidence, PSC_CONFIDENCE_PROVEN);
	fake_free(&f);

	/* The header points nowhere: found in the kernel's data all the same. */
	fake_machine(&f);
	encode_in_dump(&f, NEVER_HIGH | 63);
	fake_header(&f, 0x80, 0, 8);
	fake_open(&f);
	ck_assert_str_eq(f.k.kdbg.state, "decoded");
	ck_assert_uint_eq(f.k.kdbg.va, FAKE_KDBG);
	fake_free(&f);

	/* One word of the three that must agree is damaged. */
	fake_machine(&f);
	encode_in_dump(&f, NEVER_HIGH | 5);
	fake_put32(&f, FAKE_KDBG + 0x14, 0x12345678);
	fake_open(&f);
	ck_assert_str_eq(f.k.kdbg.state, "missing");
	ck_assert_uint_eq(f.k.n_loaded, 3);
	ck_assert(fake_warned(&f, "No debugger data block"));
	fake_free(&f);
}
END_TEST

START_TEST(bad_header_pointer)
{
	struct fake f;
	fake_machine(&f);
	fake_header(&f, 0x80, FAKE_BASE + 0x3f00, 8);
	/* An old copy in front, whose list is not linked. */
	fake_kdbg(&f, FAKE_BASE + 0x3400, 0x380);
	uint64_t real = FAKE_BASE + 0x3800;
	memset(fake_page(&f, FAKE_KDBG) + (FAKE_KDBG & 0xfff), 0, 0x380);
	fake_kdbg(&f, real, 0x380);
	fake_put64(&f, FAKE_BASE + 0x3400 + 0x48, FAKE_BASE + 0x4000);
	fake_open(&f);
	ck_assert_str_eq(f.k.kdbg.state, "plain");
	ck_assert_uint_eq(f.k.kdbg.va, real);
	ck_assert(fake_warned(&f, "a debugger data block was found at"));
	ck_assert_uint_eq(f.k.n_prcb, 2);
	fake_free(&f);
}
END_TEST

/* Its header may lack the address of the block whose copy follows. */
START_TEST(small_dump)
{
	static uint8_t bytes[0x4000];
	struct psc_source *src;
	struct psc_image *img;
	struct psc_kernel k;
	struct psc_error e;
	for (unsigned i = 0; i < 0x2000; i += 4)
		memcpy(bytes + i, "PAGE", 4);
	memcpy(bytes + 4, "DU64", 4);
	fake_store(bytes + 0xc, FAKE_BUILD, 4);
	fake_store(bytes + 0x30, 0x8664, 4);
	fake_store(bytes + 0xf98, 4, 4);
	fake_store(bytes + 0x2004, sizeof(bytes), 4);
	fake_store(bytes + 0x2008, sizeof(bytes) - 4, 4);
	fake_store(bytes + 0x2070, 0x3000, 4);
	fake_store(bytes + 0x2074, 0x380, 4);
	memcpy(bytes + 0x3010, "KDBG", 4);
	fake_store(bytes + 0x3014, 0x380, 4);
	fake_store(bytes + 0x3018, FAKE_BASE, 8);
	/* Drivers and unloaded drivers: one each without an image, one each with. */
	fake_store(bytes + 0x2030, 0x3600, 4);
	fake_store(bytes + 0x2034, 2, 4);
	fake_store(bytes + 0x3690 + 8 + 0x30, FAKE_BASE, 8);
	fake_store(bytes + 0x3690 + 8 + 0x40, 0x8000, 4);
	fake_store(bytes + 0x2018, 0x3400, 4);
	fake_store(bytes + 0x3400, 2, 8);
	fake_store(bytes + 0x3408 + 0x28, FAKE_BASE + 0x20000, 8);
	fake_store(bytes + 0x3408 + 0x30, FAKE_BASE + 0x10000, 8);
	fake_store(bytes + 0x3440 + 0x28, FAKE_BASE + 0x10000, 8);
	fake_store(bytes + 0x3440 + 0x30, FAKE_BASE + 0x20000, 8);
	memcpy(bytes + sizeof(bytes) - 4, "TRGD", 4);
	ck_assert_int_eq(psc_source_open_mem(bytes, sizeof(bytes), NULL, &src, &e), PSC_OK);
	ck_assert_int_eq(psc_image_open(src, &img, &e), PSC_OK);
	ck_assert_int_eq(psc_kernel_init(&k, img, NULL, NULL, &e), PSC_OK);
	ck_assert_str_eq(k.kdbg.state, "copy");
	ck_assert_uint_eq(k.base, FAKE_BASE);
	for (size_t i = 0; i < k.warnings.n; i++)
		ck_assert_msg(!strstr(k.warnings.items[i], "debugger data block"), "%s", k.warnings.items[i]);
	ck_assert_uint_eq(k.n_loaded, 1);
	ck_assert_uint_eq(k.n_modules, 2);
	ck_assert_uint_eq(k.modules[0].base, FAKE_BASE);
	ck_assert_uint_eq(k.modules[1].size_bytes, 0x10000);
	psc_kernel_deinit(&k);
	psc_image_close(img);
	psc_source_close(src);
}
END_TEST

UNIT_MAIN("kernel_kdbg", small_dump, plain, every_size, block_of_32_bits, decode_every_amount, encoded_with_symbols,
	  symbols_that_do_not_fit, encoded_without_symbols, bad_header_pointer)
