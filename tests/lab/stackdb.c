/* SPDX-License-Identifier: MIT */
/*
 * The kernel's stack-trace database, and pool headers that carry its indices (pool.md 8.6): on 64-bit machines beside
 * the tag, on XP without pool tagging in its place. Other kernels for x86 have the database, but tags in the headers.
 */
#include "machine.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_SITES  12
#define N_TRACES 60 /* some are of other users of the database */
#define DEPTH    5

struct stackdb_site {
	unsigned module;
	uint32_t rva, traces[2], tag;
	enum lab_pool pool;
	uint64_t live, live_bytes, by_trace[2];
};

struct lab_stackdb {
	struct stackdb_site sites[N_SITES];
	struct {
		uint64_t va;
		uint32_t trace;
	} * blocks;
	size_t n_blocks, cap_blocks;
};

static bool in_tag(const struct lab_machine *m)
{
	return !lab_build_is64(m->b) && m->o.no_tagging;
}

static bool is_joined(const struct lab_machine *m)
{
	return (lab_build_is64(m->b) || in_tag(m)) && m->o.stackdb == LAB_STACKDB_USED;
}

void lab_stackdb_plant(struct lab_machine *m)
{
	struct lab_stackdb *d = calloc(1, sizeof *d);
	m->stackdb = d;
	for (unsigned s = 0; s < N_SITES; s++) {
		struct stackdb_site *site = &d->sites[s];
		unsigned n = 10 + lab_random(m, in_tag(m) ? 400 : 40);
		site->module = s % 4 == 3 ? 0 : 2 + s % 2;
		site->rva = 0x1000 + 0x60 * s + 9;
		site->pool = s % 3 == 1 ? LAB_POOL_PAGED : LAB_POOL_NONPAGED;
		site->traces[0] = 3 + 4 * s;
		site->traces[1] = s % 2 && !in_tag(m) ? N_TRACES - s : site->traces[0];
		site->tag = LAB_TAG('S', 'd', 'a' + s, s % 5 == 4 ? ' ' : 'x');
		if (in_tag(m))
			site->tag = site->traces[0] | 0x2f000000u | s << 16;
		for (unsigned i = 0; i < n; i++) {
			unsigned t = lab_random(m, 3) == 0;
			uint64_t va = lab_pool_block(m, &(struct lab_request){.tag = site->tag,
									      .pool = site->pool,
									      .bytes = 16 + lab_random(m, 900),
									      .nx = m->b->number >= 9200});
			LAB_GROW(d->blocks, d->n_blocks, d->cap_blocks);
			d->blocks[d->n_blocks].va = va;
			d->blocks[d->n_blocks++].trace = site->traces[t];
			site->live++;
			site->live_bytes += m->blocks[m->n_blocks - 1].bytes - m->header_bytes;
			site->by_trace[t]++;
		}
	}
}

static void write_headers(struct lab_machine *m)
{
	struct lab_stackdb *d = m->stackdb;
	if (!lab_build_is64(m->b))
		return;
	for (size_t i = 0; i < d->n_blocks; i++) {
		uint64_t at = d->blocks[i].va - m->header_bytes + 8;
		bool stale = m->o.stackdb == LAB_STACKDB_STALE && i % 10;
		uint32_t index = stale ? 1000 + lab_random(m, 60000) : d->blocks[i].trace;
		lab_put32(m->mem, at, index | lab_random(m, 0x10000) << 16);
		lab_put32(m->mem, at + 4, lab_random(m, 0xffffffff));
	}
}

static uint64_t caller_of(const struct lab_machine *m, const struct stackdb_site *site)
{
	return (site->module ? m->modules[site->module].base : m->b->kernel_base) + site->rva;
}

/* The driver that called the kernel's site. */
static uint64_t on_behalf(const struct lab_machine *m, const struct stackdb_site *site)
{
	return m->modules[2].base + 0x2000 + site->rva;
}

/* The site whose trace this is, or NULL; ret_live: its blocks. */
static const struct stackdb_site *site_of(const struct lab_stackdb *d, uint32_t trace, uint64_t *ret_live)
{
	for (unsigned s = 0; s < N_SITES; s++)
		for (unsigned t = 0; t < 2; t++)
			if (d->sites[s].traces[t] == trace) {
				*ret_live = d->sites[s].traces[0] == d->sites[s].traces[1] ? d->sites[s].live
											   : d->sites[s].by_trace[t];
				return &d->sites[s];
			}
	return NULL;
}

/* Is the count of this site's traces lower than the blocks that name them? */
static bool is_short(unsigned site)
{
	return site == 5;
}

