/* SPDX-License-Identifier: MIT */
#ifndef _WIN32
#define _XOPEN_SOURCE 700 /* mkfifo, RLIMIT_FSIZE */
#endif
#include "io/source.h"

#include "io/gzip.h"
#include "io/os.h"
#include "unit.h"
#include "util/threads.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#ifdef _WIN32
#include <process.h>
#define getpid _getpid
#else
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#define MIB ((size_t)1 << 20)

static const struct psc_source_options defaults;
static const struct psc_source_options no_mmap = {.no_mmap = true};

/* A growable buffer of packed bytes. */
struct buf {
	uint8_t *p;
	size_t n;
};

static uint8_t byte_at(size_t i)
{
	uint32_t v = (uint32_t)i * 2654435761u;
	return (uint8_t)(v >> 24 ^ v >> 13);
}

static uint8_t *noise(size_t n)
{
	uint8_t *p = malloc(n);
	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(i);
	return p;
}

static void append(struct buf *b, const void *p, size_t n)
{
	b->p = realloc(b->p, b->n + n);
	ck_assert_ptr_nonnull(b->p);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void append_member(struct buf *b, const void *p, size_t n)
{
	z_stream z;
	memset(&z, 0, sizeof(z));
	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t cap = deflateBound(&z, (uLong)n);
	uint8_t *packed = malloc(cap);
	ck_assert_ptr_nonnull(packed);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = (uInt)cap;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	append(b, packed, cap - z.avail_out);
	deflateEnd(&z);
	free(packed);
}

static const char *temp_name(void)
{
	static char name[64];
	snprintf(name, sizeof(name), "psc-unit-source-%ld.tmp", (long)getpid());
	return name;
}

static const char *write_file(const void *p, size_t n)
{
	const char *name = temp_name();
	FILE *f = fopen(name, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	return name;
}

static void check_contents(const struct psc_source *s, const uint8_t *want, size_t n)
{
	ck_assert(psc_source_size(s) == n);
	for (size_t off = 0; off < n; off += MIB) {
		static uint8_t got[1 << 20];
		size_t part = n - off < MIB ? n - off : MIB;
		ck_assert_int_eq(psc_source_read(s, off, got, part, NULL), PSC_OK);
		ck_assert_int_eq(memcmp(got, want + off, part), 0);
	}
}

/* Reads and views at and past the borders of a source of n bytes of noise. */
static void check_borders(const struct psc_source *s, size_t n, bool has_view)
{
	struct psc_error err;
	uint8_t b[16];
	ck_assert_int_eq(psc_source_read(s, 0, b, 16, &err), PSC_OK);
	ck_assert_uint_eq(b[15], byte_at(15));
	ck_assert_int_eq(psc_source_read(s, n - 1, b, 1, &err), PSC_OK);
	ck_assert_uint_eq(b[0], byte_at(n - 1));
	ck_assert_int_eq(psc_source_read(s, n, b, 0, &err), PSC_OK);
	ck_assert_int_eq(psc_source_read(s, n, b, 1, &err), PSC_E_TRUNCATED);
	ck_assert_int_eq(err.where, PSC_WHERE_FILE_OFFSET);
	ck_assert(err.pos == n);
	ck_assert_int_eq(psc_source_read(s, n - 8, b, 9, &err), PSC_E_TRUNCATED);
	ck_assert_int_eq(psc_source_read(s, UINT64_MAX, b, 1, &err), PSC_E_TRUNCATED);
	ck_assert_int_eq(psc_source_read(s, 1, b, SIZE_MAX, &err), PSC_E_TRUNCATED);
	ck_assert_int_eq(psc_source_read(s, n, b, 1, NULL), PSC_E_TRUNCATED);
	const uint8_t *v = psc_source_view(s, n - 4, 4);
	ck_assert_int_eq(v != NULL, has_view);
	if (v)
		ck_assert_uint_eq(v[3], byte_at(n - 1));
	ck_assert_ptr_null(psc_source_view(s, n - 4, 5));
	ck_assert_ptr_null(psc_source_view(s, UINT64_MAX, 1));
	ck_assert_ptr_null(psc_source_view(s, 1, UINT64_MAX));
}

#ifdef _WIN32
#define HAS_DESCRIPTORS 0
#else
#define HAS_DESCRIPTORS 1
#endif

START_TEST(plain_file)
{
	enum { N = 100001 };
	uint8_t *p = noise(N);
	const char *name = write_file(p, N);
	for (int i = 0; i < 3; i++) {
		const struct psc_source_options *opts = i == 0 ? NULL : i == 1 ? &defaults : &no_mmap;
		struct psc_source *s = NULL;
		struct psc_error err;
		ck_assert_int_eq(psc_source_open_file(name, opts, &s, &err), PSC_OK);
		check_contents(s, p, N);
		check_borders(s, N, i < 2);
		ck_assert_str_eq(psc_source_name(s), name);
		ck_assert_ptr_null(psc_source_compression(s));
		ck_assert(psc_source_file_size(s) == N);
		ck_assert(!psc_source_is_truncated(s));
		psc_source_close(s);
	}
	remove(name);
	free(p);
}
END_TEST

START_TEST(plain_memory)
{
	enum { N = 5000 };
	uint8_t *p = noise(N);
	struct psc_source *s = NULL;
	ck_assert_int_eq(psc_source_open_mem(p, N, NULL, &s, NULL), PSC_OK);
	check_borders(s, N, true);
	ck_assert_ptr_eq(psc_source_view(s, 0, N), p);
	ck_assert_str_eq(psc_source_name(s), "<memory>");
	ck_assert_ptr_null(psc_source_compression(s));
	ck_assert(psc_source_file_size(s) == N);
	psc_source_close(s);
	psc_source_close(NULL);
	free(p);
}
END_TEST

START_TEST(tiny_sources_are_plain)
{
	/* Too short for the magic of gzip. */
	struct psc_source *s = NULL;
	ck_assert_int_eq(psc_source_open_mem("\x1f\x8b", 2, NULL, &s, NULL), PSC_OK);
	ck_assert(psc_source_size(s) == 2);
	psc_source_close(s);
	ck_assert(!psc_gzip_probe((const uint8_t *)"\x1f\x8b", 2));
	ck_assert(!psc_gzip_probe((const uint8_t *)"\x1f\x8b\x07", 3));
	ck_assert(psc_gzip_probe((const uint8_t *)"\x1f\x8b\x08", 3));
}
END_TEST

static void expect_open_error(const char *path, enum psc_status status, const char *words)
{
	struct psc_source *s = NULL;
	struct psc_error err;
	ck_assert_int_eq(psc_source_open_file(path, NULL, &s, &err), status);
	ck_assert_int_eq(err.status, status);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"", err.text, words);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(psc_source_open_file(path, NULL, &s, NULL), status);
}

START_TEST(what_cannot_be_opened)
{
	struct psc_source *s = NULL;
	struct psc_error err;
	expect_open_error("no/such/file", PSC_E_OS, "cannot open no/such/file: ");
	expect_open_error(".", PSC_E_UNSUPPORTED, "directory");
	expect_open_error("-", PSC_E_UNSUPPORTED, "a dump must be a regular file");
	expect_open_error("", PSC_E_ARGUMENT, "empty");
	expect_open_error(NULL, PSC_E_ARGUMENT, "no dump file");
	const char *name = write_file("", 0);
	expect_open_error(name, PSC_E_FORMAT, "empty file");
	remove(name);
	ck_assert_int_eq(psc_source_open_mem("", 0, NULL, &s, &err), PSC_E_FORMAT);
	ck_assert_int_eq(psc_source_open_mem(NULL, 5, NULL, &s, &err), PSC_E_ARGUMENT);
#ifndef _WIN32
	expect_open_error("/dev/null", PSC_E_UNSUPPORTED, "pipe or device");
	ck_assert_int_eq(mkfifo(name, 0600), 0);
	expect_open_error(name, PSC_E_UNSUPPORTED, "save it to a file first");
	remove(name);
#endif
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_reason)
{
	static char path[3000];
	for (size_t i = 0; i + 1 < sizeof(path); i++)
		path[i] = i % 50 == 49 ? '/' : 'p';
	struct psc_source *s = NULL;
	struct psc_error err;
	ck_assert_int_eq(psc_source_open_file(path, NULL, &s, &err), PSC_E_OS);
	ck_assert_uint_lt(strlen(err.text), 200);
	ck_assert_ptr_nonnull(strstr(err.text, ": "));
}
END_TEST

START_TEST(gzip_small)
{
	enum { N = 300000 };
	uint8_t *p = noise(N);
	struct buf b = {NULL, 0};
	append_member(&b, p, N);
	const char *name = write_file(b.p, b.n);
	for (int i = 0; i < 3; i++) {
		struct psc_source *s = NULL;
		struct psc_error err;
		if (i < 2)
			ck_assert_int_eq(psc_source_open_file(name, i ? &no_mmap : &defaults, &s, &err), PSC_OK);
		else
			ck_assert_int_eq(psc_source_open_mem(b.p, b.n, NULL, &s, &err), PSC_OK);
		check_contents(s, p, N);
		check_borders(s, N, true);
		ck_assert_str_eq(psc_source_compression(s), "gzip");
		ck_assert(psc_source_file_size(s) == b.n);
		ck_assert(!psc_source_is_truncated(s));
		psc_source_close(s);
	}
	remove(name);
	free(b.p);
	free(p);
}
END_TEST

START_TEST(gzip_members_and_trailing_garbage)
{
	enum { N = 3 << 19 };
	static const char *const garbage[] = {"", "\0\0\0\0\0\0\0\0", "garbage!", "\x1f\x8a\x08zzzzz", "x"};
	uint8_t *p = noise(N);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		struct buf b = {NULL, 0};
		append_member(&b, p, 1000);
		append_member(&b, p, 0);
		append_member(&b, p + 1000, 700000);
		append_member(&b, p + 701000, N - 701000);
		append(&b, garbage[i], i == 0 ? 0 : i == 4 ? 1 : 8);
		struct psc_source *s = NULL;
		ck_assert_int_eq(psc_source_open_mem(b.p, b.n, NULL, &s, NULL), PSC_OK);
		check_contents(s, p, N);
		ck_assert(!psc_source_is_truncated(s));
		psc_source_close(s);
		free(b.p);
	}
	/* A second member of which only the magic, or part of it, is there. */
	for (size_t cut = 1; cut < 12; cut++) {
		struct buf b = {NULL, 0};
		append_member(&b, p, 1000);
		size_t first = b.n;
		append_member(&b, p, 1000);
		struct psc_source *s = NULL;
		ck_assert_int_eq(psc_source_open_mem(b.p, first + cut, NULL, &s, NULL), PSC_OK);
		check_contents(s, p, 1000);
		ck_assert(psc_source_is_truncated(s));
		psc_source_close(s);
		free(b.p);
	}
	free(p);
}
END_TEST

