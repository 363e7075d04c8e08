/* SPDX-License-Identifier: MIT */
/* RAM of the synthetic machine: which frames exist, which are in use, and what they hold. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "mem.h"
#include "mem_private.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t lab_rand(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void lab_die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("lab: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void *lab_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size);

	if (p == NULL)
		lab_die("out of memory: %zu x %zu bytes", n, size);
	return p;
}

static void check_runs(const struct lab_run *runs, size_t n_runs, enum lab_mmu mmu)
{
	/* 32-bit software PTEs have 20 bits for a PFN, PAE ones 26 (paging.md section 3). */
	const uint64_t limit_pfn = mmu == LAB_MMU_X86   ? UINT64_C(1) << 20
				   : mmu == LAB_MMU_PAE ? UINT64_C(1) << 26
							: UINT64_C(1) << 36;
	uint64_t end = 0;

	if (n_runs == 0)
		lab_die("a machine needs RAM");
	for (size_t i = 0; i < n_runs; i++) {
		if (runs[i].n_pages == 0 || runs[i].first_pfn < end || runs[i].first_pfn >= limit_pfn ||
		    runs[i].n_pages > limit_pfn - runs[i].first_pfn)
			lab_die("run %zu: empty, out of order or beyond the MMU's reach", i);
		end = runs[i].first_pfn + runs[i].n_pages;
	}
}

static void make_chunks(struct lab_mem *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_runs; i++)
		n += (size_t)((m->runs[i].n_pages + LAB_CHUNK_PAGES - 1) / LAB_CHUNK_PAGES);
	m->chunks = lab_xcalloc(n, sizeof *m->chunks);
	for (size_t i = 0; i < m->n_runs; i++) {
		const struct lab_run *r = &m->runs[i];

		for (uint64_t at = 0; at < r->n_pages; at += LAB_CHUNK_PAGES) {
			const uint64_t left = r->n_pages - at;

			m->chunks[m->n_chunks++] = (struct lab_chunk){
				.first_pfn = r->first_pfn + at,
				.n_pages = left < LAB_CHUNK_PAGES ? (uint32_t)left : LAB_CHUNK_PAGES,
			};
		}
	}
	for (size_t i = m->n_chunks; i > 1; i--) {
		const size_t j = (size_t)(lab_rand(&m->rng) % i);
		const struct lab_chunk swap = m->chunks[i - 1];

		m->chunks[i - 1] = m->chunks[j];
		m->chunks[j] = swap;
	}
}

struct lab_mem *lab_mem_new(enum lab_mmu mmu, enum lab_softpte softpte, const struct lab_run *runs, size_t n_runs,
			    unsigned self_map_slot, uint64_t seed)
{
	struct lab_mem *m = lab_xcalloc(1, sizeof *m);

	check_runs(runs, n_runs, mmu);
	m->mmu = mmu;
	m->softpte = softpte;
	m->self_map_slot = self_map_slot;
	m->rng = seed;
	m->runs = lab_xcalloc(n_runs, sizeof *runs);
	memcpy(m->runs, runs, n_runs * sizeof *runs);
	m->n_runs = n_runs;
	for (size_t i = 0; i < n_runs; i++)
		m->total_pages += runs[i].n_pages;
	m->n_nodes = (size_t)(lab_mem_highest_pfn(m) / LAB_NODE_PAGES) + 1;
	m->nodes = lab_xcalloc(m->n_nodes, sizeof(struct lab_frame_node *));
	m->contiguous_top = lab_mem_highest_pfn(m) + 1;
	make_chunks(m);
	lab_pagetable_init(m);
	return m;
}

void lab_mem_free(struct lab_mem *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i] == NULL)
			continue;
		for (size_t j = 0; j < LAB_NODE_PAGES && m->file == NULL; j++)
			free(m->nodes[i]->page[j]);
		free(m->nodes[i]);
	}
	if (m->file != NULL)
		(void)munmap(m->file, (size_t)m->file_bytes);
	free(m->nodes);
	free(m->chunks);
	free(m->runs);
	free(m);
}

void lab_mem_set_invalid_pte_mask(struct lab_mem *m, uint64_t mask)
{
	m->invalid_pte_mask = mask;
}

