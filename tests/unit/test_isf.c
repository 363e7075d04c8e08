/* SPDX-License-Identifier: MIT */
#include "symbols/profile.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#ifdef PSC_HAVE_LZMA
#include <lzma.h>
#endif
#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

#define GUID "00112233445566778899AABBCCDDEEFF"
#define HEAD "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "\",\"age\":3,\"machine_type\":34404}}},"
#define BASES                                                                                                          \
	"\"base_types\":{\"pointer\":{\"kind\":\"int\",\"size\":8},\"unsigned long\":{\"kind\":\"int\",\"size\":4},"   \
	"\"unsigned long long\":{\"kind\":\"int\",\"size\":8},\"unsigned char\":{\"kind\":\"char\",\"size\":1}}"
#define ULONG                 "{\"kind\":\"base\",\"name\":\"unsigned long\"}"
#define SYMBOL(name, address) "\"" name "\":{\"address\":" address "}"

static struct psc_arena arena;
static struct psc_warnings warnings;
static struct psc_error err;
static struct psc_profile profile;

static struct psc_kernel_identity kernel(void)
{
	struct psc_kernel_identity id = {
		.machine = PSC_MACHINE_X64, .build = 19041, .pdb_name = "ntkrnlmp.pdb", .pdb_guid = GUID, .pdb_age = 3};
	return id;
}

static void reset(void)
{
	static const struct psc_arena no_arena = PSC_ARENA_INIT;
	static const struct psc_warnings no_warnings;
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
	arena = no_arena;
	warnings = no_warnings;
	warnings.arena = &arena;
	memset(&profile, 0, sizeof(profile));
	memset(&err, 0, sizeof(err));
}

static enum psc_status load_bytes(const void *bytes, size_t n)
{
	struct psc_kernel_identity id = kernel();
	reset();
	return psc_isf_load_mem(bytes, n, "dir/test.json", &id, &profile, &arena, &warnings, &err);
}

static enum psc_status load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static enum psc_status load_as(const char *text, const struct psc_kernel_identity *id)
{
	reset();
	return psc_isf_load_mem(text, strlen(text), "test.json", id, &profile, &arena, &warnings, &err);
}

static bool is_untouched(void)
{
	static const struct psc_profile empty;
	return memcmp(&profile, &empty, sizeof(empty)) == 0;
}

#define ASSERT_REFUSED(expected, text)                                                                                 \
	do {                                                                                                           \
		ck_assert_int_eq(load(text), expected);                                                                \
		ck_assert(is_untouched());                                                                             \
		ck_assert_int_eq(err.status, expected);                                                                \
	} while (0)
#define ASSERT_TEXT(part) ck_assert_msg(strstr(err.text, part), "\"%s\" lacks \"%s\"", err.text, part)

static const char good[] =
	"\xef\xbb\xbf" HEAD BASES ",\"enums\":{\"_POOL_TYPE\":{\"base\":\"long\",\"size\":4}},"
	"\"later\":[1,2,{\"x\":null}],"
	"\"symbols\":{" SYMBOL(
		"PoolTrackTable",
		"12683432") ",\"?odd@@name\":{\"address\":-5},"
			    "\"MmPteBase\":{\"address\":4294967295,\"type\":{\"kind\":\"base\",\"name\":\"pointer\"},"
			    "\"new\":1},"
			    "\"PoolVector\":{\"address\":0}},"
			    "\"user_types\":{"
			    "\"_EPROCESS\":{\"kind\":\"struct\",\"size\":2624,\"new\":true,\"fields\":{"
			    "\"UniqueProcessId\":{\"offset\":1088,\"type\":{\"kind\":\"pointer\",\"subtype\":{\"kind\":"
			    "\"base\",\"name\":\"void\"}}},"
			    "\"ImageFileName\":{\"offset\":1448,\"type\":{\"kind\":\"array\",\"count\":15,\"subtype\":{"
			    "\"kind\":\"base\",\"name\":"
			    "\"unsigned char\"}}},"
			    "\"ActiveProcessLinks\":{\"offset\":1096,\"type\":{\"kind\":\"struct\",\"name\":\"_LIST_"
			    "ENTRY\"}}}},"
			    "\"_LIST_ENTRY\":{\"kind\":\"struct\",\"size\":16,\"fields\":{}},"
			    "\"_POOL_DESCRIPTOR\":{\"kind\":\"struct\",\"size\":4416,\"fields\":{"
			    "\"PoolType\":{\"offset\":0,\"type\":{\"kind\":\"enum\",\"name\":\"_POOL_TYPE\"}},"
			    "\"PoolIndex\":{\"offset\":128,\"type\":{\"kind\":\"function\"}}}},"
			    "\"_POOL_TRACKER_BIG_PAGES\":{\"kind\":\"struct\",\"size\":24,\"fields\":{"
			    "\"PoolType\":{\"offset\":12,\"type\":{\"kind\":\"bitfield\",\"bit_position\":8,\"bit_"
			    "length\":12,\"type\":" ULONG "}}}}"
			    "}} \n";

