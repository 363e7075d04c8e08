/* SPDX-License-Identifier: MIT */
#include "io/source.h"

#include "io/archive.h"
#include "io/flattened.h"
#include "io/gzip.h"
#include "io/os.h"
#include "io/zip.h"
#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Either bytes is set (memory, or a mapping of file), or file alone and reads go through pread. */
struct psc_source {
	char *name;
	const uint8_t *bytes;
	uint64_t size_bytes, file_size_bytes;
	struct psc_os_file *file;
	uint8_t *heap; /* owned memory behind bytes, or NULL */
	const char *compression;
	bool is_mapped, is_truncated;
};

static const struct psc_source_options default_options;

static struct psc_source *source_create(const char *name)
{
	struct psc_source *s = calloc(1, sizeof(*s));
	size_t n = strlen(name) + 1;
	if (s && (s->name = malloc(n))) {
		memcpy(s->name, name, n);
		return s;
	}
	free(s);
	return NULL;
}

/* Let go of the data but not of the name. */
static void drop_data(struct psc_source *s)
{
	if (s->is_mapped)
		psc_os_unmap(s->bytes, s->size_bytes);
	free(s->heap);
	psc_os_file_close(s->file);
	s->bytes = NULL;
	s->heap = NULL;
	s->file = NULL;
	s->is_mapped = false;
}

void psc_source_close(struct psc_source *s)
{
	if (!s)
		return;
	drop_data(s);
	free(s->name);
	free(s);
}

static void try_map(struct psc_source *s, const struct psc_source_options *opts)
{
	if (opts->no_mmap)
		return;
	s->bytes = psc_os_map(s->file, s->size_bytes);
	s->is_mapped = s->bytes != NULL;
}

static void take_unpacked(struct psc_source *s, const struct psc_unpacked *u, const struct psc_source_options *opts)
{
	drop_data(s);
	s->is_truncated = s->is_truncated || u->is_truncated;
	s->size_bytes = u->size_bytes;
	s->bytes = s->heap = u->bytes;
	s->file = u->file;
	if (s->file)
		try_map(s, opts);
}

/* unpack one layer: s then is what was inside. */
typedef enum psc_status (*psc_unpack_fn)(const struct psc_source *, const struct psc_source_options *,
					 struct psc_unpacked *, struct psc_error *);

static enum psc_status unpack_with(struct psc_source *s, psc_unpack_fn unpack, const struct psc_source_options *opts,
				   struct psc_error *reterr)
{
	struct psc_unpacked u = {NULL, NULL, 0, false};
	enum psc_status r = unpack(s, opts, &u, reterr);
	if (r == PSC_OK)
		take_unpacked(s, &u, opts);
	return r;
}

static bool starts_with(const struct psc_source *s, bool (*probe)(const uint8_t *, size_t))
{
	uint8_t head[16];
	size_t n = (size_t)psc_min_u64(sizeof(head), s->size_bytes);
	return psc_source_read(s, 0, head, n, NULL) == PSC_OK && probe(head, n);
}

/* Replace packed data by the unpacked (one layer, or a tar archive inside gzip), and what is flattened by the restored.
 */
static enum psc_status unpack_if_packed(struct psc_source *s, const struct psc_source_options *opts,
					struct psc_error *reterr)
{
	enum psc_status r = PSC_OK;
	const char *kind;
	if (starts_with(s, psc_gzip_probe)) {
		if (s->is_mapped)
			psc_os_map_advise(s->bytes, s->size_bytes, true);
		r = unpack_with(s, psc_gzip_unpack, opts, reterr);
		s->compression = "gzip";
	} else if (psc_zip_probe(s)) {
		r = unpack_with(s, psc_zip_unpack, opts, reterr);
		s->compression = "zip";
	}
	if (r == PSC_OK && opts->unpacks_archives && (kind = psc_archive_probe(s)) != NULL &&
	    (s->compression == NULL || strcmp(kind, "tar") == 0)) {
		r = unpack_with(s, psc_archive_unpack, opts, reterr);
		if (s->compression == NULL)
			s->compression = kind;
	}
	if (r == PSC_OK && starts_with(s, psc_flattened_probe))
		r = unpack_with(s, psc_flattened_unpack, opts, reterr);
	return r;
}

/* The end of a path, short enough to leave room for advice in an error text. */
static const char *path_tail(const char *path)
{
	enum { MAX_TAIL = 64 };
	size_t n = strlen(path);
	if (n <= MAX_TAIL)
		return path;
	const char *p = path + n - MAX_TAIL;
	while (((unsigned char)*p & 0xc0) == 0x80) /* not into the middle of a UTF-8 character */
		p++;
	const char *slash = strchr(p, '/');
	return slash && slash[1] ? slash + 1 : p;
}

static enum psc_status check_path(const char *path, struct psc_error *reterr)
{
	static const char why[] = "a dump must be a regular file, because it is read at random offsets";
	int e;
	if (strcmp(path, "-") == 0)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"standard input cannot be analysed: %s; save it to a file first", why);
	if (*path == '\0')
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "the name of the dump file is empty");
	if (psc_os_is_regular(path, &e))
		return PSC_OK;
	if (e != 0)
		return psc_fail_os(reterr, e, "cannot open %s", path_tail(path));
	if (psc_os_is_directory(path))
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"%s is a directory; name the dump file in it", path_tail(path));
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"%s is a pipe or device: %s; save it to a file first", path_tail(path), why);
}

