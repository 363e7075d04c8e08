/* SPDX-License-Identifier: MIT */
#include "report/tally.h"

void psc_tally_init(struct psc_tally *t, bool by_size)
{
	t->by_size = by_size;
	t->overflowed = false;
	t->no_memory = false;
	psc_hashmap_init(&t->map, sizeof(struct psc_tally_value), PSC_TALLY_MAX_KEYS);
}

void psc_tally_deinit(struct psc_tally *t)
{
	psc_hashmap_deinit(&t->map);
}

static struct psc_hashkey make_key(uint32_t tag, enum psc_pool pool, uint64_t block_bytes)
{
	struct psc_hashkey k = {(uint64_t)tag << 8 | (uint64_t)pool, block_bytes};
	return k;
}

static struct psc_tally_value *put(struct psc_tally *t, struct psc_hashkey key)
{
	struct psc_tally_value *v = (struct psc_tally_value *)psc_hashmap_put(&t->map, key, NULL);
	if (v == NULL) {
		if (t->map.n >= PSC_TALLY_MAX_KEYS)
			t->overflowed = true;
		else
			t->no_memory = true;
	}
	return v;
}

void psc_tally_block(void *worker_ctx, const struct psc_block *b)
{
	struct psc_tally *t = (struct psc_tally *)worker_ctx;
	if (b->state == PSC_BLOCK_FREE && b->tag == 0)
		return; /* a split remainder that never had an owner */
	if (!b->has_tag)
		return; /* no row is its own; the coverage counts it */
	struct psc_tally_value *v =
		put(t, make_key(b->tag & ~PSC_TAG_PROTECTED, b->pool, t->by_size ? b->size_bytes : 0));
	if (v == NULL)
		return;
	if ((b->tag & PSC_TAG_PROTECTED) != 0)
		v->is_protected = true;
	switch (b->state) {
	case PSC_BLOCK_ALLOCATED:
		v->counts.live++;
		v->counts.live_bytes += b->size_bytes;
		v->counts.proven += b->is_proven;
		v->counts.proven_bytes += b->is_proven ? b->size_bytes : 0;
		break;
	case PSC_BLOCK_FREE:
		v->counts.free++;
		v->counts.free_bytes += b->size_bytes;
		break;
	case PSC_BLOCK_CACHED:
		v->counts.cached++;
		v->counts.cached_bytes += b->size_bytes;
		break;
	}
}

void psc_tally_merge(struct psc_tally *into, const struct psc_tally *from)
{
	size_t pos = 0;
	struct psc_hashkey key;
	void *value;

	into->overflowed |= from->overflowed;
	into->no_memory |= from->no_memory;
	while (psc_hashmap_next(&from->map, &pos, &key, &value)) {
		const struct psc_tally_value *s = (const struct psc_tally_value *)value;
		struct psc_tally_value *d = put(into, key);
		if (d == NULL)
			continue;
		d->is_protected |= s->is_protected;
		d->counts.live += s->counts.live;
		d->counts.live_bytes += s->counts.live_bytes;
		d->counts.proven += s->counts.proven;
		d->counts.proven_bytes += s->counts.proven_bytes;
		d->counts.free += s->counts.free;
		d->counts.free_bytes += s->counts.free_bytes;
		d->counts.cached += s->counts.cached;
		d->counts.cached_bytes += s->counts.cached_bytes;
	}
}

bool psc_tally_next(const struct psc_tally *t, size_t *pos, struct psc_tally_key *ret_key,
		    struct psc_tally_value **ret_value)
{
	struct psc_hashkey key;
	void *value;
	if (!psc_hashmap_next(&t->map, pos, &key, &value))
		return false;
	ret_key->tag = (uint32_t)(key.a >> 8);
	ret_key->pool = (enum psc_pool)(key.a & 0xff);
	ret_key->block_bytes = key.b;
	*ret_value = (struct psc_tally_value *)value;
	return true;
}

struct psc_tally_value *psc_tally_get(const struct psc_tally *t, uint32_t tag, enum psc_pool pool)
{
	return (struct psc_tally_value *)psc_hashmap_get(&t->map, make_key(tag, pool, 0));
}
