/* SPDX-License-Identifier: MIT */
/* Zip archives with a dump in them, also zip64 (PKWARE's APPNOTE; reference: dumps 15). The central directory counts;
 * local headers only say where the data begin. */
#include "io/zip.h"

#include "io/member.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define IN_BYTES       ((size_t)256 << 10)
#define OUT_BYTES      ((size_t)1 << 20)
#define END_BYTES      22u
#define END_MAX        (END_BYTES + 65535u)
#define LOCATOR_BYTES  20u
#define END64_BYTES    56u
#define CENTRAL_BYTES  46u
#define LOCAL_BYTES    30u
#define FLAG_ENCRYPTED 1u
#define NAME_MAX_BYTES 255u

#define SIG_LOCAL   0x04034b50u
#define SIG_CENTRAL 0x02014b50u
#define SIG_END     0x06054b50u
#define SIG_LOCATOR 0x07064b50u
#define SIG_END64   0x06064b50u

struct member {
	char name[NAME_MAX_BYTES + 1];
	unsigned flags, method;
	uint32_t crc;
	uint64_t packed, size, local_off;
};

struct directory {
	uint64_t off, n;
};

bool psc_zip_probe(const struct psc_source *src)
{
	uint8_t h[LOCAL_BYTES + 64] = {0};
	size_t n = (size_t)psc_min_u64(sizeof(h), psc_source_size(src));
	if (n < 4 || psc_source_read(src, 0, h, n, NULL) != PSC_OK || psc_le32(h) != SIG_LOCAL)
		return false;
	/* The first member of an AFF4 container. */
	size_t name_bytes = psc_le16(h + 26);
	const char *name = (const char *)h + LOCAL_BYTES;
	return !(name_bytes >= 21 && memcmp(name, "container.description", 21) == 0) &&
	       !(name_bytes >= 18 && memcmp(name, "information.turtle", 18) == 0);
}

static enum psc_status fail_cut(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_NONE, 0,
			"the zip archive ends before its directory; fetch it again");
}

static enum psc_status fail_damaged(struct psc_error *reterr, uint64_t off)
{
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, off,
			"the directory of the zip archive is damaged; fetch it again");
}

static enum psc_status find_directory(const struct psc_source *src, struct directory *ret, struct psc_error *reterr)
{
	uint64_t size = psc_source_size(src);
	size_t n = (size_t)psc_min_u64(size, END_MAX), at;
	uint8_t *tail = malloc(n ? n : 1), h[END64_BYTES];
	enum psc_status st = tail ? psc_source_read(src, size - n, tail, n, reterr) : psc_fail_no_memory(reterr);
	if (st == PSC_OK && n < END_BYTES)
		st = fail_cut(reterr);
	if (st != PSC_OK)
		goto out;
	for (at = n - END_BYTES; at > 0 && psc_le32(tail + at) != SIG_END;)
		at--;
	if (psc_le32(tail + at) != SIG_END) {
		st = fail_cut(reterr);
		goto out;
	}
	ret->n = psc_le16(tail + at + 10);
	ret->off = psc_le32(tail + at + 16);
	uint64_t end = size - n + at;
	if (end < LOCATOR_BYTES || psc_source_read(src, end - LOCATOR_BYTES, h, LOCATOR_BYTES, NULL) != PSC_OK ||
	    psc_le32(h) != SIG_LOCATOR)
		goto out;
	st = psc_source_read(src, psc_le64(h + 8), h, END64_BYTES, reterr);
	if (st == PSC_OK && psc_le32(h) != SIG_END64)
		st = fail_damaged(reterr, end);
	if (st == PSC_OK) {
		ret->n = psc_le64(h + 32);
		ret->off = psc_le64(h + 48);
	}
out:
	free(tail);
	return st;
}