START_TEST(reads_what_is_wanted)
{
	ck_assert_msg(load(good) == PSC_OK, "%s", err.text);
	ck_assert_uint_eq(warnings.n, 0);
	ck_assert_str_eq(profile.isf_path, "dir/test.json");
	ck_assert_int_eq(profile.symbols[PSC_SYM_PoolTrackTable].origin, PSC_ORIGIN_ISF);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_PoolTrackTable].rva, 0xc188a8);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_MmPteBase].rva, UINT32_MAX);
	ck_assert(!psc_profile_has_sym(&profile, PSC_SYM_PoolVector));
	ck_assert(!psc_profile_has_sym(&profile, PSC_SYM_PoolBigPageTable));

	const struct psc_field *f = psc_profile_field(&profile, PSC_FIELD_EPROCESS_UniqueProcessId);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(f->origin, PSC_ORIGIN_ISF);
	ck_assert_uint_eq(f->offset, 0x440);
	ck_assert_uint_eq(f->size_bytes, 8);
	ck_assert_uint_eq(f->struct_size, 0xa40);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_EPROCESS_ImageFileName].size_bytes, 15);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_EPROCESS_ActiveProcessLinks].size_bytes, 16);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_POOL_DESCRIPTOR_PoolType].size_bytes, 4);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_POOL_DESCRIPTOR_PoolIndex].size_bytes, 0);
	ck_assert_ptr_null(psc_profile_field(&profile, PSC_FIELD_EPROCESS_Session));
	ck_assert_ptr_null(psc_profile_field(&profile, PSC_FIELD_KPRCB_PPPagedLookasideList));

	f = psc_profile_field(&profile, PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolType);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->offset, 12);
	ck_assert_uint_eq(f->size_bytes, 4);
	ck_assert_uint_eq(f->bit_position, 8);
	ck_assert_uint_eq(f->bit_length, 12);
}
END_TEST

