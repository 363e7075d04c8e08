/* SPDX-License-Identifier: MIT */
/* Page tables and kernel of an image that has no Windows header (reference: kernel 4, paging 9, dumps 26). Sources of
 * page tables, all tested in the same way: what the user says, registers that the container saved, the stub that starts
 * processors on x64, the System process of a kernel so found, and tables that refer to themselves, anywhere in memory.
 */
#include "kernel/infer.h"
#include "kernel/internal.h"

#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 64u
#define SCAN_CHUNK     0x10000u /* pages: 256 MiB */
#define SELF_FOUND     2u       /* of psc_space_plausibility() */
#define KUSER_FOUND    4u

struct candidate {
	enum psc_mmu mmu;
	uint64_t dtb, base, base_pa; /* base, base_pa: of the kernel they lead to, or 0 */
	bool is_wanted;              /* and that is the one that the user named, or none was named */
	unsigned n_kernel, n_user;   /* entries in each half of the top level */
	const char *how;
};

struct search {
	struct psc_image *img;
	const struct psc_discovery *d;
	const struct psc_log *log;
	struct psc_kernel *k; /* the space being tried; nothing else of it */
	struct candidate items[CANDIDATES_MAX];
	size_t n;
	uint64_t stub_entry;
};

static void count_half(const struct psc_image *img, uint64_t pa, size_t n, unsigned entry_bytes, unsigned *lower,
		       unsigned *upper)
{
	uint8_t table[PSC_PAGE_BYTES];
	if (psc_image_read_pa(img, pa, table, n * entry_bytes) != n * entry_bytes)
		return;
	for (size_t i = 0; i < n; i++)
		if (table[i * entry_bytes] & 1)
			++*(i < n / 2 ? lower : upper);
}

static void count_entries(const struct psc_space *sp, struct candidate *c)
{
	uint8_t top[32];
	if (sp->mmu != PSC_MMU_X86_PAE) {
		bool narrow = sp->mmu == PSC_MMU_X86;
		count_half(sp->img, sp->top_pa, narrow ? 1024 : 512, narrow ? 4 : 8, &c->n_user, &c->n_kernel);
		return;
	}
	if (psc_image_read_pa(sp->img, sp->top_pa, top, sizeof(top)) != sizeof(top))
		return;
	for (unsigned i = 0; i < 4; i++) {
		unsigned *n = i < 2 ? &c->n_user : &c->n_kernel;
		count_half(sp->img, psc_le64(top + 8u * i) & 0x000ffffffffff000u, 512, 8, n, n);
	}
}

static bool use_space(struct search *s, enum psc_mmu mmu, uint64_t dtb)
{
	if (psc_space_init(&s->k->space, s->img, mmu, dtb, NULL, NULL) != PSC_OK)
		return false;
	psc_reader_init(&s->k->reader, &s->k->space);
	return true;
}

/* Adds the tables when the machine's shared page reads through them. x64 tables can pass for ARM64 ones and the other
 * way round; the entry for themselves cannot. */
static bool try_tables(struct search *s, enum psc_mmu mmu, uint64_t dtb, const char *how)
{
	if (!use_space(s, mmu, dtb))
		return false;
	unsigned score = psc_space_plausibility(&s->k->space);
	if (score < KUSER_FOUND || (mmu == PSC_MMU_ARM64 && (score & SELF_FOUND) == 0))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].mmu == mmu && s->items[i].dtb == s->k->space.top_pa)
			return true;
	if (s->n == CANDIDATES_MAX)
		return false;
	struct candidate *c = &s->items[s->n++];
	memset(c, 0, sizeof(*c));
	c->mmu = mmu;
	c->dtb = s->k->space.top_pa;
	c->how = how;
	count_entries(&s->k->space, c);
	return true;
}

static void try_all_modes(struct search *s, uint64_t dtb, const char *how)
{
	static const enum psc_mmu modes[] = {PSC_MMU_ARM64, PSC_MMU_X64, PSC_MMU_X64_LA57, PSC_MMU_X86,
					     PSC_MMU_X86_PAE};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (try_tables(s, modes[i], dtb, how))
			return;
}

