/* SPDX-License-Identifier: MIT */
#include "io/archive.h"

#include "util/error.h"

#ifdef PSC_HAVE_ARCHIVE
#include "io/member.h"
#include "util/checked.h"
#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_BYTES   ((size_t)256 << 10)
#define HEAD_BYTES 262u /* with the mark of a tar archive */

struct reader {
	const struct psc_source *src;
	const struct psc_source_options *opts;
	struct psc_error *reterr;
	struct archive *a;
	const char *kind;
	uint64_t pos;
	uint8_t *in;
	struct psc_spool spool;
};

const char *psc_archive_probe(const struct psc_source *src)
{
	static const struct {
		const char *name, *magic;
		unsigned at, n;
	} kinds[] = {
		{"7z", "7z\xbc\xaf\x27\x1c", 0, 6}, {"xz", "\xfd\x37zXZ\x00", 0, 6}, {"zstd", "\x28\xb5\x2f\xfd", 0, 4},
		{"cabinet", "MSCF\0\0\0\0", 0, 8},  {"bzip2", "BZh", 0, 3},          {"tar", "ustar", 257, 5},
	};
	uint8_t head[HEAD_BYTES] = {0};
	size_t n = (size_t)psc_min_u64(sizeof(head), psc_source_size(src));
	if (psc_source_read(src, 0, head, n, NULL) != PSC_OK)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (n >= kinds[i].at + kinds[i].n && memcmp(head + kinds[i].at, kinds[i].magic, kinds[i].n) == 0)
			return kinds[i].name;
	return NULL;
}

static la_ssize_t on_read(struct archive *a, void *opaque, const void **ret)
{
	struct reader *r = opaque;
	struct psc_error err;
	size_t n = (size_t)psc_min_u64(IN_BYTES, psc_source_size(r->src) - r->pos);
	const uint8_t *p = psc_source_view(r->src, r->pos, n);
	if (!p) {
		if (psc_source_read(r->src, r->pos, r->in, n, &err) != PSC_OK) {
			archive_set_error(a, -1 /* no errno of its own */, "%s", err.text);
			return -1;
		}
		p = r->in;
	}
	r->pos += n;
	*ret = p;
	return (la_ssize_t)n;
}

static la_int64_t on_seek(struct archive *a, void *opaque, la_int64_t offset, int whence)
{
	struct reader *r = opaque;
	uint64_t size = psc_source_size(r->src), base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->pos : size;
	uint64_t to = base + (uint64_t)offset;
	if (offset < 0 ? (uint64_t) - (offset + 1) >= base : to > size || to < base) {
		archive_set_error(a, -1 /* no errno of its own */, "it points behind the end of the file");
		return ARCHIVE_FATAL;
	}
	r->pos = to;
	return (la_int64_t)to;
}

static la_int64_t on_skip(struct archive *a, void *opaque, la_int64_t n)
{
	struct reader *r = opaque;
	(void)a;
	if (n < 0)
		return 0;
	uint64_t step = psc_min_u64((uint64_t)n, psc_source_size(r->src) - r->pos);
	r->pos += step;
	return (la_int64_t)step;
}

static enum psc_status fail_library(const struct reader *r)
{
	const char *why = archive_error_string(r->a);
	char text[160];
	psc_member_name(text, sizeof(text), why ? why : "no reason given", strlen(why ? why : "no reason given"));
	return psc_fail(r->reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
			"the %s file is damaged, cut or of a kind that libarchive does not read (%s); fetch it again, "
			"or unpack it first",
			r->kind, text);
}

static enum psc_status unpack_entry(struct reader *r)
{
	for (;;) {
		const void *p;
		size_t n = 0;
		la_int64_t off = 0;
		int ar = archive_read_data_block(r->a, &p, &n, &off);
		if (ar == ARCHIVE_EOF)
			return PSC_OK;
		if ((ar != ARCHIVE_OK && ar != ARCHIVE_WARN) || off < 0)
			return fail_library(r);
		enum psc_status st = psc_spool_write(&r->spool, (uint64_t)off, p, n, r->reterr);
		if (st != PSC_OK)
			return st;
		if (!psc_progress_report(r->opts->progress, r->pos))
			return psc_fail(r->reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "unpacking was cancelled");
	}
}