START_TEST(unnamed_members)
{
	static const char text[] = HEAD BASES
		",\"user_types\":{"
		"\"_MM_SESSION_SPACE\":{\"kind\":\"struct\",\"size\":256,\"fields\":{"
		"\"u\":{\"offset\":16,\"type\":{\"kind\":\"union\",\"name\":\"__unnamed_12\"}},"
		"\"Other\":{\"offset\":0,\"type\":{\"kind\":\"struct\",\"name\":\"_OTHER\"}}}},"
		"\"__unnamed_12\":{\"kind\":\"union\",\"size\":32,\"fields\":{"
		"\"Long\":{\"offset\":0,\"type\":" ULONG "},"
		"\"e1\":{\"offset\":8,\"anonymous\":true,\"type\":{\"kind\":\"struct\",\"name\":\"__unnamed_13\"}}}},"
		"\"__unnamed_13\":{\"kind\":\"struct\",\"size\":24,\"fields\":{"
		"\"SessionId\":{\"offset\":4,\"type\":" ULONG "},"
		"\"u1\":{\"offset\":0,\"type\":{\"kind\":\"union\",\"name\":\"__unnamed_12\"}}}},"
		"\"_OTHER\":{\"kind\":\"struct\",\"size\":8,\"fields\":{\"PoolTags\":{\"offset\":0,\"type\":" ULONG
		"}}},"
		/* in two places: neither is taken */
		"\"_POOL_TRACKER_TABLE\":{\"kind\":\"struct\",\"size\":64,\"fields\":{"
		"\"u1\":{\"offset\":0,\"type\":{\"kind\":\"union\",\"name\":\"__unnamed_14\"}},"
		"\"u2\":{\"offset\":8,\"type\":{\"kind\":\"union\",\"name\":\"__unnamed_14\"}}}},"
		"\"__unnamed_14\":{\"kind\":\"union\",\"size\":8,\"fields\":{\"Key\":{\"offset\":0,\"type\":" ULONG
		"}}}"
		"}}";
	/* __unnamed_12 and 13 hold each other: the search ends all the same. */
	enum psc_status r = load(text);
	ck_assert(r == PSC_OK || r == PSC_E_LIMIT);
	char fixed[sizeof(text)];
	memcpy(fixed, text, sizeof(text));
	char *cycle = strstr(fixed, "\"u1\":{\"offset\":0,\"type\":{\"kind\":\"union\",\"name\":\"__unnamed_12\"");
	ck_assert_ptr_nonnull(cycle);
	memcpy(cycle, "\"v1\"", 4);
	ck_assert_msg(load(fixed) == PSC_OK, "%s", err.text);
	const struct psc_field *f = psc_profile_field(&profile, PSC_FIELD_MM_SESSION_SPACE_SessionId);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->offset, 16 + 8 + 4);
	ck_assert_uint_eq(f->struct_size, 256);
	ck_assert_ptr_null(psc_profile_field(&profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags));
	ck_assert_ptr_null(psc_profile_field(&profile, PSC_FIELD_POOL_TRACKER_TABLE_Key));
}
END_TEST

START_TEST(identity)
{
	struct psc_kernel_identity id = kernel();
	ck_assert_int_eq(load_as(good, &id), PSC_OK);
	memcpy(id.pdb_guid, "00112233445566778899aabbccddeeff", 33);
	ck_assert_int_eq(load_as(good, &id), PSC_OK);

	id.pdb_guid[0] = '1';
	ck_assert_int_eq(load_as(good, &id), PSC_E_NOT_FOUND);
	ck_assert(is_untouched());
	ASSERT_TEXT(GUID);
	ASSERT_TEXT("10112233445566778899aabbccddeeff");
	ASSERT_TEXT("test.json");

	id = kernel();
	id.pdb_age = 1;
	ck_assert_int_eq(load_as(good, &id), PSC_E_NOT_FOUND);
	ASSERT_TEXT("age 3");
	ASSERT_TEXT("age 1");

	id = kernel();
	id.machine = PSC_MACHINE_ARM64;
	ck_assert_int_eq(load_as(good, &id), PSC_E_NOT_FOUND);
	ASSERT_TEXT("0xaa64");
	id.machine = PSC_MACHINE_UNKNOWN;
	ck_assert_int_eq(load_as(good, &id), PSC_OK);

	id = kernel();
	id.pdb_guid[0] = '\0';
	ck_assert_int_eq(load_as(good, &id), PSC_OK);
	ck_assert_uint_eq(warnings.n, 1);
	ck_assert_ptr_nonnull(strstr(warnings.items[0], GUID));
}
END_TEST

START_TEST(missing_metadata)
{
	static const char bare[] = "{\"symbols\":{" SYMBOL("PoolTrackTable", "16") "}}";
	struct psc_kernel_identity id = kernel();
	ck_assert_int_eq(load_as(bare, &id), PSC_E_NOT_FOUND);
	ck_assert(is_untouched());
	id.pdb_guid[0] = '\0';
	ck_assert_int_eq(load_as(bare, &id), PSC_OK);
	ck_assert_uint_eq(warnings.n, 1);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_PoolTrackTable].rva, 16);
	ck_assert_int_eq(load_as("{\"symbols\":{}}", &id), PSC_OK);
	ck_assert_uint_eq(warnings.n, 2); /* not checked, and of no use */
	ASSERT_REFUSED(PSC_E_NOT_FOUND, "{\"metadata\":[],\"symbols\":{}}");
	ASSERT_REFUSED(PSC_E_NOT_FOUND,
		       "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "\"}}},\"symbols\":{}}");
	ASSERT_REFUSED(PSC_E_NOT_FOUND, "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":7,\"age\":3}}},\"symbols\":{}}");
	ASSERT_REFUSED(PSC_E_CORRUPT,
		       "{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "\",\"age\":-3}}},\"symbols\":{}}");
}
END_TEST