START_TEST(gzip_of_nothing)
{
	struct buf b = {NULL, 0};
	struct psc_source *s = NULL;
	struct psc_error err;
	append_member(&b, "", 0);
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, NULL, &s, &err), PSC_E_FORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "empty file"));
	free(b.p);
}
END_TEST

START_TEST(gzip_truncated_anywhere)
{
	enum { N = 200000 };
	uint8_t *p = noise(N);
	memset(p + 50000, 0, 60000);
	struct buf b = {NULL, 0};
	append_member(&b, p, N);
	uint64_t last_size = 0;
	for (size_t cut = 3; cut < b.n; cut += cut < 100 || b.n - cut <= 997 ? 1 : 997) {
		uint8_t *copy = malloc(cut); /* exact, so that a sanitizer sees a read past the end */
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, b.p, cut);
		struct psc_source *s = NULL;
		struct psc_error err;
		enum psc_status r = psc_source_open_mem(copy, cut, NULL, &s, &err);
		if (r == PSC_OK) {
			ck_assert(psc_source_is_truncated(s));
			ck_assert(psc_source_size(s) >= last_size && psc_source_size(s) <= N);
			last_size = psc_source_size(s);
			check_contents(s, p, (size_t)last_size);
			psc_source_close(s);
		} else {
			ck_assert_int_eq(r, PSC_E_TRUNCATED);
			ck_assert(last_size == 0);
		}
		free(copy);
	}
	ck_assert(last_size == N); /* only the trailer was missing */
	free(b.p);
	free(p);
}
END_TEST

