/* SPDX-License-Identifier: MIT */
/*
 * A poolscope result against the truth.
 *
 * Numbers are compared exactly: before parsing, every integer of the text becomes a string marked with a control
 * character, so that no figure goes through a double.
 */
#include "machine.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK     '\x7f'
#define MAX_SAID 20

static unsigned n_differences;

static void differ(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void differ(const char *fmt, ...)
{
	va_list ap;
	if (++n_differences > MAX_SAID)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static char *read_text(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
	char *text = NULL;
	size_t n = 0, cap = 0, got;
	if (!f)
		lab_die("cannot read %s", path);
	do {
		cap = cap ? cap * 2 : 1 << 16;
		text = lab_xrealloc(text, cap + 1);
		got = fread(text + n, 1, cap - n, f);
		n += got;
	} while (got);
	if (ferror(f))
		lab_die("cannot read %s", path);
	if (f != stdin)
		fclose(f);
	text[n] = 0;
	return text;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 123 -> "<mark>123"; 1.5 and 1e3 stay. */
static char *mark_integers(const char *in)
{
	struct lab_text out = {0};
	bool in_string = false;
	const char *run = in;
	while (*in) {
		if (in_string) {
			if (*in == '\\' && in[1])
				in++;
			else if (*in == '"')
				in_string = false;
			in++;
			continue;
		}
		if (*in == '"')
			in_string = true;
		if (*in != '-' && !is_digit(*in)) {
			in++;
			continue;
		}
		const char *start = in;
		bool integer = true;
		while (*in == '-' || *in == '+' || *in == '.' || *in == 'e' || *in == 'E' || is_digit(*in)) {
			if (*in == '.' || *in == 'e' || *in == 'E')
				integer = false;
			in++;
		}
		if (!integer)
			continue;
		lab_text_add(&out, "%.*s\"%c%.*s\"", (int)(start - run), run, MARK, (int)(in - start), start);
		run = in;
	}
	lab_text_add(&out, "%s", run);
	return out.s;
}

static cJSON *load(const char *path)
{
	char *text = read_text(path), *marked = mark_integers(text);
	cJSON *j = cJSON_Parse(marked);
	if (!j)
		lab_die("%s is not JSON", path);
	free(text);
	free(marked);
	return j;
}

static bool is_integer(const cJSON *j)
{
	return cJSON_IsString(j) && j->valuestring[0] == MARK;
}

static bool as_double(const cJSON *j, double *ret)
{
	if (cJSON_IsNumber(j))
		*ret = j->valuedouble;
	else if (is_integer(j))
		*ret = strtod(j->valuestring + 1, NULL);
	else
		return false;
	return true;
}

static const char *show(const cJSON *j)
{
	static char text[4][160];
	static unsigned turn;
	char *t = text[turn++ % 4];
	if (!j)
		return "(absent)";
	if (is_integer(j)) {
		snprintf(t, sizeof text[0], "%s", j->valuestring + 1);
		return t;
	}
	char *printed = cJSON_PrintUnformatted(j);
	snprintf(t, sizeof text[0], "%s", printed ? printed : "?");
	cJSON_free(printed);
	for (char *p = t; *p; p++)
		if (*p == MARK)
			*p = '#';
	return t;
}

/* Every key of want must be in got with an equal value; more keys in got are none of our business. */
static void compare_value(const char *where, const cJSON *want, const cJSON *got)
{
	char path[256];
	double a, b;
	if (cJSON_IsString(want) && !strcmp(want->valuestring, "*"))
		return;
	if (cJSON_IsObject(want)) {
		if (!cJSON_IsObject(got)) {
			differ("%s: expected %s, got %s", where, show(want), show(got));
			return;
		}
		const cJSON *child;
		cJSON_ArrayForEach(child, want)
		{
			snprintf(path, sizeof path, "%s.%s", where, child->string);
			compare_value(path, child, cJSON_GetObjectItemCaseSensitive(got, child->string));
		}
		return;
	}
	if (cJSON_IsArray(want)) {
		int n = cJSON_GetArraySize(want);
		if (!cJSON_IsArray(got) || cJSON_GetArraySize(got) != n) {
			differ("%s: expected %s, got %s", where, show(want), show(got));
			return;
		}
		for (int i = 0; i < n; i++) {
			snprintf(path, sizeof path, "%s[%d]", where, i);
			compare_value(path, cJSON_GetArrayItem(want, i), cJSON_GetArrayItem(got, i));
		}
		return;
	}
	bool equal;
	if (!got)
		equal = false;
	else if (is_integer(want) && is_integer(got))
		equal = !strcmp(want->valuestring, got->valuestring);
	else if (as_double(want, &a) && as_double(got, &b))
		equal = fabs(a - b) < 0.0051 + fabs(a) * 1e-12;
	else
		equal = cJSON_Compare(want, got, true);
	if (!equal)
		differ("%s: expected %s, got %s", where, show(want), show(got));
}

/* b's keys over a's, recursively. */
static void overlay(cJSON *a, const cJSON *b)
{
	const cJSON *child;
	cJSON_ArrayForEach(child, b)
	{
		cJSON *mine = cJSON_GetObjectItemCaseSensitive(a, child->string);
		if (mine && cJSON_IsObject(mine) && cJSON_IsObject(child)) {
			overlay(mine, child);
			continue;
		}
		if (mine)
			cJSON_DeleteItemFromObjectCaseSensitive(a, child->string);
		cJSON_AddItemToObject(a, child->string, cJSON_Duplicate(child, true));
	}
}

static const char *text_of(const cJSON *o, const char *key)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsString(s) ? s->valuestring : "";
}

/* Without --container: the result says which file it is about. */
static const char *find_container(const cJSON *truth, const cJSON *result)
{
	const cJSON *dump = cJSON_GetObjectItemCaseSensitive(result, "dump"), *c;
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(truth, "containers");
	const char *path = text_of(dump, "path"), *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	cJSON_ArrayForEach(c, all) if (!strcmp(text_of(c, "file"), base)) return c->string;
	cJSON_ArrayForEach(c, all) if (!strcmp(c->string, text_of(dump, "dump_type"))) return c->string;
	lab_die("which container is this? give --container");
}

static void compare_info(cJSON *truth, const cJSON *result, const char *container)
{
	cJSON *info = cJSON_GetObjectItemCaseSensitive(truth, "info");
	const cJSON *c =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(truth, "containers"), container);
	if (!c)
		lab_die("the truth knows no container %s", container);
	overlay(info, cJSON_GetObjectItemCaseSensitive(c, "info"));
	compare_value("info", info, result);
}

struct row_ref {
	const char *tag_hex, *pool;
	const cJSON *row;
	bool seen;
};

static int by_key(const void *a, const void *b)
{
	const struct row_ref *x = a, *y = b;
	int c = strcmp(x->tag_hex, y->tag_hex);
	return c ? c : strcmp(x->pool, y->pool);
}

static struct row_ref *index_rows(const cJSON *rows, size_t *ret_n)
{
	size_t n = 0;
	struct row_ref *refs = lab_xrealloc(NULL, ((size_t)cJSON_GetArraySize(rows) + 1) * sizeof *refs);
	const cJSON *row;
	cJSON_ArrayForEach(row, rows) refs[n++] =
		(struct row_ref){text_of(row, "tag_hex"), text_of(row, "pool"), row, false};
	qsort(refs, n, sizeof *refs, by_key);
	for (size_t i = 1; i < n; i++)
		if (!by_key(&refs[i - 1], &refs[i]))
			differ("row %s %s appears twice", refs[i].tag_hex, refs[i].pool);
	*ret_n = n;
	return refs;
}

/* A walk that saw only the big allocations of a segment heap says so, and is held to them. */
static bool says_big_only(const cJSON *result)
{
	const cJSON *coverage = cJSON_GetObjectItemCaseSensitive(result, "coverage"), *pool;
	cJSON_ArrayForEach(
		pool,
		cJSON_GetObjectItemCaseSensitive(
			coverage,
			"walk")) if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(pool, "big_only"))) return true;
	return false;
}

