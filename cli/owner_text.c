/* SPDX-License-Identifier: MIT */
#include "owner_text.h"
#include "coverage.h"
#include "json.h"
#include "rows.h"
#include <inttypes.h>
#include <string.h>

#define CLASSES_SHOWN 12u

/* As a character constant of C and of debuggers: the first character of the tag is the last one there. */
static const char *constant_text(const uint8_t tag[4], char *buf, size_t cap)
{
	uint8_t backwards[4] = {tag[3], tag[2], tag[1], tag[0]};
	char text[17];
	snprintf(buf, cap, "'%s'", psc_tag_format(backwards, text));
	return buf;
}

static void hex_text(const uint8_t tag[4], char buf[9])
{
	snprintf(buf, 9, "%02x%02x%02x%02x", tag[0], tag[1], tag[2], tag[3]);
}

static void print_use(FILE *f, enum psc_pool pool, const struct psc_owner_use *u)
{
	char a[32], b[32], c[32], d[32];
	if (!u->is_used)
		return;
	fprintf(f, "  %s pool:", psc_pool_name(pool));
	if (u->has_live)
		fprintf(f, " %s live block%s, %s bytes by the trackers (%s allocated, %s freed since boot);",
			group_i64(u->live, a), u->live == 1 ? "" : "s", group_i64(u->live_bytes, b),
			group_digits(u->allocs, false, c), group_digits(u->frees, false, d));
	if (u->has_walk)
		fprintf(f, " %s block%s, %s bytes seen\n", group_digits(u->seen, false, a), u->seen == 1 ? "" : "s",
			group_digits(u->seen_bytes, false, b));
	else
		fprintf(f, " none seen\n");
}

void owner_print_head(FILE *f, const struct psc_owner *owner, const char *description)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	char tag[17], constant[24], reversed[17], n[32];
	fprintf(f, "Tag %s%s, in C source %s (0x%08" PRIx32 ")\n", psc_tag_format(i->tag, tag),
		i->is_protected ? " (protected)" : "", constant_text(i->tag, constant, sizeof(constant)),
		i->pool_hit_tag);
	for (int p = 0; p < PSC_POOL_MAX; p++)
		print_use(f, (enum psc_pool)p, &i->use[p]);
	fprintf(f, "  %s\n", i->use_text);
	if (i->reversed_seen != 0)
		fprintf(f, "  read backwards it is the tag %s, of which there are %s live blocks\n",
			psc_tag_format(i->reversed_tag, reversed), group_digits(i->reversed_seen, false, n));
	if (i->component != NULL)
		fprintf(f, "  this tag is allocated by %s: %s\n", i->component, i->component_text);
	if (description != NULL)
		fprintf(f, "  the tag file says: %s (no evidence)\n", description);
	fprintf(f, "\nVerdict: %s\n\n", i->verdict_text);
}

/* The most blocks first; those of few are only counted. */
static void print_classes(FILE *f, const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	size_t n, shown = 0, last = 0;
	const struct psc_owner_class *c = psc_owner_classes(owner, &n);
	char a[32], b[32];
	if (n == 0)
		return;
	fprintf(f, "\nBlocks by size (with their headers):\n");
	for (; shown < n && shown < CLASSES_SHOWN; shown++) {
		size_t best = n;
		for (size_t k = 0; k < n; k++) {
			bool is_left =
				shown == 0 || c[k].live < c[last].live || (c[k].live == c[last].live && k > last);
			if (is_left && (best == n || c[k].live > c[best].live))
				best = k;
		}
		last = best;
		fprintf(f, "  %s block%s of %s bytes, %s", group_digits(c[best].live, false, a),
			c[best].live == 1 ? "" : "s", group_digits(c[best].block_bytes, false, b),
			psc_pool_name(c[best].pool));
		if (i->sites_run)
			fprintf(f, ": %" PRIu32 " call site%s fit%s", c[best].sites, c[best].sites == 1 ? "" : "s",
				c[best].sites == 1 ? "s" : "");
		fputc('\n', f);
	}
	if (n > shown)
		fprintf(f, "  and %zu more sizes\n", n - shown);
	if (i->sites_run)
		fprintf(f, "  no call site fits %s of %s blocks\n", group_digits(i->unexplained, false, a),
			group_digits(i->seen, false, b));
}