START_TEST(gzip_damaged)
{
	enum { N = 100000 };
	uint8_t *p = noise(N);
	struct buf b = {NULL, 0};
	append_member(&b, p, N);
	struct psc_source *s = NULL;
	struct psc_error err;
	for (size_t i = 1; i <= 8; i++) { /* CRC and length */
		b.p[b.n - i] ^= 0x40;
		ck_assert_int_eq(psc_source_open_mem(b.p, b.n, NULL, &s, &err), PSC_E_CORRUPT);
		ck_assert_int_eq(err.where, PSC_WHERE_FILE_OFFSET);
		ck_assert(err.pos <= b.n && err.pos >= b.n - 8);
		ck_assert_ptr_nonnull(strstr(err.text, "damaged"));
		b.p[b.n - i] ^= 0x40;
	}
	b.p[3] |= 0x80; /* reserved flag */
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, NULL, &s, &err), PSC_E_CORRUPT);
	b.p[3] &= 0x7f;
	for (size_t at = 10; at < b.n - 8; at += 523) {
		b.p[at] ^= 1;
		enum psc_status r = psc_source_open_mem(b.p, b.n, NULL, &s, &err);
		/* A lost end mark makes the rest look like data that stop too early; it never passes as whole. */
		ck_assert(r == PSC_E_CORRUPT || (r == PSC_OK && psc_source_is_truncated(s)));
		if (r == PSC_OK)
			psc_source_close(s);
		b.p[at] ^= 1;
	}
	free(b.p);
	free(p);
}
END_TEST

