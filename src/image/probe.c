/* SPDX-License-Identifier: MIT */
/* What kind of file this is, from strong magic on; reference: dumps 1, 13, 15, 21. */
#include "image/internal.h"
#include "util/error.h"

#include <string.h>

struct magic {
	const char *bytes;
	uint8_t n;
	const char *what; /* name, why it is not read, what to do */
};
#define MAGIC(bytes, what)                                                                                             \
	{                                                                                                              \
		bytes, (uint8_t)(sizeof(bytes) - 1), what                                                              \
	}

#define USER_DUMP "user-mode dump: holds no kernel pool; a kernel or complete memory dump is needed"
#define EWF       "EWF evidence file (E01/Ex01): not read; export it with ewfexport and open the dump or image inside"
#define DISK_HINT "it holds a disk, not memory; the dump lies inside (MEMORY.DMP): mount it and open that"

static const struct magic magics[] = {
	MAGIC("MDMP", "user-mode minidump: holds no kernel pool; a kernel or complete memory dump is needed"),
	MAGIC("USERDU64", USER_DUMP),
	MAGIC("USERDUMP", USER_DUMP),
	MAGIC("AVML", "AVML memory image: not read; make a LiME image of it with avml-convert and open that"),
	MAGIC("HPAK",
	      "HBGary HPAK memory image: not read; extract the memory in it (Volatility's hpakextract) and open that "
	      "as a raw image"),
	MAGIC("EVF\x09\x0d\x0a\xff\x00", EWF),
	MAGIC("EVF2\x0d\x0a\x81\x00", EWF),
	MAGIC("\x1f\x8b", "gzip data inside gzip: unpack it with gunzip and open the dump inside"),
	MAGIC("7z\xbc\xaf\x27\x1c", "7z archive: unpack it with 7z x and open the dump inside"),
	MAGIC("\xfd"
	      "7zXZ\x00",
	      "xz compressed file: unpack it with xz -dk and open the dump inside"),
	MAGIC("\x28\xb5\x2f\xfd", "zstd compressed file: unpack it with zstd -d and open the dump inside"),
	MAGIC("MSCF", "cabinet file: unpack it with expand -F:* (Windows), cabextract or 7z x and open the dump "
		      "inside"),
	MAGIC("BZh", "bzip2 compressed file: unpack it with bunzip2 -k and open the dump inside"),
	MAGIC("QFI\xfb", "qcow2 disk image: " DISK_HINT),
	MAGIC("QEVM", "QEMU migration or save stream: not read; resume the guest and use dump-guest-memory -w"),
	MAGIC("KDMV", "VMDK disk image: " DISK_HINT),
	MAGIC("vhdxfile", "VHDX disk image: " DISK_HINT),
	MAGIC("conectix", "VHD disk image: " DISK_HINT),
	MAGIC("LibvirtQemudSave", "libvirt saved guest state (virsh save): not read; restore the guest and use virsh "
				  "dump --memory-only or QEMU's dump-guest-memory -w"),
	MAGIC("\x14\x20\x28\x01",
	      "Hyper-V saved state (.vmrs) or configuration (.vmcx): not read; resume the guest and take "
	      "a crash dump in it"),
	MAGIC("\177VirtualBox SavedState", "VirtualBox saved state (.sav): not read; resume the guest and take a crash "
					   "dump in it, or use VBoxManage debugvm dumpvmcore"),
};

static bool starts_with(const uint8_t *head, size_t n, const char *bytes, size_t n_bytes)
{
	return n >= n_bytes && memcmp(head, bytes, n_bytes) == 0;
}

static bool contains(const uint8_t *head, size_t n, const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i + len <= n; i++)
		if (head[i] == (uint8_t)text[0] && memcmp(head + i, text, len) == 0)
			return true;
	return false;
}

static enum psc_status unsupported(struct psc_error *reterr, const char *text)
{
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0, "%s", text);
}

enum psc_status psc_probe(const uint8_t *head, size_t n, uint64_t file_size, enum psc_container *ret,
			  struct psc_error *reterr)
{
	static const struct {
		const char *bytes;
		uint8_t n;
		enum psc_container container;
	} read[] = {
		{"PAGEDU64", 8, PSC_CONTAINER_DUMP64},  {"PAGEDUMP", 8, PSC_CONTAINER_DUMP32},
		{"\177ELF", 4, PSC_CONTAINER_ELF},      {"EMiL", 4, PSC_CONTAINER_LIME},
		{"hibr", 4, PSC_CONTAINER_HIBERNATION}, {"HIBR", 4, PSC_CONTAINER_HIBERNATION},
		{"wake", 4, PSC_CONTAINER_HIBERNATION}, {"WAKE", 4, PSC_CONTAINER_HIBERNATION},
		{"RSTR", 4, PSC_CONTAINER_HIBERNATION}, {"HORM", 4, PSC_CONTAINER_HIBERNATION},
		{"BRKP", 4, PSC_CONTAINER_HIBERNATION}, {"KDUMP   ", 8, PSC_CONTAINER_KDUMP},
		{"DISKDUMP", 8, PSC_CONTAINER_KDUMP},
	};
	if (n == 0)
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "the file is empty");
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		if (starts_with(head, n, read[i].bytes, read[i].n)) {
			*ret = read[i].container;
			return PSC_OK;
		}
	}
	if (psc_vmware_is_state(head, n)) {
		*ret = PSC_CONTAINER_VMWARE;
		return PSC_OK;
	}
	if (starts_with(head, n, "PAGE", 4))
		return unsupported(reterr,
				   "damaged or encrypted Windows dump (PAGE without DUMP or DU64). If encrypted, "
				   "decrypt it with KernelDumpDecrypt.exe and the private key of the certificate named "
				   "in the registry, then open the result");
	if (starts_with(head, n, "PK\x03\x04", 4)) {
		if (contains(head, n, "container.description") || contains(head, n, "information.turtle"))
			return unsupported(reterr, "AFF4 evidence container: not read; export it to a crash dump");
		return unsupported(reterr, "zip archive inside gzip: unpack it and open the dump inside");
	}
	if (n >= 262 && memcmp(head + 257, "ustar", 5) == 0)
		return unsupported(reterr, "tar archive: unpack it with tar -xf and open the dump inside");
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (starts_with(head, n, magics[i].bytes, magics[i].n))
			return unsupported(reterr, magics[i].what);
	if (file_size % PSC_PAGE_BYTES != 0)
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_FILE_OFFSET, 0,
				"not a memory dump that is known (no PAGEDU64 or PAGEDUMP at the start, no other "
				"container's mark, and no whole number of pages)");
	*ret = PSC_CONTAINER_RAW;
	return PSC_OK;
}
