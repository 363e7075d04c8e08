/* SPDX-License-Identifier: MIT */
#include "symbols/cab.h"

#include "util/error.h"
#include <string.h>

const char *psc_cab_probe(const uint8_t *head, size_t n)
{
	static const uint8_t szdd[8] = {'S', 'Z', 'D', 'D', 0x88, 0xf0, 0x27, 0x33};
	if (n >= 4 && memcmp(head, "MSCF", 4) == 0)
		return "cab";
	return n >= sizeof(szdd) && memcmp(head, szdd, sizeof(szdd)) == 0 ? "szdd" : NULL;
}

#ifdef PSC_HAVE_MSPACK

#include "util/checked.h"
#include <inttypes.h>
#include <mspack.h>
#include <stdlib.h>

#define FIRST_OUT_BYTES ((size_t)1 << 20)

static const char input_name[] = "in", output_name[] = "out";

/* libmspack's view of files: one to read, one to write. */
struct cab_system {
	struct mspack_system base; /* first: libmspack hands this back */
	const struct psc_source *source;
	uint8_t *out;
	size_t out_n, out_cap, out_max;
	const char *what; /* in messages */
	bool no_memory;
};

struct cab_file {
	struct mspack_file base; /* first */
	struct cab_system *system;
	uint64_t pos;
	bool is_output;
};

static struct mspack_file *cab_open(struct mspack_system *self, const char *name, int mode)
{
	struct cab_file *f = calloc(1, sizeof(*f));
	(void)mode;
	if (!f)
		return NULL;
	f->system = (struct cab_system *)self;
	f->is_output = name == output_name;
	return &f->base;
}

static void cab_close(struct mspack_file *file)
{
	free(file);
}

static int cab_read(struct mspack_file *file, void *buffer, int n)
{
	struct cab_file *f = (struct cab_file *)file;
	uint64_t size = psc_source_size(f->system->source);
	if (f->is_output || n < 0 || f->pos > size)
		return -1;
	size_t part = (size_t)psc_min_u64((uint64_t)n, size - f->pos);
	if (psc_source_read(f->system->source, f->pos, buffer, part, NULL) != PSC_OK)
		return -1;
	f->pos += part;
	return (int)part;
}

/* Room for n more bytes; memory grows with what was really unpacked, not with what the cabinet promises. */
static bool reserve(struct cab_system *s, size_t n)
{
	if (n > s->out_max - s->out_n)
		return false;
	if (n <= s->out_cap - s->out_n)
		return true;
	size_t want = s->out_cap ? s->out_cap : FIRST_OUT_BYTES;
	while (want < s->out_n + n)
		want *= 2;
	if (want > s->out_max)
		want = s->out_max;
	uint8_t *p = realloc(s->out, want);
	if (!p) {
		s->no_memory = true;
		return false;
	}
	s->out = p;
	s->out_cap = want;
	return true;
}

static int cab_write(struct mspack_file *file, void *buffer, int n)
{
	struct cab_file *f = (struct cab_file *)file;
	struct cab_system *s = f->system;
	if (!f->is_output || n < 0 || !reserve(s, (size_t)n))
		return -1;
	if (n > 0)
		memcpy(s->out + s->out_n, buffer, (size_t)n);
	s->out_n += (size_t)n;
	return n;
}

static int cab_seek(struct mspack_file *file, off_t offset, int mode)
{
	struct cab_file *f = (struct cab_file *)file;
	uint64_t size = f->is_output ? f->system->out_n : psc_source_size(f->system->source);
	int64_t base = mode == MSPACK_SYS_SEEK_START ? 0
		       : mode == MSPACK_SYS_SEEK_CUR ? (int64_t)f->pos
						     : (int64_t)size;
	/* Both are below 2^40 in any cabinet that can be read: offsets in it are 32-bit. */
	if (offset > INT64_C(1) << 40 || offset < -(INT64_C(1) << 40) || base > INT64_C(1) << 40)
		return -1;
	int64_t pos = base + (int64_t)offset;
	if (pos < 0 || (uint64_t)pos > size)
		return -1;
	f->pos = (uint64_t)pos;
	return 0;
}

static off_t cab_tell(struct mspack_file *file)
{
	return (off_t)((struct cab_file *)file)->pos;
}

static void cab_message(struct mspack_file *file, const char *format, ...)
{
	(void)file;
	(void)format;
}

static void *cab_alloc(struct mspack_system *self, size_t n)
{
	void *p = malloc(n ? n : 1);
	if (!p)
		((struct cab_system *)self)->no_memory = true;
	return p;
}

static void cab_copy(void *from, void *to, size_t n)
{
	memcpy(to, from, n);
}

static const struct mspack_system methods = {
	.open = cab_open,
	.close = cab_close,
	.read = cab_read,
	.write = cab_write,
	.seek = cab_seek,
	.tell = cab_tell,
	.message = cab_message,
	.alloc = cab_alloc,
	.free = free,
	.copy = cab_copy,
};