#define ASSERT_BAD_ADDRESS(address)                                                                                    \
	ASSERT_REFUSED(PSC_E_CORRUPT,                                                                                  \
		       HEAD "\"symbols\":{" SYMBOL("KiProcessorBlock", "16") "," SYMBOL("MmPteBase", address) "}}")
#define FIELD_TEXT(offset, type)                                                                                       \
	HEAD BASES ",\"symbols\":{" SYMBOL("MmPteBase", "16") "},\"user_types\":{\"_MM_SESSION_SPACE\":{\"size\":64,"  \
							      "\"fields\":{\"SessionId\":{\"offset\":" offset          \
							      ",\"type\":" type "}}}}}"

START_TEST(bad_numbers)
{
	ASSERT_BAD_ADDRESS("18446735277616529408"); /* an address, not an RVA */
	ASSERT_TEXT("MmPteBase");
	ASSERT_BAD_ADDRESS("4294967296");
	ASSERT_BAD_ADDRESS("-1");
	ASSERT_BAD_ADDRESS("1.5");
	ASSERT_BAD_ADDRESS("1e999");
	ASSERT_BAD_ADDRESS("\"16\"");
	ASSERT_BAD_ADDRESS("null");
	ck_assert_int_eq(load(FIELD_TEXT("60", ULONG)), PSC_OK);
	ASSERT_REFUSED(PSC_E_CORRUPT, FIELD_TEXT("61", ULONG)); /* ends behind the structure */
	ASSERT_TEXT("_MM_SESSION_SPACE.SessionId");
	ASSERT_REFUSED(PSC_E_CORRUPT, FIELD_TEXT("-4", ULONG));
	ASSERT_REFUSED(PSC_E_CORRUPT, FIELD_TEXT("0.25", ULONG));
	ASSERT_REFUSED(PSC_E_CORRUPT, FIELD_TEXT("null", ULONG));
	ASSERT_REFUSED(
		PSC_E_CORRUPT,
		FIELD_TEXT("0", "{\"kind\":\"bitfield\",\"bit_position\":30,\"bit_length\":3,\"type\":" ULONG "}"));
	ASSERT_REFUSED(PSC_E_CORRUPT,
		       FIELD_TEXT("0",
				  "{\"kind\":\"bitfield\",\"bit_position\":4294967295,\"bit_length\":2,\"type\":" ULONG
				  "}"));
	ASSERT_REFUSED(PSC_E_CORRUPT, FIELD_TEXT("0", "{\"kind\":\"bitfield\",\"bit_position\":0,\"type\":" ULONG "}"));
	ASSERT_REFUSED(PSC_E_CORRUPT,
		       FIELD_TEXT("0", "{\"kind\":\"array\",\"count\":4294967295,\"subtype\":" ULONG "}"));
	ASSERT_REFUSED(PSC_E_CORRUPT, FIELD_TEXT("0", "{\"kind\":\"array\",\"count\":-1,\"subtype\":" ULONG "}"));
	/* Types that cannot be followed leave the size open. */
	ck_assert_int_eq(load(FIELD_TEXT("8", "{\"kind\":\"struct\",\"name\":\"_NOWHERE\"}")), PSC_OK);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_MM_SESSION_SPACE_SessionId].size_bytes, 0);
	ck_assert_int_eq(load(FIELD_TEXT("8", "7")), PSC_OK);
	ck_assert_int_eq(load(FIELD_TEXT("8", "{}")), PSC_OK);
	ASSERT_REFUSED(PSC_E_CORRUPT, HEAD "\"user_types\":{\"_MM_SESSION_SPACE\":{\"size\":-1,\"fields\":{}}}}");
	ck_assert_int_eq(
		load(HEAD "\"user_types\":{\"_MM_SESSION_SPACE\":7,\"_EPROCESS\":{\"fields\":[1,2]}},\"symbols\":[4]}"),
		PSC_OK);
}
END_TEST