static enum psc_status fail_empty(const char *name, struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "%s: empty file", path_tail(name));
}

enum psc_status psc_source_open_file(const char *path, const struct psc_source_options *opts, struct psc_source **ret,
				     struct psc_error *reterr)
{
	if (!opts)
		opts = &default_options;
	if (!path)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "no dump file was named");
	enum psc_status r = check_path(path, reterr);
	if (r != PSC_OK)
		return r;
	struct psc_source *s = source_create(path);
	if (!s)
		return psc_fail_no_memory(reterr);
	int e = psc_os_file_open(path, &s->file);
	if (e == 0)
		e = psc_os_file_size(s->file, &s->size_bytes);
	if (e != 0) {
		r = psc_fail_os(reterr, e, "cannot open %s", path_tail(path));
		goto out;
	}
	s->file_size_bytes = s->size_bytes;
	if (s->size_bytes == 0) {
		r = fail_empty(path, reterr);
		goto out;
	}
	try_map(s, opts);
	r = unpack_if_packed(s, opts, reterr);
	if (r != PSC_OK) {
		r = psc_fail_prefix(reterr, r, "%s", path_tail(path));
		goto out;
	}
	*ret = s;
	s = NULL;
out:
	psc_source_close(s);
	return r;
}

enum psc_status psc_source_open_mem(const void *bytes, size_t size_bytes, const struct psc_source_options *opts,
				    struct psc_source **ret, struct psc_error *reterr)
{
	static const char name[] = "<memory>";
	if (!opts)
		opts = &default_options;
	if (size_bytes == 0)
		return fail_empty(name, reterr);
	if (!bytes)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "%s: no bytes were given", name);
	struct psc_source *s = source_create(name);
	if (!s)
		return psc_fail_no_memory(reterr);
	s->bytes = bytes;
	s->size_bytes = s->file_size_bytes = size_bytes;
	enum psc_status r = unpack_if_packed(s, opts, reterr);
	if (r != PSC_OK) {
		psc_fail_prefix(reterr, r, "%s", name);
		psc_source_close(s);
		return r;
	}
	*ret = s;
	return PSC_OK;
}

uint64_t psc_source_size(const struct psc_source *s)
{
	return s->size_bytes;
}

uint64_t psc_source_file_size(const struct psc_source *s)
{
	return s->file_size_bytes;
}

const char *psc_source_name(const struct psc_source *s)
{
	return s->name;
}

const char *psc_source_compression(const struct psc_source *s)
{
	return s->compression;
}

bool psc_source_is_truncated(const struct psc_source *s)
{
	return s->is_truncated;
}

int psc_source_fd(const struct psc_source *s)
{
	return s->file ? psc_os_file_fd(s->file) : -1;
}

enum psc_status psc_source_copy_to_file(const struct psc_source *s, const char *tmpdir, struct psc_source **ret,
					struct psc_error *reterr)
{
	const size_t chunk = (size_t)1 << 20;
	const struct psc_source_options opts = {.no_mmap = true, .tmpdir = tmpdir, .max_memory_bytes = 1};
	struct psc_unpacked u = {NULL, NULL, 0, false};
	struct psc_spool spool;
	struct psc_source *copy = source_create(s->name);
	uint8_t *buf = malloc(chunk);
	enum psc_status r = copy && buf ? PSC_OK : psc_fail_no_memory(reterr);
	psc_spool_init(&spool, &opts);
	for (uint64_t at = 0; r == PSC_OK && at < s->size_bytes; at += chunk) {
		size_t n = (size_t)psc_min_u64(chunk, s->size_bytes - at);
		r = psc_source_read(s, at, buf, n, reterr);
		if (r == PSC_OK)
			r = psc_spool_write(&spool, at, buf, n, reterr);
	}
	if (r == PSC_OK)
		r = psc_spool_finish(&spool, &u, reterr);
	if (r == PSC_OK) {
		take_unpacked(copy, &u, &opts);
		copy->file_size_bytes = copy->size_bytes;
		*ret = copy;
		copy = NULL;
	}
	psc_spool_deinit(&spool);
	psc_source_close(copy);
	free(buf);
	return r;
}

const uint8_t *psc_source_view(const struct psc_source *s, uint64_t off, uint64_t n)
{
	return s->bytes && psc_range_ok(off, n, s->size_bytes) ? s->bytes + off : NULL;
}

enum psc_status psc_source_read(const struct psc_source *s, uint64_t off, void *buf, size_t n, struct psc_error *reterr)
{
	size_t n_read = n;
	if (psc_range_ok(off, n, s->size_bytes)) {
		if (n == 0)
			return PSC_OK;
		if (s->bytes) {
			memcpy(buf, s->bytes + off, n);
			return PSC_OK;
		}
		int e = psc_os_pread(s->file, off, buf, n, &n_read);
		if (e != 0) {
			enum psc_status r = psc_fail_os(reterr, e, "cannot read %" PRIu64 " bytes at offset %" PRIu64,
							(uint64_t)n, off);
			if (reterr) {
				reterr->where = PSC_WHERE_FILE_OFFSET;
				reterr->pos = off;
			}
			return r;
		}
		if (n_read == n)
			return PSC_OK;
	}
	return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, off,
			"the file ends at offset %" PRIu64 ", before %" PRIu64 " bytes at offset %" PRIu64,
			s->size_bytes, (uint64_t)n, off);
}
