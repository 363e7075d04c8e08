/* SPDX-License-Identifier: MIT */
#include "io/spool.h"

#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY_BYTES ((size_t)64 << 20)
#define PAGE_BYTES           ((size_t)4096)

void psc_unpacked_deinit(struct psc_unpacked *u)
{
	free(u->bytes);
	psc_os_file_close(u->file);
	memset(u, 0, sizeof(*u));
}

void psc_spool_init(struct psc_spool *s, const struct psc_source_options *opts)
{
	memset(s, 0, sizeof(*s));
	s->opts = opts;
	s->max_memory_bytes = opts->max_memory_bytes ? opts->max_memory_bytes : DEFAULT_MEMORY_BYTES;
}

void psc_spool_deinit(struct psc_spool *s)
{
	psc_unpacked_deinit(&s->to);
	s->cap = 0;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static enum psc_status fail_write(const struct psc_spool *s, int e, struct psc_error *reterr)
{
	const char *dir = s->opts->tmpdir;
	return psc_fail_os(reterr, e,
			   "cannot write the unpacked data to %.64s after %" PRIu64 " MiB; name another directory",
			   dir ? dir : "the temporary directory", s->to.size_bytes >> 20);
}

/* Behind the end: runs of pages that are not all zero; the rest stay holes. */
static enum psc_status write_sparse(const struct psc_spool *s, uint64_t off, const uint8_t *p, size_t n,
				    struct psc_error *reterr)
{
	size_t run = 0; /* start of the pages to write */
	for (size_t i = 0; i < n;) {
		size_t page = PAGE_BYTES - (size_t)((off + i) % PAGE_BYTES);
		if (page > n - i)
			page = n - i;
		bool hole = is_zero(p + i, page);
		if ((hole || i + page == n) && (hole ? i : n) > run) {
			int e = psc_os_pwrite(s->to.file, off + run, p + run, (hole ? i : n) - run);
			if (e != 0)
				return fail_write(s, e, reterr);
		}
		i += page;
		if (hole)
			run = i;
	}
	return PSC_OK;
}

static enum psc_status write_file(struct psc_spool *s, uint64_t off, const uint8_t *p, size_t n,
				  struct psc_error *reterr)
{
	/* What is there already may not be zero. */
	size_t over = off < s->to.size_bytes ? (size_t)psc_min_u64(n, s->to.size_bytes - off) : 0;
	int e = over ? psc_os_pwrite(s->to.file, off, p, over) : 0;
	if (e != 0)
		return fail_write(s, e, reterr);
	return write_sparse(s, off + over, p + over, n - over, reterr);
}

static enum psc_status spill(struct psc_spool *s, struct psc_error *reterr)
{
	int e = psc_os_temp_file(s->opts->tmpdir, &s->to.file);
	if (e != 0)
		return fail_write(s, e, reterr);
	enum psc_status r = write_sparse(s, 0, s->to.bytes, (size_t)s->to.size_bytes, reterr);
	free(s->to.bytes);
	s->to.bytes = NULL;
	s->cap = 0;
	return r;
}

/* Fails only for want of memory. */
static bool reserve(struct psc_spool *s, size_t want)
{
	if (want <= s->cap)
		return true;
	size_t cap = s->cap < s->max_memory_bytes / 2 ? s->cap * 2 : s->max_memory_bytes;
	if (cap < want)
		cap = want;
	uint8_t *p = realloc(s->to.bytes, cap);
	if (!p)
		return false;
	s->to.bytes = p;
	s->cap = cap;
	return true;
}

enum psc_status psc_spool_write(struct psc_spool *s, uint64_t off, const uint8_t *bytes, size_t n,
				struct psc_error *reterr)
{
	uint64_t max = s->opts->max_unpacked_bytes ? s->opts->max_unpacked_bytes : INT64_MAX;
	if (n == 0)
		return PSC_OK;
	if (!psc_range_ok(off, n, max))
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
				"the file unpacks to more than the allowed %" PRIu64
				" bytes; raise that limit or unpack the file first",
				max);
	uint64_t end = off + n;
	enum psc_status r = PSC_OK;
	if (!s->to.file && end <= s->max_memory_bytes && reserve(s, (size_t)end)) {
		if (off > s->to.size_bytes)
			memset(s->to.bytes + s->to.size_bytes, 0, (size_t)(off - s->to.size_bytes));
		memcpy(s->to.bytes + off, bytes, n);
	} else {
		if (!s->to.file)
			r = spill(s, reterr);
		if (r == PSC_OK)
			r = write_file(s, off, bytes, n, reterr);
	}
	if (r == PSC_OK && end > s->to.size_bytes)
		s->to.size_bytes = end;
	return r;
}

enum psc_status psc_spool_finish(struct psc_spool *s, struct psc_unpacked *ret, struct psc_error *reterr)
{
	if (s->to.file) { /* a hole at the end was not written */
		int e = psc_os_file_truncate(s->to.file, s->to.size_bytes);
		if (e)
			return fail_write(s, e, reterr);
	} else if (s->to.size_bytes) {
		uint8_t *p = realloc(s->to.bytes, (size_t)s->to.size_bytes);
		if (p)
			s->to.bytes = p;
	}
	*ret = s->to;
	memset(&s->to, 0, sizeof(s->to));
	s->cap = 0;
	return PSC_OK;
}
