/* SPDX-License-Identifier: MIT */
/* Page-range descriptors of a machine's segments, overwritten by the input: {u16 descriptor, i8 units from it, 32
 * bytes}. Whatever they say, blocks with a pool header stay apart and in order. */
#include "patched_dump.h"
#include "util/vec.h"
#include <poolscope/poolscope.h>

#define DESCRIPTOR_BYTES 32u
#define TREE_SIGNATURE   0xccddccddu /* reference: pool 6.3 */
#define PATCH_BYTES      (3 + DESCRIPTOR_BYTES)

static struct patched_dump patched;
static struct {
	size_t *items;
	size_t n, cap;
} places; /* in the file, of allocated ranges */

static void find_places(void)
{
	for (size_t at = 0; at + DESCRIPTOR_BYTES <= patched.size; at += DESCRIPTOR_BYTES) {
		if (psc_le32(patched.base + at) != TREE_SIGNATURE)
			continue;
		if (!PSC_VEC_RESERVE_ONE(&places))
			abort();
		places.items[places.n++] = at;
	}
	if (places.n == 0)
		abort();
}

static void patch(const uint8_t *data, size_t size)
{
	for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
		size_t at = places.items[psc_le16(data) % places.n];
		long off = (long)at + (data[2] - 128) * (long)DESCRIPTOR_BYTES;
		if (off >= 0 && (size_t)off + DESCRIPTOR_BYTES <= patched.size)
			memcpy(patched.work + off, data + 3, DESCRIPTOR_BYTES);
	}
}

static bool on_block(void *arg, const struct psc_block_row *b)
{
	uint64_t *end = (uint64_t *)arg;
	if (b->header_va == b->va)
		return true; /* named by the big-page table, which may contradict the descriptors */
	if (b->header_va < *end || b->size_bytes > b->block_bytes)
		abort();
	*end = b->va + b->size_bytes;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_open_options opts = PSC_OPEN_OPTIONS_INIT;
	struct psc_blocks_options bo = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_validate_options vo = PSC_VALIDATE_OPTIONS_INIT;
	struct psc_dump *dump = NULL;
	struct psc_blocks *blocks = NULL;
	struct psc_validate *validate = NULL;
	uint64_t end = 0;
	patched_dump_make(&patched, FUZZ_HEAP_DUMP, NULL, 0);
	if (places.n == 0)
		find_places();
	patch(data, size);
	opts.isf_path = FUZZ_HEAP_ISF;
	bo.states = 0;
	bo.n_threads = vo.n_threads = 1;
	if (psc_dump_open_mem(patched.work, patched.size, &opts, &dump, NULL) == PSC_OK) {
		(void)psc_blocks_run(dump, &bo, on_block, &end, &blocks, NULL);
		psc_blocks_free(blocks);
		(void)psc_validate_run(dump, &vo, &validate, NULL);
		psc_validate_free(validate);
	}
	psc_dump_close(dump);
	return 0;
}