static uint64_t number_of(const cJSON *o, const char *key)
{
	const char *text = text_of(o, key);
	return *text == MARK ? strtoull(text + 1, NULL, 10) : 0;
}

/* Each heap against its own counters: the very figures where nothing is missing; else no more may differ than is
 * missing, and the answer must say so itself. */
static void compare_heaps(const cJSON *truth, const cJSON *result)
{
	static const char *const parts[] = {"vs_bytes",         "lfh_bytes",        "range_bytes",  "internal_bytes",
					    "free_range_bytes", "descriptor_bytes", "unowned_bytes"};
	const cJSON *coverage = cJSON_GetObjectItemCaseSensitive(result, "coverage"), *heap, *counter, *total;
	const cJSON *heaps = cJSON_GetObjectItemCaseSensitive(coverage, "heaps");
	const cJSON *want = cJSON_GetObjectItemCaseSensitive(truth, "heaps");
	bool exact = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(truth, "heaps_exact"));
	if (!want || (says_big_only(result) && !cJSON_IsArray(heaps)))
		return;
	if (exact)
		compare_value("heaps", want, heaps);
	cJSON_ArrayForEach(heap, heaps)
	{
		uint64_t sum = 0;
		for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
			sum += number_of(heap, parts[i]);
		if (sum != number_of(heap, "walked_bytes"))
			differ("heap %s: its parts are %llu bytes, walked are %s", text_of(heap, "va"),
			       (unsigned long long)sum, show(cJSON_GetObjectItemCaseSensitive(heap, "walked_bytes")));
		cJSON_ArrayForEach(counter, cJSON_GetObjectItemCaseSensitive(heap, "counters"))
		{
			if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(counter, "exact")) &&
			    !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(counter, "explained")))
				differ("heap %s: %s", text_of(heap, "va"), show(counter));
		}
	}
	cJSON_ArrayForEach(total, cJSON_GetObjectItemCaseSensitive(result, "totals"))
	{
		const cJSON *pages = cJSON_GetObjectItemCaseSensitive(total, "pages_difference");
		if (!is_integer(pages))
			continue;
		if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(total, "pages_explained")) ||
		    (exact && strcmp(pages->valuestring + 1, "0") != 0))
			differ("%s: pages of the heaps and the kernel's counter: %s", text_of(total, "pool"),
			       show(total));
	}
}