static bool is_pdb_name(const char *name)
{
	size_t n = strlen(name);
	static const char suffix[] = ".pdb";
	if (n < 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		char c = name[n - 4 + i];
		if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != suffix[i])
			return false;
	}
	return true;
}

static struct mscabd_file *choose(struct mscabd_cabinet *cab)
{
	struct mscabd_file *f = cab->files;
	while (f && !is_pdb_name(f->filename))
		f = f->next;
	return f ? f : cab->files;
}

static enum psc_status cab_error(const struct cab_system *s, int code, struct psc_error *reterr)
{
	if (s->no_memory || code == MSPACK_ERR_NOMEMORY)
		return psc_fail_no_memory(reterr);
	switch (code) {
	case MSPACK_ERR_READ:
	case MSPACK_ERR_SEEK:
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_NONE, 0, "%s ends too early", s->what);
	case MSPACK_ERR_CHECKSUM:
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a checksum in %s is wrong", s->what);
	default:
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "%s is damaged", s->what);
	}
}

/* What is promised bounds what is unpacked. */
static enum psc_status expect(struct cab_system *s, uint64_t length, struct psc_error *reterr)
{
	if (length > s->out_max)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
				"unpacks to %" PRIu64 " bytes, more than %" PRIu64 " MiB: unpack it first", length,
				(uint64_t)s->out_max >> 20);
	s->out_max = (size_t)length;
	return PSC_OK;
}

static enum psc_status finish(const struct cab_system *s, int code, struct psc_error *reterr)
{
	if (code != MSPACK_ERR_OK)
		return cab_error(s, code, reterr);
	if (s->out_n != s->out_max)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "%s unpacks to too few bytes", s->what);
	return PSC_OK;
}

static enum psc_status unpack_cabinet(struct cab_system *s, struct psc_error *reterr)
{
	enum psc_status r = PSC_OK;
	struct mscab_decompressor *d = mspack_create_cab_decompressor(&s->base);
	if (!d)
		return psc_fail_no_memory(reterr);
	struct mscabd_cabinet *cab = d->open(d, input_name);
	struct mscabd_file *file = cab ? choose(cab) : NULL;
	s->what = "the cabinet";
	if (!cab)
		r = cab_error(s, d->last_error(d), reterr);
	else if (!file)
		r = psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "the cabinet holds no file");
	else
		r = expect(s, file->length, reterr);
	if (r == PSC_OK)
		r = finish(s, d->extract(d, file, output_name), reterr);
	if (cab)
		d->close(d, cab);
	mspack_destroy_cab_decompressor(d);
	return r;
}

static enum psc_status unpack_szdd(struct cab_system *s, struct psc_error *reterr)
{
	struct msszdd_decompressor *d = mspack_create_szdd_decompressor(&s->base);
	if (!d)
		return psc_fail_no_memory(reterr);
	struct msszddd_header *h = d->open(d, input_name);
	s->what = "the packed file";
	enum psc_status r = h ? expect(s, h->length < 0 ? UINT64_MAX : (uint64_t)h->length, reterr)
			      : cab_error(s, d->last_error(d), reterr);
	if (r == PSC_OK)
		r = finish(s, d->extract(d, h, output_name), reterr);
	if (h)
		d->close(d, h);
	mspack_destroy_szdd_decompressor(d);
	return r;
}

enum psc_status psc_cab_unpack(const struct psc_source *source, uint64_t max_bytes, uint8_t **ret, size_t *ret_n,
			       struct psc_error *reterr)
{
	struct cab_system s = {.base = methods, .source = source, .out_max = (size_t)psc_min_u64(max_bytes, SIZE_MAX)};
	int same_off_t;
	MSPACK_SYS_SELFTEST(same_off_t);
	if (same_off_t != MSPACK_ERR_OK)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"this poolscope does not fit its libmspack: unpack the file with cabextract first");
	uint8_t head[PSC_CAB_MAGIC_BYTES];
	size_t n = (size_t)psc_min_u64(sizeof(head), psc_source_size(source));
	enum psc_status r = psc_source_read(source, 0, head, n, reterr);
	if (r != PSC_OK)
		return r;
	const char *kind = psc_cab_probe(head, n);
	r = kind && strcmp(kind, "szdd") == 0 ? unpack_szdd(&s, reterr) : unpack_cabinet(&s, reterr);
	if (r == PSC_OK) {
		*ret = s.out;
		*ret_n = s.out_n;
	} else {
		free(s.out);
	}
	return r;
}

#else

enum psc_status psc_cab_unpack(const struct psc_source *source, uint64_t max_bytes, uint8_t **ret, size_t *ret_n,
			       struct psc_error *reterr)
{
	(void)source;
	(void)max_bytes;
	(void)ret;
	(void)ret_n;
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"a packed file, and this poolscope was built without libmspack: unpack it with cabextract or "
			"expand first");
}

#endif