START_TEST(not_isf)
{
	ASSERT_REFUSED(PSC_E_FORMAT, "");
	ASSERT_REFUSED(PSC_E_FORMAT, " \n");
	ASSERT_REFUSED(PSC_E_FORMAT, "[]");
	ASSERT_REFUSED(PSC_E_FORMAT, "MZ");
	ASSERT_REFUSED(PSC_E_FORMAT, "{\"a\":1}");
	ASSERT_REFUSED(PSC_E_UNSUPPORTED, "BZh91AY");
	ASSERT_TEXT("bunzip2");
	ASSERT_REFUSED(PSC_E_TRUNCATED, "{\"symbols\":{");
	ASSERT_REFUSED(PSC_E_TRUNCATED, "{\"symbols\":{\"a");
	ASSERT_REFUSED(PSC_E_TRUNCATED, "{\"symbols\\");
	ASSERT_REFUSED(PSC_E_CORRUPT, "{\"symbols\":{]}");
	ASSERT_REFUSED(PSC_E_CORRUPT, "{\"symbols\":{}} {}");
	ASSERT_REFUSED(PSC_E_CORRUPT, "{\"symbols\":{}}}");
	ck_assert_int_eq(load_bytes("{\"symbols\":{}}\0", 15), PSC_E_CORRUPT);
	for (size_t n = 3; n < sizeof(good) - 3; n++) { /* without the end of the text and its blank */
		ck_assert_int_ne(load_bytes(good, n), PSC_OK);
		ck_assert(is_untouched());
	}
}
END_TEST

static char *nested(size_t depth, bool closed)
{
	static const char start[] = HEAD "\"symbols\":{},\"x\":";
	size_t n = sizeof(start) - 1;
	char *text = malloc(n + 2 * depth + 2);
	ck_assert_ptr_nonnull(text);
	memcpy(text, start, n);
	memset(text + n, '[', depth);
	memset(text + n + depth, ']', depth);
	memcpy(text + n + (closed ? 2 * depth : depth), closed ? "}" : "", closed ? 2 : 1);
	return text;
}

START_TEST(nesting_and_number_of_values)
{
	static const size_t depths[] = {63, 64, 1000, 1000000};
	for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
		char *text = nested(depths[i], true), *open = nested(depths[i], false);
		ck_assert_int_eq(load(text), depths[i] < 64 ? PSC_OK : PSC_E_LIMIT);
		ck_assert_int_eq(load(open), depths[i] < 64 ? PSC_E_TRUNCATED : PSC_E_LIMIT);
		free(text);
		free(open);
	}
	size_t n = 10000000;
	char *many = malloc(n + 1);
	ck_assert_ptr_nonnull(many);
	for (size_t i = 0; i < n; i++)
		many[i] = i % 2 ? ',' : '1';
	memcpy(many, "{\"symbols\":[", 12);
	memcpy(many + n - 3, "1]}", 4);
	ck_assert_int_eq(load(many), PSC_E_LIMIT);
	free(many);
}
END_TEST

START_TEST(x86_decoration)
{
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X86, .build = 2600};
	ck_assert_int_eq(load_as("{\"symbols\":{" SYMBOL("_MmPteBase", "1") "," SYMBOL("MmPteBase", "2") "," SYMBOL(
					 "_PoolTrackTable", "3") "}}",
				 &id),
			 PSC_OK);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_MmPteBase].rva, 2);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_PoolTrackTable].rva, 3);
	ck_assert_int_eq(load("{\"symbols\":{" SYMBOL("_MmPteBase", "1") "}}"), PSC_E_NOT_FOUND);
	ck_assert_int_eq(load(HEAD "\"symbols\":{" SYMBOL("_MmPteBase", "1") "}}"), PSC_OK);
	ck_assert(!psc_profile_has_sym(&profile, PSC_SYM_MmPteBase));
}
END_TEST