/* A row of blocks that the truth calls lost, all of them, found all the same: no row of the truth has their tag, since
 * the trackers' slots are lost as well. */
static bool is_of_lost_blocks(const cJSON *truth, const struct row_ref *ref)
{
	const cJSON *b, *walk = cJSON_GetObjectItemCaseSensitive(ref->row, "walk");
	const cJSON *live = cJSON_GetObjectItemCaseSensitive(walk, "live");
	double n = 0;
	if (!cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(ref->row, "allocs")) || !is_integer(live))
		return false;
	cJSON_ArrayForEach(b, cJSON_GetObjectItemCaseSensitive(truth, "blocks"))
	{
		if (cJSON_GetObjectItemCaseSensitive(b, "lost") && !strcmp(text_of(b, "tag_hex"), ref->tag_hex) &&
		    !strcmp(text_of(b, "pool"), ref->pool) && !strcmp(text_of(b, "state"), "allocated"))
			n++;
	}
	return n != 0 && strtod(live->valuestring + 1, NULL) <= n;
}

static size_t compare_tags(const cJSON *truth, const cJSON *result, const char *container)
{
	const cJSON *special = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(truth, "tags_by_container"), container);
	const cJSON *tags = special ? special : cJSON_GetObjectItemCaseSensitive(truth, "tags"), *row;
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(result, "rows");
	size_t n;
	if (cJSON_GetObjectItemCaseSensitive(tags, "unavailable"))
		return 0;
	if (!cJSON_IsArray(rows)) {
		differ("the result has no rows");
		return 0;
	}
	bool big_only = says_big_only(result);
	compare_heaps(truth, result);
	struct row_ref *refs = index_rows(rows, &n);
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(tags, "rows"))
	{
		struct row_ref key = {text_of(row, "tag_hex"), text_of(row, "pool"), NULL, false};
		struct row_ref *got = bsearch(&key, refs, n, sizeof *refs, by_key);
		char where[64];
		snprintf(where, sizeof where, "%s %s", key.tag_hex, key.pool);
		/* "row": the tag's name was lost too, so the row may be missing. */
		if (!got && !strcmp(text_of(row, "lost"), "row"))
			continue;
		if (!got) {
			differ("%s: row missing, expected %s", where, show(row));
			continue;
		}
		got->seen = true;
		const cJSON *want;
		cJSON_ArrayForEach(want, row)
		{
			char path[128];
			const char *name = want->string;
			if (!strcmp(name, "lost") || !strcmp(name, big_only ? "walk" : "walk_big"))
				continue;
			/* The bit is seen on blocks. */
			if (big_only && !strcmp(name, "protected"))
				continue;
			if (!strcmp(name, "walk_big"))
				name = "walk";
			snprintf(path, sizeof path, "%s.%s", where, name);
			compare_value(path, want, cJSON_GetObjectItemCaseSensitive(got->row, name));
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!refs[i].seen && !is_of_lost_blocks(truth, &refs[i]))
			differ("%s %s: row not expected: %s", refs[i].tag_hex, refs[i].pool, show(refs[i].row));
	free(refs);
	if (cJSON_GetObjectItemCaseSensitive(tags, "totals"))
		compare_value("totals", cJSON_GetObjectItemCaseSensitive(tags, "totals"),
			      cJSON_GetObjectItemCaseSensitive(result, "totals"));
	return n;
}

