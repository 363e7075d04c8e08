/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include "util/bytes.h"
#include "util/text.h"
#include <inttypes.h>

bool psc_list_is_linked(struct psc_reader *r, uint64_t head)
{
	unsigned ptr = psc_pointer_bytes(r->sp);
	uint64_t flink, blink, back;
	if (head % ptr || !psc_is_kernel_va(r->sp, head) || !psc_read_ptr(r, head, &flink) ||
	    !psc_read_ptr(r, head + ptr, &blink))
		return false;
	if (!psc_is_kernel_va(r->sp, flink) || !psc_is_kernel_va(r->sp, blink))
		return false;
	return psc_read_ptr(r, flink + ptr, &back) && back == head && psc_read_ptr(r, blink, &back) && back == head;
}

/* Layout: reference kernel 5 [V]. */
char *psc_unicode_string(struct psc_kernel *k, const uint8_t *bytes, size_t max_bytes)
{
	uint8_t text[2048];
	size_t n = psc_le16(bytes);
	uint64_t buffer = k->space.is_32bit ? psc_le32(bytes + 4) : psc_le64(bytes + 8);
	if (n == 0 || n % 2 || n > 32766 || !psc_is_kernel_va(&k->space, buffer))
		return NULL;
	if (n > max_bytes)
		n = max_bytes;
	if (n > sizeof(text))
		n = sizeof(text);
	if (psc_read_va(&k->reader, buffer, text, n) != n || (text[0] == 0 && text[1] == 0))
		return NULL;
	return psc_utf16le_to_utf8(&k->arena, text, n);
}

const char *psc_base_size_text(struct psc_kernel *k, uint64_t base, uint64_t size_bytes)
{
	const char *text =
		psc_arena_printf(&k->arena, "%0*" PRIx64 "+%" PRIx64, k->space.is_32bit ? 8 : 16, base, size_bytes);
	return text ? text : "";
}
