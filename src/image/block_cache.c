/* SPDX-License-Identifier: MIT */
#include "image/block_cache.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 64u

struct psc_block_slot {
	uint64_t block; /* + 1; 0 = empty */
	uint8_t *bytes;
};

enum psc_status psc_block_cache_init(struct psc_block_cache *c, struct psc_error *reterr)
{
	c->slots = calloc(SLOTS, sizeof(*c->slots));
	if (!c->slots || psc_os_mutex_new(&c->lock) != 0)
		return psc_fail_no_memory(reterr);
	return PSC_OK;
}

void psc_block_cache_deinit(struct psc_block_cache *c)
{
	for (size_t i = 0; c->slots && i < SLOTS; i++)
		free(c->slots[i].bytes);
	free(c->slots);
	if (c->lock)
		psc_os_mutex_free(c->lock);
}

bool psc_block_cache_get(const struct psc_block_cache *c, uint64_t block, size_t at, uint8_t page[PSC_PAGE_BYTES])
{
	const struct psc_block_slot *s = &c->slots[block % SLOTS];
	psc_os_mutex_lock(c->lock);
	bool hit = s->block == block + 1;
	if (hit)
		memcpy(page, s->bytes + at, PSC_PAGE_BYTES);
	psc_os_mutex_unlock(c->lock);
	return hit;
}

void psc_block_cache_put(const struct psc_block_cache *c, uint64_t block, uint8_t *bytes)
{
	struct psc_block_slot *s = &c->slots[block % SLOTS];
	psc_os_mutex_lock(c->lock);
	uint8_t *old = s->bytes;
	s->bytes = bytes;
	s->block = block + 1;
	psc_os_mutex_unlock(c->lock);
	free(old);
}