static void print_next(FILE *f, const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	char constant[24];
	fprintf(f, "\nIf proof is wanted:\n");
	if (i->verifier_command != NULL)
		fprintf(f, "  %s\n    %s\n", i->verifier_command, i->verifier_text);
	else
		fprintf(f, "  Driver Verifier: %s\n", i->verifier_text);
	fprintf(f,
		"  ed nt!PoolHitTag 0x%08" PRIx32
		"\n    in a kernel debugger on another machine: breaks at each allocation "
		"and free of this tag (%s)\n",
		i->pool_hit_tag, constant_text(i->tag, constant, sizeof(constant)));
	if (i->has_protected_hit_tag)
		fprintf(f, "  ed nt!PoolHitTag 0x%08" PRIx32 "\n    the same with the protected bit\n",
			i->pool_hit_tag | 0x80000000u);
	if (i->has_current_hit_tag && i->current_hit_tag != 0)
		fprintf(f, "    in this dump it is 0x%08" PRIx32 "\n", i->current_hit_tag);
}

void owner_print_end(FILE *f, const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	char a[32];
	print_classes(f, owner);
	print_next(f, owner);
	fputc('\n', f);
	if (i->callers_why_not != NULL)
		fprintf(f, "Recorded callers: none; %s\n", i->callers_why_not);
	else if (i->callers_ratio < 1.0)
		fprintf(f, "Recorded callers: %.1f%% of the records read\n", 100.0 * i->callers_ratio);
	if (!i->sites_run)
		fprintf(f, "Call sites: not looked for; %s\n", i->sites_why_not);
	else
		fprintf(f, "Call sites: %.1f%% of the code scanned; %s sites pass a tag that is not known\n",
			100.0 * i->sites_ratio, group_digits(i->sites_unknown_tag, false, a));
	if (i->threads_read != 0)
		fprintf(f, "Stacks looked at: of %s threads\n", group_digits(i->threads_read, false, a));
	if (i->blocks_sampled != 0)
		fprintf(f, "Contents looked at: of %s blocks\n", group_digits(i->blocks_sampled, false, a));
	fprintf(f, "Pool pages read: %.1f%%\n", 100.0 * i->walk_ratio);
}

/* ---- JSON ---- */

static void add_i64_or_null(cJSON *o, const char *key, bool known, int64_t v)
{
	if (known)
		json_add_i64(o, key, v);
	else
		cJSON_AddNullToObject(o, key);
}

static void add_value(cJSON *o, const char *key, bool known, uint32_t v)
{
	char text[16];
	snprintf(text, sizeof(text), "0x%08" PRIx32, v);
	json_add_text_or_null(o, key, known ? text : NULL);
}

cJSON *owner_json_subject(const struct psc_owner *owner, const char *description)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	char text[24], hex[9];
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "tag", psc_tag_format(i->tag, text));
	hex_text(i->tag, hex);
	cJSON_AddStringToObject(o, "tag_hex", hex);
	cJSON_AddBoolToObject(o, "protected", i->is_protected);
	cJSON_AddStringToObject(o, "source_constant", constant_text(i->tag, text, sizeof(text)));
	cJSON_AddStringToObject(o, "reversed_tag", psc_tag_format(i->reversed_tag, text));
	hex_text(i->reversed_tag, hex);
	cJSON_AddStringToObject(o, "reversed_tag_hex", hex);
	json_add_u64(o, "reversed_seen_count", i->reversed_seen);
	cJSON *pools = cJSON_AddArrayToObject(o, "pools");
	for (int p = 0; p < PSC_POOL_MAX; p++) {
		const struct psc_owner_use *u = &i->use[p];
		if (!u->is_used)
			continue;
		cJSON *q = cJSON_CreateObject();
		cJSON_AddStringToObject(q, "pool", psc_pool_name((enum psc_pool)p));
		json_add_u64_or_null(q, "allocs_count", u->has_tracker, u->allocs);
		json_add_u64_or_null(q, "frees_count", u->has_tracker, u->frees);
		add_i64_or_null(q, "live_count", u->has_live, u->live);
		add_i64_or_null(q, "live_bytes", u->has_live, u->live_bytes);
		json_add_u64_or_null(q, "seen_count", u->has_walk, u->seen);
		json_add_u64_or_null(q, "seen_bytes", u->has_walk, u->seen_bytes);
		if (u->has_share)
			json_add_ratio(q, u->share);
		else
			cJSON_AddNullToObject(q, "ratio");
		cJSON_AddItemToArray(pools, q);
	}
	json_add_u64(o, "seen_count", i->seen);
	json_add_u64(o, "seen_bytes", i->seen_bytes);
	cJSON_AddStringToObject(o, "use", i->use_text);
	json_add_text_or_null(o, "component", i->component);
	json_add_text_or_null(o, "component_text", i->component_text);
	json_add_text_or_null(o, "component_source", i->component_source);
	json_add_text_or_null(o, "description", description);
	return o;
}

