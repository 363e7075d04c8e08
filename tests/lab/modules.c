/* SPDX-License-Identifier: MIT */
/* Loaded and unloaded modules (kernel.md 5, 6), and the drivers whose code allocates the planted tags. */
#include "machine.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_LOADER LAB_TAG('M', 'm', 'L', 'd')

/* KLDR_DATA_TABLE_ENTRY, kernel.md 5. */
struct kldr {
	unsigned base, entry, size_of_image, full_name, base_name, flags, load_count, checksum, stamp, bytes;
};
static const struct kldr kldr32 = {0x18, 0x1c, 0x20, 0x24, 0x2c, 0x34, 0x38, 0x40, 0x58, 0x5c};
static const struct kldr kldr64 = {0x30, 0x38, 0x40, 0x48, 0x58, 0x68, 0x6c, 0x78, 0x9c, 0xa0};

static void put_utf16(struct lab_machine *m, uint64_t va, const char *s)
{
	for (; *s; s++, va += 2)
		lab_put16(m->mem, va, (uint8_t)*s);
}

void lab_put_string(struct lab_machine *m, uint64_t at, const char *s, enum lab_pool pool)
{
	uint16_t bytes = (uint16_t)(strlen(s) * 2);
	uint64_t buffer = lab_small(m, TAG_LOADER, pool, bytes + 2u);
	put_utf16(m, buffer, s);
	lab_put16(m->mem, at, bytes);
	lab_put16(m->mem, at + 2, (uint16_t)(bytes + 2));
	lab_put_ptr(m, at + lab_ptr_size(m->b), buffer);
}

static struct lab_module *add_module(struct lab_machine *m, const char *base_name, const char *directory,
				     struct lab_image *image, uint64_t base)
{
	if (m->n_modules == LAB_MODULES_MAX)
		lab_die("more than %d modules", LAB_MODULES_MAX);
	struct lab_module *mod = &m->modules[m->n_modules++];
	mod->image = image;
	mod->base = base;
	snprintf(mod->base_name, sizeof mod->base_name, "%s", base_name);
	snprintf(mod->full_name, sizeof mod->full_name, "\\SystemRoot\\system32\\%s%s", directory, base_name);
	return mod;
}

static void write_entry(struct lab_machine *m, struct lab_module *mod)
{
	const struct kldr *k = lab_build_is64(m->b) ? &kldr64 : &kldr32;
	uint64_t at = mod->entry_va = lab_small(m, TAG_LOADER, LAB_POOL_NONPAGED, k->bytes + 0x20);
	lab_put_ptr(m, at + k->base, mod->base);
	lab_put_ptr(m, at + k->entry, mod->base + 0x1000);
	lab_put32(m->mem, at + k->size_of_image, mod->image->size_of_image);
	lab_put_string(m, at + k->full_name, mod->full_name, LAB_POOL_PAGED);
	lab_put_string(m, at + k->base_name, mod->base_name, LAB_POOL_NONPAGED);
	lab_put32(m->mem, at + k->flags, 0x09104000);
	lab_put16(m->mem, at + k->load_count, 1);
	lab_put32(m->mem, at + k->checksum, mod->image->checksum);
	if (m->b->major >= 10)
		lab_put32(m->mem, at + k->stamp, mod->image->time_date_stamp);
}

void lab_modules_init(struct lab_machine *m)
{
	size_t n;
	struct lab_global *globals = lab_globals(m->b, &n);
	char *types = lab_types_c(m->b);
	const char *guid = NULL;
	if (m->o.real_kernel) {
		const struct lab_real_kernel *real = lab_real_kernel_find(m->b->key);
		if (!real)
			lab_die("no real kernel is known for %s", m->b->key);
		guid = real->guid;
		lab_globals_pin(globals, n, real);
	}
	m->kernel =
		lab_image_build_kernel(m->b->arch, m->b->pdb_name, globals, n, types, m->o.work_dir, m->o.seed, guid);
	free(types);
	free(globals);
	lab_image_load(m->mem, m->kernel, m->b->kernel_base);
	add_module(m, m->b->kernel_file, "", m->kernel, m->b->kernel_base);
}