static void try_saved_registers(struct search *s)
{
	size_t n;
	const struct psc_image_cpu *cpus = psc_image_cpus(s->img, &n);
	for (size_t i = 0; i < n; i++)
		if (cpus[i].cr3)
			try_all_modes(s, cpus[i].cr3, "registers of a processor");
}

/* PROCESSOR_START_BLOCK; reference: kernel 4 [1], tested like all others. */
static void try_low_stub(struct search *s)
{
	uint8_t scratch[PSC_PAGE_BYTES];
	enum psc_page_presence presence;
	for (uint64_t pfn = 1; pfn < 0x100; pfn++) {
		const uint8_t *p = psc_image_page(s->img, pfn, scratch, &presence);
		if (!p || (psc_le64(p) & 0xffffffffffff00ffu) != 0x00000001000600e9u)
			continue;
		uint64_t entry = psc_le64(p + 0x70), cr3 = psc_le64(p + 0xa0);
		if (entry >> 40 != 0xfffff8 || cr3 == 0)
			continue;
		try_all_modes(s, cr3, "processor start block");
		s->stub_entry = entry;
	}
}

static bool is_zero_page(const uint8_t *p)
{
	return psc_le64(p) == 0 && memcmp(p, p + 8, PSC_PAGE_BYTES - 8) == 0;
}

static void scan_page(struct search *s, uint64_t pfn, const uint8_t *page)
{
	static const enum psc_mmu modes[] = {PSC_MMU_X64, PSC_MMU_ARM64, PSC_MMU_X86, PSC_MMU_X86_PAE};
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		uint64_t dtb;
		unsigned start = 0;
		while (psc_tables_scan_page(page, pfn, modes[m], &start, &dtb)) {
			if (!try_tables(s, modes[m], dtb, "search") && modes[m] == PSC_MMU_X64)
				(void)try_tables(s, PSC_MMU_X64_LA57, dtb, "search");
			/* The search reads through the reader's scratch pages, not through this one. */
		}
	}
}

static void scan_pages(struct search *s, uint64_t lo, uint64_t hi)
{
	uint8_t scratch[PSC_PAGE_BYTES];
	for (uint64_t pfn = lo; pfn < hi && s->n < CANDIDATES_MAX; pfn++) {
		if (pfn % 4096 == 0 && psc_image_is_cancelled(s->img))
			return;
		enum psc_page_presence presence;
		const uint8_t *page = psc_image_page(s->img, pfn, scratch, &presence);
		if (page && !is_zero_page(page))
			scan_page(s, pfn, page);
	}
}

static uint64_t base_from_idt(struct search *s)
{
	size_t n;
	const struct psc_image_cpu *cpus = psc_image_cpus(s->img, &n);
	for (size_t i = 0; i < n; i++) {
		uint8_t gate[16];
		uint64_t at = cpus[i].idt_base;
		if (!psc_is_kernel_va(&s->k->space, at) ||
		    psc_read_va(&s->k->reader, at, gate, sizeof(gate)) != sizeof(gate))
			continue;
		uint64_t handler = psc_le16(gate) | (uint64_t)psc_le16(gate + 6) << 16;
		if (!s->k->space.is_32bit)
			handler |= (uint64_t)psc_le32(gate + 8) << 32;
		uint64_t base = psc_kernel_base_below(s->k, handler);
		if (base && psc_is_kernel_image(s->k, base))
			return base;
	}
	return 0;
}

static uint64_t find_base(struct search *s, const struct candidate *c)
{
	if (!use_space(s, c->mmu, c->dtb))
		return 0;
	if (s->d->kernel_base)
		return psc_is_kernel_image(s->k, s->d->kernel_base) ? s->d->kernel_base : 0;
	/* Most tables of one machine lead to the kernel that others led to. */
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].base && psc_is_kernel_image(s->k, s->items[i].base))
			return s->items[i].base;
	uint64_t base = base_from_idt(s);
	if (base == 0 && s->stub_entry)
		base = psc_kernel_base_below(s->k, s->stub_entry);
	if (base && psc_is_kernel_image(s->k, base))
		return base;
	return psc_kernel_base_scan(s->k);
}

