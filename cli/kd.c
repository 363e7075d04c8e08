/* SPDX-License-Identifier: MIT */
#include "kd.h"
#include "callers.h"
#include <inttypes.h>

const char *kd_tag(const uint8_t tag[4], char *buf)
{
	for (int i = 0; i < 4; i++)
		buf[i] = tag[i] >= 0x20 && tag[i] < 0x7f ? (char)tag[i] : '.';
	buf[4] = '\0';
	return buf;
}

const char *kd_region_name(const struct psc_block_row *b)
{
	return b->kind == PSC_BLOCK_KIND_SPECIAL ? "Special pool" : kd_pool_name(b->pool);
}

const char *kd_pool_name(enum psc_pool pool)
{
	switch (pool) {
	case PSC_POOL_NONPAGED:
		return "Nonpaged pool";
	case PSC_POOL_PAGED:
		return "Paged pool";
	case PSC_POOL_SESSION:
		return "Paged session pool";
	case PSC_POOL_MAX:
		break;
	}
	return "Unknown pool";
}

/* The debugger has no such thing; only who asks for callers gets them. */
static void print_caller(FILE *f, const struct psc_block_row *b, bool is_32bit)
{
	char text[PSC_LOCATION_TEXT_BYTES];
	if (b->has_caller)
		fprintf(f, " Caller: %s", location_text(&b->caller, is_32bit, text, sizeof(text)));
	fputc('\n', f);
}

static void print_owner(FILE *f, const struct psc_block_row *b, bool is_32bit)
{
	if (b->is_protected)
		fputs(" (Protected)", f);
	if (b->has_process)
		fprintf(f, " Process: %0*" PRIx64, is_32bit ? 8 : 16, b->process.eprocess);
	print_caller(f, b, is_32bit);
}

/* A block on a lookaside list looks allocated to the debugger too. */
static const char *state(const struct psc_block_row *b)
{
	return b->state == PSC_BLOCK_FREE ? "(Free)     " : "(Allocated)";
}

void kd_small_line(FILE *f, const struct psc_block_row *b, bool is_32bit)
{
	char tag[5] = "    ";
	fprintf(f, "%0*" PRIx64 " size: %4" PRIx64 " previous size: %4" PRIx64 "  %s %s", is_32bit ? 8 : 16,
		b->header_va, b->block_bytes, b->previous_bytes, state(b), b->has_tag ? kd_tag(b->tag, tag) : tag);
	print_owner(f, b, is_32bit);
}

void kd_page_line(FILE *f, const struct psc_block_row *b, bool is_32bit, bool is_hit)
{
	char tag[5] = "    ";
	char mark = is_hit ? '*' : ' ';
	const char *name = b->has_tag ? kd_tag(b->tag, tag) : tag;
	if (b->kind == PSC_BLOCK_KIND_SPECIAL) {
		/* KD's own size and address lack, or have too much, a header. */
		fprintf(f, "%c%0*" PRIx64 " size: %4" PRIx64 " %s special pool%s, Tag is %s", mark, is_32bit ? 8 : 16,
			b->va, b->size_bytes, b->pool == PSC_POOL_NONPAGED ? "non-paged" : "paged",
			b->state == PSC_BLOCK_ALLOCATED ? "" : " (Free)", name);
		print_owner(f, b, is_32bit);
		return;
	}
	fprintf(f, "%c%0*" PRIx64 " size: %4" PRIx64 " previous size: %4" PRIx64 "  %s %c%s", mark, is_32bit ? 8 : 16,
		b->header_va, b->block_bytes, b->previous_bytes, state(b), mark, name);
	print_owner(f, b, is_32bit);
}

void kd_big_line(FILE *f, const struct psc_block_row *b, bool is_32bit)
{
	char tag[5] = "    ", size[24];
	snprintf(size, sizeof(size), "0x%" PRIx64, b->block_bytes);
	fprintf(f, "%0*" PRIx64 " : tag %s, size %9s, %s", is_32bit ? 8 : 16, b->va,
		b->has_tag ? kd_tag(b->tag, tag) : tag, size, kd_pool_name(b->pool));
	print_caller(f, b, is_32bit);
}
