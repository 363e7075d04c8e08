/* SPDX-License-Identifier: MIT */
/* Blocks of several pages that were unpacked last. All calls but init and deinit are thread-safe. */
#ifndef PSC_IMAGE_BLOCK_CACHE_H
#define PSC_IMAGE_BLOCK_CACHE_H

#include "image/image.h"
#include "io/os.h"

struct psc_block_cache {
	struct psc_os_mutex *lock;
	struct psc_block_slot *slots;
};

/* A zeroed cache may be deinitialised. */
enum psc_status psc_block_cache_init(struct psc_block_cache *c, struct psc_error *reterr);
void psc_block_cache_deinit(struct psc_block_cache *c);
/* The page at byte `at` of a block; false when the block is not there. */
bool psc_block_cache_get(const struct psc_block_cache *c, uint64_t block, size_t at, uint8_t page[PSC_PAGE_BYTES]);
/* bytes, from malloc, become the cache's. */
void psc_block_cache_put(const struct psc_block_cache *c, uint64_t block, uint8_t *bytes);

#endif
