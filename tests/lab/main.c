/* SPDX-License-Identifier: MIT */
/* lab: makes synthetic Windows machines and checks results against what is known of them. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "machine.h"
#include "mem_private.h" /* lab_mem_in_use: this file writes into a container as well */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void usage(void)
{
	fputs("usage: lab list\n"
	      "       lab build CASE|--random SEED [--arch x86|x64|arm64] [--build KEY] [--containers "
	      "NAME,...|all|memory]\n"
	      "                 [--gzip] [--seed N] [--size BYTES] [--pool-bytes BYTES] [--ram-base ADDRESS]\n"
	      "                 [--real-kernel] [-o DIR]\n"
	      "       lab compare [--container NAME] TRUTH RESULT\n",
	      stderr);
	exit(2);
}

static int list(void)
{
	puts("cases:");
	for (size_t i = 0; lab_case_at(i); i++)
		printf("  %-16s %s\n", lab_case_at(i)->name, lab_case_at(i)->summary);
	puts("builds:");
	for (size_t i = 0; lab_build_at(i); i++)
		printf("  %-16s %u.%u.%u%s\n", lab_build_at(i)->key, lab_build_at(i)->major, lab_build_at(i)->minor,
		       lab_build_at(i)->number, lab_build_at(i)->heap_backed ? " (segment heap)" : "");
	puts("containers:");
	for (int i = 0; i < LAB_CONTAINER_MAX; i++)
		printf("  %s\n", lab_container_name((enum lab_container)i));
	return 0;
}

/* With the suffixes K, M, G. */
static uint64_t parse_size(const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 0);
	switch (*end) {
	case 'K':
		return n << 10;
	case 'M':
		return n << 20;
	case 'G':
		return n << 30;
	case 0:
		return n;
	default:
		usage();
	}
}

static const char *arch_name(const struct lab_build *b)
{
	return b->arch == LAB_ARCH_X86 ? "x86" : b->arch == LAB_ARCH_X64 ? "x64" : "arm64";
}

struct request {
	const struct lab_case *c;
	struct lab_options o;
	const char *containers, *arch, *dir;
	bool gzip, is_random;
};

static struct request parse(int argc, char **argv)
{
	struct request r = {.dir = ".", .containers = "full"};
	const char *build = NULL;
	uint64_t size = 0;
	r.o.seed = 1;
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		bool more = i + 1 < argc;
		if (!strcmp(a, "--random") && more)
			r.c = &lab_case_random, r.is_random = true, r.o.seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(a, "--seed") && more)
			r.o.seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(a, "--arch") && more)
			r.arch = argv[++i];
		else if (!strcmp(a, "--build") && more)
			build = argv[++i];
		else if (!strcmp(a, "--containers") && more)
			r.containers = argv[++i];
		else if (!strcmp(a, "--size") && more)
			size = parse_size(argv[++i]);
		else if (!strcmp(a, "--pool-bytes") && more)
			r.o.pool_bytes = parse_size(argv[++i]);
		else if (!strcmp(a, "--ram-base") && more)
			r.o.ram_base = parse_size(argv[++i]);
		else if (!strcmp(a, "-o") && more)
			r.dir = argv[++i];
		else if (!strcmp(a, "--real-kernel"))
			r.o.real_kernel = true;
		else if (!strcmp(a, "--gzip"))
			r.gzip = true;
		else if (a[0] != '-' && !r.c)
			r.c = lab_case_find(a);
		else
			usage();
	}
	if (!r.c)
		usage();
	if (!build && r.c->default_build && !r.arch)
		build = r.c->default_build;
	if (!build && r.is_random) {
		uint64_t rng = r.o.seed;
		size_t n = 0;
		do {
			for (n = 0; lab_build_at(n); n++)
				;
			build = lab_build_at(lab_rand(&rng) % n)->key;
		} while (r.arch && strcmp(arch_name(lab_build_find(build)), r.arch) != 0);
	}
	if (!build)
		build = r.arch && !strcmp(r.arch, "x86")     ? "7-x86"
			: r.arch && !strcmp(r.arch, "arm64") ? "11-24h2-arm64"
							     : "7-x64";
	r.o.build = lab_build_find(build);
	if (!r.o.build)
		lab_die("no build %s", build);
	if (r.arch && strcmp(arch_name(r.o.build), r.arch) != 0)
		lab_die("build %s is not %s", build, r.arch);
	r.o.case_name = r.c->name;
	r.o.work_dir = r.dir;
	r.o.n_cpus = r.o.build->major == 5 ? 2 : 4;
	r.o.ram_bytes = size ? size : (uint64_t)64 << 20;
	r.o.invalid_pte_mask = (uint64_t)1 << 45;
	if (r.c->options)
		r.c->options(&r.o);
	if (size)
		r.o.ram_bytes = size;
	return r;
}

