/* SPDX-License-Identifier: MIT */
#include "io/gzip.h"

#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define IN_BYTES             ((size_t)256 << 10)
#define OUT_BYTES            ((size_t)1 << 20) /* a multiple of PAGE_BYTES: every flush but the last keeps the output aligned */
#define DEFAULT_MEMORY_BYTES ((size_t)64 << 20)
#define PAGE_BYTES           ((size_t)4096)
#define MAGIC_BYTES          3
#define GZIP_WINDOW          (15 + 16) /* zlib: largest window, gzip wrapper only */

static const uint8_t magic[MAGIC_BYTES] = {0x1f, 0x8b, 0x08};

struct unpacker {
	const struct psc_source *packed;
	const struct psc_source_options *opts;
	size_t max_memory_bytes;
	struct psc_error *reterr;

	z_stream z;
	uint64_t packed_size, in_off; /* in_off: end of what z has been given */
	uint8_t *in, *out;
	size_t n_out; /* unpacked and not yet flushed */

	struct psc_unpacked to;
	size_t cap; /* of to.bytes */
};

bool psc_gzip_probe(const uint8_t *bytes, size_t n)
{
	return n >= MAGIC_BYTES && memcmp(bytes, magic, MAGIC_BYTES) == 0;
}

void psc_unpacked_deinit(struct psc_unpacked *u)
{
	free(u->bytes);
	psc_os_file_close(u->file);
	memset(u, 0, sizeof(*u));
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static enum psc_status fail_write(const struct unpacker *u, int e)
{
	const char *dir = u->opts->tmpdir;
	return psc_fail_os(u->reterr, e,
			   "cannot write the unpacked data to %.64s after %" PRIu64 " MiB; name another directory",
			   dir ? dir : "the temporary directory", u->to.size_bytes >> 20);
}

/* Runs of pages that are not all zero; the rest stay holes. */
static enum psc_status write_sparse(const struct unpacker *u, uint64_t off, const uint8_t *p, size_t n)
{
	size_t run = 0; /* start of the pages to write */
	for (size_t i = 0; i < n;) {
		size_t page = n - i < PAGE_BYTES ? n - i : PAGE_BYTES;
		bool hole = is_zero(p + i, page);
		if ((hole || i + page == n) && (hole ? i : n) > run) {
			int e = psc_os_pwrite(u->to.file, off + run, p + run, (hole ? i : n) - run);
			if (e != 0)
				return fail_write(u, e);
		}
		i += page;
		if (hole)
			run = i;
	}
	return PSC_OK;
}

static enum psc_status spill(struct unpacker *u)
{
	int e = psc_os_temp_file(u->opts->tmpdir, &u->to.file);
	if (e != 0)
		return fail_write(u, e);
	enum psc_status r = write_sparse(u, 0, u->to.bytes, (size_t)u->to.size_bytes);
	free(u->to.bytes);
	u->to.bytes = NULL;
	u->cap = 0;
	return r;
}

/* Fails only for want of memory. */
static bool reserve(struct unpacker *u, size_t want)
{
	if (want <= u->cap)
		return true;
	size_t cap = u->cap < u->max_memory_bytes / 2 ? u->cap * 2 : u->max_memory_bytes;
	if (cap < want)
		cap = want;
	uint8_t *p = realloc(u->to.bytes, cap);
	if (!p)
		return false;
	u->to.bytes = p;
	u->cap = cap;
	return true;
}

static enum psc_status flush(struct unpacker *u)
{
	enum psc_status r = PSC_OK;
	if (u->n_out == 0)
		return PSC_OK;
	if (!u->to.file) {
		bool fits = psc_range_ok(u->to.size_bytes, u->n_out, u->max_memory_bytes);
		if (fits && reserve(u, (size_t)u->to.size_bytes + u->n_out))
			memcpy(u->to.bytes + u->to.size_bytes, u->out, u->n_out);
		else
			r = spill(u);
	}
	if (r == PSC_OK && u->to.file)
		r = write_sparse(u, u->to.size_bytes, u->out, u->n_out);
	if (r != PSC_OK)
		return r;
	u->to.size_bytes += u->n_out; /* bounded by what was written */
	u->n_out = 0;
	return PSC_OK;
}

/* Give z more input if it has none; at the end of the file it stays without. */
static enum psc_status refill(struct unpacker *u)
{
	if (u->z.avail_in > 0 || u->in_off == u->packed_size)
		return PSC_OK;
	size_t n = (size_t)psc_min_u64(IN_BYTES, u->packed_size - u->in_off);
	const uint8_t *p = psc_source_view(u->packed, u->in_off, n);
	if (!p) {
		enum psc_status r = psc_source_read(u->packed, u->in_off, u->in, n, u->reterr);
		if (r != PSC_OK)
			return r;
		p = u->in;
	}
	u->z.next_in = p;
	u->z.avail_in = (uInt)n;
	u->in_off += n;
	return PSC_OK;
}

static uint64_t in_pos(const struct unpacker *u)
{
	return u->in_off - u->z.avail_in;
}

static enum psc_status check_limits(struct unpacker *u)
{
	uint64_t max = u->opts->max_unpacked_bytes;
	if (max && (u->to.size_bytes > max || u->n_out > max - u->to.size_bytes))
		return psc_fail(u->reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
				"the gzip file unpacks to more than the allowed %" PRIu64
				" bytes; raise that limit or unpack the file first",
				max);
	if (!psc_progress_report(u->opts->progress, in_pos(u)))
		return psc_fail(u->reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "unpacking was cancelled");
	return PSC_OK;
}

/* One member, from its header to its checksum. At the end of the input to.is_truncated is set. */
static enum psc_status unpack_member(struct unpacker *u)
{
	for (;;) {
		enum psc_status r = refill(u);
		if (r != PSC_OK)
			return r;
		u->z.next_out = u->out + u->n_out;
		u->z.avail_out = (uInt)(OUT_BYTES - u->n_out);
		int zr = inflate(&u->z, Z_NO_FLUSH);
		u->n_out = OUT_BYTES - u->z.avail_out;
		r = check_limits(u);
		if (r == PSC_OK && u->n_out == OUT_BYTES)
			r = flush(u);
		if (r != PSC_OK)
			return r;
		switch (zr) {
		case Z_STREAM_END:
			return PSC_OK;
		case Z_OK:
			break;
		case Z_BUF_ERROR: /* no progress: the output was just flushed, or there is no more input */
			if (u->z.avail_in == 0 && u->in_off == u->packed_size) {
				u->to.is_truncated = true;
				return PSC_OK;
			}
			break;
		case Z_MEM_ERROR:
			return psc_fail_no_memory(u->reterr);
		default:
			return psc_fail(u->reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, in_pos(u),
					"the gzip data are damaged near offset %" PRIu64 " (%s); fetch the file again",
					in_pos(u), u->z.msg ? u->z.msg : "preset dictionary");
		}
	}
}

/* Whether another member follows. What follows without its magic is padding or garbage and ignored, as gzip(1) does; a
 * magic cut by the end of the file is a member that was cut. */
static enum psc_status next_member(struct unpacker *u, bool *ret_more)
{
	uint8_t head[MAGIC_BYTES];
	uint64_t off = in_pos(u);
	size_t n = (size_t)psc_min_u64(MAGIC_BYTES, u->packed_size - off);
	*ret_more = false;
	if (n == 0)
		return PSC_OK;
	enum psc_status r = psc_source_read(u->packed, off, head, n, u->reterr);
	if (r != PSC_OK)
		return r;
	if (n < MAGIC_BYTES && memcmp(head, magic, n) == 0)
		u->to.is_truncated = true;
	*ret_more = psc_gzip_probe(head, n);
	return PSC_OK;
}

static enum psc_status unpack_all(struct unpacker *u)
{
	bool more = true;
	while (more) {
		enum psc_status r = unpack_member(u);
		if (r == PSC_OK && u->to.is_truncated)
			break;
		if (r == PSC_OK)
			r = next_member(u, &more);
		if (r != PSC_OK)
			return r;
		if (more && inflateReset(&u->z) != Z_OK)
			return psc_fail_no_memory(u->reterr);
	}
	enum psc_status r = flush(u);
	if (r != PSC_OK)
		return r;
	if (u->to.size_bytes == 0 && u->to.is_truncated)
		return psc_fail(u->reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, u->packed_size,
				"the gzip file ends before its data; fetch it again");
	if (u->to.size_bytes == 0)
		return psc_fail(u->reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "the gzip file holds an empty file");
	if (u->to.file) {
		int e = psc_os_file_truncate(u->to.file, u->to.size_bytes); /* a hole at the end was not written */
		return e ? fail_write(u, e) : PSC_OK;
	}
	uint8_t *p = realloc(u->to.bytes, (size_t)u->to.size_bytes);
	if (p)
		u->to.bytes = p;
	return PSC_OK;
}

enum psc_status psc_gzip_unpack(const struct psc_source *packed, const struct psc_source_options *opts,
				struct psc_unpacked *ret, struct psc_error *reterr)
{
	struct unpacker u;
	memset(&u, 0, sizeof(u));
	u.packed = packed;
	u.opts = opts;
	u.max_memory_bytes = opts->max_memory_bytes ? opts->max_memory_bytes : DEFAULT_MEMORY_BYTES;
	u.reterr = reterr;
	u.packed_size = psc_source_size(packed);
	if (opts->progress) {
		opts->progress->phase = "unpacking";
		opts->progress->total = u.packed_size;
		opts->progress->last_reported = 0;
	}
	enum psc_status r = PSC_E_NO_MEMORY;
	u.in = malloc(IN_BYTES);
	u.out = malloc(OUT_BYTES);
	if (u.in && u.out && inflateInit2(&u.z, GZIP_WINDOW) == Z_OK) {
		r = unpack_all(&u);
		inflateEnd(&u.z);
	} else {
		psc_fail_no_memory(reterr);
	}
	free(u.in);
	free(u.out);
	if (r == PSC_OK)
		*ret = u.to;
	else
		psc_unpacked_deinit(&u.to);
	return r;
}
