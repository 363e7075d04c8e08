/* SPDX-License-Identifier: MIT */
/* Kernel and driver images: sources, and the tools that compile and link them. */
#include "image.h"
#include "image_private.h"
#include "mem_private.h"
#include "tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

static const char *triple(enum lab_arch arch)
{
	switch (arch) {
	case LAB_ARCH_X86:
		return "i686-pc-windows-msvc";
	case LAB_ARCH_X64:
		return "x86_64-pc-windows-msvc";
	case LAB_ARCH_ARM64:
		return "aarch64-pc-windows-msvc";
	}
	lab_die("unknown architecture %d", (int)arch);
}

static FILE *create_in(const char *dir, const char *name, const char *extension)
{
	char *file = lab_tool_text("%s%s", name, extension), *path = lab_tool_text("%s/%s", dir, file);
	FILE *f;

#ifndef _WIN32
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		lab_die("cannot create %s: %s", dir, strerror(errno));
#endif
	f = fopen(path, "wb");
	if (f == NULL)
		lab_die("cannot create %s: %s", path, strerror(errno));
	free(file);
	free(path);
	return f;
}

static void close_written(FILE *f)
{
	const bool failed = ferror(f) != 0;

	if (fclose(f) != 0 || failed)
		lab_die("write error");
}

static bool with_unwind_data;

void lab_image_with_unwind_data(void)
{
	with_unwind_data = true;
}

static void compile(enum lab_arch arch, const char *name, const char *opt, bool unwind, const char *work_dir)
{
	static const char *const fixed[] = {
		"-g",
		"-gcodeview",
		"-fno-eliminate-unused-debug-types",
		"-fdebug-compilation-dir=c:\\lab",
		"-fcoverage-compilation-dir=c:\\lab",
		"-fno-color-diagnostics", /* else the terminal decides what debug information says of the command */
		"-mno-incremental-linker-compatible",
		"-ffreestanding",
		"-fno-stack-protector",
		"-mno-stack-arg-probe",
		"-w",
		"-std=gnu11",
		"-c",
	};
	struct lab_tool c = {0};

	lab_tool_add(&c, "%s", "clang");
	lab_tool_add(&c, "--target=%s", triple(arch));
	lab_tool_add_all(&c, fixed, sizeof fixed / sizeof fixed[0]);
	if (with_unwind_data || unwind)
		lab_tool_add(&c, "%s", "-funwind-tables");
	lab_tool_add(&c, "%s", opt);
	lab_tool_add(&c, "%s.c", name);
	lab_tool_add(&c, "%s", "-o");
	lab_tool_add(&c, "%s.obj", name);
	lab_tool_reads(&c, "%s.c", name);
	lab_tool_writes(&c, "%s.obj", name);
	lab_tool_run(&c, work_dir);
}

/* A time of 2017 to 2021 in the header, from the seed. */
static uint32_t stamp_of(uint64_t seed)
{
	uint64_t state = seed ^ UINT64_C(0x7374616d70);

	return UINT32_C(0x59000000) + (uint32_t)(lab_rand(&state) % UINT32_C(0x8000000));
}

static void link_common(struct lab_tool *c, const char *name, const char *extension, const char *pdb_name,
			uint64_t seed)
{
	static const char *const fixed[] = {
		"/nologo", "/driver",    "/subsystem:native", "/nodefaultlib",
		"/debug",  "/opt:noref", "/opt:noicf",        "/pdbsourcepath:c:\\lab",
	};
	char stamp[16], *output = lab_tool_text("/out:%s%s", name, extension);

	lab_tool_add(c, "%s", "lld-link");
	lab_tool_add_all(c, fixed, sizeof fixed / sizeof fixed[0]);
	snprintf(stamp, sizeof stamp, "0x%08x", (unsigned)stamp_of(seed));
	lab_tool_add(c, "/timestamp:%s", stamp);
	lab_tool_add(c, "%s", output);
	lab_tool_add(c, "/pdb:%s", pdb_name);
	lab_tool_add(c, "/pdbaltpath:%s", pdb_name);
	lab_tool_add(c, "/map:%s.map", name);
	lab_tool_add(c, "%s.obj", name);
	lab_tool_reads(c, "%s.obj", name);
	lab_tool_writes(c, "%s", output + strlen("/out:"));
	lab_tool_writes(c, "%s", pdb_name);
	lab_tool_writes(c, "%s.map", name);
	lab_tool_writes(c, "%s.lib", name);
	free(output);
}