START_TEST(gzip_limit)
{
	uint8_t *p = calloc(1, 5 * MIB);
	struct buf b = {NULL, 0};
	append_member(&b, p, 5 * MIB);
	struct psc_source *s = NULL;
	struct psc_error err;
	struct psc_source_options opts = {.max_unpacked_bytes = 5 * MIB};
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_OK);
	psc_source_close(s);
	opts.max_unpacked_bytes--;
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_E_LIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "5242879"));
	opts.max_unpacked_bytes = 1;
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, NULL), PSC_E_LIMIT);
	free(b.p);
	free(p);
}
END_TEST

/* Pages of zeros, part pages and pages with one byte at either end: what holes could lose. */
static uint8_t *spotted(size_t n)
{
	uint8_t *p = calloc(1, n);
	ck_assert_ptr_nonnull(p);
	for (size_t page = 0; page * 4096 < n; page++) {
		size_t off = page * 4096, len = n - off < 4096 ? n - off : 4096;
		switch (page % 37) {
		case 1:
			p[off] = 1;
			break;
		case 2:
			p[off + len - 1] = 2;
			break;
		case 5:
		case 6:
			for (size_t i = 0; i < len; i++)
				p[off + i] = byte_at(off + i);
			break;
		}
	}
	return p;
}

START_TEST(gzip_to_a_temporary_file)
{
	static const size_t sizes[] = {2, 4095, 4096, 40960, MIB - 1, MIB, MIB + 1, 3 * MIB + 4096 + 77, 4 * MIB};
	static const size_t thresholds[] = {1, 5000, MIB, 2 * MIB, 8 * MIB};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t n = sizes[i];
		uint8_t *p = spotted(n);
		struct buf b = {NULL, 0};
		append_member(&b, p, n / 3);
		append_member(&b, p + n / 3, n - n / 3);
		for (size_t k = 0; k < 2 * sizeof(thresholds) / sizeof(*thresholds); k++) {
			struct psc_source_options opts = {.max_memory_bytes = thresholds[k / 2], .no_mmap = k % 2};
			struct psc_source *s = NULL;
			struct psc_error err;
			ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_OK);
			check_contents(s, p, n);
			bool in_file = n > opts.max_memory_bytes;
			ck_assert_int_eq(psc_source_view(s, 0, n) != NULL, !(in_file && opts.no_mmap));
			psc_source_close(s);
			/* and cut off in the middle */
			if (b.n < 100)
				continue;
			ck_assert_int_eq(psc_source_open_mem(b.p, b.n - 30, &opts, &s, &err), PSC_OK);
			ck_assert(psc_source_is_truncated(s));
			check_contents(s, p, (size_t)psc_source_size(s));
			psc_source_close(s);
		}
		free(b.p);
		free(p);
	}
}
END_TEST

