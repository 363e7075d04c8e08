/* SPDX-License-Identifier: MIT */
/*
 * A good dump made bad in many ways, each time run to the end: hostile DUMP ISF SEED N.
 * Truncation at N offsets, N bit flips, N words set to extremes, N words replaced by other words of the same dump (so
 * that pointers lead to real but wrong places and lists loop). Every run must end in a result or in one error line,
 * quickly and in bounded memory; a sanitizer watches the rest. Prints the slowest run and the peak memory.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <poolscope/poolscope.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A run that takes longer hangs; sanitizers on a busy machine are slow, so this is far above the 2 s that users see. */
#define WATCHDOG_SECONDS 60
#define MEMORY_LIMIT_KB  (256u * 1024u)

static uint64_t rng_state;

static uint64_t rng(void)
{
	uint64_t z = (rng_state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static const char *isf;
static double slowest;
static char slowest_what[96];
static unsigned n_opened, n_refused;

static void check_line(const char *text, const char *what)
{
	if (text[0] == '\0' || strchr(text, '\n') != NULL) {
		fprintf(stderr, "%s: error text is empty or not one line: '%s'\n", what, text);
		exit(1);
	}
}

static void run(const uint8_t *bytes, size_t n, const char *what)
{
	struct psc_open_options opts = PSC_OPEN_OPTIONS_INIT;
	struct psc_tags_options tags_opts = PSC_TAGS_OPTIONS_INIT;
	struct psc_dump *dump = NULL;
	struct psc_tags *tags = NULL;
	struct psc_error err;
	struct timespec t0, t1;

	memset(&err, 0, sizeof(err));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	alarm(WATCHDOG_SECONDS);
	opts.isf_path = isf;
	enum psc_status st = psc_dump_open_mem(bytes, n, &opts, &dump, &err);
	if (st == PSC_E_NOT_FOUND) {
		/* The mutation changed the kernel's identity, so the symbol file was refused: go on without. */
		check_line(err.text, what);
		opts.isf_path = NULL;
		st = psc_dump_open_mem(bytes, n, &opts, &dump, &err);
	}
	if (st == PSC_OK) {
		n_opened++;
		tags_opts.n_threads = 1 + (uint32_t)(rng() % 2);
		st = psc_tags_run(dump, &tags_opts, &tags, &err);
		if (st == PSC_OK) {
			double r = psc_tags_coverage_ratio(tags);
			if (!(r >= 0.0 && r <= 1.0)) {
				fprintf(stderr, "%s: coverage ratio %f\n", what, r);
				exit(1);
			}
		} else {
			check_line(err.text, what);
		}
	} else {
		n_refused++;
		check_line(err.text, what);
	}
	psc_tags_free(tags);
	psc_dump_close(dump);
	alarm(0);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	double s = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	if (s > slowest) {
		slowest = s;
		snprintf(slowest_what, sizeof(slowest_what), "%s", what);
	}
}

/* Offsets that matter: half the time in the header pages, half the time in any page that is not all zeros. */
static size_t pick_offset(const uint8_t *bytes, size_t n)
{
	if (rng() % 4 == 0)
		return (size_t)(rng() % (n < 0x3000 ? n : 0x3000));
	for (int tries = 0; tries < 64; tries++) {
		size_t off = (size_t)(rng() % n) & ~(size_t)7;
		if (off + 8 <= n && memcmp(bytes + off, "\0\0\0\0\0\0\0\0", 8) != 0)
			return off;
	}
	return (size_t)(rng() % n);
}

static uint64_t extreme(uint64_t self)
{
	static const uint64_t values[] = {0,
					  1,
					  0x7f,
					  0xff,
					  0x7fff,
					  0xffff,
					  0x7fffffff,
					  0x80000000,
					  0xffffffff,
					  UINT64_C(0x7fffffffffffffff),
					  UINT64_C(0x8000000000000000),
					  UINT64_MAX,
					  UINT64_C(0xffff800000000000),
					  UINT64_C(0xfffff78000000000),
					  UINT64_C(0x0000000000001067),
					  UINT64_C(0x000ffffffffff067)};
	uint64_t k = rng() % (sizeof(values) / sizeof(values[0]) + 2);
	if (k < sizeof(values) / sizeof(values[0]))
		return values[k];
	return k % 2 != 0 ? self + 1 : ~self;
}

static uint8_t *load(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(99);
	}
	long n = ftell(f);
	uint8_t *bytes = (uint8_t *)malloc((size_t)n + 1);
	rewind(f);
	if (n <= 0 || bytes == NULL || fread(bytes, 1, (size_t)n, f) != (size_t)n) {
		perror(path);
		exit(99);
	}
	fclose(f);
	*ret_n = (size_t)n;
	return bytes;
}

int main(int argc, char **argv)
{
	size_t n;
	char what[96];
	if (argc != 5)
		return 99;
	const uint8_t *good = load(argv[1], &n);
	uint8_t *bad = (uint8_t *)malloc(n);
	isf = argv[2];
	rng_state = strtoull(argv[3], NULL, 0);
	unsigned count = (unsigned)strtoul(argv[4], NULL, 0);
	if (bad == NULL)
		return 99;
	memcpy(bad, good, n);

	run(good, n, "as it is");
	for (unsigned i = 0; i < count; i++) {
		size_t cut = i < 64 ? (size_t)i * 0x100 : (size_t)(rng() % n);
		if (cut > n)
			cut = n;
		snprintf(what, sizeof(what), "truncated to %zu", cut);
		uint8_t *exact = (uint8_t *)malloc(cut > 0 ? cut : 1);
		if (exact == NULL)
			return 99;
		memcpy(exact, good, cut);
		run(exact, cut, what);
		free(exact);
	}
	for (unsigned i = 0; i < 3 * count; i++) {
		unsigned kind = i % 3;
		size_t touched[8];
		unsigned n_touched = 1 + i % 8;
		for (unsigned k = 0; k < n_touched; k++) {
			size_t off = pick_offset(good, n);
			touched[k] = off;
			if (kind == 0) {
				bad[off] ^= (uint8_t)(1u << (rng() % 8));
			} else if (off + 8 <= n) {
				uint64_t word, size = rng() % 2 != 0 ? 8 : 4;
				memcpy(&word, good + off, 8);
				if (kind == 1)
					word = extreme(word);
				else
					memcpy(&word, good + (pick_offset(good, n - 8) & ~(size_t)3), 8);
				memcpy(bad + off, &word, (size_t)size);
			}
			snprintf(what, sizeof(what), "mutation %u of seed %s, last at 0x%zx", i, argv[3], off);
		}
		run(bad, n, what);
		for (unsigned k = 0; k < n_touched; k++)
			memcpy(bad + touched[k], good + touched[k], n - touched[k] < 8 ? n - touched[k] : 8);
	}
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	printf("%u opened, %u refused; slowest %.3f s (%s); peak %ld KiB with two copies of the %zu KiB dump\n",
	       n_opened, n_refused, slowest, slowest_what, ru.ru_maxrss, n / 1024);
#ifndef PSC_SANITIZED
	if ((uint64_t)ru.ru_maxrss > MEMORY_LIMIT_KB + 3 * n / 1024) {
		fprintf(stderr, "peak memory is above 256 MiB beyond the dump\n");
		return 1;
	}
#endif
	free(bad);
	free((void *)(uintptr_t)good);
	return 0;
}