static bool wanted(const char *names, enum lab_container kind)
{
	const char *name = lab_container_name(kind);
	size_t n = strlen(name);
	if (!strcmp(names, "all"))
		return kind < LAB_CONTAINER_MEMORY_FIRST;
	if (!strcmp(names, "memory"))
		return kind >= LAB_CONTAINER_MEMORY_FIRST || kind == LAB_CONTAINER_FULL;
	for (const char *p = names; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, name, n) && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

static void check_containers(const char *names)
{
	if (!strcmp(names, "all") || !strcmp(names, "memory"))
		return;
	for (const char *p = names; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		char name[32];
		enum lab_container kind;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ","), p);
		if (!lab_container_parse(name, &kind))
			lab_die("no container \"%s\"", name);
	}
}

/* Frames nobody touched in a full dump of a bench machine: pseudo-random, so that the file is as dense as a real one.
   Written behind the lab's back because they need no place in host memory. */
static void fill_full_dump(struct lab_machine *m, const char *path)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m->mem, &n_runs);
	uint64_t rng = m->o.fill_seed, offset = lab_build_is64(m->b) ? 0x2000 : 0x1000;
	FILE *f = fopen(path, "r+b");
	if (!f)
		lab_die("cannot open %s", path);
	for (size_t i = 0; i < n_runs; i++)
		for (uint64_t k = 0; k < runs[i].n_pages; k++, offset += LAB_PAGE) {
			uint64_t page[LAB_PAGE / 8];
			if (lab_mem_in_use(m->mem, runs[i].first_pfn + k))
				continue;
			for (size_t w = 0; w < LAB_PAGE / 8; w++)
				page[w] = lab_rand(&rng);
			if (fseeko(f, (off_t)offset, SEEK_SET) || fwrite(page, sizeof page, 1, f) != 1)
				lab_die("cannot write %s", path);
		}
	if (fclose(f))
		lab_die("cannot write %s", path);
}

/* What a minidump keeps beside the fixed parts: the processor array and blocks, the kernel's headers and RSDS. */
static void triage_ranges(struct lab_machine *m, struct lab_header *h)
{
	static struct lab_va_range ranges[64];
	static struct lab_triage_module modules[LAB_MODULES_MAX];
	uint32_t n = 0;
	const struct lab_image *k = m->kernel;
	ranges[n++] = (struct lab_va_range){m->b->kernel_base, 0x1000};
	for (uint32_t at = 0x1000; at + 0x1000 <= k->size_of_image && n < 8; at += 0x1000)
		for (uint32_t i = 0; i + 4 <= 0x1000; i += 4)
			if (!memcmp(k->mapped + at + i, "RSDS", 4)) {
				ranges[n++] = (struct lab_va_range){m->b->kernel_base + at, 0x1000};
				break;
			}
	/* The debug directory, where it is on another page. */
	uint32_t pe = (uint32_t)k->mapped[0x3c] | (uint32_t)k->mapped[0x3d] << 8, debug;
	memcpy(&debug, k->mapped + pe + 24 + (lab_build_is64(m->b) ? 112 : 96) + 6 * 8, 4);
	bool have = debug < 0x1000;
	for (uint32_t i = 0; i < n; i++)
		have |= ranges[i].va == m->b->kernel_base + (debug & ~0xfffu);
	if (!have)
		ranges[n++] = (struct lab_va_range){m->b->kernel_base + (debug & ~0xfffu), 0x1000};
	ranges[n++] = (struct lab_va_range){lab_global_va(m, "KiProcessorBlock"), m->n_cpus * lab_ptr_size(m->b)};
	for (unsigned cpu = 0; cpu < m->n_cpus; cpu++)
		ranges[n++] = (struct lab_va_range){m->prcb_va[cpu], 0x100};
	for (size_t i = 0; i < m->n_modules; i++)
		modules[i] = (struct lab_triage_module){
			m->modules[i].full_name, m->modules[i].base, m->modules[i].image->size_of_image,
			m->modules[i].image->checksum, m->modules[i].image->time_date_stamp};
	static const struct lab_unloaded_module unloaded[] = {{"labold.sys", 0, 0}};
	h->triage_ranges = ranges;
	h->n_triage_ranges = n;
	h->modules = modules;
	h->n_modules = (uint32_t)m->n_modules;
	h->unloaded = unloaded;
	h->n_unloaded = 1;
}