START_TEST(gzip_larger_than_the_memory_limit)
{
	/* 70 MiB that end in a hole, so the size comes from the final truncation alone. */
	size_t n = 70 * MIB;
	uint8_t *p = spotted(n);
	memset(p + n - 3 * MIB, 0, 3 * MIB);
	struct buf b = {NULL, 0};
	append_member(&b, p, n);
	const char *name = write_file(b.p, b.n);
	for (int i = 0; i < 2; i++) {
		struct psc_source *s = NULL;
		struct psc_error err;
		ck_assert_int_eq(psc_source_open_file(name, i ? &no_mmap : NULL, &s, &err), PSC_OK);
		check_contents(s, p, n);
		ck_assert_int_eq(psc_source_view(s, n - 1, 1) != NULL, i == 0);
		ck_assert_ptr_null(psc_source_view(s, n - 1, 2));
		ck_assert(psc_source_file_size(s) == b.n);
		psc_source_close(s);
	}
	remove(name);
	free(b.p);
	free(p);
}
END_TEST

START_TEST(the_temporary_directory_may_refuse)
{
	uint8_t *p = noise(3 * MIB);
	struct buf b = {NULL, 0};
	append_member(&b, p, 3 * MIB);
	struct psc_source *s = NULL;
	struct psc_error err;
	struct psc_source_options opts = {.tmpdir = "no/such/directory", .max_memory_bytes = 1000};
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_E_OS);
	ck_assert_ptr_nonnull(strstr(err.text, "no/such/directory"));
	ck_assert_ptr_nonnull(strstr(err.text, "name another directory"));
	ck_assert_int_ne(err.sys_errno, 0);
	opts.tmpdir = ".";
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_OK);
	psc_source_close(s);
#ifndef _WIN32
	/* A file size limit stands in for the full disk: the failing write comes after some that succeed. */
	struct rlimit old, low;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = 2 * MIB + 100;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
	enum psc_status r = psc_source_open_mem(b.p, b.n, &opts, &s, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(r, PSC_E_OS);
	ck_assert_int_eq(err.sys_errno, EFBIG);
	ck_assert_ptr_nonnull(strstr(err.text, "after 2 MiB"));
#endif
	free(b.p);
	free(p);
}
END_TEST

struct seen {
	int n, stop_at;
	uint64_t last_done, total;
};

static int see(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	struct seen *s = arg;
	ck_assert_str_eq(phase, "unpacking");
	ck_assert(done >= s->last_done && done <= total);
	s->last_done = done;
	s->total = total;
	return ++s->n == s->stop_at;
}