static uint32_t rd32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Of the kernel or of a driver that is loaded already. */
static bool exported_symbol(const struct lab_machine *m, const char *name, uint64_t *ret)
{
	for (size_t k = 0; k < m->n_modules; k++) {
		const struct lab_image *img = m->modules[k].image;
		for (size_t i = 0; i < img->n_symbols; i++)
			if (!strcmp(img->symbols[i].name, name)) {
				*ret = m->modules[k].base + img->symbols[i].rva;
				return true;
			}
	}
	return false;
}

/* What the loader does: IAT slots hold the addresses of the kernel's routines. */
static void bind_imports(struct lab_machine *m, const struct lab_module *mod)
{
	const uint8_t *img = mod->image->mapped;
	uint32_t pe = rd32(img + 0x3c), ptr = lab_ptr_size(m->b);
	uint32_t imports = rd32(img + pe + 24 + (ptr == 8 ? 112 : 96) + 8);
	for (; imports && rd32(img + imports + 12); imports += 20) {
		uint32_t names = rd32(img + imports), iat = rd32(img + imports + 16);
		for (uint32_t i = 0; rd32(img + names + i * ptr); i++) {
			const char *name = (const char *)img + rd32(img + names + i * ptr) + 2;
			uint64_t va;
			if (!exported_symbol(m, name, &va))
				lab_die("%s imports %s", mod->base_name, name);
			lab_put_ptr(m, mod->base + iat + i * ptr, va);
		}
	}
}

/* Allocation routines of a driver: one per tag, and a wrapper with a constant tag of the caller. */
static char *driver_source(const struct lab_machine *m, unsigned which, unsigned n_drivers)
{
	struct lab_text t = {0};
	bool pool2 = m->b->number >= 19041;
	unsigned n = 0;
	lab_text_add(&t, "typedef %s size_t_;\n", lab_build_is64(m->b) ? "unsigned long long" : "unsigned int");
	lab_text_add(&t,
		     "__declspec(dllimport) void *__stdcall ExAllocatePoolWithTag(int, size_t_, unsigned);\n"
		     "__declspec(dllimport) void *__stdcall ExAllocatePool2(unsigned long long, size_t_, unsigned);\n"
		     "__declspec(dllimport) void __stdcall ExFreePoolWithTag(void *, unsigned);\n"
		     "void *volatile LabKept[256];\n"
		     "__attribute__((noinline)) void *LabAllocate(size_t_ n, unsigned tag)\n"
		     "{\n\tvoid *p = ExAllocatePoolWithTag(1, n, tag);\n\tLabKept[n & 255] = p;\n\treturn p;\n}\n");
	/* Tags of an owner case are those of its own drivers alone. */
	size_t n_tags = m->owner ? m->n_shared_tags : m->n_tags;
	for (size_t i = which; i < n_tags && n < 40; i += n_drivers, n++) {
		uint32_t tag = m->tags[i].key;
		bool paged = m->tags[i].pool[LAB_POOL_PAGED].cpu[0].allocs != 0;
		unsigned size = 32 + (n * 48) % 900;
		lab_text_add(&t, "__attribute__((noinline)) int LabUse%u(int k)\n{\n\tvoid *p;\n", n);
		if (n % 3 == 2)
			lab_text_add(&t, "\tp = LabAllocate(%u, 0x%08" PRIx32 ");\n", size, tag);
		else if (pool2)
			lab_text_add(&t, "\tp = ExAllocatePool2(0x%x, %u, 0x%08" PRIx32 ");\n", paged ? 0x100 : 0x40,
				     size, tag);
		else
			lab_text_add(&t, "\tp = ExAllocatePoolWithTag(%d, %u, 0x%08" PRIx32 ");\n",
				     paged                  ? 1
				     : m->b->number >= 9200 ? 0x200
							    : 0,
				     size, tag);
		lab_text_add(&t, "\tif (!p)\n\t\treturn -1;\n\tLabKept[k & 255] = p;\n");
		if (n % 5 == 1)
			lab_text_add(&t, "\tExFreePoolWithTag(p, 0x%08" PRIx32 ");\n", tag);
		lab_text_add(&t, "\treturn k + %u;\n}\n", n);
	}
	lab_text_add(&t, "int __stdcall DriverEntry(void *driver, void *path)\n{\n\tint k = path != 0;\n");
	for (unsigned i = 0; i < n; i++)
		lab_text_add(&t, "\tk += LabUse%u(k);\n", i);
	lab_text_add(&t, "\treturn driver ? k : 0;\n}\n");
	return t.s;
}