enum lab_mmu lab_mem_mmu(const struct lab_mem *m)
{
	return m->mmu;
}

uint64_t lab_mem_dtb(const struct lab_mem *m)
{
	return m->dtb;
}

const struct lab_run *lab_mem_runs(const struct lab_mem *m, size_t *ret_n)
{
	*ret_n = m->n_runs;
	return m->runs;
}

uint64_t lab_mem_highest_pfn(const struct lab_mem *m)
{
	return m->runs[m->n_runs - 1].first_pfn + m->runs[m->n_runs - 1].n_pages - 1;
}

uint64_t lab_mem_total_pages(const struct lab_mem *m)
{
	return m->total_pages;
}

bool lab_mem_is_ram(const struct lab_mem *m, uint64_t pfn)
{
	size_t low = 0, high = m->n_runs;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (pfn < m->runs[mid].first_pfn)
			high = mid;
		else if (pfn - m->runs[mid].first_pfn >= m->runs[mid].n_pages)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

static const struct lab_frame_node *peek_node(const struct lab_mem *m, uint64_t pfn)
{
	return pfn / LAB_NODE_PAGES < m->n_nodes ? m->nodes[pfn / LAB_NODE_PAGES] : NULL;
}

static struct lab_frame_node *get_node(struct lab_mem *m, uint64_t pfn)
{
	struct lab_frame_node **node;

	if (!lab_mem_is_ram(m, pfn))
		lab_die("PFN %#llx is not RAM", (unsigned long long)pfn);
	node = &m->nodes[pfn / LAB_NODE_PAGES];
	if (*node == NULL)
		*node = lab_xcalloc(1, sizeof **node);
	return *node;
}

static uint8_t *place_in_file(const struct lab_mem *m, uint64_t pfn)
{
	uint64_t at = m->file_offset;

	for (size_t i = 0; i < m->n_runs; i++) {
		if (pfn - m->runs[i].first_pfn < m->runs[i].n_pages)
			return m->file + at + (pfn - m->runs[i].first_pfn) * LAB_PAGE_BYTES;
		at += m->runs[i].n_pages * LAB_PAGE_BYTES;
	}
	lab_die("PFN %#llx is not RAM", (unsigned long long)pfn);
}

static bool get_bit(const uint64_t *bits, uint64_t pfn)
{
	return (bits[pfn % LAB_NODE_PAGES / 64] >> (pfn % 64) & 1) != 0;
}

static void set_bit(uint64_t *bits, uint64_t pfn, bool value)
{
	const uint64_t bit = UINT64_C(1) << (pfn % 64);

	if (value)
		bits[pfn % LAB_NODE_PAGES / 64] |= bit;
	else
		bits[pfn % LAB_NODE_PAGES / 64] &= ~bit;
}

bool lab_mem_in_use(const struct lab_mem *m, uint64_t pfn)
{
	const struct lab_frame_node *node = peek_node(m, pfn);

	return node != NULL && (get_bit(node->used, pfn) || node->page[pfn % LAB_NODE_PAGES] != NULL);
}

void lab_mem_keep_in(struct lab_mem *m, const char *path, uint64_t offset)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);

	m->file_offset = offset;
	m->file_bytes = offset + m->total_pages * LAB_PAGE_BYTES;
	if (fd < 0 || ftruncate(fd, (off_t)m->file_bytes) != 0)
		lab_die("cannot make %s", path);
	m->file = mmap(NULL, (size_t)m->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->file == MAP_FAILED)
		lab_die("cannot map %s", path);
	(void)close(fd);
	/* The page tables that exist already. */
	for (size_t i = 0; i < m->n_runs; i++)
		for (uint64_t k = 0; k < m->runs[i].n_pages; k++) {
			const uint64_t pfn = m->runs[i].first_pfn + k;
			uint8_t **page = m->nodes[pfn / LAB_NODE_PAGES] != NULL
						 ? &m->nodes[pfn / LAB_NODE_PAGES]->page[pfn % LAB_NODE_PAGES]
						 : NULL;

			if (page == NULL || *page == NULL)
				continue;
			memcpy(place_in_file(m, pfn), *page, LAB_PAGE_BYTES);
			free(*page);
			*page = place_in_file(m, pfn);
		}
}

