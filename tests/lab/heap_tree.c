/* SPDX-License-Identifier: MIT */
/* Encoded red-black trees and SLISTs (pool.md 3.8, 6.4). */
#include "heap.h"

static void put_child(struct lab_machine *m, uint64_t node, unsigned side, uint64_t child)
{
	/* Null stays null. */
	heap_write(m, node + 8 * side, child ? child ^ node : 0, 8);
}

/* depth: levels that are full; what hangs below them is red. */
static uint64_t subtree(struct lab_machine *m, const uint64_t *nodes, size_t n, uint64_t parent, unsigned depth)
{
	if (!n)
		return 0;
	size_t mid = n / 2;
	uint64_t node = nodes[mid];
	put_child(m, node, 0, subtree(m, nodes, mid, node, depth - 1));
	put_child(m, node, 1, subtree(m, nodes + mid + 1, n - mid - 1, node, depth - 1));
	heap_write(m, node + 16, (parent ? parent ^ node : 0) | (depth ? 0 : 1), 8);
	return node;
}

void heap_tree(struct lab_machine *m, uint64_t tree_va, const uint64_t *nodes, size_t n)
{
	unsigned full = 0;
	while (((size_t)2 << full) - 1 <= n)
		full++;
	uint64_t root = subtree(m, nodes, n, 0, full);
	heap_write(m, tree_va, root ? root ^ tree_va : 0, 8);
	/* Min, with bit 0: encoded. */
	heap_write(m, tree_va + 8, (n ? nodes[0] ^ tree_va : 0) | 1, 8);
}

void heap_slist(struct lab_machine *m, uint64_t head_va, const uint64_t *nodes, size_t n)
{
	uint64_t *copy = lab_xrealloc(NULL, (n + 1) * sizeof *copy);
	for (size_t i = 0; i < n; i++)
		heap_write(m, copy[i] = nodes[i], i + 1 < n ? nodes[i + 1] : 0, 8);
	heap_write(m, head_va, n | (uint64_t)(n * 3 + 7) << 16, 8);
	heap_write(m, head_va + 8, n ? nodes[0] : 0, 8);
	lab_chain_add(m, head_va, copy, n);
}
