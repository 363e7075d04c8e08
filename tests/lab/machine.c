/* SPDX-License-Identifier: MIT */
/* Assembly of the machine: memory, shared page, images, and the order in which everything is written. */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

#define KUSER_X64     0xfffff78000000000ull
#define KUSER_X86     0xffdf0000ull
#define DUMP_FILETIME 0x01dc7b9474400080ull /* 2026-01-02T03:04:05Z */
#define UPTIME_100NS  (93784ull * 10000000 + 1234567)

static uint64_t dump_time(const struct lab_machine *m)
{
	return DUMP_FILETIME + m->o.later_100ns;
}

static uint64_t uptime(const struct lab_machine *m)
{
	return m->o.rebooted ? 3600ull * 10000000 : UPTIME_100NS + m->o.later_100ns;
}

uint32_t lab_random(struct lab_machine *m, uint32_t below)
{
	return below > 1 ? (uint32_t)((lab_rand(&m->rng) >> 32) % below) : 0;
}

void lab_put_n(struct lab_machine *m, uint64_t va, uint64_t value, uint32_t size_bytes)
{
	uint8_t bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	if (size_bytes > 8)
		lab_die("number of %u bytes", size_bytes);
	lab_put(m->mem, va, bytes, size_bytes);
}

void lab_put_ptr(struct lab_machine *m, uint64_t va, uint64_t value)
{
	lab_put_n(m, va, value, lab_ptr_size(m->b));
}

uint64_t lab_get_ptr(struct lab_machine *m, uint64_t va)
{
	return lab_build_is64(m->b) ? lab_get64(m->mem, va) : lab_get32(m->mem, va);
}

bool lab_put_field(struct lab_machine *m, uint64_t va, const char *type, const char *field, uint64_t value)
{
	if (!lab_has_field(m->b, type, field))
		return false;
	lab_put_n(m, va + lab_offset(m->b, type, field), value, lab_field_size(m->b, type, field));
	return true;
}

void lab_link_list(struct lab_machine *m, uint64_t head, const uint64_t *nodes, size_t n)
{
	uint32_t ptr = lab_ptr_size(m->b);
	uint64_t previous = head;
	for (size_t i = 0; i <= n; i++) {
		uint64_t node = i < n ? nodes[i] : head;
		lab_put_ptr(m, previous, node);
		lab_put_ptr(m, node + ptr, previous);
		previous = node;
	}
}

uint64_t lab_system_pages(struct lab_machine *m, uint64_t bytes)
{
	uint64_t va = m->system_va;
	bytes = (bytes + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1);
	lab_mem_map(m->mem, va, bytes, LAB_MAP_WRITE | LAB_MAP_GLOBAL);
	m->system_va = va + bytes + LAB_PAGE;
	return va;
}

uint64_t lab_system_bytes(struct lab_machine *m, uint64_t bytes)
{
	bytes = (bytes + 63) & ~63ull;
	if (bytes > m->bump_left) {
		m->bump_left = bytes > 0x8000 ? (bytes + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1) : 0x8000;
		m->bump_va = lab_system_pages(m, m->bump_left);
	}
	uint64_t va = m->bump_va;
	m->bump_va += bytes;
	m->bump_left -= bytes;
	return va;
}

static void write_shared_page(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint64_t u = lab_build_is64(b) ? KUSER_X64 : KUSER_X86, time = dump_time(m);
	static const char root[] = "C:\\Windows", old_root[] = "C:\\WINDOWS";
	lab_mem_map(m->mem, u, LAB_PAGE, LAB_MAP_WRITE | LAB_MAP_GLOBAL);
	lab_put32(m->mem, u + 4, 0x0fa00000);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t t = i ? time : uptime(m), at = u + (i ? 0x14 : 8);
		lab_put32(m->mem, at, (uint32_t)t);
		lab_put32(m->mem, at + 4, (uint32_t)(t >> 32));
		lab_put32(m->mem, at + 8, (uint32_t)(t >> 32));
	}
	const char *s = b->major == 5 ? old_root : root;
	for (unsigned i = 0; s[i]; i++)
		lab_put16(m->mem, u + 0x30 + 2 * i, (uint8_t)s[i]);
	if (b->major >= 10)
		lab_put32(m->mem, u + 0x260, b->number);
	lab_put32(m->mem, u + 0x264, 1);
	lab_put8(m->mem, u + 0x268, 1);
	lab_put32(m->mem, u + 0x26c, b->major);
	lab_put32(m->mem, u + 0x270, b->minor);
	lab_put32(m->mem, u + 0x2d0, 0x110);
	lab_put32(m->mem, u + 0x2e8, (uint32_t)lab_mem_total_pages(m->mem));
	lab_put64(m->mem, u + 0x320, uptime(m) / 156250);
	if (b->number >= 7600) {
		lab_put32(m->mem, u + 0x3c0, m->n_cpus);
		lab_put8(m->mem, u + 0x3c4, 1);
	}
}