uint8_t *lab_mem_frame(struct lab_mem *m, uint64_t pfn)
{
	struct lab_frame_node *node;
	uint8_t **page;

	if (!lab_mem_is_ram(m, pfn))
		return NULL;
	node = get_node(m, pfn);
	page = &node->page[pfn % LAB_NODE_PAGES];
	if (*page == NULL)
		*page = m->file != NULL ? place_in_file(m, pfn) : lab_xcalloc(1, LAB_PAGE_BYTES);
	return *page;
}

const uint8_t *lab_mem_frame_peek(const struct lab_mem *m, uint64_t pfn)
{
	const struct lab_frame_node *node = peek_node(m, pfn);

	return node != NULL ? node->page[pfn % LAB_NODE_PAGES] : NULL;
}

void lab_mem_release_frame(struct lab_mem *m, uint64_t pfn)
{
	struct lab_frame_node *node;

	if (!lab_mem_is_ram(m, pfn))
		return;
	node = get_node(m, pfn);
	if (m->file != NULL)
		memset(place_in_file(m, pfn), 0, LAB_PAGE_BYTES);
	else
		free(node->page[pfn % LAB_NODE_PAGES]);
	node->page[pfn % LAB_NODE_PAGES] = NULL;
	set_bit(node->used, pfn, false);
}

static void open_next_chunk(struct lab_mem *m, struct lab_open_chunk *open)
{
	open->chunk = m->chunks[m->next_chunk++];
	open->position = 0;
	for (uint32_t i = 0; i < open->chunk.n_pages; i++)
		open->order[i] = (uint16_t)i;
	for (uint32_t i = open->chunk.n_pages; i > 1; i--) {
		const uint32_t j = (uint32_t)(lab_rand(&m->rng) % i);
		const uint16_t swap = open->order[i - 1];

		open->order[i - 1] = open->order[j];
		open->order[j] = swap;
	}
}

/* Windows never hands out page 0, so neither does the lab. */
static bool is_free(const struct lab_mem *m, uint64_t pfn)
{
	return pfn != 0 && !lab_mem_in_use(m, pfn);
}

static bool deal_from(struct lab_mem *m, struct lab_open_chunk *open, uint64_t *ret_pfn)
{
	for (;;) {
		while (open->position < open->chunk.n_pages) {
			const uint64_t pfn = open->chunk.first_pfn + open->order[open->position++];

			if (is_free(m, pfn)) {
				*ret_pfn = pfn;
				return true;
			}
		}
		if (m->next_chunk == m->n_chunks)
			return false;
		open_next_chunk(m, open);
	}
}

uint64_t lab_mem_alloc_frame(struct lab_mem *m)
{
	const unsigned start = (unsigned)(lab_rand(&m->rng) % LAB_N_OPEN_CHUNKS);
	uint64_t pfn;

	for (unsigned i = 0; i < LAB_N_OPEN_CHUNKS; i++) {
		if (deal_from(m, &m->open[(start + i) % LAB_N_OPEN_CHUNKS], &pfn)) {
			set_bit(get_node(m, pfn)->used, pfn, true);
			return pfn;
		}
	}
	/* Every chunk was dealt once; frames released since then are found by the search. */
	return lab_mem_alloc_frames(m, 1, 1);
}

static bool all_free(const struct lab_mem *m, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		if (!is_free(m, first + i))
			return false;
	}
	return true;
}

/* From high to low addresses, below top. */
static bool find_contiguous(const struct lab_mem *m, uint64_t n, uint64_t align, uint64_t top, uint64_t *ret_first)
{
	for (size_t i = m->n_runs; i-- > 0;) {
		const struct lab_run *r = &m->runs[i];
		uint64_t end = r->first_pfn + r->n_pages;

		if (end > top)
			end = top;
		while (end >= n && end - n >= r->first_pfn) {
			const uint64_t first = (end - n) / align * align;

			if (first < r->first_pfn)
				break;
			if (all_free(m, first, n)) {
				*ret_first = first;
				return true;
			}
			end = first + n - 1;
		}
	}
	return false;
}