cJSON *owner_json_verdict(const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "verdict", psc_owner_verdict_name(i->verdict));
	cJSON_AddStringToObject(o, "text", i->verdict_text);
	json_add_u64_or_null(o, "unexplained_count", i->sites_run, i->unexplained);
	return o;
}

cJSON *owner_json_suspects(const struct psc_owner *owner)
{
	size_t n;
	const struct psc_owner_suspect *s = psc_owner_suspects(owner, &n);
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "module", s[i].module);
		cJSON_AddStringToObject(o, "grade", psc_grade_name(s[i].grade));
		json_add_u64(o, "exact_count", s[i].exact_blocks);
		json_add_u64(o, "inferred_count", s[i].inferred_blocks);
		json_add_u64(o, "evidence_count", s[i].pieces);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

cJSON *owner_json_classes(const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	size_t n;
	const struct psc_owner_class *c = psc_owner_classes(owner, &n);
	cJSON *a = cJSON_CreateArray();
	for (size_t k = 0; k < n; k++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "pool", psc_pool_name(c[k].pool));
		json_add_u64(o, "block_bytes", c[k].block_bytes);
		json_add_u64(o, "live_count", c[k].live);
		json_add_u64(o, "live_bytes", c[k].live_bytes);
		json_add_u64_or_null(o, "sites_count", i->sites_run, c[k].sites);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

cJSON *owner_json_next(const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	char text[48];
	cJSON *o = cJSON_CreateObject();
	json_add_text_or_null(o, "verifier_command", i->verifier_command);
	cJSON_AddStringToObject(o, "verifier_text", i->verifier_text);
	snprintf(text, sizeof(text), "ed nt!PoolHitTag 0x%08" PRIx32, i->pool_hit_tag);
	cJSON_AddStringToObject(o, "pool_hit_command", text);
	add_value(o, "pool_hit_tag", true, i->pool_hit_tag);
	add_value(o, "pool_hit_tag_protected", i->has_protected_hit_tag, i->pool_hit_tag | 0x80000000u);
	add_value(o, "current_pool_hit_tag", i->has_current_hit_tag, i->current_hit_tag);
	return o;
}

cJSON *owner_json_coverage(const struct run *run, const struct psc_owner *owner)
{
	const struct psc_owner_info *i = psc_owner_get_info(owner);
	size_t n;
	const struct psc_walk_coverage *walk = psc_owner_coverage(owner, &n);
	cJSON *o = run_coverage(run), *part;
	json_add_walk_coverage(o, walk, n);
	part = cJSON_AddObjectToObject(o, "callers");
	cJSON_AddBoolToObject(part, "available", i->callers_available);
	json_add_text_or_null(part, "why_not", i->callers_why_not);
	json_add_ratio(part, i->callers_ratio);
	part = cJSON_AddObjectToObject(o, "sites");
	cJSON_AddBoolToObject(part, "available", i->sites_run);
	json_add_text_or_null(part, "why_not", i->sites_why_not);
	if (i->sites_run)
		json_add_ratio(part, i->sites_ratio);
	else
		cJSON_AddNullToObject(part, "ratio");
	json_add_u64_or_null(part, "unknown_tag_count", i->sites_run, i->sites_unknown_tag);
	json_add_u64(cJSON_AddObjectToObject(o, "stacks"), "threads_count", i->threads_read);
	json_add_u64(cJSON_AddObjectToObject(o, "contents"), "blocks_sampled_count", i->blocks_sampled);
	part = cJSON_AddObjectToObject(o, "images");
	json_add_u64(part, "pages_count", i->image_pages);
	json_add_u64(part, "missing_pages_count", i->image_pages_missing);
	return o;
}
