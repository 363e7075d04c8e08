/* SPDX-License-Identifier: MIT */
/* Owner names from a file in the format of Microsoft's pooltag.txt, which the user brings: none is shipped (its
 * licence). A line is `TAG - owner - description`; a tag shorter than four characters stands for itself padded with
 * blanks, as PoolMon and KD read it; `?` and `*` are wildcards; lines that start with `rem` or `//` are comments. */
#include "io/source.h"
#include "util/arena.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/text.h"
#include "util/vec.h"
#include <poolscope/tags.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES (16u << 20)

struct entry {
	char pattern[5];
	bool is_wild;
	const char *owner;
	size_t order;
};

struct psc_tag_file {
	struct psc_arena arena;
	struct entry *items;
	size_t n, cap;
	size_t n_exact; /* exact entries stand first, sorted by pattern; wild ones follow in file order */
};

static int compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = (const struct entry *)pa, *b = (const struct entry *)pb;
	if (a->is_wild != b->is_wild)
		return a->is_wild ? 1 : -1;
	int c = a->is_wild ? 0 : memcmp(a->pattern, b->pattern, 4);
	if (c != 0)
		return c;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* false when out of memory; a line that is no entry is skipped. */
static bool add_line(struct psc_tag_file *f, const char *line, size_t n)
{
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	if (n < 3 || strncmp(line, "//", 2) == 0 || (n >= 4 && strncmp(line, "rem ", 4) == 0))
		return true;
	size_t dash = 0;
	for (size_t i = 1; i + 1 < n && i <= 8 && dash == 0; i++)
		if (line[i] == '-' && (line[i - 1] == ' ' || line[i - 1] == '\t') &&
		    (line[i + 1] == ' ' || line[i + 1] == '\t'))
			dash = i;
	if (dash == 0)
		return true;
	char tag[5] = "    ";
	size_t len = dash - 1 < 4 ? dash - 1 : 4;
	memcpy(tag, line, len);
	for (size_t i = len; i < 4; i++)
		tag[i] = ' ';
	const char *owner = line + dash + 1;
	size_t owner_n = n - dash - 1;
	while (owner_n > 0 && (*owner == ' ' || *owner == '\t')) {
		owner++;
		owner_n--;
	}
	if (!PSC_VEC_RESERVE_ONE(f))
		return false;
	struct entry *e = &f->items[f->n];
	memcpy(e->pattern, tag, 5);
	e->is_wild = strpbrk(tag, "?*") != NULL;
	if (strchr(tag, '*') != NULL) /* what is short already means any length */
		for (size_t i = 4; i > 0 && e->pattern[i - 1] == ' '; i--)
			e->pattern[i - 1] = '\0';
	e->order = f->n;
	e->owner = psc_sanitize_utf8(&f->arena, owner, owner_n);
	if (e->owner == NULL)
		return false;
	f->n++;
	return true;
}

enum psc_status psc_tag_file_open(const char *path, struct psc_tag_file **ret, struct psc_error *reterr)
{
	struct psc_source *src = NULL;
	char *text = NULL;
	struct psc_source_options opts = {.no_mmap = true, .max_unpacked_bytes = MAX_FILE_BYTES};
	enum psc_status st;
	struct psc_tag_file *f = (struct psc_tag_file *)calloc(1, sizeof(*f));

	if (f == NULL)
		return psc_fail_no_memory(reterr);
	st = psc_source_open_file(path, &opts, &src, reterr);
	if (st != PSC_OK)
		goto out;
	uint64_t size = psc_source_size(src);
	if (size > MAX_FILE_BYTES) {
		st = psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "%s: larger than 16 MiB, not a pool tag file",
			      path);
		goto out;
	}
	text = (char *)malloc((size_t)size + 1);
	if (text == NULL) {
		st = psc_fail_no_memory(reterr);
		goto out;
	}
	st = psc_source_read(src, 0, text, (size_t)size, reterr);
	if (st != PSC_OK)
		goto out;
	for (size_t pos = 0; pos < size;) {
		const char *nl = (const char *)memchr(text + pos, '\n', (size_t)size - pos);
		size_t n = nl != NULL ? (size_t)(nl - (text + pos)) : (size_t)size - pos;
		if (!add_line(f, text + pos, n)) {
			st = psc_fail_no_memory(reterr);
			goto out;
		}
		pos += n + 1;
	}
	if (f->n == 0) {
		st = psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0,
			      "%s: no line of the form 'TAG - owner - description' (pooltag.txt format)", path);
		goto out;
	}
	qsort(f->items, f->n, sizeof(*f->items), compare_entries);
	for (f->n_exact = 0; f->n_exact < f->n && !f->items[f->n_exact].is_wild; f->n_exact++)
		;
	*ret = f;
	f = NULL;
out:
	free(text);
	psc_source_close(src);
	psc_tag_file_close(f);
	return st;
}

const char *psc_tag_file_lookup(const struct psc_tag_file *file, const uint8_t tag[4])
{
	size_t lo = 0, hi = file->n_exact;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (memcmp(file->items[mid].pattern, tag, 4) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < file->n_exact && memcmp(file->items[lo].pattern, tag, 4) == 0)
		return file->items[lo].owner;
	for (size_t i = file->n_exact; i < file->n; i++)
		if (psc_tag_pattern_match(file->items[i].pattern, tag))
			return file->items[i].owner;
	return NULL;
}

void psc_tag_file_close(struct psc_tag_file *file)
{
	if (file == NULL)
		return;
	free(file->items);
	psc_arena_deinit(&file->arena);
	free(file);
}