START_TEST(gzip_progress_and_cancel)
{
	uint8_t *p = noise(4 * MIB);
	struct buf b = {NULL, 0};
	append_member(&b, p, 4 * MIB);
	struct psc_source *s = NULL;
	struct psc_error err;
	struct seen seen = {0, 0, 0, 0};
	struct psc_progress progress = {see, &seen, "other", 99, 77};
	struct psc_source_options opts = {.progress = &progress};
	ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_OK);
	psc_source_close(s);
	ck_assert_int_gt(seen.n, 1);
	ck_assert(seen.total == b.n && seen.last_done == b.n);
	opts.max_memory_bytes = MIB;
	for (int stop_at = 1; stop_at <= seen.n; stop_at++) {
		struct seen again = {0, stop_at, 0, 0};
		progress.arg = &again;
		s = NULL;
		ck_assert_int_eq(psc_source_open_mem(b.p, b.n, &opts, &s, &err), PSC_E_CANCELLED);
		ck_assert_int_eq(again.n, stop_at);
		ck_assert_ptr_null(s);
	}
	free(b.p);
	free(p);
}
END_TEST

struct readers {
	const struct psc_source *s;
	const uint8_t *want;
	size_t n;
	uint8_t bad[64];
};

static bool read_everywhere(void *arg, unsigned worker, size_t job)
{
	struct readers *r = arg;
	(void)worker;
	uint8_t got[512];
	for (size_t i = 0; i < 500; i++) {
		size_t off = (job * 7919 + i * 104729) % (r->n - sizeof(got));
		if (psc_source_read(r->s, off, got, sizeof(got), NULL) != PSC_OK ||
		    memcmp(got, r->want + off, sizeof(got)) != 0)
			r->bad[job] = 1;
	}
	return true;
}

START_TEST(reads_from_many_threads)
{
	enum { N = 1 << 20 };
	uint8_t *p = noise(N);
	const char *name = write_file(p, N);
	for (int i = 0; i < 2; i++) {
		struct psc_source *s = NULL;
		ck_assert_int_eq(psc_source_open_file(name, i ? &no_mmap : NULL, &s, NULL), PSC_OK);
		struct readers r = {.s = s, .want = p, .n = N};
		ck_assert_int_eq(psc_run_jobs(4, 64, read_everywhere, NULL, &r, NULL), PSC_OK);
		for (size_t k = 0; k < 64; k++)
			ck_assert_uint_eq(r.bad[k], 0);
		psc_source_close(s);
	}
	remove(name);
	free(p);
}
END_TEST

#ifndef _WIN32
START_TEST(a_file_that_shrinks_is_truncated)
{
	uint8_t *p = noise(10000), b[100];
	const char *name = write_file(p, 10000);
	struct psc_source *s = NULL;
	struct psc_error err;
	ck_assert_int_eq(psc_source_open_file(name, &no_mmap, &s, &err), PSC_OK);
	ck_assert_int_eq(truncate(name, 5000), 0);
	ck_assert_int_eq(psc_source_read(s, 4900, b, 100, &err), PSC_OK);
	ck_assert_int_eq(psc_source_read(s, 4901, b, 100, &err), PSC_E_TRUNCATED);
	psc_source_close(s);
	remove(name);
	free(p);
}
END_TEST
#endif

struct listing {
	const char *name; /* wanted; empty: stop after the first */
	int n_found, n_dots, n_seen;
};

static bool find_name(void *arg, const char *name)
{
	struct listing *want = arg;
	want->n_seen++;
	want->n_found += strcmp(name, want->name) == 0;
	want->n_dots += strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
	return want->name[0] != '\0';
}

