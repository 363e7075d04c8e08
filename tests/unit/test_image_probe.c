/* SPDX-License-Identifier: MIT */
#include "test_image_build.h"

struct row {
	const char *bytes;
	size_t n;
	const char *part; /* of the error text */
};
#define ROW(bytes, part)                                                                                               \
	{                                                                                                              \
		bytes, sizeof(bytes) - 1, part                                                                         \
	}

static const struct row rows[] = {
	ROW("MDMP", "user-mode minidump: holds no kernel pool"),
	ROW("USERDU64", "no kernel pool"),
	ROW("USERDUMP", "no kernel pool"),
	ROW("AVML", "AVML"),
	ROW("HPAK", "HPAK"),
	ROW("EVF\x09\x0d\x0a\xff\x00", "ewfexport"),
	ROW("EVF2\x0d\x0a\x81\x00", "ewfexport"),
	ROW("7z\xbc\xaf\x27\x1c", "7z x"),
	ROW("\xfd"
	    "7zXZ\x00",
	    "xz -d"),
	ROW("\x28\xb5\x2f\xfd", "zstd -d"),
	ROW("MSCF", "cabextract"),
	ROW("BZh", "bunzip2"),
	ROW("QFI\xfb", "qcow2"),
	ROW("\x14\x20\x28\x01", "Hyper-V"),
	ROW("QEVM", "QEMU"),
	ROW("KDMV", "VMDK"),
	ROW("vhdxfile", "VHDX"),
	ROW("conectix", "VHD"),
	ROW("LibvirtQemudSave", "libvirt"),
	ROW("\177VirtualBox SavedState", "VirtualBox"),
};

START_TEST(test_every_magic)
{
	static const size_t tails[] = {0, 1, 100, 8192, 10000};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
			struct file f = new_file(rows[i].n + tails[t]);
			put_bytes(&f, 0, rows[i].bytes, rows[i].n);
			expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, rows[i].part);
			free(f.bytes);
		}
	}
}
END_TEST

/* What is read, with nothing behind its magic number: one line that names it. */
START_TEST(test_magic_alone)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *part;
	} read[] = {{"hibr", 4, "hibernation"},
		    {"WAKE", 4, "hibernation"},
		    {"\177ELF", 4, "ELF"},
		    {"EMiL", 4, "LiME"},
		    {"KDUMP   ", 8, "kdump"},
		    {"DISKDUMP", 8, "kdump"},
		    {"\xd0\xbe\xd2\xbe", 4, "VMware"},
		    {"\xd2\xbe\xd2\xbe", 4, "VMware"}};
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		struct opened o = open_bytes(read[i].bytes, read[i].n);
		ck_assert_ptr_null(o.img);
		ck_assert_msg(strstr(o.error.text, read[i].part) != NULL, "%s", o.error.text);
		close_opened(&o);
	}
}
END_TEST

START_TEST(test_aff4_is_a_zip_with_a_description)
{
	struct file f = new_file(300);
	put_bytes(&f, 0, "PK\x03\x04", 4);
	put16(&f, 26, 21);
	put_bytes(&f, 30, "container.description", 21);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "AFF4");
	free(f.bytes);
}
END_TEST

START_TEST(test_page_and_something_else)
{
	struct file f = new_file(8192);
	put_bytes(&f, 0, "PAGEXXXX", 8);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "KernelDumpDecrypt.exe");
	expect_failure("PAGE", 4, PSC_E_UNSUPPORTED, "damaged or encrypted");
	expect_failure("PAGEDU6", 7, PSC_E_UNSUPPORTED, "damaged or encrypted");
	free(f.bytes);
}
END_TEST

START_TEST(test_unknown)
{
	struct file f = new_file(3 * 4096);
	expect_failure(f.bytes, f.size - 1, PSC_E_FORMAT, "not a memory dump");
	expect_failure("x", 1, PSC_E_FORMAT, "not a memory dump");
	free(f.bytes);
}
END_TEST

START_TEST(test_header_cut_off)
{
	struct file f = new_dump(true, 3, 0x2000);
	expect_failure(f.bytes, 8, PSC_E_TRUNCATED, "inside the dump header");
	expect_failure(f.bytes, 0x1000, PSC_E_TRUNCATED, "inside the dump header");
	expect_failure(f.bytes, 0x1fff, PSC_E_TRUNCATED, "inside the dump header");
	struct opened o = open_good(&f);
	close_opened(&o);
	free(f.bytes);
	f = new_dump(false, 3, 0x1000);
	expect_failure(f.bytes, 8, PSC_E_TRUNCATED, "inside the dump header");
	expect_failure(f.bytes, 0xfff, PSC_E_TRUNCATED, "inside the dump header");
	o = open_good(&f);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_encrypted_attribute)
{
	struct file f = new_dump(true, 1, 0x3000);
	put32(&f, 0x1050, 0x100);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "This dump is encrypted");
	free(f.bytes);
	f = new_dump(false, 3, 0x1000);
	put32(&f, 0x8a0, 0x102);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "This dump is encrypted");
	put32(&f, 0x8a0, 0x300); /* decrypted since */
	struct opened o = open_good(&f);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_types_without_a_layout)
{
	struct file f = new_dump(true, 0, 0x4000);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "no dump type");
	put32(&f, 0xf98, FILL32);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "no dump type");
	put32(&f, 0xf98, 0xffffffff);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "DumpType 0xffffffff");
	put32(&f, 0xf98, 11);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "DumpType 0xb");
	put32(&f, 0xf98, 1);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "lists no physical memory");
	for (uint32_t type = 5; type <= 10; type++) {
		put32(&f, 0xf98, type);
		expect_failure(f.bytes, f.size, PSC_E_CORRUPT, type >= 8 ? "no RDMP" : "no SDMP or FDMP");
		expect_failure(f.bytes, 0x2000, PSC_E_TRUNCATED, "before its page map");
	}
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_probe", test_every_magic, test_magic_alone, test_aff4_is_a_zip_with_a_description,
	  test_page_and_something_else, test_unknown, test_header_cut_off, test_encrypted_attribute,
	  test_types_without_a_layout)