/* In one pass, because what is skipped of a solid archive has to be decoded as well: a file that may be the one is
 * unpacked when it comes, and dropped when a better one follows. */
static enum psc_status unpack_all(struct reader *r)
{
	struct psc_member_choice choice = {0};
	struct archive_entry *entry;
	char archive_kind[32], name[256];
	int ar;
	while ((ar = archive_read_next_header(r->a, &entry)) == ARCHIVE_OK || ar == ARCHIVE_WARN) {
		const char *path = archive_entry_pathname(entry);
		bool is_stream = archive_format(r->a) == ARCHIVE_FORMAT_RAW;
		if (!is_stream && archive_entry_filetype(entry) != AE_IFREG)
			continue;
		if (choice.n_files >= PSC_MEMBERS_MAX)
			return psc_fail(r->reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
					"the %s archive has more than %u members", r->kind, PSC_MEMBERS_MAX);
		psc_member_name(name, sizeof(name), path ? path : "", path ? strlen(path) : 0);
		if (!psc_member_offer(&choice, name))
			continue;
		if (archive_entry_is_encrypted(entry))
			return psc_fail(r->reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
					"%s in the %s archive is encrypted; unpack it with its password", name,
					r->kind);
		psc_spool_deinit(&r->spool);
		psc_spool_init(&r->spool, r->opts);
		enum psc_status st = unpack_entry(r);
		if (st != PSC_OK)
			return st;
	}
	if (ar != ARCHIVE_EOF)
		return fail_library(r);
	snprintf(archive_kind, sizeof(archive_kind), "%s archive", r->kind);
	enum psc_status st = psc_member_verdict(&choice, archive_kind, r->reterr);
	if (st == PSC_OK && r->spool.to.size_bytes == 0)
		st = psc_fail(r->reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "the %s file holds an empty file", r->kind);
	return st;
}

static bool set_up(struct reader *r)
{
	struct archive *a = r->a;
	return archive_read_support_format_7zip(a) == ARCHIVE_OK && archive_read_support_format_cab(a) == ARCHIVE_OK &&
	       archive_read_support_format_tar(a) == ARCHIVE_OK && archive_read_support_format_raw(a) == ARCHIVE_OK &&
	       archive_read_support_filter_xz(a) == ARCHIVE_OK && archive_read_support_filter_bzip2(a) == ARCHIVE_OK &&
	       archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
	       archive_read_set_callback_data(a, r) == ARCHIVE_OK &&
	       archive_read_set_read_callback(a, on_read) == ARCHIVE_OK &&
	       archive_read_set_seek_callback(a, on_seek) == ARCHIVE_OK &&
	       archive_read_set_skip_callback(a, on_skip) == ARCHIVE_OK && archive_read_open1(a) == ARCHIVE_OK;
}

enum psc_status psc_archive_unpack(const struct psc_source *src, const struct psc_source_options *opts,
				   struct psc_unpacked *ret, struct psc_error *reterr)
{
	struct reader r = {.src = src, .opts = opts, .reterr = reterr, .kind = psc_archive_probe(src)};
	psc_spool_init(&r.spool, opts);
	if (opts->progress) {
		opts->progress->phase = "unpacking";
		opts->progress->total = psc_source_size(src);
		opts->progress->last_reported = 0;
	}
	r.in = malloc(IN_BYTES);
	r.a = archive_read_new();
	enum psc_status st;
	if (!r.in || !r.a)
		st = psc_fail_no_memory(reterr);
	else if (!set_up(&r))
		st = fail_library(&r);
	else
		st = unpack_all(&r);
	if (st == PSC_OK)
		st = psc_spool_finish(&r.spool, ret, reterr);
	psc_spool_deinit(&r.spool);
	archive_read_free(r.a);
	free(r.in);
	return st;
}

#else

const char *psc_archive_probe(const struct psc_source *src)
{
	(void)src;
	return NULL;
}

enum psc_status psc_archive_unpack(const struct psc_source *src, const struct psc_source_options *opts,
				   struct psc_unpacked *ret, struct psc_error *reterr)
{
	(void)src;
	(void)opts;
	(void)ret;
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0, "this poolscope was built without libarchive");
}
#endif