static void remove_intermediates(const char *dir)
{
	static const char *const stems[] = {"ntoskrnl", "ntimport", "hal", "labflt", "labnet", "labdisk"};
	/* Sources last: they say where drivers allocate, for tests that ask. */
	static const char *const ends[] = {".obj", ".def", ".lib", ".map", ".exp", ".c"};
	const size_t n_ends = sizeof ends / sizeof ends[0] - (getenv("LAB_KEEP_SOURCES") != NULL);
	for (size_t i = 0; i < sizeof stems / sizeof stems[0]; i++)
		for (size_t k = 0; k < n_ends; k++) {
			char path[4096];
			snprintf(path, sizeof path, "%s/%s%s", dir, stems[i], ends[k]);
			(void)unlink(path);
		}
}

static size_t write_containers(const struct request *r, struct lab_machine *m, const struct lab_header *h,
			       struct lab_output *outputs)
{
	size_t n = 0;
	for (int i = 0; i < LAB_CONTAINER_MAX; i++) {
		enum lab_container kind = (enum lab_container)i;
		char path[4096];
		if (!wanted(r->containers, kind) || !lab_container_supported(h, kind))
			continue;
		outputs[n].kind = kind;
		snprintf(outputs[n].file, sizeof outputs[n].file, "machine.%s.dmp%s", lab_container_name(kind),
			 r->gzip ? ".gz" : "");
		snprintf(path, sizeof path, "%s/%s", r->dir, outputs[n].file);
		if (r->o.backing)
			lab_container_finish_full(m->mem, h, path);
		else
			lab_container_write(m->mem, h, kind, path, !r->gzip, r->gzip ? 6 : 0);
		if (m->o.fill_seed && kind == LAB_CONTAINER_FULL && !r->gzip)
			fill_full_dump(m, path);
		n++;
	}
	if (n == 0)
		lab_die("this build is not written as %s", r->containers);
	return n;
}

static int build(int argc, char **argv)
{
	struct request r = parse(argc, argv);
	struct lab_header h;
	struct lab_output outputs[LAB_CONTAINER_MAX];
	char path[4096], isf[64];
	check_containers(r.containers);
	mkdir(r.dir, 0777);
	/* A bench machine is built in its dump: it may be larger than the host's memory. */
	char backing[4096];
	if (r.o.fill_seed && !r.gzip && !strcmp(r.containers, "full")) {
		snprintf(backing, sizeof backing, "%s/machine.full.dmp", r.dir);
		r.o.backing = backing;
	}
	struct lab_machine *m = lab_machine_new(&r.o);
	r.c->plant(m);
	lab_machine_finish(m);
	if (r.c->damage)
		r.c->damage(m);
	lab_machine_header(m, &h);
	triage_ranges(m, &h);
	size_t n = write_containers(&r, m, &h, outputs);
	snprintf(isf, sizeof isf, "%s-%u.json.xz", m->kernel->pdb_guid_hex, m->kernel->pdb_age);
	snprintf(path, sizeof path, "%s/%s", r.dir, isf);
	char *types = lab_types_json(m->b);
	lab_image_write_isf(m->kernel, types, h.machine, path);
	free(types);
	snprintf(path, sizeof path, "%s/truth.json", r.dir);
	lab_truth_write(m, &h, isf, outputs, n, path);
	remove_intermediates(r.dir);
	printf("%s on %s, seed %" PRIu64 ": %zu containers, %zu tags, %zu blocks\n", r.o.case_name, m->b->key, r.o.seed,
	       n, m->n_tags, m->n_blocks);
	lab_machine_free(m);
	return 0;
}

static int compare(int argc, char **argv)
{
	const char *container = NULL, *files[2];
	int n = 0;
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--container") && i + 1 < argc)
			container = argv[++i];
		else if (n < 2 && (argv[i][0] != '-' || !argv[i][1]))
			files[n++] = argv[i];
		else
			usage();
	}
	if (n != 2)
		usage();
	return lab_compare(files[0], files[1], container);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc > 2 && !strcmp(argv[1], "build"))
		return build(argc - 2, argv + 2);
	if (argc > 2 && !strcmp(argv[1], "compare"))
		return compare(argc - 2, argv + 2);
	usage();
}
