/* SPDX-License-Identifier: MIT */
/* Addresses of kernel variables from the image's own exports, and KiProcessorBlock by what its pointers lead to.
 * Reference: symbols 9.3, kernel 8. */
#include "kernel/infer.h"
#include "kernel/internal.h"

#define PROCESSORS_MAX 0x800u
#define TIES_MAX       8u

/* Data that real kernels export; what the profile or the debugger data block say goes first. */
static void take_exports(struct psc_kernel *k)
{
	static const enum psc_sym symbols[] = {
		PSC_SYM_PsInitialSystemProcess, PSC_SYM_PsLoadedModuleList, PSC_SYM_MmSystemRangeStart,
		PSC_SYM_NtBuildNumber,          PSC_SYM_NtGlobalFlag,       PSC_SYM_KeNumberProcessors,
	};
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		uint64_t va = psc_pe_export(&k->reader, k->base, psc_sym_name(symbols[i]));
		if (va && psc_is_kernel_va(&k->space, va)) {
			k->found[symbols[i]].va = va;
			k->found[symbols[i]].origin = PSC_ORIGIN_EXPORT;
		}
	}
}

/* A processor block inside its control region: the region points to itself and to the block (reference: kernel 8, 9
 * [V x64], 9b [1]). */
static bool is_prcb(struct psc_kernel *k, uint64_t va, uint32_t index)
{
	const bool is_32bit = k->space.is_32bit, is_old = k->id.build < 7600;
	const uint64_t pcr = va - (is_32bit ? 0x120 : 0x180);
	const unsigned number_off = is_32bit ? (is_old ? 0x10 : 0x3cc) : (is_old ? 4 : 0x24);
	uint64_t self, prcb;
	uint32_t number = 0;
	uint8_t byte = 0;
	if (va % 8 != 0 || !psc_is_kernel_va(&k->space, pcr) || !psc_is_kernel_va(&k->space, va) ||
	    !psc_read_ptr(&k->reader, pcr + (is_32bit ? 0x1c : 0x18), &self) || self != pcr ||
	    !psc_read_ptr(&k->reader, pcr + 0x20, &prcb) || prcb != va)
		return false;
	if (is_old)
		return psc_read_u8(&k->reader, va + number_off, &byte) && byte == index;
	return psc_read_u32(&k->reader, va + number_off, &number) && number == index;
}

static size_t processors_at(struct psc_kernel *k, const struct psc_data_section *s, size_t i)
{
	const size_t n_words = psc_data_words(k, s);
	uint32_t n = 0;
	while (n < PROCESSORS_MAX && i + n < n_words && is_prcb(k, psc_data_word(k, s, i + n), n))
		n++;
	return n;
}

static void find_processor_block(struct psc_kernel *k, const struct psc_kernel_data *d)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	const uint32_t expected = psc_header_has(h, PSC_HDR_PROCESSORS) ? h->processors : 0;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t ties[TIES_MAX];
	size_t best = 0, n_ties = 0;
	for (size_t j = 0; j < d->n; j++) {
		const struct psc_data_section *s = &d->sections[j];
		for (size_t i = 0; i < psc_data_words(k, s); i++) {
			uint64_t word = psc_data_word(k, s, i);
			if (word == 0 || !psc_is_kernel_va(&k->space, word))
				continue;
			size_t n = processors_at(k, s, i);
			if (n == 0 || n < best)
				continue;
			if (n > best)
				n_ties = 0;
			best = n;
			if (n_ties < TIES_MAX)
				ties[n_ties++] = s->va + (uint64_t)i * ptr;
		}
	}
	if (best == 0)
		return;
	/* Of several arrays with the same pointers each serves. */
	bool differ = psc_infer_arrays_differ(k, ties[0], ties + 1, n_ties - 1, best);
	enum psc_confidence c = differ                                        ? PSC_CONFIDENCE_AMBIGUOUS
				: best == expected && best > 1 && n_ties == 1 ? PSC_CONFIDENCE_PROVEN
				: best == expected                            ? PSC_CONFIDENCE_LIKELY
									      : PSC_CONFIDENCE_WEAK;
	struct psc_inferred *item =
		psc_infer_sym(k, PSC_SYM_KiProcessorBlock, ties[0], c, (uint32_t)(3 * best),
			      "an array of %zu pointers to processor blocks in the kernel's data: each block's region "
			      "points to itself and to the block, and each block has its number",
			      best);
	psc_infer_alternatives(k, item, ties + 1, n_ties - 1);
}

void psc_kernel_infer_early(struct psc_kernel *k)
{
	struct psc_kernel_data data;
	if (k->base == 0)
		return;
	take_exports(k);
	if (psc_kernel_sym(k, PSC_SYM_KiProcessorBlock) != 0 || !psc_kernel_data_read(k, &data))
		return;
	find_processor_block(k, &data);
	psc_kernel_data_free(&data);
}