static uint64_t write_entry(struct lab_machine *m, uint32_t index)
{
	unsigned ptr = lab_ptr_size(m->b);
	uint64_t at = lab_system_bytes(m, ptr + 8 + DEPTH * ptr), live = 0;
	const struct stackdb_site *site = site_of(m->stackdb, index, &live);
	uint32_t count = (uint32_t)live + index % 7;
	if (site && is_short((unsigned)(site - m->stackdb->sites)))
		count = 1;
	if (m->b->number >= 7600)
		count |= DEPTH << 11;
	lab_put_ptr(m, at, 0); /* chains are not read */
	lab_put32(m->mem, at + ptr, count);
	lab_put32(m->mem, at + ptr + 4, index | DEPTH << 16);
	uint64_t frame = site ? caller_of(m, site) : m->modules[2].base + 0x3000 + index;
	for (unsigned i = 0; i < DEPTH; i++)
		lab_put_ptr(m, at + ptr + 8 + i * ptr, i ? m->b->kernel_base + 0x1400 + 16 * i + index : frame);
	if (site && !site->module)
		lab_put_ptr(m, at + ptr + 8 + 2 * ptr, on_behalf(m, site));
	return at;
}

void lab_stackdb_finish(struct lab_machine *m)
{
	if (!m->stackdb)
		return;
	unsigned ptr = lab_ptr_size(m->b);
	uint64_t db = lab_system_bytes(m, 0x400), array = lab_system_pages(m, LAB_PAGE) + LAB_PAGE;
	uint32_t at = lab_build_is64(m->b) ? 0xb8 : 0x64;
	for (uint32_t i = 1; i <= N_TRACES; i++)
		lab_put_ptr(m, array - i * ptr, write_entry(m, i));
	lab_put32(m->mem, db + at - 8, 7 * N_TRACES); /* looked up */
	lab_put32(m->mem, db + at - 4, N_TRACES);
	lab_put_ptr(m, db + at, array);
	/* Neighbours that point near it. */
	lab_put_ptr(m, db + at - 8 - ptr, array - N_TRACES * ptr);
	lab_put_ptr(m, db + at - 8 - 2 * ptr, array - LAB_PAGE);
	lab_set_global(m, "RtlpStackTraceDatabase", db);
	write_headers(m);
}

void lab_stackdb_truth(const struct lab_machine *m, cJSON *truth)
{
	if (!m->stackdb)
		return;
	cJSON *callers = cJSON_AddArrayToObject(truth, "callers"),
	      *behalf = cJSON_AddObjectToObject(truth, "on_behalf_of");
	for (unsigned s = 0; s < N_SITES && is_joined(m); s++) {
		const struct stackdb_site *site = &m->stackdb->sites[s];
		cJSON *row = cJSON_CreateObject(), *caller = cJSON_AddObjectToObject(row, "caller"), *tags;
		char text[24], hex[9];
		uint32_t x = site->tag & ~LAB_PROTECTED;
		snprintf(text, sizeof text, "0x%0*" PRIx64, lab_build_is64(m->b) ? 16 : 8, caller_of(m, site));
		cJSON_AddStringToObject(caller, "address", text);
		if (!site->module) {
			char other[24];
			snprintf(other, sizeof other, "0x%0*" PRIx64, lab_build_is64(m->b) ? 16 : 8,
				 on_behalf(m, site));
			cJSON_AddStringToObject(behalf, text, other);
		}
		cJSON_AddStringToObject(caller, "module",
					site->module ? m->modules[site->module].base_name : "ntoskrnl.exe");
		snprintf(text, sizeof text, "0x%" PRIx32, site->rva);
		cJSON_AddStringToObject(caller, "offset", text);
		cJSON_AddStringToObject(row, "source", "stackdb");
		cJSON_AddStringToObject(row, "grade", is_short(s) ? "inferred" : "exact");
		cJSON_AddStringToObject(row, "pool", site->pool == LAB_POOL_PAGED ? "paged" : "nonpaged");
		cJSON_AddNumberToObject(row, "live_count", (double)site->live);
		cJSON_AddNumberToObject(row, "live_bytes", (double)site->live_bytes);
		tags = cJSON_AddArrayToObject(row, "tags_hex");
		snprintf(hex, sizeof hex, "%02x%02x%02x%02x", x & 0xff, x >> 8 & 0xff, x >> 16 & 0xff, x >> 24);
		cJSON_AddItemToArray(tags, cJSON_CreateString(hex));
		cJSON_AddItemToArray(callers, row);
	}
}

void lab_stackdb_free(struct lab_machine *m)
{
	if (m->stackdb)
		free(m->stackdb->blocks);
	free(m->stackdb);
}
