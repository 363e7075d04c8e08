/* SPDX-License-Identifier: MIT */
#include "paging/walk.h"
#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <string.h>

struct psc_xlate psc_translate_saved(const struct psc_space *sp, uint64_t va)
{
	size_t n = 0, lo = 0;
	const struct psc_saved_range *ranges = psc_image_saved_ranges(sp->img, &n);
	size_t hi = n;
	while (lo < hi) { /* the first range that ends above va */
		size_t mid = lo + (hi - lo) / 2;
		if (ranges[mid].va <= va && va - ranges[mid].va >= ranges[mid].size_bytes)
			lo = mid + 1;
		else
			hi = mid;
	}
	struct psc_xlate x = {.state = PSC_VA_UNKNOWN, .presence = PSC_PAGE_ABSENT};
	if (lo < n && ranges[lo].va <= va) {
		x.state = PSC_VA_PRESENT;
		x.presence = PSC_PAGE_PRESENT;
		x.span_bytes = ranges[lo].size_bytes - (va - ranges[lo].va);
	} else if (lo < n) {
		x.span_bytes = ranges[lo].va - va;
	} else {
		x.span_bytes = va == 0 ? UINT64_MAX : 0 - va;
	}
	return x;
}

/* The whole frame that holds pa; NULL when it cannot be read. */
static const uint8_t *frame_at(struct psc_reader *r, uint64_t pa)
{
	uint64_t pfn = pa >> PSC_PAGE_SHIFT;
	if (r->scratch_pfn == pfn + 1)
		return r->scratch;
	enum psc_page_presence presence;
	r->scratch_pfn = 0;
	const uint8_t *page = psc_image_page(r->sp->img, pfn, r->scratch, &presence);
	if (page == r->scratch)
		r->scratch_pfn = pfn + 1;
	return page;
}

const uint8_t *psc_page_at(struct psc_reader *r, uint64_t va, struct psc_xlate *ret)
{
	*ret = psc_translate(r, va);
	if (!psc_xlate_is_readable(ret))
		return NULL;
	if (r->sp->mmu == PSC_MMU_NONE) {
		uint64_t base = va & ~(uint64_t)(PSC_PAGE_BYTES - 1);
		r->scratch_pfn = 0;
		if (psc_image_read_saved(r->sp->img, base, r->scratch, PSC_PAGE_BYTES) == PSC_PAGE_BYTES)
			return r->scratch;
		ret->state = PSC_VA_UNKNOWN;
		ret->presence = PSC_PAGE_ABSENT;
		return NULL;
	}
	const uint8_t *page = frame_at(r, ret->pa);
	if (!page)
		ret->presence = PSC_PAGE_TRUNCATED;
	return page;
}

/* The first failure in *ret. */
static size_t read_va(struct psc_reader *r, uint64_t va, uint8_t *buf, size_t n, struct psc_xlate *ret)
{
	size_t done = 0;
	while (done < n) {
		*ret = psc_translate(r, va + done);
		if (!psc_xlate_is_readable(ret))
			break;
		const uint8_t *page = frame_at(r, ret->pa);
		if (!page) {
			ret->presence = PSC_PAGE_TRUNCATED;
			break;
		}
		size_t offset = (size_t)(ret->pa & (PSC_PAGE_BYTES - 1));
		size_t chunk = (size_t)psc_min_u64(PSC_PAGE_BYTES - offset, n - done);
		memcpy(buf + done, page + offset, chunk);
		done += chunk;
		if (done < n && va + done < va) { /* the top of the address space */
			*ret = (struct psc_xlate){.state = PSC_VA_CORRUPT, .presence = PSC_PAGE_HOLE};
			break;
		}
	}
	return done;
}

size_t psc_read_va(struct psc_reader *r, uint64_t va, void *buf, size_t n)
{
	struct psc_xlate x;
	if (r->sp->mmu == PSC_MMU_NONE)
		return n == 0 ? 0 : psc_image_read_saved(r->sp->img, va, buf, n);
	return read_va(r, va, (uint8_t *)buf, n, &x);
}

enum psc_status psc_read_va_exact(struct psc_reader *r, uint64_t va, void *buf, size_t n, struct psc_error *reterr)
{
	struct psc_xlate x;
	size_t done;
	if (n == 0)
		return PSC_OK;
	if (r->sp->mmu == PSC_MMU_NONE) {
		done = psc_image_read_saved(r->sp->img, va, buf, n);
		if (done < n)
			x = psc_translate(r, va + done);
	} else {
		done = read_va(r, va, (uint8_t *)buf, n, &x);
	}
	if (done == n)
		return PSC_OK;
	static const char *const why[] = {
		[PSC_PAGE_PRESENT] = "",
		[PSC_PAGE_HOLE] = ", its frame is no memory",
		[PSC_PAGE_ABSENT] = ", its frame is not in the dump",
		[PSC_PAGE_TRUNCATED] = ", its frame is behind the end of the file",
	};
	bool framed = x.state == PSC_VA_PRESENT || x.state == PSC_VA_TRANSITION;
	enum psc_status status = x.state == PSC_VA_CORRUPT      ? PSC_E_CORRUPT
				 : x.state == PSC_VA_NOT_MAPPED ? PSC_E_NOT_FOUND
								: PSC_E_NOT_PRESENT;
	return psc_fail(reterr, status, PSC_WHERE_VA, va + done, "memory at 0x%016" PRIx64 " is %s%s", va + done,
			psc_va_state_name(x.state), framed ? why[x.presence] : "");
}

/* 1 to 8 bytes. */
static bool read_small(struct psc_reader *r, uint64_t va, uint8_t *buf, size_t n)
{
	if (r->sp->mmu == PSC_MMU_NONE || (va & (PSC_PAGE_BYTES - 1)) > PSC_PAGE_BYTES - n)
		return psc_read_va(r, va, buf, n) == n;
	struct psc_xlate x = psc_translate(r, va);
	const uint8_t *page = psc_xlate_is_readable(&x) ? frame_at(r, x.pa) : NULL;
	if (!page)
		return false;
	memcpy(buf, page + (x.pa & (PSC_PAGE_BYTES - 1)), n);
	return true;
}

bool psc_read_u8(struct psc_reader *r, uint64_t va, uint8_t *ret)
{
	return read_small(r, va, ret, 1);
}

bool psc_read_u32(struct psc_reader *r, uint64_t va, uint32_t *ret)
{
	uint8_t b[4];
	if (!read_small(r, va, b, sizeof(b)))
		return false;
	*ret = psc_le32(b);
	return true;
}

bool psc_read_u64(struct psc_reader *r, uint64_t va, uint64_t *ret)
{
	uint8_t b[8];
	if (!read_small(r, va, b, sizeof(b)))
		return false;
	*ret = psc_le64(b);
	return true;
}

bool psc_read_ptr(struct psc_reader *r, uint64_t va, uint64_t *ret)
{
	if (!r->sp->is_32bit)
		return psc_read_u64(r, va, ret);
	uint32_t v;
	if (!psc_read_u32(r, va, &v))
		return false;
	*ret = v;
	return true;
}
