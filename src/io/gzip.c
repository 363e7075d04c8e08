/* SPDX-License-Identifier: MIT */
#include "io/gzip.h"

#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define IN_BYTES    ((size_t)256 << 10)
#define OUT_BYTES   ((size_t)1 << 20)
#define MAGIC_BYTES 3
#define GZIP_WINDOW (15 + 16) /* zlib: largest window, gzip wrapper only */

static const uint8_t magic[MAGIC_BYTES] = {0x1f, 0x8b, 0x08};

struct unpacker {
	const struct psc_source *packed;
	const struct psc_source_options *opts;
	struct psc_error *reterr;

	z_stream z;
	uint64_t packed_size, in_off; /* in_off: end of what z has been given */
	uint8_t *in, *out;
	size_t n_out; /* unpacked and not yet flushed */

	struct psc_spool spool;
	bool is_truncated;
};

bool psc_gzip_probe(const uint8_t *bytes, size_t n)
{
	return n >= MAGIC_BYTES && memcmp(bytes, magic, MAGIC_BYTES) == 0;
}

static enum psc_status flush(struct unpacker *u)
{
	enum psc_status r = psc_spool_write(&u->spool, u->spool.to.size_bytes, u->out, u->n_out, u->reterr);
	u->n_out = 0;
	return r;
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
	if (max && (u->spool.to.size_bytes > max || u->n_out > max - u->spool.to.size_bytes))
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
				u->is_truncated = true;
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
		u->is_truncated = true;
	*ret_more = psc_gzip_probe(head, n);
	return PSC_OK;
}

static enum psc_status unpack_all(struct unpacker *u)
{
	bool more = true;
	while (more) {
		enum psc_status r = unpack_member(u);
		if (r == PSC_OK && u->is_truncated)
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
	if (u->spool.to.size_bytes == 0 && u->is_truncated)
		return psc_fail(u->reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, u->packed_size,
				"the gzip file ends before its data; fetch it again");
	if (u->spool.to.size_bytes == 0)
		return psc_fail(u->reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "the gzip file holds an empty file");
	return PSC_OK;
}

enum psc_status psc_gzip_unpack(const struct psc_source *packed, const struct psc_source_options *opts,
				struct psc_unpacked *ret, struct psc_error *reterr)
{
	struct unpacker u;
	memset(&u, 0, sizeof(u));
	u.packed = packed;
	u.opts = opts;
	psc_spool_init(&u.spool, opts);
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
		r = psc_spool_finish(&u.spool, ret, reterr);
	if (r == PSC_OK)
		ret->is_truncated = u.is_truncated;
	psc_spool_deinit(&u.spool);
	return r;
}
