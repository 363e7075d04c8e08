/* SPDX-License-Identifier: MIT */
/* A dump in memory through the kernel layer and every reader of pool: no input may crash, hang or break the sums that
 * coverage promises. */
#include "pool/pool.h"
#include <stdlib.h>
#include <string.h>

struct seen {
	const struct psc_kernel *k;
	uint64_t live[PSC_POOL_MAX];
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void on_block(void *ctx, const struct psc_block *b)
{
	struct seen *seen = ctx;
	require((unsigned)b->pool < PSC_POOL_MAX && b->size_bytes != 0);
	require(b->is_big ? b->va % PSC_PAGE_BYTES == 0 : b->va % PSC_PAGE_BYTES + b->size_bytes <= PSC_PAGE_BYTES);
	seen->live[b->pool] += b->state == PSC_BLOCK_ALLOCATED;
}

static void check_walk(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings)
{
	struct seen seen = {.k = k};
	void *ctx = &seen;
	struct psc_walk_result walk;
	const struct psc_walk_options opts = {
		.n_threads = 1, .on_block = on_block, .worker_ctx = &ctx, .find_defects = true};
	if (psc_pool_walk(k, &opts, arena, warnings, &walk, NULL) != PSC_OK)
		return;
	require(walk.n_defects <= PSC_DEFECTS_MAX && walk.n_defects <= walk.n_defects_found);
	for (size_t i = 1; i < walk.n_defects; i++)
		require(walk.defects[i - 1].va <= walk.defects[i].va);
	for (unsigned i = 0; i < 2; i++) {
		const struct psc_walk_coverage *c = &walk.coverage[i];
		require(c->live_blocks == seen.live[i]);
		if (!walk.small_blocks_supported)
			continue;
		require(c->mapped_bytes == c->read_bytes + c->paged_out_bytes + c->not_in_dump_bytes);
		require(!c->range_known ||
			c->read_bytes == c->pool_page_bytes + c->big_bytes + c->special_bytes + c->other_bytes);
	}
}

static void check_trackers(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings)
{
	struct psc_trackers t;
	struct psc_defects defects = {0};
	enum psc_status st = psc_trackers_check(k, arena, warnings, &defects, &t, NULL);
	for (size_t i = 0; i < defects.n && st == PSC_OK; i++)
		require(defects.items[i].va >= defects.items[i].container);
	psc_defects_deinit(&defects);
	if (st != PSC_OK)
		return;
	require(t.available || t.why_not);
	require(t.table_bytes_missing <= t.table_bytes);
	for (size_t i = 0; i < t.n_rows; i++) {
		require((t.rows[i].tag & PSC_TAG_PROTECTED) == 0);
		for (unsigned h = 0; h < PSC_POOL_MAX; h++)
			(void)(psc_tracker_live(&t, &t.rows[i].half[h]) + 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_kernel k;
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {.arena = &arena};
	const struct psc_source_options source_opts = {.max_unpacked_bytes = (uint64_t)64 << 20};
	memset(&k, 0, sizeof(k));
	if (psc_source_open_mem(data, size, &source_opts, &src, NULL) != PSC_OK)
		return 0;
	if (psc_image_open(src, &img, NULL) == PSC_OK && psc_kernel_init(&k, img, NULL, NULL, NULL) == PSC_OK) {
		struct psc_pool_source sources[8];
		require(psc_pool_sources_describe(&k, &arena, sources, 8) == 6);
		check_trackers(&k, &arena, &warnings);
		if (k.space.mmu == PSC_MMU_NONE) {
			struct seen seen = {.k = &k};
			struct psc_scan_result scan;
			require(psc_scan_saved(&k, on_block, &seen, &scan, NULL) == PSC_OK);
			require(scan.scanned_bytes <= scan.saved_bytes);
		}
		check_walk(&k, &arena, &warnings);
	}
	psc_kernel_deinit(&k);
	psc_image_close(img);
	psc_source_close(src);
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
	return 0;
}