static void write_unloaded(struct lab_machine *m)
{
	bool is64 = lab_build_is64(m->b);
	uint32_t stride = is64 ? 0x28 : 0x18, ptr = lab_ptr_size(m->b);
	uint64_t array = lab_small(m, LAB_TAG('M', 'm', 'D', 'T'), LAB_POOL_NONPAGED, 50 * stride);
	static const char *const names[] = {"labold.sys", "labgone.sys"};
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = array + i * stride, base = m->b->driver_base + 0x800000 + i * 0x20000;
		lab_put_string(m, at, names[i], LAB_POOL_NONPAGED);
		lab_put_ptr(m, at + 2 * ptr, base);
		lab_put_ptr(m, at + 3 * ptr, base + 0x9000);
		lab_put64(m->mem, at + (is64 ? 0x20 : 0x10), 0x01dc7b1234567890 + i);
	}
	lab_set_global(m, "MmUnloadedDrivers", array);
	lab_set_global32(m, "MmLastUnloadedDriver", 2);
}

void lab_modules_finish(struct lab_machine *m)
{
	static const struct {
		const char *name, *opt;
	} drivers[] = {{"labflt", "-O2"}, {"labnet", "-O1"}, {"labdisk", "-O0"}};
	const unsigned n_drivers = sizeof drivers / sizeof drivers[0];
	uint64_t base = m->b->driver_base, links[LAB_MODULES_MAX];
	struct lab_image *hal = lab_image_build_driver(m->b->arch, "hal", "int HalLabState = 1;\n", "-O1",
						       m->o.work_dir, m->o.seed + 1);
	add_module(m, "hal.dll", "", hal, base);
	lab_image_load(m->mem, hal, base);
	for (unsigned i = 0; i < n_drivers; i++) {
		char *source = driver_source(m, i, n_drivers), file[64];
		base += (m->modules[m->n_modules - 1].image->size_of_image + 0x1ffffull) & ~0xffffull;
		struct lab_image *img = lab_image_build_driver(m->b->arch, drivers[i].name, source, drivers[i].opt,
							       m->o.work_dir, m->o.seed + 2 + i);
		free(source);
		lab_image_load(m->mem, img, base);
		snprintf(file, sizeof file, "%s.sys", drivers[i].name);
		bind_imports(m, add_module(m, file, "drivers\\", img, base));
	}
	for (unsigned i = 0; m->owner && i < m->owner->n_drivers; i++) {
		const struct lab_owner_driver *d = &m->owner->drivers[i];
		char file[64];
		base += (m->modules[m->n_modules - 1].image->size_of_image + 0x1ffffull) & ~0xffffull;
		struct lab_image *img = lab_image_build_importer(m->b->arch, d->name, d->source, "-O2", m->o.work_dir,
								 m->o.seed + 40 + i, d->exporter);
		lab_image_load(m->mem, img, base);
		snprintf(file, sizeof file, "%s.sys", d->name);
		bind_imports(m, add_module(m, file, "drivers\\", img, base));
	}
	for (size_t i = 0; i < m->n_modules; i++) {
		write_entry(m, &m->modules[i]);
		links[i] = m->modules[i].entry_va;
	}
	lab_link_list(m, lab_global_va(m, "PsLoadedModuleList"), links, m->n_modules);
	lab_owner_finish(m);
	write_unloaded(m);
}
