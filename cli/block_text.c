/* SPDX-License-Identifier: MIT */
/* One block as text. */
#include "block_view.h"
#include "callers.h"
#include "kd.h"
#include "rows.h"
#include <inttypes.h>

#define NEIGHBOURS_MAX 8u /* on each side */

const char *block_reason(const struct psc_block_row *b)
{
	if (b->kind == PSC_BLOCK_KIND_BIG)
		return "the table of big allocations holds it";
	if (b->kind == PSC_BLOCK_KIND_UNKNOWN)
		return "a pool header stands there; nothing else speaks for it";
	if (b->kind == PSC_BLOCK_KIND_SPECIAL && b->state != PSC_BLOCK_CACHED)
		return b->state == PSC_BLOCK_FREE ? "its page has the record of a free"
						  : "its page exists and has its record";
	switch (b->state) {
	case PSC_BLOCK_ALLOCATED:
		return b->kind == PSC_BLOCK_KIND_LEGACY ? "its header is marked in use, the chain of its page leads "
							  "over it, and no list keeps it"
							: "its heap marks it busy";
	case PSC_BLOCK_FREE:
		return b->kind == PSC_BLOCK_KIND_LEGACY ? "its header is marked free" : "its heap marks it free";
	case PSC_BLOCK_CACHED:
		return "it looks allocated, but a lookaside or pending-free list holds it";
	}
	return "";
}

static void print_owner_evidence(const struct block_view *v, FILE *f)
{
	const struct psc_block_row *b = v->hit;
	char tag[17], text[PSC_LOCATION_TEXT_BYTES];
	const char *owner = b->has_tag && v->owners != NULL ? psc_tag_file_lookup(v->owners, b->tag) : NULL;
	if (owner != NULL)
		fprintf(f, "Tag's owner:    %s (by the tag file)\n", owner);
	if (b->state != PSC_BLOCK_ALLOCATED)
		return;
	if (v->has_caller)
		fprintf(f, "Allocated by:   %s (recorded by %s%s)\n",
			location_text(&v->caller, v->is_32bit, text, sizeof(text)),
			v->caller_source == PSC_CALLER_STACKDB ? "the stack-trace database" : "Driver Verifier",
			v->caller_is_inferred ? "; inferred" : "");
	else if (b->has_tag)
		fprintf(f,
			"Allocated by:   not recorded; 'poolscope owner' weighs what else speaks for who holds '%s'\n",
			psc_tag_format(b->tag, tag));
	if (b->has_process && b->process.is_listed)
		fprintf(f, "Charged to:     %s, pid %" PRIu64 ", EPROCESS 0x%0*" PRIx64 "\n", b->process.name,
			b->process.pid, v->is_32bit ? 8 : 16, b->process.eprocess);
	else if (b->has_process)
		fprintf(f, "Charged to:     EPROCESS 0x%0*" PRIx64 ", which is not in the list of processes\n",
			v->is_32bit ? 8 : 16, b->process.eprocess);
}

static void print_header(const struct block_view *v, FILE *f)
{
	const struct psc_block_header *h = &v->header;
	char size[32], previous[32];
	fputs("Header:        ", f);
	for (size_t i = 0; i < h->n_bytes; i++)
		fprintf(f, " %02x", h->bytes[i]);
	fprintf(f, "\n                size %s (0x%" PRIx64 ")", group_digits(h->block_bytes, false, size),
		h->block_bytes);
	if (v->hit->kind == PSC_BLOCK_KIND_LEGACY || v->hit->kind == PSC_BLOCK_KIND_UNKNOWN)
		fprintf(f, ", previous size %s (0x%" PRIx64 "), pool index %" PRIu32,
			group_digits(h->previous_bytes, false, previous), h->previous_bytes, h->pool_index);
	fprintf(f, ", type 0x%02" PRIx32 ": %s\n", h->pool_type, h->type_text);
}