/* The block is a variable of the kernel; what a crash handler decoded may lie elsewhere, and names the kernel. */
static bool is_wanted(struct search *s, const struct candidate *c)
{
	struct psc_pe_info pe;
	struct psc_kdbg block;
	uint8_t bytes[0x380];
	uint64_t kdbg = s->d->kd_debugger_data_block;
	if (!c->base || !kdbg)
		return c->base != 0;
	if (!use_space(s, c->mmu, c->dtb))
		return false;
	if (psc_pe_read(&s->k->reader, c->base, &pe) && kdbg >= c->base && kdbg - c->base < pe.size_of_image)
		return true;
	size_t n = psc_read_va(&s->k->reader, kdbg, bytes, sizeof(bytes));
	return psc_kdbg_parse(bytes, n, &s->k->space, &block) && block.kern_base == c->base;
}

static void set_base(struct search *s, struct candidate *c, uint64_t base)
{
	c->base = base;
	if (base && use_space(s, c->mmu, c->dtb))
		c->base_pa = psc_translate(&s->k->reader, base).pa;
	c->is_wanted = is_wanted(s, c);
}

static bool find_bases(struct search *s)
{
	bool found = false;
	for (size_t i = 0; i < s->n; i++) {
		struct candidate *c = &s->items[i];
		if (!c->base)
			set_base(s, c, find_base(s, c));
		found = found || c->is_wanted;
	}
	return found;
}

/* An address that the user knows better: a kernel whose headers are gone. */
static void trust_named_base(struct search *s)
{
	bool is_found = s->d->kernel_base == 0;
	for (size_t i = 0; i < s->n; i++)
		is_found = is_found || s->items[i].base != 0;
	for (size_t i = 0; i < s->n && !is_found; i++)
		set_base(s, &s->items[i], s->d->kernel_base);
}

/* Chunk by chunk, until page tables lead to a kernel: the System process' lie low in memory (reference: kernel 4). */
static bool search_memory(struct search *s)
{
	uint64_t end = psc_image_highest_pfn(s->img) + 1;
	for (uint64_t pfn = 0; pfn < end && !psc_image_is_cancelled(s->img); pfn += SCAN_CHUNK) {
		uint64_t hi = psc_min_u64(end, pfn + SCAN_CHUNK);
		size_t before = s->n;
		scan_pages(s, pfn, hi);
		if ((s->n != before || pfn == 0) && find_bases(s))
			return true;
	}
	return find_bases(s);
}

/* After a restart the same addresses can be those of other memory. */
static bool is_same_kernel(const struct candidate *a, const struct candidate *b)
{
	return a->mmu == b->mmu && a->base == b->base && a->base_pa == b->base_pa;
}

