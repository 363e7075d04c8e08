/* SPDX-License-Identifier: MIT */
#include "symbols/msf.h"

#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SUPERBLOCK_BYTES    56u
#define BLOCK_MAP_OFF       0x34u /* one block number, or more where the map does not fit into one block */
#define BLOCK_MAP_MAX       73u   /* the header's array ends at 0x158 */
#define BLOCK_BYTES_MIN     0x200u
#define BLOCK_BYTES_MAX     0x8000u
#define DIRECTORY_BYTES_MAX (UINT32_C(64) << 20)
#define STREAMS_MAX         65536u
#define ABSENT              0xffffffffu

static const char magic[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
			      "DS\0\0"; /* and NUL */
static const char old_magic[] = "Microsoft C/C++ program database 2.00\r\n";

static const char msfz_magic[] = "Microsoft MSFZ Container\r\n";

static enum psc_status check_magic(const uint8_t *head, size_t n, struct psc_error *reterr)
{
	if (n >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0)
		return PSC_OK;
	if (n >= sizeof(old_magic) - 1 && memcmp(head, old_magic, sizeof(old_magic) - 1) == 0)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0,
				"a PDB 2.00 file, of a linker before Visual C++ 7; only PDB 7.00 is read");
	if (n >= sizeof(msfz_magic) - 1 && memcmp(head, msfz_magic, sizeof(msfz_magic) - 1) == 0)
		return psc_fail(
			reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0,
			"a PDB in the compressed MSFZ container, which is not read: convert it to PDB 7.00 first");
	if (n >= 4 && memcmp(head, "BSJB", 4) == 0)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 0,
				"a portable PDB of .NET; it holds no native symbols");
	return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_FILE_OFFSET, 0, "not a PDB file");
}

static uint32_t blocks_for(uint64_t bytes, uint32_t block_bytes)
{
	return (uint32_t)((bytes + block_bytes - 1) / block_bytes);
}

static enum psc_status check_block(const struct psc_msf *msf, uint32_t block, const char *what,
				   struct psc_error *reterr)
{
	if (block < msf->n_blocks)
		return PSC_OK;
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "%s is in block %" PRIu32 " of %" PRIu32, what, block,
			msf->n_blocks);
}

/* Reads n bytes that lie in the listed blocks from their first byte on. list: u32 block numbers, enough for n. */
static enum psc_status read_blocks(const struct psc_msf *msf, const uint8_t *list, const char *what, uint8_t *buf,
				   uint32_t n, struct psc_error *reterr)
{
	for (uint32_t i = 0, done = 0; done < n; i++) {
		uint32_t block = psc_le32(list + 4 * (size_t)i);
		uint32_t part = n - done < msf->block_bytes ? n - done : msf->block_bytes;
		enum psc_status r = check_block(msf, block, what, reterr);
		if (r == PSC_OK)
			r = psc_source_read(msf->source, (uint64_t)block * msf->block_bytes, buf + done, part, reterr);
		if (r != PSC_OK)
			return r;
		done += part;
	}
	return PSC_OK;
}

/* The directory lies in blocks whose numbers lie in blocks whose numbers lie in the superblock. */
static enum psc_status read_directory(struct psc_msf *msf, uint32_t bytes, struct psc_error *reterr)
{
	static const char what[] = "the list of the directory's blocks";
	uint32_t map_bytes = 4 * blocks_for(bytes, msf->block_bytes);
	uint32_t n_map = blocks_for(map_bytes, msf->block_bytes);
	uint8_t numbers[4 * BLOCK_MAP_MAX];
	uint8_t *map = NULL;
	if (n_map > BLOCK_MAP_MAX || BLOCK_MAP_OFF + 4 * n_map > msf->block_bytes)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, 0x2c,
				"a directory of %" PRIu32 " bytes cannot be listed in blocks of %" PRIu32 " bytes",
				bytes, msf->block_bytes);
	enum psc_status r = psc_source_read(msf->source, BLOCK_MAP_OFF, numbers, 4 * (size_t)n_map, reterr);
	if (r != PSC_OK)
		return r;
	map = malloc(map_bytes);
	msf->directory = malloc(bytes);
	if (!map || !msf->directory)
		r = psc_fail_no_memory(reterr);
	if (r == PSC_OK)
		r = read_blocks(msf, numbers, what, map, map_bytes, reterr);
	if (r == PSC_OK)
		r = read_blocks(msf, map, "the directory", msf->directory, bytes, reterr);
	free(map);
	return r;
}