uint64_t lab_mem_alloc_below(struct lab_mem *m, uint64_t n, uint64_t align_pages, uint64_t limit_pfn)
{
	uint64_t first;

	if (n == 0 || align_pages == 0)
		lab_die("contiguous frames: bad request");
	if (!find_contiguous(m, n, align_pages, limit_pfn, &first))
		lab_die("out of RAM: %llu contiguous frames", (unsigned long long)n);
	for (uint64_t i = 0; i < n; i++)
		set_bit(get_node(m, first + i)->used, first + i, true);
	return first;
}

uint64_t lab_mem_alloc_frames(struct lab_mem *m, uint64_t n, uint64_t align_pages)
{
	uint64_t first;

	if (n == 0 || align_pages == 0)
		lab_die("contiguous frames: bad request");
	/* Below the last success first: the search would otherwise cross everything allocated so far. */
	if (!find_contiguous(m, n, align_pages, m->contiguous_top, &first))
		return lab_mem_alloc_below(m, n, align_pages, UINT64_MAX);
	for (uint64_t i = 0; i < n; i++)
		set_bit(get_node(m, first + i)->used, first + i, true);
	m->contiguous_top = first;
	return first;
}

void lab_mem_drop_from_kernel_dumps(struct lab_mem *m, uint64_t pfn)
{
	set_bit(get_node(m, pfn)->dropped, pfn, true);
}

bool lab_mem_is_dropped(const struct lab_mem *m, uint64_t pfn)
{
	const struct lab_frame_node *node = peek_node(m, pfn);

	return node != NULL && get_bit(node->dropped, pfn);
}

static uint64_t pa_or_die(const struct lab_mem *m, uint64_t va)
{
	const uint64_t pa = lab_mem_pa(m, va);

	if (pa == LAB_NO_PA || !lab_mem_is_ram(m, pa / LAB_PAGE_BYTES))
		lab_die("no memory behind VA %#llx", (unsigned long long)va);
	return pa;
}

void lab_put(struct lab_mem *m, uint64_t va, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	while (n > 0) {
		const uint64_t pa = pa_or_die(m, va);
		const size_t in_page = LAB_PAGE_BYTES - (size_t)(pa % LAB_PAGE_BYTES);
		const size_t part = n < in_page ? n : in_page;

		memcpy(lab_mem_frame(m, pa / LAB_PAGE_BYTES) + pa % LAB_PAGE_BYTES, from, part);
		from += part;
		va += part;
		n -= part;
	}
}

void lab_get(const struct lab_mem *m, uint64_t va, void *bytes, size_t n)
{
	uint8_t *to = bytes;

	while (n > 0) {
		const uint64_t pa = pa_or_die(m, va);
		const uint8_t *page = lab_mem_frame_peek(m, pa / LAB_PAGE_BYTES);
		const size_t in_page = LAB_PAGE_BYTES - (size_t)(pa % LAB_PAGE_BYTES);
		const size_t part = n < in_page ? n : in_page;

		if (page != NULL)
			memcpy(to, page + pa % LAB_PAGE_BYTES, part);
		else
			memset(to, 0, part);
		to += part;
		va += part;
		n -= part;
	}
}

static void put_le(struct lab_mem *m, uint64_t va, uint64_t v, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	lab_put(m, va, bytes, n);
}

static uint64_t get_le(const struct lab_mem *m, uint64_t va, size_t n)
{
	uint8_t bytes[8];
	uint64_t v = 0;

	lab_get(m, va, bytes, n);
	for (size_t i = n; i-- > 0;)
		v = v << 8 | bytes[i];
	return v;
}

void lab_put8(struct lab_mem *m, uint64_t va, uint8_t v)
{
	put_le(m, va, v, 1);
}

void lab_put16(struct lab_mem *m, uint64_t va, uint16_t v)
{
	put_le(m, va, v, 2);
}

void lab_put32(struct lab_mem *m, uint64_t va, uint32_t v)
{
	put_le(m, va, v, 4);
}

void lab_put64(struct lab_mem *m, uint64_t va, uint64_t v)
{
	put_le(m, va, v, 8);
}

uint32_t lab_get32(const struct lab_mem *m, uint64_t va)
{
	return (uint32_t)get_le(m, va, 4);
}

uint64_t lab_get64(const struct lab_mem *m, uint64_t va)
{
	return get_le(m, va, 8);
}