static void guid_bytes(const char *hex, uint8_t ret[16])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	for (unsigned i = 0; i < 16; i++) {
		unsigned byte;
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			lab_die("not a GUID: %s", hex);
		ret[order[i]] = (uint8_t)byte;
	}
}

/* Every place where the linker wrote its own GUID into the file; it is drawn at random, so no other 16 bytes are it. */
static size_t replace_guid(uint8_t *bytes, size_t n, const uint8_t from[16], const uint8_t to[16])
{
	size_t found = 0;
	for (size_t i = 0; i + 16 <= n; i++)
		if (memcmp(bytes + i, from, 16) == 0) {
			memcpy(bytes + i, to, 16);
			found++;
		}
	return found;
}

/* Image and PDB get another identity. */
static void put_guid(struct lab_image *img, const char *guid, const char *pdb_name, const char *work_dir)
{
	struct lab_image pdb = {0};
	char *path = lab_tool_text("%s/%s", work_dir, pdb_name);
	uint8_t from[16], to[16];
	FILE *f;

	guid_bytes(guid, to);
	for (size_t i = 0; i + 24 <= img->file_size; i++)
		if (memcmp(img->file + i, "RSDS", 4) == 0)
			memcpy(from, img->file + i + 4, 16);
	pdb.file = lab_read_file(path, &pdb.file_size);
	if (replace_guid(img->file, img->file_size, from, to) == 0 ||
	    replace_guid(pdb.file, pdb.file_size, from, to) == 0)
		lab_die("no GUID in image or %s", path);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(pdb.file, 1, pdb.file_size, f) != pdb.file_size)
		lab_die("cannot write %s", path);
	close_written(f);
	free(pdb.file);
	free(path);
}

/* The linked image of work_dir; the file there gets its checksum too. */
static struct lab_image *collect(const char *name, const char *extension, const char *work_dir, const char *guid,
				 const char *pdb_name)
{
	struct lab_image *img = lab_xcalloc(1, sizeof *img);
	char *file = lab_tool_text("%s%s", name, extension), *path = lab_tool_text("%s/%s", work_dir, file);
	char *map_file = lab_tool_text("%s.map", name, ""), *map = lab_tool_text("%s/%s", work_dir, map_file);
	FILE *f;

	img->file = lab_read_file(path, &img->file_size);
	if (guid != NULL)
		put_guid(img, guid, pdb_name, work_dir);
	lab_pe_fill_image(img);
	lab_map_read(img, map);
	f = create_in(work_dir, name, extension);
	if (fwrite(img->file, 1, img->file_size, f) != img->file_size)
		lab_die("cannot write %s", path);
	close_written(f);
	free(file);
	free(path);
	free(map_file);
	free(map);
	return img;
}

static struct lab_image *link_kernel(enum lab_arch arch, const char *pdb_name, const struct lab_global *globals,
				     size_t n_globals, const char *c_types, const char *work_dir, uint64_t seed,
				     const char *guid, uint32_t pinned_rva)
{
	static const char *const kernel_only[] = {
		"/dll", "/entry:KiSystemStartup", "/def:ntoskrnl.def", "/implib:ntoskrnl.lib", "/section:INIT,ERD",
	};
	struct lab_tool c = {0};
	FILE *f = create_in(work_dir, "ntoskrnl", ".c");

	lab_source_kernel(f, arch, globals, n_globals, c_types, seed, pinned_rva);
	close_written(f);
	f = create_in(work_dir, "ntoskrnl", ".def");
	lab_source_exports(f, arch, false);
	close_written(f);
	compile(arch, "ntoskrnl", "-O1", false, work_dir);
	link_common(&c, "ntoskrnl", ".exe", pdb_name, seed);
	lab_tool_add_all(&c, kernel_only, sizeof kernel_only / sizeof kernel_only[0]);
	lab_tool_reads(&c, "%s", "ntoskrnl.def");
	lab_tool_run(&c, work_dir);
	return collect("ntoskrnl", ".exe", work_dir, guid, pdb_name);
}

static bool has_pinned(const struct lab_global *globals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (globals[i].rva != 0)
			return true;
	return false;
}

