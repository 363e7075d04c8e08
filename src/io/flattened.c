/* SPDX-License-Identifier: MIT */
/* The flattened form of makedumpfile, which QEMU writes: records that say where their bytes belong (reference: dumps
 * 17). Numbers are big-endian. */
#include "io/flattened.h"

#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 4096u
#define RECORD_BYTES 16u
#define COPY_BYTES   ((size_t)1 << 20)
#define END_MAX      ((uint64_t)1 << 46) /* 64 TiB */

static uint64_t be64(const uint8_t *p)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

bool psc_flattened_probe(const uint8_t *bytes, size_t n)
{
	return n >= 16 && memcmp(bytes, "makedumpfile\0\0\0\0", 16) == 0;
}

struct copy {
	const struct psc_source *src;
	const struct psc_source_options *opts;
	struct psc_spool spool;
	uint8_t *buf;
	bool is_cut;
	struct psc_error *reterr;
};

static enum psc_status copy_record(struct copy *c, uint64_t from, uint64_t n, uint64_t to)
{
	uint64_t size = psc_source_size(c->src);
	if (!psc_range_ok(from, n, size)) {
		c->is_cut = true;
		n = size - from;
	}
	for (uint64_t done = 0; done < n;) {
		size_t part = (size_t)psc_min_u64(n - done, COPY_BYTES);
		enum psc_status st = psc_source_read(c->src, from + done, c->buf, part, c->reterr);
		if (st == PSC_OK)
			st = psc_spool_write(&c->spool, to + done, c->buf, part, c->reterr);
		if (st != PSC_OK)
			return st;
		done += part;
		if (!psc_progress_report(c->opts->progress, from + done))
			return psc_fail(c->reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "rearranging was cancelled");
	}
	return PSC_OK;
}

static enum psc_status copy_records(struct copy *c)
{
	uint64_t at = HEADER_BYTES, size = psc_source_size(c->src);
	for (;;) {
		uint8_t h[RECORD_BYTES];
		if (!psc_range_ok(at, RECORD_BYTES, size)) {
			c->is_cut = true; /* without the end mark */
			return PSC_OK;
		}
		enum psc_status st = psc_source_read(c->src, at, h, sizeof(h), c->reterr);
		if (st != PSC_OK)
			return st;
		uint64_t to = be64(h), n = be64(h + 8);
		if (to == UINT64_MAX)
			return PSC_OK;
		if (!psc_range_ok(to, n, END_MAX))
			return psc_fail(c->reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, at,
					"a record of the flattened file claims 0x%" PRIx64 " bytes at 0x%" PRIx64, n,
					to);
		at += RECORD_BYTES;
		st = copy_record(c, at, n, to);
		if (st != PSC_OK || c->is_cut)
			return st;
		at += n;
	}
}

enum psc_status psc_flattened_unpack(const struct psc_source *src, const struct psc_source_options *opts,
				     struct psc_unpacked *ret, struct psc_error *reterr)
{
	struct copy c = {.src = src, .opts = opts, .reterr = reterr};
	uint8_t h[32];
	enum psc_status st = psc_source_read(src, 0, h, sizeof(h), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "flattened memory dump");
	if (be64(h + 16) != 1 || be64(h + 24) != 1)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 16,
				"flattened memory dump of type %" PRIu64 ", version %" PRIu64
				": not known; restore it with makedumpfile -R",
				be64(h + 16), be64(h + 24));
	psc_spool_init(&c.spool, opts);
	if (opts->progress) {
		opts->progress->phase = "rearranging";
		opts->progress->total = psc_source_size(src);
		opts->progress->last_reported = 0;
	}
	c.buf = malloc(COPY_BYTES);
	st = c.buf ? copy_records(&c) : psc_fail_no_memory(reterr);
	if (st == PSC_OK && c.spool.to.size_bytes == 0)
		st = psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, psc_source_size(src),
			      "flattened memory dump: the file ends before its first record");
	if (st == PSC_OK)
		st = psc_spool_finish(&c.spool, ret, reterr);
	if (st == PSC_OK)
		ret->is_truncated = c.is_cut;
	psc_spool_deinit(&c.spool);
	free(c.buf);
	return st;
}