/* Of one kernel's tables those of the System process: it has no user memory, or next to none; and of several the one
 * that has most of the kernel's. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->is_wanted != b->is_wanted || (a->base != 0) != (b->base != 0))
		return a->is_wanted || (!b->is_wanted && a->base != 0);
	if (!is_same_kernel(a, b))
		return false;
	return a->n_kernel != b->n_kernel ? a->n_kernel > b->n_kernel : a->n_user < b->n_user;
}

static void list_candidates(const struct search *s, const struct candidate *best, struct psc_warnings *warnings)
{
	static const char *const modes[] = {"", "x86", "x86 PAE", "x64", "x64 with five levels", "ARM64", "ARM64"};
	for (size_t i = 0; i < s->n; i++) {
		const struct candidate *c = &s->items[i];
		psc_logf(s->log, PSC_LOG_INFO,
			 "page tables %" PRIx64 " (%s, from %s), %u kernel and %u user entries, kernel at %016" PRIx64,
			 c->dtb, modes[c->mmu], c->how, c->n_kernel, c->n_user, c->base);
		bool known = c->base == 0 || is_same_kernel(c, best);
		for (size_t j = 0; j < s->n && !known; j++)
			known = is_same_kernel(&s->items[j], c) &&
				(j < i ? !is_better(c, &s->items[j]) : is_better(&s->items[j], c));
		if (!known)
			psc_warn(warnings,
				 "Another kernel is in this memory, at %016" PRIx64 " by the page tables at %" PRIx64
				 " (a guest's, or one before a restart); --dtb 0x%" PRIx64 " would take it",
				 c->base, c->dtb, c->dtb);
	}
}

static enum psc_status fail_nothing(const struct search *s, struct psc_error *reterr)
{
	const struct psc_discovery *d = s->d;
	if (d->directory_table_base)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_PA, d->directory_table_base,
				"no Windows kernel is mapped by page tables at 0x%" PRIx64, d->directory_table_base);
	if (strcmp(psc_image_format(s->img), "raw") == 0)
		return psc_fail(
			reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
			"not a Windows kernel dump (no PAGEDU64 or PAGEDUMP at the start), and read as a raw memory "
			"image it holds no Windows kernel; if parts of memory are moved in it, name them with "
			"--run-map");
	return psc_fail(
		reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
		"%s memory image, but no Windows kernel was found in it; --dtb and --kernel-base name it if they "
		"are known",
		psc_image_format(s->img));
}

/* The System process' tables, from a kernel that others lead to. Its PsInitialSystemProcess is exported;
 * DirectoryTableBase has never moved (reference: kernel 4). */
static bool try_system_process(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct candidate *c = &s->items[i];
		uint64_t process, dtb;
		if (!c->base || !use_space(s, c->mmu, c->dtb))
			continue;
		uint64_t va = psc_pe_export(&s->k->reader, c->base, "PsInitialSystemProcess");
		if (va && psc_read_ptr(&s->k->reader, va, &process) && psc_is_kernel_va(&s->k->space, process) &&
		    psc_read_ptr(&s->k->reader, process + (s->k->space.is_32bit ? 0x18 : 0x28), &dtb) &&
		    try_tables(s, c->mmu, dtb, "the System process"))
			return true;
	}
	return false;
}

static void find_candidates(struct search *s)
{
	if (s->d->directory_table_base) {
		try_all_modes(s, s->d->directory_table_base, "the command line");
		(void)find_bases(s);
		return;
	}
	try_saved_registers(s);
	try_low_stub(s);
	/* Where each page has to be unpacked, nothing more is looked for than is needed. */
	if (psc_image_is_decoded(s->img) && find_bases(s) && try_system_process(s) && find_bases(s))
		return;
	(void)search_memory(s);
}

enum psc_status psc_kernel_discover(struct psc_image *img, const struct psc_discovery *d, struct psc_warnings *warnings,
				    const struct psc_log *log, uint64_t *ret_base, struct psc_error *reterr)
{
	struct search s = {.img = img, .d = d, .log = log};
	struct psc_dump_header h;
	enum psc_status st = PSC_OK;
	s.k = calloc(1, sizeof(*s.k));
	if (!s.k)
		return psc_fail_no_memory(reterr);
	s.k->img = img;
	memset(&h, 0, sizeof(h)); /* a container's machine is a hint that a switch of modes makes wrong */
	psc_image_describe(img, &h);
	find_candidates(&s);
	trust_named_base(&s);
	if (psc_image_is_cancelled(img)) {
		st = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled in the search for a kernel");
		goto out;
	}
	const struct candidate *best = s.n ? &s.items[0] : NULL;
	for (size_t i = 1; i < s.n; i++)
		if (is_better(&s.items[i], best))
			best = &s.items[i];
	if (!best || !best->base || !use_space(&s, best->mmu, best->dtb)) {
		st = fail_nothing(&s, reterr);
		goto out;
	}
	s.k->base = best->base;
	psc_kernel_make_header(s.k, d->kd_debugger_data_block, &h);
	psc_image_describe(img, &h);
	list_candidates(&s, best, warnings);
	psc_logf(log, PSC_LOG_INFO, "page tables %" PRIx64 " are used (%s)", best->dtb, best->how);
	*ret_base = best->base;
out:
	psc_arena_deinit(&s.k->arena);
	free(s.k);
	return st;
}
