/* SPDX-License-Identifier: MIT */
/* How much of what was recorded about callers could be read: one figure for every command that shows callers. */
#include "report/callers_internal.h"
#include "report/coverage.h"

/* Why the database is no source, though it could be read. */
static const char *why_not_joined(const struct psc_stackdb *db, const struct psc_block_callers *found)
{
	if (!db->in_headers)
		return "pool headers of this machine hold tags where an index would stand";
	if (found->matched == 0)
		return "no pool header names a trace";
	return "what stands in pool headers at the place of an index is something else";
}

void psc_callers_note_stackdb(struct psc_callers *c, const struct psc_stackdb *db,
			      const struct psc_block_callers *found)
{
	struct psc_callers_info *info = &c->info;
	info->stackdb_available = db->available;
	info->stackdb_why_not = db->why_not;
	info->stackdb_traces = db->traces;
	info->stackdb_missing = db->missing;
	info->stackdb_invalid = db->invalid;
	info->stackdb_known_off = db->known_off;
	if (!found)
		return;
	info->stackdb_joined = found->db_is_proven;
	info->stackdb_blocks = found->matched;
	info->stackdb_lost = found->lost;
	info->stackdb_unmatched = found->unmatched;
	if (db->available && !found->db_is_proven)
		info->stackdb_why_not_joined = why_not_joined(db, found);
	if (found->db_is_proven) {
		/* Blocks are found by the walk, their traces by the database. */
		const double traces = psc_fraction(found->matched, found->matched + found->lost);
		c->read.stackdb = traces < found->ratio ? traces : found->ratio;
	}
}

static void lower(double *ratio, double of_source)
{
	if (of_source >= 0.0 && (*ratio < 0.0 || of_source < *ratio))
		*ratio = of_source;
}

double psc_callers_records_ratio(const struct psc_callers *c)
{
	double ratio = -1.0;
	lower(&ratio, c->read.verifier);
	/* Verifier's table of stacks counts the same blocks as its records: instead of them, not beside them. */
	if (ratio < 0.0)
		lower(&ratio, c->read.stacks);
	lower(&ratio, c->read.stackdb);
	if (ratio >= 0.0)
		return ratio;
	/* A database that can be read and that no header names has nothing to say. */
	return c->info.verifier_known_off && (c->info.stackdb_known_off || c->info.stackdb_available) ? 1.0 : 0.0;
}
