/* SPDX-License-Identifier: MIT */
/* Bytes per stack and tag, as Driver Verifier of 20348 and later keeps them, and its tree of live blocks. Reference:
 * pool 8.5: symbols [V], elements [1], so an element must have its valid flag, a kernel stack, and not more frees than
 * allocations; a block must be a block of a stack, and whoever uses them holds their number against the stack's. */
#include "blame/avl.h"
#include "blame/verifier.h"
#include "util/bytes.h"

#include <string.h>

#define ROWS_MAX      ((uint64_t)1 << 20)
#define FLAG_VALID    0x1u
#define FLAG_NONPAGED 0x10u
#define STACK_FRAMES  50u
#define ROW_BYTES     (0x28u + STACK_FRAMES * 8u)

struct visiting {
	struct psc_kernel *k;
	bool (*visit)(void *arg, const struct psc_stack_row *row);
	void *arg;
	struct psc_stack_rows *ret;
};

/* Once for so many elements. */
#define CANCEL_ROWS 256u

static bool is_cancelled(const struct psc_kernel *k, const struct psc_stack_rows *r)
{
	return (r->rows + r->unreadable) % CANCEL_ROWS == 0 && psc_image_is_cancelled(k->img);
}

static bool visit_row(void *arg, uint64_t element)
{
	struct visiting *v = arg;
	if (is_cancelled(v->k, v->ret))
		return false;
	uint8_t b[ROW_BYTES];
	struct psc_stack_row row;
	if (psc_read_va(&v->k->reader, element, b, sizeof(b)) != sizeof(b)) {
		v->ret->unreadable++;
		return true;
	}
	memset(&row, 0, sizeof(row));
	uint32_t flags = psc_le32(b + 8);
	row.va = element;
	row.tag = psc_le32(b + 4);
	row.is_nonpaged = (flags & FLAG_NONPAGED) != 0;
	row.allocs = psc_le32(b + 0xc);
	row.frees = psc_le32(b + 0x10);
	row.alloc_bytes = psc_le64(b + 0x18);
	row.freed_bytes = psc_le64(b + 0x20);
	for (unsigned i = 0; i < STACK_FRAMES; i++) {
		uint64_t frame = psc_le64(b + 0x28 + 8 * i);
		if (!psc_is_kernel_va(&v->k->space, frame))
			break;
		row.frames[row.n_frames++] = frame;
	}
	if ((flags & FLAG_VALID) == 0 || row.n_frames == 0 || row.frees > row.allocs ||
	    row.freed_bytes > row.alloc_bytes) {
		v->ret->unreadable++;
		return true;
	}
	v->ret->rows++;
	return v->visit(v->arg, &row);
}

enum psc_status psc_stack_rows_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_stack_row *row),
				    void *arg, struct psc_stack_rows *ret, struct psc_error *reterr)
{
	struct visiting v = {k, visit, arg, ret};
	struct psc_avl_result avl;
	uint32_t on;
	(void)reterr;
	memset(ret, 0, sizeof(*ret));
	uint64_t table = psc_kernel_sym(k, PSC_SYM_ViPoolStackInfoAvl);
	if (table == 0) {
		ret->why_not = "this kernel keeps no table of allocating stacks, or its symbols are missing";
		return PSC_OK;
	}
	if (!psc_kernel_read_u32(k, PSC_SYM_ViPoolStackInfoAvlInitialized, &on) || (on & 0xff) == 0) {
		ret->why_not = "Driver Verifier's table of allocating stacks was not in use";
		return PSC_OK;
	}
	if (k->space.is_32bit || !psc_avl_walk(&k->reader, table, ROWS_MAX, visit_row, &v, &avl)) {
		ret->why_not = "Driver Verifier's table of allocating stacks cannot be read";
		return PSC_OK;
	}
	ret->available = true;
	ret->expected = avl.expected;
	ret->unreadable += avl.unreadable;
	ret->complete = !avl.is_broken && ret->unreadable == 0 && avl.visited == avl.expected;
	return PSC_OK;
}

struct info_visiting {
	struct psc_kernel *k;
	bool (*visit)(void *arg, const struct psc_info_row *row);
	void *arg;
	struct psc_stack_rows *ret;
};

static bool visit_info(void *arg, uint64_t element)
{
	struct info_visiting *v = arg;
	if (is_cancelled(v->k, v->ret))
		return false;
	const struct psc_space *sp = &v->k->space;
	uint8_t b[24];
	bool is_read = psc_read_va(&v->k->reader, element, b, sizeof(b)) == sizeof(b);
	struct psc_info_row row = {0};
	if (is_read)
		row = (struct psc_info_row){psc_le64(b), psc_le64(b + 8), psc_le64(b + 16)};
	if (!psc_is_kernel_va(sp, row.va) || row.size_bytes == 0 || !psc_is_kernel_va(sp, row.stack_va)) {
		v->ret->unreadable++;
		return true;
	}
	v->ret->rows++;
	return v->visit(v->arg, &row);
}

enum psc_status psc_info_rows_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_info_row *row),
				   void *arg, struct psc_stack_rows *ret, struct psc_error *reterr)
{
	struct info_visiting v = {k, visit, arg, ret};
	struct psc_avl_result avl;
	uint32_t on;
	(void)reterr;
	memset(ret, 0, sizeof(*ret));
	uint64_t table = psc_kernel_sym(k, PSC_SYM_ViPoolInfoAvl);
	if (table == 0 || k->space.is_32bit || !psc_kernel_read_u32(k, PSC_SYM_ViPoolInfoAvlInitialized, &on) ||
	    (on & 0xff) == 0 || !psc_avl_walk(&k->reader, table, PSC_INFO_ROWS_MAX, visit_info, &v, &avl)) {
		ret->why_not = "Driver Verifier's tree of live blocks was not in use, or cannot be read";
		return PSC_OK;
	}
	ret->available = true;
	ret->expected = avl.expected;
	ret->unreadable += avl.unreadable;
	ret->complete = !avl.is_broken && ret->unreadable == 0 && avl.visited == avl.expected;
	return PSC_OK;
}
