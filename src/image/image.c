/* SPDX-License-Identifier: MIT */
/* Which container it is, and access to its pages. */
#include "image/fields.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

enum signature { SIG_NONE, SIG_SDMP, SIG_FDMP, SIG_RDMP };

#define FIRST_BUILD_OF_WINDOWS_8 9200u
#define BUGCHECK_LIVE_DUMP       0x161u

/* After the first header. reference: dumps 7 [2], 8 [2], 9 [1] */
static enum signature read_signature(const struct psc_image *img)
{
	uint8_t b[12] = {0};
	if (psc_source_read(img->src, img->header_bytes, b, sizeof(b), NULL) != PSC_OK)
		return SIG_NONE;
	if (memcmp(b, "SDMPDUMP", 8) == 0)
		return SIG_SDMP;
	if (memcmp(b, "FDMPDUMP", 8) == 0)
		return SIG_FDMP;
	if (img->header.is_64bit && memcmp(b + 4, "RDMPDUMP", 8) == 0)
		return SIG_RDMP;
	return SIG_NONE;
}

static enum psc_status open_by_signature(struct psc_image *img, enum signature sig, struct psc_error *reterr)
{
	static const char *const names[] = {"", "SDMP", "FDMP", "RDMP"};
	uint32_t type = img->header.dump_type_value;
	bool expected = false, old_form = false;
	switch (sig) {
	case SIG_RDMP:
		expected = type >= 8 && type <= 10;
		img->type = expected                ? (enum psc_dump_type)type
			    : type == PSC_DUMP_FULL ? PSC_DUMP_RANGE_FULL
						    : PSC_DUMP_RANGE_KERNEL;
		break;
	case SIG_FDMP:
		expected = type == 5;
		img->type = PSC_DUMP_BITMAP_FULL;
		break;
	default:
		expected = type == 2 || (type >= 5 && type <= 7);
		old_form =
			expected ? type == 2 : img->header.build != 0 && img->header.build < FIRST_BUILD_OF_WINDOWS_8;
		img->type = type == 5 ? PSC_DUMP_BITMAP_FULL : PSC_DUMP_BITMAP_KERNEL;
		break;
	}
	if (!expected)
		psc_warn(&img->warnings, "DumpType is %lu, but %s stands after the header: read as that",
			 (unsigned long)type, names[sig]);
	return sig == SIG_RDMP ? psc_ranges_open(img, reterr) : psc_bitmap_open(img, old_form, reterr);
}

static enum psc_status open_full(struct psc_image *img, const uint8_t *header, struct psc_error *reterr)
{
	img->type = PSC_DUMP_FULL;
	return psc_runs_open(img, header, reterr);
}

static enum psc_status open_triage(struct psc_image *img, struct psc_error *reterr)
{
	img->type = PSC_DUMP_TRIAGE;
	return psc_triage_open(img, reterr);
}