/* ---- lists whose rows have an address: blocks by "va", callers by "caller.address" ---- */

struct keyed_row {
	const char *key;
	bool is_empty; /* a free block of one unit: its data would be the next block */
	const cJSON *row;
	bool seen;
};

/* A key of the form "object.member" is a member of a member. */
static const char *key_of(const cJSON *row, const char *key_name)
{
	const char *dot = strchr(key_name, '.');
	char object[32];
	if (!dot)
		return text_of(row, key_name);
	snprintf(object, sizeof object, "%.*s", (int)(dot - key_name), key_name);
	return text_of(cJSON_GetObjectItemCaseSensitive(row, object), dot + 1);
}

static struct keyed_row keyed(const cJSON *row, const char *key_name)
{
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(row, "size_bytes");
	return (struct keyed_row){key_of(row, key_name), is_integer(size) && !strcmp(size->valuestring + 1, "0"), row,
				  false};
}

static int by_text(const void *a, const void *b)
{
	const struct keyed_row *x = a, *y = b;
	int c = strcmp(x->key, y->key);
	return c ? c : (int)x->is_empty - (int)y->is_empty;
}

/* The truth does not list what is free in a segment heap. */
static bool is_free_space(const cJSON *row)
{
	return !strcmp(text_of(row, "state"), "free") && strcmp(text_of(row, "kind"), "legacy");
}

/* Every row of the truth must be there with equal members, and no other. A truth that lists only a part (complete
 * false) says nothing of rows that it does not name. Rows that are lost may be there or not; ret_absent_bytes: of those
 * that are not. */