/* Extra field 1: the 64-bit forms of those that do not fit, in this order. */
static void take_extra(struct member *m, const uint8_t *extra, size_t n)
{
	struct psc_cursor c = psc_cursor_init(extra, n);
	while (psc_cursor_left(&c) >= 4) {
		unsigned id = psc_cursor_u16(&c);
		size_t bytes = psc_cursor_u16(&c);
		const uint8_t *p = psc_cursor_bytes(&c, bytes);
		if (!p)
			return;
		if (id != 1)
			continue;
		struct psc_cursor f = psc_cursor_init(p, bytes);
		if (m->size == UINT32_MAX)
			m->size = psc_cursor_u64(&f);
		if (m->packed == UINT32_MAX)
			m->packed = psc_cursor_u64(&f);
		if (m->local_off == UINT32_MAX)
			m->local_off = psc_cursor_u64(&f);
	}
}

/* The member at *at of the central directory; *at moves to the next. */
static enum psc_status read_member(const struct psc_source *src, uint64_t *at, struct member *ret,
				   struct psc_error *reterr)
{
	uint8_t h[CENTRAL_BYTES], rest[2 * 65536];
	enum psc_status st = psc_source_read(src, *at, h, sizeof(h), reterr);
	if (st == PSC_OK && psc_le32(h) != SIG_CENTRAL)
		st = fail_damaged(reterr, *at);
	if (st != PSC_OK)
		return st;
	size_t name_bytes = psc_le16(h + 28), extra_bytes = psc_le16(h + 30);
	st = psc_source_read(src, *at + CENTRAL_BYTES, rest, name_bytes + extra_bytes, reterr);
	if (st != PSC_OK)
		return st;
	memset(ret, 0, sizeof(*ret));
	psc_member_name(ret->name, sizeof(ret->name), (const char *)rest, name_bytes);
	ret->flags = psc_le16(h + 8);
	ret->method = psc_le16(h + 10);
	ret->crc = psc_le32(h + 16);
	ret->packed = psc_le32(h + 20);
	ret->size = psc_le32(h + 24);
	ret->local_off = psc_le32(h + 42);
	take_extra(ret, rest + name_bytes, extra_bytes);
	*at += CENTRAL_BYTES + name_bytes + extra_bytes + psc_le16(h + 32);
	return PSC_OK;
}

static enum psc_status choose_member(const struct psc_source *src, struct member *ret, struct psc_error *reterr)
{
	struct directory d = {0, 0};
	struct psc_member_choice choice = {0};
	struct member m;
	enum psc_status st = find_directory(src, &d, reterr);
	if (st == PSC_OK && d.n > PSC_MEMBERS_MAX)
		st = psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "the zip archive has %" PRIu64 " members", d.n);
	uint64_t at = st == PSC_OK ? d.off : 0;
	for (uint64_t i = 0; st == PSC_OK && i < d.n; i++) {
		st = read_member(src, &at, &m, reterr);
		if (st != PSC_OK || m.name[0] == '\0' || m.name[strlen(m.name) - 1] == '/')
			continue;
		if (psc_member_offer(&choice, m.name))
			*ret = m;
	}
	return st == PSC_OK ? psc_member_verdict(&choice, "zip archive", reterr) : st;
}

struct unpacker {
	const struct psc_source *src;
	const struct psc_source_options *opts;
	struct psc_error *reterr;
	uint8_t *in, *out;
	struct psc_spool spool;
	uint32_t crc;
};

static enum psc_status put(struct unpacker *u, const uint8_t *bytes, size_t n, uint64_t in_pos)
{
	u->crc = (uint32_t)crc32(u->crc, bytes, (uInt)n);
	if (!psc_progress_report(u->opts->progress, in_pos))
		return psc_fail(u->reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "unpacking was cancelled");
	return psc_spool_write(&u->spool, u->spool.to.size_bytes, bytes, n, u->reterr);
}