START_TEST(system_files)
{
	int e = -1;
	uint64_t size = 0;
	size_t n = 0;
	uint8_t b[8];
	struct psc_os_file *f = NULL;
	const char *name = write_file("abcdef", 6);
	ck_assert(psc_os_is_regular(name, &e) && e == 0);
	ck_assert(!psc_os_is_directory(name));
	ck_assert(psc_os_is_directory("."));
	ck_assert(!psc_os_is_directory("no/such"));
	ck_assert(!psc_os_is_regular(".", &e) && e == 0);
	ck_assert(!psc_os_is_regular("no/such", &e) && e != 0);

	struct listing want = {name, 0, 0, 0}, any = {"", 0, 0, 0};
	ck_assert_int_eq(psc_os_list_dir(".", find_name, &want), 0);
	ck_assert_int_eq(want.n_found, 1);
	ck_assert_int_eq(want.n_dots, 0);
	ck_assert_int_eq(psc_os_list_dir(".", find_name, &any), 0);
	ck_assert_int_eq(any.n_seen, 1);
	ck_assert_int_ne(psc_os_list_dir("no/such", find_name, &any), 0);

	ck_assert_int_ne(psc_os_file_open("no/such", &f), 0);
	ck_assert_int_eq(psc_os_file_open(name, &f), 0);
	ck_assert_int_eq(psc_os_file_size(f, &size), 0);
	ck_assert(size == 6);
	ck_assert_int_eq(psc_os_pread(f, 4, b, 8, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(b, "ef", 2);
	ck_assert_int_eq(psc_os_pread(f, 1000, b, 8, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_ne(psc_os_pread(f, UINT64_MAX - 2, b, 8, &n), 0);
	ck_assert_int_ne(psc_os_pwrite(f, 0, "x", 1), 0); /* read-only */
	ck_assert_ptr_null(psc_os_map(f, 0));
	ck_assert_ptr_null(psc_os_map(f, UINT64_MAX));
	const uint8_t *p = psc_os_map(f, 6);
	ck_assert_ptr_nonnull(p);
	psc_os_map_advise(p, 6, true);
	psc_os_map_advise(p + 1, 5, false);
	ck_assert_mem_eq(p, "abcdef", 6);
	psc_os_unmap(p, 6);
	psc_os_unmap(NULL, 0);
	psc_os_file_close(f);
	psc_os_file_close(NULL);
	remove(name);

	ck_assert_int_ne(psc_os_temp_file("no/such", &f), 0);
	ck_assert_int_eq(psc_os_temp_file(NULL, &f), 0);
	ck_assert_int_eq(psc_os_pwrite(f, 100000, "end", 3), 0);
	ck_assert_int_eq(psc_os_file_truncate(f, 100002), 0);
	ck_assert_int_ne(psc_os_file_truncate(f, UINT64_MAX), 0);
	ck_assert_int_ne(psc_os_pwrite(f, UINT64_MAX - 2, "end", 3), 0);
	ck_assert_int_eq(psc_os_pread(f, 99999, b, 8, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_mem_eq(b, "\0en", 3);
	psc_os_file_close(f);

	char text[64];
	psc_os_error_text(2, text, sizeof(text));
	ck_assert_uint_gt(strlen(text), 3);
	psc_os_error_text(987654, text, sizeof(text));
	ck_assert_uint_gt(strlen(text), 3);
	psc_os_error_text(2, text, 4);
	ck_assert_uint_lt(strlen(text), 4);
	text[0] = 'x';
	psc_os_error_text(2, text, 0);
	ck_assert_int_eq(text[0], 'x');
}
END_TEST

#ifdef _WIN32
#define POSIX_TESTS
#else
#define POSIX_TESTS a_file_that_shrinks_is_truncated,
#endif

/* makedumpfile's flattened form: big-endian records in any order; a later one wins. */
static size_t flat_record(uint8_t *f, size_t at, uint64_t to, const char *text, uint64_t claimed)
{
	size_t n = strlen(text);
	for (unsigned i = 0; i < 8; i++) {
		f[at + i] = (uint8_t)(to >> (56 - 8 * i));
		f[at + 8 + i] = (uint8_t)(claimed >> (56 - 8 * i));
	}
	memcpy(f + at + 16, text, n);
	return at + 16 + n;
}

START_TEST(flattened)
{
	static uint8_t f[8192];
	struct psc_source *s = NULL;
	struct psc_error e;
	uint8_t got[16];
	memcpy(f, "makedumpfile", 12);
	f[23] = f[31] = 1;
	size_t end = flat_record(f, 4096, 0, "xxxx", 4);
	end = flat_record(f, end, 10, "tail", 4);
	end = flat_record(f, end, 0, "head", 4);
	size_t without_mark = end;
	end = flat_record(f, end, UINT64_MAX, "", UINT64_MAX);
	for (size_t max_memory = 1; max_memory <= 100; max_memory += 99) { /* a file, memory */
		struct psc_source_options o = {.max_memory_bytes = max_memory};
		ck_assert_int_eq(psc_source_open_mem(f, end, &o, &s, &e), PSC_OK);
		ck_assert_uint_eq(psc_source_size(s), 14);
		ck_assert(!psc_source_is_truncated(s));
		ck_assert_int_eq(psc_source_read(s, 0, got, 14, NULL), PSC_OK);
		ck_assert(memcmp(got, "head\0\0\0\0\0\0tail", 14) == 0);
		ck_assert_int_eq(psc_source_fd(s) >= 0, HAS_DESCRIPTORS && max_memory == 1);
		psc_source_close(s);
	}
	ck_assert_int_eq(psc_source_open_mem(f, without_mark, NULL, &s, &e), PSC_OK);
	ck_assert(psc_source_is_truncated(s));
	psc_source_close(s);
	ck_assert_int_eq(psc_source_open_mem(f, without_mark - 2, NULL, &s, &e), PSC_OK);
	ck_assert(psc_source_is_truncated(s));
	ck_assert_int_eq(psc_source_read(s, 0, got, 14, NULL), PSC_OK);
	ck_assert(memcmp(got, "hexx", 4) == 0);
	psc_source_close(s);
	ck_assert_int_eq(psc_source_open_mem(f, 4096, NULL, &s, &e), PSC_E_TRUNCATED);
	ck_assert_int_eq(psc_source_open_mem(f, 20, NULL, &s, &e), PSC_E_TRUNCATED);
	(void)flat_record(f, 4096, (uint64_t)1 << 62, "xxxx", 4);
	ck_assert_int_eq(psc_source_open_mem(f, end, NULL, &s, &e), PSC_E_CORRUPT);
	f[23] = 2;
	ck_assert_int_eq(psc_source_open_mem(f, end, NULL, &s, &e), PSC_E_UNSUPPORTED);
}
END_TEST

START_TEST(copy_to_file)
{
	static const char bytes[] = "some bytes";
	struct psc_source *s = NULL, *copy = NULL;
	char got[sizeof(bytes)];
	ck_assert_int_eq(psc_source_open_mem(bytes, sizeof(bytes), NULL, &s, NULL), PSC_OK);
	ck_assert_int_eq(psc_source_fd(s), -1);
	ck_assert_int_eq(psc_source_copy_to_file(s, NULL, &copy, NULL), PSC_OK);
	ck_assert_int_eq(psc_source_fd(copy) >= 0, HAS_DESCRIPTORS);
	ck_assert_uint_eq(psc_source_size(copy), sizeof(bytes));
	ck_assert_int_eq(psc_source_read(copy, 0, got, sizeof(got), NULL), PSC_OK);
	ck_assert_str_eq(got, bytes);
	psc_source_close(copy);
	psc_source_close(s);
}
END_TEST

UNIT_MAIN("source", flattened, copy_to_file, plain_file, plain_memory, tiny_sources_are_plain, what_cannot_be_opened,
	  a_long_path_leaves_room_for_the_reason, gzip_small, gzip_members_and_trailing_garbage, gzip_of_nothing,
	  gzip_truncated_anywhere, gzip_damaged, gzip_limit, gzip_to_a_temporary_file,
	  gzip_larger_than_the_memory_limit, the_temporary_directory_may_refuse, gzip_progress_and_cancel,
	  reads_from_many_threads, POSIX_TESTS system_files)