static void write_physical_memory(struct lab_machine *m)
{
	static const char *const type = "_PHYSICAL_MEMORY_DESCRIPTOR";
	const struct lab_build *b = m->b;
	size_t n;
	const struct lab_run *runs = lab_mem_runs(m->mem, &n);
	uint32_t run_bytes = lab_type_size(b, "_PHYSICAL_MEMORY_RUN"), first = lab_offset(b, type, "Run");
	uint64_t at = lab_small(m, LAB_TAG('M', 'm', 'P', 'h'), LAB_POOL_NONPAGED, first + (uint32_t)n * run_bytes);
	lab_put_field(m, at, type, "NumberOfRuns", n);
	lab_put_field(m, at, type, "NumberOfPages", lab_mem_total_pages(m->mem));
	for (size_t i = 0; i < n; i++) {
		lab_put_field(m, at + first + i * run_bytes, "_PHYSICAL_MEMORY_RUN", "BasePage", runs[i].first_pfn);
		lab_put_field(m, at + first + i * run_bytes, "_PHYSICAL_MEMORY_RUN", "PageCount", runs[i].n_pages);
	}
	lab_set_global(m, "MmPhysicalMemoryBlock", at);
	lab_mem_map(m->mem, b->pfn_database, LAB_PAGE, LAB_MAP_WRITE);
	lab_set_global(m, "MmPfnDatabase", b->pfn_database);
}

static struct lab_mem *new_memory(const struct lab_options *o, const struct lab_build *b)
{
	uint64_t pages = o->ram_bytes / LAB_PAGE;
	/* The first page, video memory and a device window above 3 GiB are no RAM. */
	struct lab_run runs[4] = {{1, 0x9e}, {0x100, 0}};
	size_t n = 2;
	uint64_t left = pages - 0x9e, hole = 0xc0000;
	runs[1].n_pages = left;
	if (0x100 + left > hole) {
		runs[1].n_pages = hole - 0x100;
		runs[2] = (struct lab_run){0x100000, left - runs[1].n_pages};
		n = 3;
	} else if (left > 0x4000) {
		/* A small hole in the middle. */
		runs[1].n_pages = left / 2;
		runs[2] = (struct lab_run){0x100 + left / 2 + 0x40, left - left / 2};
		n = 3;
	}
	for (size_t i = 0; i < n; i++) /* RAM of ARM64 does not begin at 0; often at 2 GiB */
		runs[i].first_pfn += o->ram_base / LAB_PAGE + (b->arch == LAB_ARCH_ARM64 ? 0x8000 : 0);
	enum lab_softpte softpte = !o->other_softpte               ? b->softpte
				   : b->softpte == LAB_SOFTPTE_NEW ? LAB_SOFTPTE_OLD
								   : LAB_SOFTPTE_NEW;
	struct lab_mem *mem = lab_mem_new(b->mmu, softpte, runs, n, b->self_map_slot, o->seed);
	if (o->backing)
		lab_mem_keep_in(mem, o->backing, lab_build_is64(b) ? 0x2000 : 0x1000);
	lab_mem_set_invalid_pte_mask(mem, b->number < 26100 && softpte == LAB_SOFTPTE_NEW ? o->invalid_pte_mask : 0);
	return mem;
}

/* Slot 0x111 of the fifth level. */
static void widen(struct lab_build *b)
{
	const uint64_t slot = 0xff11000000000000, low = 0x0000ffffffffffff;
	b->mmu = LAB_MMU_LA57;
	b->nonpaged_base = slot | (b->nonpaged_base & low);
	b->nonpaged_end = slot | (b->nonpaged_end & low);
	b->paged_base = slot | (b->paged_base & low);
	b->paged_end = slot | (b->paged_end & low);
}