static size_t compare_list(const cJSON *expected, const cJSON *rows, const char *key_name, bool complete, bool big_only,
			   uint64_t *ret_absent_bytes)
{
	size_t n = 0;
	uint64_t absent = 0;
	const cJSON *row;
	if (!cJSON_IsArray(expected) || !cJSON_IsArray(rows)) {
		differ("%s has no such list", cJSON_IsArray(expected) ? "the result" : "the truth");
		return 0;
	}
	struct keyed_row *refs = lab_xrealloc(NULL, ((size_t)cJSON_GetArraySize(rows) + 1) * sizeof *refs);
	cJSON_ArrayForEach(row, rows) refs[n++] = keyed(row, key_name);
	qsort(refs, n, sizeof *refs, by_text);
	cJSON_ArrayForEach(row, expected)
	{
		struct keyed_row key = keyed(row, key_name);
		struct keyed_row *got = bsearch(&key, refs, n, sizeof *refs, by_text);
		const cJSON *want;
		/* Two sessions may have one address: each row stands for one. */
		while (got && got > refs && !by_text(got - 1, &key))
			got--;
		while (got && got->seen && got + 1 < refs + n && !by_text(got + 1, &key))
			got++;
		if (big_only && !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "is_big")))
			continue;
		bool is_lost = cJSON_GetObjectItemCaseSensitive(row, "lost") != NULL;
		/* Without its page a block cannot be seen to have a second header: it is found at its storage. */
		if (!got && is_lost && cJSON_GetObjectItemCaseSensitive(row, "outer_va")) {
			char data[24];
			snprintf(data, sizeof data, "0x%016llx", strtoull(text_of(row, "outer_va"), NULL, 16) + 16);
			key.key = data;
			key.is_empty = false;
			got = bsearch(&key, refs, n, sizeof *refs, by_text);
			key = keyed(row, "storage_va");
			if (!got)
				got = bsearch(&key, refs, n, sizeof *refs, by_text);
		}
		if (got && got->seen && !is_lost)
			got = NULL;
		if (!got && is_lost) {
			const char *bytes = text_of(row, "block_bytes");
			absent += is_digit(bytes[1]) ? strtoull(bytes + 1, NULL, 10) : 0;
			continue;
		}
		if (!got) {
			differ("%s: row missing, expected %s", key.key, show(row));
			continue;
		}
		got->seen = true;
		cJSON_ArrayForEach(want, row)
		{
			char path[128];
			/* A search that found it has only its header to go by. */
			if (is_lost)
				break;
			/* Not for comparison, but for who reads the truth. */
			if (!strcmp(want->string, "outer_va") || !strcmp(want->string, "is_big") ||
			    (big_only && !strcmp(want->string, "kind")))
				continue;
			snprintf(path, sizeof path, "%s.%s", key.key, want->string);
			compare_value(path, want, cJSON_GetObjectItemCaseSensitive(got->row, want->string));
		}
	}
	for (size_t i = 0; i < n && complete; i++)
		if (!refs[i].seen && !is_free_space(refs[i].row))
			differ("%s: row not expected: %s", refs[i].key, show(refs[i].row));
	free(refs);
	*ret_absent_bytes = absent;
	return n;
}

/* Found and counted as lost together are what was planted. */
static size_t compare_blocks(const cJSON *truth, const cJSON *result, const char *container)
{
	const cJSON *special = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(truth, "blocks_by_container"), container);
	const cJSON *from = special ? special : truth, *pool;
	uint64_t absent, lost = 0;
	size_t n = compare_list(cJSON_GetObjectItemCaseSensitive(from, "blocks"),
				cJSON_GetObjectItemCaseSensitive(result, "rows"), "va",
				cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(from, "blocks_complete")),
				says_big_only(result), &absent);
	cJSON_ArrayForEach(
		pool, cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(result, "coverage"), "walk"))
		lost += strtoull(text_of(pool, "lost_bytes") + (*text_of(pool, "lost_bytes") != 0), NULL, 10);
	const cJSON *exact = cJSON_GetObjectItemCaseSensitive(from, "lost_exact_bytes");
	if (exact && number_of(from, "lost_exact_bytes") != lost)
		differ("%s bytes are lost, %llu counted as lost", show(exact), (unsigned long long)lost);
	if (absent > lost)
		differ("%llu bytes of lost blocks, %llu counted as lost", (unsigned long long)absent,
		       (unsigned long long)lost);
	return n;
}

int lab_compare(const char *truth_path, const char *result_path, const char *container)
{
	cJSON *truth = load(truth_path), *result = load(result_path);
	const char *schema = text_of(result, "schema");
	size_t n = 0;
	uint64_t absent;
	if (!container)
		container = find_container(truth, result);
	if (!strcmp(schema, "poolscope.info/1"))
		compare_info(truth, result, container);
	else if (!strcmp(schema, "poolscope.tags/1"))
		n = compare_tags(truth, result, container);
	else if (!strcmp(schema, "poolscope.blocks/1"))
		n = compare_blocks(truth, result, container);
	else if (!strcmp(schema, "poolscope.callers/1"))
		n = compare_list(cJSON_GetObjectItemCaseSensitive(truth, "callers"),
				 cJSON_GetObjectItemCaseSensitive(result, "rows"), "caller.address", true, false,
				 &absent);
	else
		differ("schema \"%s\" cannot be compared", schema);
	if (n_differences > MAX_SAID)
		printf("... %u differences in all\n", n_differences);
	if (!n_differences && n)
		printf("%s: %s equals the truth, %zu rows\n", container, schema, n);
	else if (!n_differences)
		printf("%s: %s equals the truth\n", container, schema);
	cJSON_Delete(truth);
	cJSON_Delete(result);
	return n_differences ? 1 : 0;
}
