/* SPDX-License-Identifier: MIT */
/* Hash tables over the symbol record stream: publics (behind a header of their own) and globals (reference symbols
 * 3.4). They say which records are in force; a linker that updates a file leaves dead ones behind. */
#include "symbols/pdb_internal.h"

#include "util/checked.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define PUBLICS_HEADER_BYTES 28u
#define GSI_HEADER_BYTES     16u
#define GSI_SIGNATURE        0xffffffffu
#define GSI_VERSION          0xf12f091au
#define N_BUCKETS            4096u
#define BITMAP_BYTES         516u /* one bit more than buckets, in whole words */
#define RECORD_BYTES         8u
#define BUCKET_UNIT          12u /* size of a record in the linker's memory */

/* Names in one bucket are compared one by one: more than this is no hash table. */
static uint32_t longest_chain(uint32_t n_records)
{
	return 1024 + n_records / 64;
}

static uint32_t chain_end(const struct psc_pdb_gsi *g, uint32_t bucket_index)
{
	return bucket_index + 1 < g->n_buckets ? psc_le32(g->buckets + 4 * (size_t)(bucket_index + 1)) / BUCKET_UNIT
					       : g->n_records;
}

/* All that a lookup relies on. */
static bool is_sound(const struct psc_pdb_gsi *g, uint32_t stream_bytes)
{
	uint32_t n_set = 0, before = 0;
	for (uint32_t i = 0; i < BITMAP_BYTES / 4; i++)
		n_set += psc_popcount64(psc_le32(g->bitmap + 4 * (size_t)i));
	if (n_set != g->n_buckets)
		return false;
	for (uint32_t i = 0; i < g->n_buckets; i++) {
		uint32_t first = psc_le32(g->buckets + 4 * (size_t)i);
		if (first % BUCKET_UNIT != 0 || first / BUCKET_UNIT > g->n_records || first < before)
			return false;
		before = first;
		if (i == 0 && first != 0)
			return false;
	}
	for (uint32_t i = 0; i < g->n_buckets; i++) {
		uint32_t first = psc_le32(g->buckets + 4 * (size_t)i) / BUCKET_UNIT;
		if (chain_end(g, i) - first > longest_chain(g->n_records))
			return false;
	}
	for (uint32_t i = 0; i < g->n_records; i++) {
		uint32_t off = psc_le32(g->records + (size_t)i * RECORD_BYTES);
		if (off == 0 || !psc_range_ok(off - 1, 4, stream_bytes) || (off - 1) % 2 != 0)
			return false;
	}
	return true;
}

static bool parse(struct psc_pdb_gsi *g, uint32_t n, uint32_t skip, uint32_t stream_bytes)
{
	struct psc_cursor c = psc_cursor_init(g->bytes, n);
	psc_cursor_skip(&c, skip);
	if (psc_cursor_u32(&c) != GSI_SIGNATURE || psc_cursor_u32(&c) != GSI_VERSION)
		return false;
	uint32_t record_bytes = psc_cursor_u32(&c), bucket_bytes = psc_cursor_u32(&c);
	g->records = psc_cursor_bytes(&c, record_bytes);
	g->n_records = record_bytes / RECORD_BYTES;
	if (c.failed || record_bytes % RECORD_BYTES != 0)
		return false;
	if (bucket_bytes == 0) /* empty tables of some linkers have no bitmap either */
		return g->n_records == 0;
	if (bucket_bytes < BITMAP_BYTES || bucket_bytes % 4 != 0)
		return false;
	g->n_buckets = (bucket_bytes - BITMAP_BYTES) / 4;
	g->bitmap = psc_cursor_bytes(&c, BITMAP_BYTES);
	g->buckets = psc_cursor_bytes(&c, 4 * (size_t)g->n_buckets);
	return !c.failed && is_sound(g, stream_bytes);
}

static enum psc_status load_one(struct psc_pdb *pdb, struct psc_pdb_gsi *g, uint16_t stream, uint32_t skip,
				struct psc_error *reterr)
{
	uint32_t n = psc_msf_size(&pdb->msf, stream);
	if (g->is_loaded)
		return PSC_OK;
	g->is_loaded = true;
	if (n < skip + GSI_HEADER_BYTES)
		return PSC_OK;
	enum psc_status r = psc_msf_load(&pdb->msf, stream, 0, n, &g->bytes, reterr);
	if (r == PSC_E_CORRUPT || r == PSC_E_TRUNCATED)
		return PSC_OK;
	if (r == PSC_OK)
		g->is_valid = parse(g, n, skip, psc_msf_size(&pdb->msf, pdb->dbi.record_stream));
	return r;
}

enum psc_status psc_pdb_gsi_load(struct psc_pdb *pdb, struct psc_error *reterr)
{
	enum psc_status r = load_one(pdb, &pdb->publics, pdb->dbi.psgsi_stream, PUBLICS_HEADER_BYTES, reterr);
	return r != PSC_OK ? r : load_one(pdb, &pdb->globals, pdb->dbi.gsi_stream, 0, reterr);
}

void psc_pdb_gsi_deinit(struct psc_pdb_gsi *g)
{
	free(g->bytes);
	memset(g, 0, sizeof(*g));
}

/* The same for upper and lower case. */
static uint32_t hash_name(const char *name, size_t n)
{
	uint32_t h = 0;
	for (; n >= 4; name += 4, n -= 4)
		h ^= psc_le32(name);
	if (n >= 2) {
		h ^= psc_le16(name);
		name += 2;
		n -= 2;
	}
	if (n > 0)
		h ^= (uint8_t)*name;
	h |= 0x20202020;
	h ^= h >> 11;
	return h ^ h >> 16;
}

enum psc_status psc_pdb_gsi_find(struct psc_pdb *pdb, const struct psc_pdb_gsi *g, const char *name,
				 psc_pdb_visit *visit, void *arg, struct psc_error *reterr)
{
	uint32_t bucket = hash_name(name, strlen(name)) % N_BUCKETS, index = 0;
	if (g->n_buckets == 0 || !(g->bitmap[bucket / 8] >> bucket % 8 & 1))
		return PSC_OK;
	for (uint32_t i = 0; i < bucket / 8; i++)
		index += psc_popcount64(g->bitmap[i]);
	index += psc_popcount64(g->bitmap[bucket / 8] & ((1u << bucket % 8) - 1));
	uint32_t i = psc_le32(g->buckets + 4 * (size_t)index) / BUCKET_UNIT, end = chain_end(g, index);
	uint8_t *buf = malloc(PSC_CV_RECORD_MAX);
	if (!buf)
		return psc_fail_no_memory(reterr);
	for (; i < end; i++) {
		struct psc_cv_symbol symbol;
		uint32_t off = psc_le32(g->records + (size_t)i * RECORD_BYTES) - 1;
		if (psc_pdb_read_symbol(pdb, pdb->dbi.record_stream, off, buf, &symbol, NULL) == PSC_OK &&
		    psc_cv_name_is(&symbol.name, name) && !visit(arg, &symbol))
			break;
	}
	free(buf);
	return PSC_OK;
}