struct lab_image *lab_image_build_kernel(enum lab_arch arch, const char *pdb_name, const struct lab_global *globals,
					 size_t n_globals, const char *c_types, const char *work_dir, uint64_t seed,
					 const char *guid)
{
	struct lab_image *img;
	uint32_t rva = 0;

	if (!has_pinned(globals, n_globals))
		return link_kernel(arch, pdb_name, globals, n_globals, c_types, work_dir, seed, guid, 0);
	/* The first time for the place of the block alone. */
	img = link_kernel(arch, pdb_name, globals, n_globals, c_types, work_dir, seed, NULL, 0);
	rva = lab_image_rva(img, LAB_PINNED);
	lab_image_free(img);
	img = link_kernel(arch, pdb_name, globals, n_globals, c_types, work_dir, seed, guid, rva);
	if (lab_image_rva(img, LAB_PINNED) != rva)
		lab_die("the linker moved " LAB_PINNED);
	return img;
}

static const char *dlltool_machine(enum lab_arch arch)
{
	return arch == LAB_ARCH_X86 ? "i386" : arch == LAB_ARCH_X64 ? "i386:x86-64" : "arm64";
}

static void make_import_library(enum lab_arch arch, const char *work_dir)
{
	struct lab_tool c = {0};
	FILE *f = create_in(work_dir, "ntimport", ".def");

	lab_source_exports(f, arch, true);
	close_written(f);
	lab_tool_add(&c, "%s", "llvm-dlltool");
	lab_tool_add(&c, "%s", "-k");
	lab_tool_add(&c, "%s", "-m");
	lab_tool_add(&c, "%s", dlltool_machine(arch));
	lab_tool_add(&c, "%s", "-d");
	lab_tool_add(&c, "%s", "ntimport.def");
	lab_tool_add(&c, "%s", "-l");
	lab_tool_add(&c, "%s", "ntimport.lib");
	lab_tool_reads(&c, "%s", "ntimport.def");
	lab_tool_writes(&c, "%s", "ntimport.lib");
	lab_tool_run(&c, work_dir);
}

static struct lab_image *build_driver(enum lab_arch arch, const char *name, const char *c_source, const char *opt,
				      const char *work_dir, uint64_t seed, bool unwind, const char *exporter)
{
	struct lab_tool c = {0};
	char *pdb_name = lab_tool_text("%s.pdb", name, "");
	FILE *f = create_in(work_dir, name, ".c");
	struct lab_image *img;

	/* Before the caller's text, which may end in a comment without a newline. */
	fprintf(f,
		"extern const unsigned long long LabSeed;\nconst unsigned long long LabSeed = 0x%llxull;\n#line "
		"1\n%s\n",
		(unsigned long long)seed, c_source);
	close_written(f);
	make_import_library(arch, work_dir);
	compile(arch, name, opt, unwind, work_dir);
	link_common(&c, name, ".sys", pdb_name, seed);
	lab_tool_add(&c, "%s", "ntimport.lib");
	lab_tool_reads(&c, "%s", "ntimport.lib");
	if (exporter != NULL) {
		lab_tool_add(&c, "%s.lib", exporter);
		lab_tool_reads(&c, "%s.lib", exporter);
	}
	if (strstr(c_source, "DriverEntry") != NULL) {
		lab_tool_add(&c, "%s", "/entry:DriverEntry");
	} else {
		lab_tool_add(&c, "%s", "/dll");
		lab_tool_add(&c, "%s", "/noentry");
	}
	lab_tool_run(&c, work_dir);
	img = collect(name, ".sys", work_dir, NULL, NULL);
	free(pdb_name);
	return img;
}

struct lab_image *lab_image_build_driver(enum lab_arch arch, const char *name, const char *c_source, const char *opt,
					 const char *work_dir, uint64_t seed)
{
	return build_driver(arch, name, c_source, opt, work_dir, seed, false, NULL);
}

struct lab_image *lab_image_build_importer(enum lab_arch arch, const char *name, const char *c_source, const char *opt,
					   const char *work_dir, uint64_t seed, const char *exporter)
{
	return build_driver(arch, name, c_source, opt, work_dir, seed, true, exporter);
}

void lab_image_free(struct lab_image *img)
{
	if (img == NULL)
		return;
	for (size_t i = 0; i < img->n_symbols; i++)
		free(img->symbols[i].name);
	free(img->symbols);
	free(img->file);
	free(img->mapped);
	free(img);
}

uint32_t lab_image_rva(const struct lab_image *img, const char *name)
{
	for (size_t i = 0; i < img->n_symbols; i++) {
		if (strcmp(img->symbols[i].name, name) == 0)
			return img->symbols[i].rva;
	}
	lab_die("%s has no symbol %s", img->pdb_name, name);
}