/* No signature after the header: the type decides, unless the bytes plainly say something else. */
static enum psc_status open_by_type(struct psc_image *img, const uint8_t *header, struct psc_error *reterr)
{
	uint32_t type = img->header.dump_type_value;
	bool has_runs = psc_header_has(&img->header, PSC_HDR_PHYSICAL_MEMORY_BLOCK);
	uint64_t full_size = 0;
	if (type == PSC_DUMP_HEADER) {
		img->type = PSC_DUMP_HEADER;
		img->kind = PSC_IMAGE_EMPTY;
		img->expected_size = img->header_bytes;
		return PSC_OK;
	}
	if (type == PSC_DUMP_TRIAGE)
		return open_triage(img, reterr);
	if (type == PSC_DUMP_FULL && has_runs)
		return open_full(img, header, reterr);
	if (psc_triage_has_mark(img)) {
		psc_warn(&img->warnings, "DumpType is %lu, but a triage dump follows the header: read as that",
			 (unsigned long)type);
		return open_triage(img, reterr);
	}
	if (type == PSC_DUMP_FULL)
		return open_full(img, header, reterr);
	if (type == 0) {
		if (!psc_runs_expected_size(img, header, &full_size))
			return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0,
					"the header names no dump type and lists no physical memory: nothing to read");
		psc_warn(&img->warnings,
			 "the header names no dump type (Windows NT 4 or a converter): read as a full dump");
		return open_full(img, header, reterr);
	}
	if (type != UINT32_MAX && psc_runs_expected_size(img, header, &full_size) && full_size == img->size) {
		psc_warn(&img->warnings, "DumpType is %lu, but runs and size are those of a full dump: read as that",
			 (unsigned long)type);
		return open_full(img, header, reterr);
	}
	if (type > 10)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0,
				"DumpType 0x%lx is not known; take a kernel or complete memory dump",
				(unsigned long)type);
	if (img->size < (uint64_t)img->header_bytes + 12)
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, img->size,
				"the file ends before its page map (at 0x%llx, DumpType %lu)",
				(unsigned long long)img->size, (unsigned long)type);
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, img->header_bytes,
			"DumpType %lu, but no %s header follows the dump header", (unsigned long)type,
			type >= 8 ? "RDMP" : "SDMP or FDMP");
}

static bool may_be_compressed(const struct psc_image *img)
{
	const struct psc_dump_header *h = &img->header;
	bool live = (h->attributes & PSC_ATTR_LIVE) != 0 || h->bugcheck_code == BUGCHECK_LIVE_DUMP;
	return live && img->layout == PSC_LAYOUT_BITMAP && !(h->attributes & PSC_ATTR_INSUFFICIENT_SPACE) &&
	       !psc_source_is_truncated(img->src) && img->pages_present < img->pages_described / 2;
}

static void finish(struct psc_image *img)
{
	const struct psc_dump_header *h = &img->header;
	if (h->attributes & PSC_ATTR_INSUFFICIENT_SPACE)
		psc_warn(&img->warnings, "Windows had too little space for this dump and left pages out");
	if (img->size < img->expected_size)
		img->is_truncated = true;
	if (img->pages_present < img->pages_described) {
		if (may_be_compressed(img))
			psc_warn(&img->warnings,
				 "%llu of %llu pages fit in this live dump (file ends at 0x%llx, expected 0x%llx): "
				 "pages may be stored compressed, which is not supported",
				 (unsigned long long)img->pages_present, (unsigned long long)img->pages_described,
				 (unsigned long long)img->size, (unsigned long long)img->expected_size);
		else
			psc_warn(&img->warnings, "%llu of %llu pages present (file ends at 0x%llx, expected 0x%llx)",
				 (unsigned long long)img->pages_present, (unsigned long long)img->pages_described,
				 (unsigned long long)img->size, (unsigned long long)img->expected_size);
	}
	if (psc_source_is_truncated(img->src)) {
		img->is_truncated = true;
		psc_warn(&img->warnings,
			 "the compressed file is cut off or damaged: only its first 0x%llx bytes could "
			 "be unpacked",
			 (unsigned long long)img->size);
	}
	if (img->kind == PSC_IMAGE_PHYSICAL && img->pages_described == 0)
		psc_warn(&img->warnings, "the dump describes no pages");
}

static enum psc_status open_dump(struct psc_image *img, bool is_64bit, const uint8_t *header, size_t n,
				 struct psc_error *reterr)
{
	img->format = is_64bit ? "dump64" : "dump32";
	img->has_header = true;
	img->header_bytes = is_64bit ? PSC_HEADER64_BYTES : PSC_HEADER32_BYTES;
	if (n < img->header_bytes)
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, n,
				"the file ends inside the dump header (%u of %u bytes)", (unsigned)n,
				(unsigned)img->header_bytes);
	if (is_64bit)
		psc_header64_parse(header, &img->header);
	else
		psc_header32_parse(header, &img->header);
	uint32_t attributes = img->header.attributes;
	if ((attributes & PSC_ATTR_ENCRYPTED) && !(attributes & PSC_ATTR_DECRYPTED))
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"This dump is encrypted. Decrypt it with KernelDumpDecrypt.exe and the private key of "
				"the certificate named in the registry, then open the result");
	enum signature sig = read_signature(img);
	return sig != SIG_NONE ? open_by_signature(img, sig, reterr) : open_by_type(img, header, reterr);
}

