/* SPDX-License-Identifier: MIT */
#include "blame/avl.h"
#include "util/bytes.h"

#include <string.h>

/* A balanced tree of 2^32 elements is less than 48 deep. */
#define DEPTH_MAX 64u

struct walk {
	struct psc_reader *r;
	unsigned ptr;
	struct psc_avl_result *ret;
};

/* Links of a node: left, right. False when it cannot be read. */
static bool read_links(struct walk *w, uint64_t node, uint64_t links[2])
{
	uint8_t b[24];
	if (node % w->ptr != 0 || !psc_is_kernel_va(w->r->sp, node)) {
		w->ret->is_broken = true;
		return false;
	}
	if (psc_read_va(w->r, node, b, 3 * (size_t)w->ptr) != 3 * (size_t)w->ptr) {
		w->ret->unreadable++;
		return false;
	}
	for (unsigned i = 0; i < 2; i++)
		links[i] = w->ptr == 8 ? psc_le64(b + 8 + 8 * i) : psc_le32(b + 4 + 4 * i);
	return true;
}

bool psc_avl_walk(struct psc_reader *r, uint64_t table_va, uint64_t max, bool (*visit)(void *arg, uint64_t element_va),
		  void *arg, struct psc_avl_result *ret)
{
	const unsigned ptr = psc_pointer_bytes(r->sp);
	const uint64_t links_bytes = 4 * (uint64_t)ptr;
	struct walk w = {r, ptr, ret};
	struct {
		uint64_t node, right;
	} stack[DEPTH_MAX];
	unsigned depth = 0;
	uint64_t at, links[2];
	uint32_t count;
	memset(ret, 0, sizeof(*ret));
	if (table_va % ptr != 0 || !psc_is_kernel_va(r->sp, table_va) || !psc_read_ptr(r, table_va + 2 * ptr, &at) ||
	    !psc_read_u32(r, table_va + (ptr == 8 ? 0x2c : 0x18), &count))
		return false;
	ret->expected = count;
	if (at != 0 && !psc_is_kernel_va(r->sp, at))
		return false;
	if (count < max)
		max = count;
	/* The number of steps is bounded by the elements that may be visited: a loop visits them again and again. */
	while (at != 0 || depth != 0) {
		if (at != 0) {
			if (depth == DEPTH_MAX) {
				ret->is_broken = true;
				return true;
			}
			if (!read_links(&w, at, links)) {
				at = 0;
				continue;
			}
			stack[depth].node = at;
			stack[depth++].right = links[1];
			at = links[0];
			continue;
		}
		depth--;
		if (ret->visited == max) {
			ret->is_broken = true;
			return true;
		}
		ret->visited++;
		if (!visit(arg, stack[depth].node + links_bytes))
			return true;
		at = stack[depth].right;
	}
	return true;
}