START_TEST(precedence)
{
	struct psc_kernel_identity id = kernel();
	reset();
	profile.symbols[PSC_SYM_PoolTrackTable].origin = PSC_ORIGIN_PDB;
	profile.symbols[PSC_SYM_PoolTrackTable].rva = 1;
	profile.symbols[PSC_SYM_MmPteBase].origin = PSC_ORIGIN_BUILTIN;
	profile.symbols[PSC_SYM_KiProcessorBlock].origin = PSC_ORIGIN_BUILTIN;
	profile.symbols[PSC_SYM_KiProcessorBlock].rva = 2;
	profile.fields[PSC_FIELD_EPROCESS_UniqueProcessId].origin = PSC_ORIGIN_BUILTIN_RANGE;
	profile.fields[PSC_FIELD_EPROCESS_ImageFileName].origin = PSC_ORIGIN_PDB;
	ck_assert_int_eq(psc_isf_load_mem(good, sizeof(good) - 1, "t", &id, &profile, &arena, &warnings, &err), PSC_OK);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_PoolTrackTable].rva, 1);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_MmPteBase].rva, UINT32_MAX);
	ck_assert_uint_eq(profile.symbols[PSC_SYM_KiProcessorBlock].rva, 2);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_EPROCESS_UniqueProcessId].offset, 0x440);
	ck_assert_uint_eq(profile.fields[PSC_FIELD_EPROCESS_ImageFileName].offset, 0);
}
END_TEST

START_TEST(gzip)
{
	uint8_t packed[sizeof(good) + 256];
	z_stream s;
	memset(&s, 0, sizeof(s));
	ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	s.next_in = (Bytef *)(uintptr_t)good;
	s.avail_in = sizeof(good) - 1;
	s.next_out = packed;
	s.avail_out = sizeof(packed);
	ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
	size_t n = s.total_out;
	deflateEnd(&s);
	ck_assert_msg(load_bytes(packed, n) == PSC_OK, "%s", err.text);
	ck_assert(psc_profile_has_sym(&profile, PSC_SYM_PoolTrackTable));
	for (size_t cut = 12; cut < n; cut += 7) {
		ck_assert_int_eq(load_bytes(packed, cut), PSC_E_TRUNCATED);
		ck_assert(is_untouched());
	}
}
END_TEST

#ifdef PSC_HAVE_LZMA
static size_t pack_xz(const void *bytes, size_t n, uint8_t **ret)
{
	size_t used = 0, cap = lzma_stream_buffer_bound(n);
	*ret = malloc(cap);
	ck_assert_ptr_nonnull(*ret);
	ck_assert_int_eq(
		lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, (const uint8_t *)bytes, n, *ret, &used, cap),
		LZMA_OK);
	return used;
}

START_TEST(xz)
{
	uint8_t *packed;
	size_t n = pack_xz(good, sizeof(good) - 1, &packed);
	ck_assert_msg(load_bytes(packed, n) == PSC_OK, "%s", err.text);
	ck_assert(psc_profile_has_sym(&profile, PSC_SYM_PoolTrackTable));
	for (size_t cut = 6; cut < n; cut++) {
		ck_assert_int_eq(load_bytes(packed, cut), PSC_E_TRUNCATED);
		ck_assert(is_untouched());
	}
	for (size_t i = 6; i < n; i += 5) {
		packed[i] ^= 0x55;
		ck_assert_int_ne(load_bytes(packed, n), PSC_OK);
		ck_assert(is_untouched());
		packed[i] ^= 0x55;
	}
	free(packed);
}
END_TEST

START_TEST(xz_bomb)
{
	size_t n = ((size_t)256 << 20) + 1;
	char *blanks = malloc(n);
	ck_assert_ptr_nonnull(blanks);
	memset(blanks, ' ', n);
	uint8_t *packed;
	size_t packed_n = pack_xz(blanks, n, &packed);
	free(blanks);
	ck_assert_int_eq(load_bytes(packed, packed_n), PSC_E_LIMIT);
	ASSERT_TEXT("256 MiB");
	free(packed);
}
END_TEST
#else
START_TEST(xz)
{
	static const uint8_t packed[] = {0xfd, '7', 'z', 'X', 'Z', 0, 0, 0};
	ck_assert_int_eq(load_bytes(packed, sizeof(packed)), PSC_E_UNSUPPORTED);
	ASSERT_TEXT("xz -d");
}
END_TEST

START_TEST(xz_bomb)
{
}
END_TEST
#endif

UNIT_MAIN("isf", reads_what_is_wanted, unnamed_members, identity, missing_metadata, bad_numbers, not_isf,
	  nesting_and_number_of_values, x86_decoration, precedence, gzip, xz, xz_bomb)