static enum psc_status index_streams(struct psc_msf *msf, uint32_t bytes, struct psc_error *reterr)
{
	msf->n_streams = psc_le32(msf->directory);
	if (msf->n_streams > STREAMS_MAX || 4 + 4 * (uint64_t)msf->n_streams > bytes)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"the directory has no room for its %" PRIu32 " streams", msf->n_streams);
	msf->first_block = calloc((size_t)msf->n_streams + 1, sizeof(*msf->first_block));
	if (!msf->first_block)
		return psc_fail_no_memory(reterr);
	uint64_t off = 4 + 4 * (uint64_t)msf->n_streams;
	for (uint32_t i = 0; i < msf->n_streams; i++) {
		msf->first_block[i] = off;
		off += 4 * (uint64_t)blocks_for(psc_msf_size(msf, i), msf->block_bytes);
		if (off > bytes)
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
					"the directory ends inside the list of stream %" PRIu32, i);
	}
	return PSC_OK;
}

enum psc_status psc_msf_init(struct psc_msf *msf, const struct psc_source *source, struct psc_error *reterr)
{
	uint8_t head[SUPERBLOCK_BYTES] = {0};
	size_t n = (size_t)psc_min_u64(sizeof(head), psc_source_size(source));
	memset(msf, 0, sizeof(*msf));
	msf->source = source;
	enum psc_status r = psc_source_read(source, 0, head, n, reterr);
	if (r == PSC_OK)
		r = check_magic(head, n, reterr);
	if (r != PSC_OK)
		return r;
	if (n < sizeof(head))
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, n, "the file ends inside its header");
	msf->block_bytes = psc_le32(head + 0x20);
	msf->n_blocks = psc_le32(head + 0x28);
	uint32_t bytes = psc_le32(head + 0x2c);
	if (!psc_is_pow2(msf->block_bytes) || msf->block_bytes < BLOCK_BYTES_MIN || msf->block_bytes > BLOCK_BYTES_MAX)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, 0x20,
				"blocks of %" PRIu32 " bytes; PDB files have 512 to 32768", msf->block_bytes);
	if (bytes < 4 || bytes > DIRECTORY_BYTES_MAX || bytes > psc_source_size(source))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, 0x2c,
				"a directory of %" PRIu32 " bytes in a file of %" PRIu64, bytes,
				psc_source_size(source));
	r = read_directory(msf, bytes, reterr);
	if (r == PSC_OK)
		r = index_streams(msf, bytes, reterr);
	if (r != PSC_OK)
		psc_msf_deinit(msf);
	return r;
}

void psc_msf_deinit(struct psc_msf *msf)
{
	free(msf->directory);
	free(msf->first_block);
	memset(msf, 0, sizeof(*msf));
}

uint32_t psc_msf_size(const struct psc_msf *msf, uint32_t stream)
{
	if (stream >= msf->n_streams)
		return 0;
	uint32_t size = psc_le32(msf->directory + 4 + 4 * (size_t)stream);
	return size == ABSENT ? 0 : size;
}

enum psc_status psc_msf_read(const struct psc_msf *msf, uint32_t stream, uint32_t off, void *buf, size_t n,
			     struct psc_error *reterr)
{
	uint8_t *out = (uint8_t *)buf;
	uint32_t size = psc_msf_size(msf, stream);
	if (!psc_range_ok(off, n, size))
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_NONE, 0,
				"stream %" PRIu32 " ends at %" PRIu32 ", before %" PRIu64 " bytes at %" PRIu32, stream,
				size, (uint64_t)n, off);
	while (n > 0) {
		const uint8_t *list = msf->directory + msf->first_block[stream];
		uint32_t index = off / msf->block_bytes, inside = off % msf->block_bytes;
		uint32_t first = psc_le32(list + 4 * (size_t)index);
		uint32_t count = 1; /* neighbours in the file are read at once */
		uint64_t part = msf->block_bytes - inside;
		enum psc_status r = check_block(msf, first, "a stream", reterr);
		while (r == PSC_OK && part < n && count < msf->n_blocks - first &&
		       psc_le32(list + 4 * ((size_t)index + count)) == first + count) {
			count++;
			part += msf->block_bytes;
		}
		part = psc_min_u64(part, n);
		if (r == PSC_OK)
			r = psc_source_read(msf->source, (uint64_t)first * msf->block_bytes + inside, out, (size_t)part,
					    reterr);
		if (r != PSC_OK)
			return psc_fail_prefix(reterr, r, "stream %" PRIu32, stream);
		out += part;
		off += (uint32_t)part;
		n -= (size_t)part;
	}
	return PSC_OK;
}

enum psc_status psc_msf_load(const struct psc_msf *msf, uint32_t stream, uint32_t off, uint32_t n, uint8_t **ret,
			     struct psc_error *reterr)
{
	/* Blocks are not shared: a stream larger than the file lists some of them twice. */
	if (n > psc_source_size(msf->source))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"stream %" PRIu32 " has %" PRIu32 " bytes, the file only %" PRIu64, stream, n,
				psc_source_size(msf->source));
	uint8_t *bytes = malloc(n ? n : 1);
	if (!bytes)
		return psc_fail_no_memory(reterr);
	enum psc_status r = psc_msf_read(msf, stream, off, bytes, n, reterr);
	if (r != PSC_OK)
		free(bytes);
	else
		*ret = bytes;
	return r;
}
