/* SPDX-License-Identifier: MIT */
/* Arrays of the kernel of which any page may be missing. */
#include "pool/internal.h"
#include "util/checked.h"

#define CHUNK_BYTES 16384u

uint64_t psc_table_entries_max(const struct psc_kernel *k, uint32_t stride)
{
	uint64_t bytes = psc_min_u64(psc_image_pages_present(k->img), (uint64_t)1 << 40) * PSC_PAGE_BYTES;
	return bytes / stride + 1;
}

bool psc_table_read(struct psc_reader *r, uint64_t va, uint64_t n, uint32_t stride,
		    const struct psc_table_visitor *visitor, uint64_t *bytes_missing)
{
	uint8_t buf[CHUNK_BYTES];
	uint64_t size_bytes;
	if (stride == 0 || stride > PSC_PAGE_BYTES || !psc_mul_u64(n, stride, &size_bytes) ||
	    size_bytes > UINT64_MAX - va)
		return true;
	const uint64_t per_chunk = CHUNK_BYTES / stride;
	for (uint64_t i = 0; i < n;) {
		uint64_t want = psc_min_u64(n - i, per_chunk) * stride;
		uint64_t at = va + i * stride;
		size_t got = psc_read_va(r, at, buf, (size_t)want);
		size_t n_got = got / stride;
		for (size_t j = 0; j < n_got; j++)
			if (!visitor->entry(visitor->arg, i + j, buf + j * stride))
				return false;
		i += n_got;
		if (got >= want)
			continue;
		/* The rest of the page at `hole` cannot be read; go on with the first entry behind it. */
		uint64_t hole = at + got;
		uint64_t hole_end = (hole | (PSC_PAGE_BYTES - 1)) - va + 1; /* from va; no wrap: inside the table */
		if (hole_end > size_bytes)
			hole_end = size_bytes;
		uint64_t next = hole_end / stride + (hole_end % stride != 0);
		if (next > n)
			next = n;
		if (bytes_missing)
			*bytes_missing += (next - i) * stride;
		if (visitor->missing && next > i)
			visitor->missing(visitor->arg, i, next);
		i = next;
	}
	return true;
}