/* Containers without a Windows header hold all memory as far as they know. */
static enum psc_status open_headerless(struct psc_image *img, enum psc_container container,
				       const struct psc_image_options *opts, struct psc_error *reterr)
{
	img->type = PSC_DUMP_FULL;
	switch (container) {
	case PSC_CONTAINER_LIME:
		return psc_lime_open(img, reterr);
	case PSC_CONTAINER_ELF:
		return psc_elf_open(img, reterr);
	case PSC_CONTAINER_KDUMP:
		return psc_kdump_open(img, opts, reterr);
	case PSC_CONTAINER_HIBERNATION:
		return psc_hiber_open(img, reterr);
	case PSC_CONTAINER_VMWARE:
		return psc_vmware_open(img, opts, reterr);
	default:
		return psc_raw_open(img, opts->map, opts->n_map, reterr);
	}
}

static enum psc_status open_image(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr)
{
	uint8_t header[PSC_HEADER64_BYTES];
	enum psc_container container = PSC_CONTAINER_RAW;
	size_t n = (size_t)psc_min_u64(img->size, sizeof(header));
	if (n != 0) {
		enum psc_status st = psc_source_read(img->src, 0, header, n, reterr);
		if (st != PSC_OK)
			return st;
	}
	enum psc_status st = PSC_OK;
	if (!opts->is_raw && opts->n_map == 0)
		st = psc_probe(header, n, img->size, &container, reterr);
	if (st != PSC_OK)
		return st;
	if (container == PSC_CONTAINER_RAW && !opts->is_raw && opts->n_map == 0 && psc_vmware_has_state(opts))
		container = PSC_CONTAINER_VMWARE;
	if (opts->n_more != 0 && container != PSC_CONTAINER_VMWARE && container != PSC_CONTAINER_KDUMP)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"only VMware's memory and kdump-compressed dumps come in several files");
	if (container == PSC_CONTAINER_DUMP64 || container == PSC_CONTAINER_DUMP32)
		st = open_dump(img, container == PSC_CONTAINER_DUMP64, header, n, reterr);
	else
		st = open_headerless(img, container, opts, reterr);
	if (st == PSC_OK)
		finish(img);
	return st;
}

enum psc_status psc_image_open_with(const struct psc_source *src, const struct psc_image_options *opts,
				    struct psc_image **ret, struct psc_error *reterr)
{
	static const struct psc_image_options defaults;
	struct psc_image *img = calloc(1, sizeof(*img));
	if (!img)
		return psc_fail_no_memory(reterr);
	img->src = src;
	img->cancel = opts ? opts->cancel : NULL;
	img->size = psc_source_size(src);
	img->warnings.arena = &img->arena;
	img->kind = PSC_IMAGE_EMPTY;
	img->outside = PSC_PAGE_HOLE;
	enum psc_status st = open_image(img, opts ? opts : &defaults, reterr);
	if (st != PSC_OK) {
		psc_image_close(img);
		return st;
	}
	*ret = img;
	return PSC_OK;
}

enum psc_status psc_image_open(const struct psc_source *src, struct psc_image **ret, struct psc_error *reterr)
{
	return psc_image_open_with(src, NULL, ret, reterr);
}

void psc_image_close(struct psc_image *img)
{
	if (!img)
		return;
	psc_bitmap_deinit(&img->bitmap);
	if (img->decoder)
		img->decoder->close(img->decoder);
	free(img->extents);
	free(img->saved.items);
	psc_warnings_deinit(&img->warnings);
	psc_arena_deinit(&img->arena);
	free(img);
}