static enum psc_status inflate_all(struct unpacker *u, z_stream *z, uint64_t off, uint64_t n)
{
	uint64_t done = 0;
	for (int zr = Z_OK; zr != Z_STREAM_END;) {
		if (z->avail_in == 0 && done < n) {
			size_t part = (size_t)psc_min_u64(IN_BYTES, n - done);
			enum psc_status st = psc_source_read(u->src, off + done, u->in, part, u->reterr);
			if (st != PSC_OK)
				return st;
			z->next_in = u->in;
			z->avail_in = (uInt)part;
			done += part;
		}
		z->next_out = u->out;
		z->avail_out = OUT_BYTES;
		zr = inflate(z, Z_NO_FLUSH);
		size_t got = OUT_BYTES - z->avail_out;
		enum psc_status st = got ? put(u, u->out, got, done) : PSC_OK;
		if (st != PSC_OK)
			return st;
		if (zr == Z_MEM_ERROR)
			return psc_fail_no_memory(u->reterr);
		if ((zr != Z_OK && zr != Z_STREAM_END) || (zr == Z_OK && got == 0 && done == n && z->avail_in == 0))
			return psc_fail(u->reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, off + done,
					"the data in the zip archive are damaged (%s); fetch it again",
					z->msg ? z->msg : "they end early");
	}
	return PSC_OK;
}

static enum psc_status copy_all(struct unpacker *u, uint64_t off, uint64_t n)
{
	for (uint64_t done = 0; done < n;) {
		size_t part = (size_t)psc_min_u64(IN_BYTES, n - done);
		enum psc_status st = psc_source_read(u->src, off + done, u->in, part, u->reterr);
		if (st == PSC_OK)
			st = put(u, u->in, part, done);
		if (st != PSC_OK)
			return st;
		done += part;
	}
	return PSC_OK;
}

static enum psc_status unpack_member(struct unpacker *u, const struct member *m)
{
	uint8_t h[LOCAL_BYTES];
	uint64_t off;
	enum psc_status st = psc_source_read(u->src, m->local_off, h, sizeof(h), u->reterr);
	if (st == PSC_OK && psc_le32(h) != SIG_LOCAL)
		st = fail_damaged(u->reterr, m->local_off);
	if (st != PSC_OK)
		return st;
	if (m->flags & FLAG_ENCRYPTED)
		return psc_fail(u->reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"%s in the zip archive is encrypted; unpack it with its password", m->name);
	if (m->method != 0 && m->method != 8)
		return psc_fail(
			u->reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"%s in the zip archive is compressed with method %u, which is not read; unpack it with 7z "
			"x",
			m->name, m->method);
	off = m->local_off + LOCAL_BYTES + psc_le16(h + 26) + psc_le16(h + 28);
	if (!psc_range_ok(off, m->packed, psc_source_size(u->src)))
		return fail_damaged(u->reterr, m->local_off);
	if (m->method == 0) {
		st = copy_all(u, off, m->packed);
	} else {
		z_stream z;
		memset(&z, 0, sizeof(z));
		if (inflateInit2(&z, -15) != Z_OK)
			return psc_fail_no_memory(u->reterr);
		st = inflate_all(u, &z, off, m->packed);
		inflateEnd(&z);
	}
	if (st == PSC_OK && (u->spool.to.size_bytes != m->size || u->crc != m->crc))
		st = psc_fail(u->reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, off,
			      "%s in the zip archive is damaged (its length or checksum is wrong); fetch it again",
			      m->name);
	if (st == PSC_OK && m->size == 0)
		st = psc_fail(u->reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "%s in the zip archive is empty", m->name);
	return st;
}

enum psc_status psc_zip_unpack(const struct psc_source *src, const struct psc_source_options *opts,
			       struct psc_unpacked *ret, struct psc_error *reterr)
{
	struct unpacker u = {.src = src, .opts = opts, .reterr = reterr};
	struct member m;
	enum psc_status st = choose_member(src, &m, reterr);
	if (st != PSC_OK)
		return st;
	psc_spool_init(&u.spool, opts);
	if (opts->progress) {
		opts->progress->phase = "unpacking";
		opts->progress->total = m.packed;
		opts->progress->last_reported = 0;
	}
	u.in = malloc(IN_BYTES);
	u.out = malloc(OUT_BYTES);
	st = u.in && u.out ? unpack_member(&u, &m) : psc_fail_no_memory(reterr);
	if (st == PSC_OK)
		st = psc_spool_finish(&u.spool, ret, reterr);
	psc_spool_deinit(&u.spool);
	free(u.in);
	free(u.out);
	return st;
}
