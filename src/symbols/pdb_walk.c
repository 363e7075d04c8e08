/* SPDX-License-Identifier: MIT */
/* Passes over symbol records: those of the whole program, and those of each module. */
#include "symbols/pdb_internal.h"

#include "util/checked.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define MODULE_SIGNATURE_OLD 2u /* before the records that are read here got their form, names were counted */
#define MODULE_SIGNATURE     4u

enum psc_status psc_pdb_read_symbol(const struct psc_pdb *pdb, uint32_t stream, uint32_t off, uint8_t *buf,
				    struct psc_cv_symbol *ret, struct psc_error *reterr)
{
	uint8_t length[2];
	uint32_t size = psc_msf_size(&pdb->msf, stream);
	enum psc_status r = psc_msf_read(&pdb->msf, stream, off, length, sizeof(length), reterr);
	if (r != PSC_OK)
		return r;
	uint32_t n = psc_le16(length);
	if (!psc_range_ok(off, 2 + (uint64_t)n, size))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a symbol ends behind its stream");
	r = psc_msf_read(&pdb->msf, stream, off + 2, buf, n, reterr);
	if (r == PSC_OK && !psc_cv_parse_symbol(buf, n, ret))
		r = psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a symbol is damaged");
	return r;
}

bool psc_pdb_read_proc(struct psc_pdb *pdb, const struct psc_cv_symbol *ref, uint8_t *buf, struct psc_cv_symbol *ret)
{
	if (psc_pdb_modules_load(pdb, NULL) != PSC_OK || ref->module == 0 || ref->module > pdb->modules.n)
		return false;
	const struct psc_pdb_module *m = &pdb->modules.items[ref->module - 1];
	return m->stream != PSC_MSF_NO_STREAM && ref->offset < m->symbol_bytes &&
	       psc_pdb_read_symbol(pdb, m->stream, ref->offset, buf, ret, NULL) == PSC_OK && ret->class == PSC_CV_PROC;
}

/* One bit for two bytes of the record stream: a record that is in force starts there. */
static void mark(uint8_t *in_force, const struct psc_pdb_gsi *g)
{
	for (uint32_t i = 0; g->is_valid && i < g->n_records; i++) {
		uint32_t bit = (psc_le32(g->records + 8 * (size_t)i) - 1) / 2;
		in_force[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

static enum psc_status load_records(struct psc_pdb *pdb, struct psc_error *reterr)
{
	uint32_t n = psc_msf_size(&pdb->msf, pdb->dbi.record_stream);
	if (pdb->records)
		return PSC_OK;
	enum psc_status r = psc_msf_load(&pdb->msf, pdb->dbi.record_stream, 0, n, &pdb->records, reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "symbols");
	pdb->records_bytes = n;
	return PSC_OK;
}

enum psc_status psc_pdb_walk_records(struct psc_pdb *pdb, psc_pdb_visit *visit, void *arg, struct psc_error *reterr)
{
	enum psc_status r = psc_pdb_gsi_load(pdb, reterr);
	if (r == PSC_OK)
		r = load_records(pdb, reterr);
	if (r != PSC_OK)
		return r;
	uint8_t *in_force = calloc((size_t)pdb->records_bytes / 16 + 1, 1);
	if (!in_force)
		return psc_fail_no_memory(reterr);
	mark(in_force, &pdb->publics);
	mark(in_force, &pdb->globals);
	struct psc_cursor c = psc_cursor_init(pdb->records, pdb->records_bytes);
	for (uint32_t i = 0; psc_cursor_left(&c) >= 4; i++) {
		if (i % PSC_PDB_CANCEL_RECORDS == 0 && psc_cancelled(pdb->cancel)) {
			r = psc_pdb_fail_cancelled(reterr);
			break;
		}
		uint32_t bit = (uint32_t)psc_cursor_tell(&c) / 2;
		struct psc_cv_symbol symbol;
		uint16_t n = psc_cursor_u16(&c);
		const uint8_t *record = psc_cursor_bytes(&c, n);
		if (!record)
			break; /* what follows cannot be found */
		if (!psc_cv_parse_symbol(record, n, &symbol) || symbol.class == PSC_CV_OTHER)
			continue;
		bool is_listed = symbol.class == PSC_CV_PUBLIC ? pdb->publics.is_valid : pdb->globals.is_valid;
		if (is_listed && !(in_force[bit / 8] >> bit % 8 & 1))
			continue;
		if (!visit(arg, &symbol))
			break;
	}
	free(in_force);
	return r;
}

static bool walk_module(const uint8_t *bytes, uint32_t n, psc_pdb_visit *visit, void *arg)
{
	struct psc_cursor c = psc_cursor_init(bytes, n);
	uint32_t signature = psc_cursor_u32(&c);
	if (signature != MODULE_SIGNATURE && signature != MODULE_SIGNATURE_OLD)
		return true;
	while (psc_cursor_left(&c) >= 4) {
		struct psc_cv_symbol symbol;
		uint16_t length = psc_cursor_u16(&c);
		const uint8_t *record = psc_cursor_bytes(&c, length);
		if (!record)
			break;
		if (psc_cv_parse_symbol(record, length, &symbol) && symbol.class != PSC_CV_OTHER &&
		    !visit(arg, &symbol))
			return false;
	}
	return true;
}

enum psc_status psc_pdb_walk_modules(struct psc_pdb *pdb, psc_pdb_visit *visit, void *arg, struct psc_error *reterr)
{
	/* Each module has a stream of its own: together they are no larger than the file. */
	uint64_t left = psc_source_size(pdb->source);
	enum psc_status r = psc_pdb_modules_load(pdb, reterr);
	for (size_t i = 0; r == PSC_OK && i < pdb->modules.n; i++) {
		const struct psc_pdb_module *m = &pdb->modules.items[i];
		uint32_t n = m->symbol_bytes;
		uint8_t *bytes;
		if (psc_cancelled(pdb->cancel))
			return psc_pdb_fail_cancelled(reterr);
		if (m->stream == PSC_MSF_NO_STREAM || n < 4)
			continue;
		if (n > psc_msf_size(&pdb->msf, m->stream))
			n = psc_msf_size(&pdb->msf, m->stream);
		if (n > left)
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
					"the modules have more symbols than the file has room for");
		left -= n;
		r = psc_msf_load(&pdb->msf, m->stream, 0, n, &bytes, reterr);
		if (r == PSC_E_CORRUPT || r == PSC_E_TRUNCATED) {
			r = PSC_OK;
			continue;
		}
		if (r != PSC_OK)
			break;
		bool more = walk_module(bytes, n, visit, arg);
		free(bytes);
		if (!more)
			break;
	}
	return r;
}
