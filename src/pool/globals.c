/* SPDX-License-Identifier: MIT */
/* The variables that lead to the trackers and the big-page table. Reference: pool 4.1, 5.1 [V]. */
#include "pool/internal.h"
#include "util/checked.h"

/* Reference: pool 5.1 [V], from the distance to the next symbol; before 7 and on x86 the bits of an affinity mask
 * [?]. */
static uint64_t tag_tables_max(const struct psc_kernel *k)
{
	uint32_t build = k->id.build;
	if (!psc_kernel_is_64bit(k))
		return 32;
	if (build < 7600)
		return 64;
	if (build < 9200)
		return 0x100;
	if (build < 17763)
		return 0x280;
	return build < 20348 ? 0x500 : 0x800;
}

static bool size_ok(uint64_t size, uint64_t mask)
{
	if (size < 2 || size > PSC_TRACK_SIZE_MAX || !psc_is_pow2(mask + 1))
		return false;
	return size == mask + 1 || size == mask + 2;
}

/* Size and mask confirm each other; either alone is enough if it has the right form. */
static bool sizes_read(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_globals *g)
{
	uint64_t size, mask;
	bool has_size = psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTableSize, &size);
	bool has_mask = psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTableMask, &mask);
	if (has_size && has_mask && size_ok(size, mask)) {
		g->track_size = size;
		g->track_mask = mask;
		return true;
	}
	if (has_size && has_mask)
		psc_warn(warnings, "PoolTrackTableSize %llu and PoolTrackTableMask 0x%llx do not fit together",
			 (unsigned long long)size, (unsigned long long)mask);
	if (has_size && size >= 2 && size <= PSC_TRACK_SIZE_MAX) {
		if (psc_is_pow2(size - 1)) {
			g->track_size = size;
			g->track_mask = size - 2;
			return true;
		}
		if (psc_is_pow2(size)) {
			g->track_size = size;
			g->track_mask = size - 1;
			return true;
		}
	}
	if (has_mask && mask != 0 && mask < PSC_TRACK_SIZE_MAX && psc_is_pow2(mask + 1)) {
		g->track_size = mask + 2;
		g->track_mask = mask;
		return true;
	}
	return false;
}

static void find_track(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_globals *g)
{
	if (psc_kernel_sym(k, PSC_SYM_PoolTrackTable) == 0) {
		g->why_no_track =
			"the address of PoolTrackTable is not known: neither symbols nor a debugger data block";
		return;
	}
	if (!psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTable, &g->track_table)) {
		g->why_no_track = "the page that holds PoolTrackTable is not in the dump";
		return;
	}
	if (g->track_table == 0) {
		/* Reference: pool 5.1 [2]: only XP can do without. */
		g->why_no_track = k->id.build < 3790 && k->id.build != 0
					  ? "pool tagging was off (NtGlobalFlag & 0x400 clear)"
					  : "PoolTrackTable is null";
		return;
	}
	if (!psc_is_kernel_va(&k->space, g->track_table)) {
		g->why_no_track = "PoolTrackTable does not hold a kernel address";
		return;
	}
	g->has_track = sizes_read(k, warnings, g);
	if (k->is_vista_or_later) {
		g->tag_tables = psc_kernel_sym(k, PSC_SYM_ExPoolTagTables);
		g->tag_tables_max = tag_tables_max(k);
	}
	uint64_t expansion, size;
	if (psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTableExpansion, &expansion) &&
	    psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTableExpansionSize, &size)) {
		g->expansion_known = true;
		if (expansion != 0 && size != 0 && psc_is_kernel_va(&k->space, expansion)) {
			g->expansion = expansion;
			g->expansion_size = size;
		}
	}
}

static void find_big(struct psc_kernel *k, struct psc_pool_globals *g)
{
	if (psc_kernel_sym(k, PSC_SYM_PoolBigPageTable) == 0 || psc_kernel_sym(k, PSC_SYM_PoolBigPageTableSize) == 0) {
		g->why_no_big = "the address of PoolBigPageTable is not known, and no table was recognised near "
				"PoolTrackTable: the kernel's symbols are needed";
		return;
	}
	uint64_t table, size;
	if (!psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTable, &table) ||
	    !psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTableSize, &size)) {
		g->why_no_big = "the page that holds PoolBigPageTable is not in the dump";
		return;
	}
	if (!psc_is_kernel_va(&k->space, table)) {
		g->why_no_big = "PoolBigPageTable does not hold a kernel address";
		return;
	}
	if (size == 0 || size > PSC_BIG_SIZE_MAX) {
		g->why_no_big = "PoolBigPageTableSize is not a possible number of entries";
		return;
	}
	g->big_table = table;
	g->big_size = size;
	g->has_big = true;
}

bool psc_pool_quota_cookie(struct psc_kernel *k, uint64_t *ret)
{
	*ret = 0;
	if (psc_kernel_read_ptr(k, PSC_SYM_ExpPoolQuotaCookie, ret))
		return true;
	*ret = k->quota_cookie.known ? k->quota_cookie.value : 0;
	return k->quota_cookie.known;
}

uint32_t psc_pool_processors(const struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint32_t n = psc_header_has(h, PSC_HDR_PROCESSORS) && h->processors <= 0x800 ? h->processors : 0;
	return k->n_prcb > n && k->n_prcb <= UINT32_MAX ? (uint32_t)k->n_prcb : n;
}

void psc_pool_globals_find(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_globals *ret)
{
	*ret = (struct psc_pool_globals){0};
	find_track(k, warnings, ret);
	find_big(k, ret);

	bool has_variable = ret->track_table != 0 && psc_is_kernel_va(&k->space, ret->track_table);
	if (has_variable && !ret->has_track && !ret->why_no_track)
		ret->why_no_track = "the number of tracker entries (PoolTrackTableSize) is not known and not evident "
				    "from the memory around PoolTrackTable: the kernel's symbols are needed";
}