uint64_t lab_pte_base(const struct lab_build *b)
{
	return b->mmu == LAB_MMU_LA57 ? 0xff00000000000000 | (uint64_t)b->self_map_slot << 48
				      : 0xffff000000000000 | (uint64_t)b->self_map_slot << 39;
}

struct lab_machine *lab_machine_new(const struct lab_options *o)
{
	struct lab_machine *m = calloc(1, sizeof *m);
	if (!m)
		lab_die("out of memory");
	m->o = *o;
	m->b = o->build;
	m->own_build = *o->build;
	m->own_build.verifier |= o->verifier;
	m->own_build.stackdb |= o->stackdb != LAB_STACKDB_NONE;
	m->own_build.objects |= o->objects;
	m->own_build.special |= o->special;
	m->own_build.mi_shift = o->moved_mi ? 0x80 : 0;
	if (o->la57)
		widen(&m->own_build);
	m->b = &m->own_build;
	m->rng = o->seed * 0x9e3779b97f4a7c15 + 1;
	m->n_cpus = o->n_cpus;
	m->n_track_tables = m->b->percpu_tag_tables ? m->n_cpus : 1;
	m->mem = new_memory(o, m->b);
	m->system_va = m->b->system_pte_base;
	lab_pool_init(m);
	write_shared_page(m);
	lab_modules_init(m);
	lab_session_init(m);
	lab_processors_init(m);
	lab_processes_init(m);
	lab_threads_init(m);
	write_physical_memory(m);
	return m;
}

void lab_machine_finish(struct lab_machine *m)
{
	lab_modules_finish(m);
	lab_verifier_finish(m);
	lab_stackdb_finish(m);
	lab_trackers_place(m);
	lab_pool_close_all(m);
	lab_big_finish(m);
	lab_pool_finish(m);
	lab_lookaside_finish(m);
	if (m->b->heap_backed)
		lab_heaps_finish(m);
	lab_trackers_write(m);
	lab_session_finish(m);
	lab_ranges_finish(m);
	lab_kdbg_finish(m);
	lab_session_split(m);
}

void lab_machine_free(struct lab_machine *m)
{
	for (size_t i = 0; i < m->n_modules; i++)
		lab_image_free(m->modules[i].image);
	for (size_t i = 0; i < m->n_streams; i++) {
		free(m->streams[i].free);
		free(m->streams[i].pending);
	}
	free(m->tags);
	free(m->tag_index);
	free(m->blocks);
	for (size_t i = 0; i < m->n_chains; i++)
		free(m->chains[i].nodes);
	free(m->chains);
	free(m->cached);
	free(m->bigs);
	free(m->session_bigs);
	lab_verifier_free(m);
	lab_stackdb_free(m);
	lab_heaps_free(m);
	lab_mem_free(m->mem);
	free(m);
}

void lab_machine_header(const struct lab_machine *m, struct lab_header *h)
{
	const struct lab_build *b = m->b;
	memset(h, 0, sizeof *h);
	h->is_64bit = lab_build_is64(b);
	h->pae = b->mmu == LAB_MMU_PAE;
	h->machine = lab_build_machine(b);
	h->major = 0xf;
	h->minor = b->number;
	h->pfn_database = b->pfn_database;
	h->ps_loaded_module_list = lab_global_va(m, "PsLoadedModuleList");
	h->ps_active_process_head = lab_global_va(m, "PsActiveProcessHead");
	h->kd_debugger_data_block = h->kdbg_va = m->kdbg_va;
	h->kdbg_size_bytes = b->kdbg_size_bytes;
	h->n_processors = m->n_cpus;
	h->bugcheck_code = 0x0a;
	h->bugcheck_parameters[0] = 0x28;
	h->bugcheck_parameters[1] = 2;
	h->bugcheck_parameters[2] = 1;
	h->bugcheck_parameters[3] = b->kernel_base + lab_image_rva(m->kernel, "KeSetEvent");
	h->system_time_filetime = dump_time(m);
	h->system_up_time_100ns = uptime(m);
	h->product_type = 1;
	h->suite_mask = 0x110;
	h->stack_va = m->stack_va[0] + 0x2000;
	h->stack_size_bytes = h->is_64bit ? 0x4000 : 0x1000;
}