/* The lines of !pool around the block. */
static void print_page(const struct block_view *v, FILE *f)
{
	const struct page_blocks *p = v->page;
	size_t first = p->hit > NEIGHBOURS_MAX && p->hit < p->n ? p->hit - NEIGHBOURS_MAX : 0;
	size_t end = p->hit < p->n && p->n - p->hit > NEIGHBOURS_MAX + 1 ? p->hit + NEIGHBOURS_MAX + 1 : p->n;
	if (p->n < 2 && p->hit < p->n)
		return;
	fputs("Page, as !pool shows it:\n", f);
	if (first != 0)
		fprintf(f, "    %zu more blocks\n", first);
	for (size_t i = first; i < end; i++) {
		fputs("   ", f);
		kd_page_line(f, &p->rows[i], v->is_32bit, i == p->hit);
	}
	if (end != p->n)
		fprintf(f, "    %zu more blocks\n", p->n - end);
}

static void print_contents(const struct block_view *v, FILE *f)
{
	const size_t width = v->is_32bit ? 4 : 8;
	char name[PSC_LOCATION_TEXT_BYTES];
	fputs("Contents:\n", f);
	for (size_t i = 0; i < v->n_contents; i += 16) {
		size_t n = v->n_contents - i < 16 ? v->n_contents - i : 16;
		print_hex_line(f, v->hit->va + i, v->is_32bit, v->contents + i, n);
		for (size_t k = i; k + width <= i + n; k += width) {
			uint64_t x = block_pointer(v, v->contents + k);
			if (block_name_address(v, x, name, sizeof(name)) != NULL)
				fprintf(f, "        +0x%zx: 0x%0*" PRIx64 " %s\n", k, v->is_32bit ? 8 : 16, x, name);
		}
	}
	if (v->n_contents < v->n_wanted)
		fprintf(f, "    %0*" PRIx64 "  not in the dump\n", v->is_32bit ? 8 : 16, v->hit->va + v->n_contents);
}

/* Where it is news. */
static void print_coverage(const struct run *run)
{
	if (run->coverage < 1.0 || run->interrupted)
		run_print_coverage(run);
}

void block_print_text(const struct block_view *v, const struct run *run)
{
	const struct psc_block_row *b = v->hit;
	FILE *f = run->f;
	int digits = v->is_32bit ? 8 : 16;
	char tag[17], size[32];
	if (b == NULL) {
		fprintf(f, "No pool block of this dump holds 0x%0*" PRIx64 ": %s\n", digits, v->va, v->why_not);
		if (v->page->n != 0)
			print_page(v, f);
		print_coverage(run);
		return;
	}
	fprintf(f, "Block:          0x%0*" PRIx64 ", %s bytes", digits, b->va,
		group_digits(b->size_bytes, false, size));
	if (v->va != b->va)
		fprintf(f, "; the address is %s0x%" PRIx64, v->va < b->va ? "-" : "+",
			v->va < b->va ? b->va - v->va : v->va - b->va);
	fprintf(f, "\nTag:            %s%s\n", b->has_tag ? psc_tag_format(b->tag, tag) : "not known",
		b->is_protected ? " (protected)" : "");
	print_owner_evidence(v, f);
	fprintf(f, "Pool:           %s%s", psc_pool_name(b->pool), b->is_nx ? ", not executable" : "");
	if (v->page->n_other_sessions != 0)
		fprintf(f, "; %zu other session%s a block at this address, too", v->page->n_other_sessions,
			v->page->n_other_sessions == 1 ? " has" : "s have");
	fputc('\n', f);
	fprintf(f, "Stored in:      %s", psc_block_kind_name(b->kind));
	if (b->block_bytes != b->size_bytes)
		fprintf(f, ", %s bytes %s", group_digits(b->block_bytes, false, size),
			b->kind == PSC_BLOCK_KIND_SPECIAL ? "as counted" : "with the header");
	fputc('\n', f);
	if (b->requested_bytes != 0)
		fprintf(f, "Asked for:      %s bytes\n", group_digits(b->requested_bytes, false, size));
	fprintf(f, "State:          %s: %s\n", psc_block_state_name(b->state), block_reason(b));
	if (v->has_header)
		print_header(v, f);
	print_page(v, f);
	if (v->n_wanted != 0)
		print_contents(v, f);
	if (v->with_refs)
		block_refs_print(v->refs, f, v->is_32bit);
	print_coverage(run);
}
