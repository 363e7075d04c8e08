/* SPDX-License-Identifier: MIT */
#include "metrics.h"
#include "json.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

void metrics_name(FILE *f, const char *scope, const char *name)
{
	fprintf(f, "windows_pool_%s%s%s", scope, scope[0] != '\0' ? "_" : "", name);
}

void metrics_head(FILE *f, const char *scope, const char *name, const char *help)
{
	static const char total[] = "_total";
	size_t n = strlen(name);
	bool is_counter = n > sizeof(total) - 1 && strcmp(name + n - (sizeof(total) - 1), total) == 0;
	fputs("# HELP ", f);
	metrics_name(f, scope, name);
	fprintf(f, " %s\n# TYPE ", help);
	metrics_name(f, scope, name);
	fprintf(f, " %s\n", is_counter ? "counter" : "gauge");
}

/* A character of a label's text as the format wants it. buf: 2 bytes. Returns its length. */
static size_t escape(char c, char *buf)
{
	if (c != '\n' && c != '\\' && c != '"') {
		buf[0] = c;
		return 1;
	}
	buf[0] = '\\';
	buf[1] = c == '\n' ? 'n' : c;
	return 2;
}

void metrics_label(FILE *f, const char *name, const char *text)
{
	char buf[2];
	fprintf(f, "%s=\"", name);
	for (; *text != '\0'; text++)
		fwrite(buf, 1, escape(*text, buf), f);
	fputc('"', f);
}

/* ---- rows ---- */

void metrics_init(struct metrics *m, const struct column *cols, size_t n_cols)
{
	memset(m, 0, sizeof(*m));
	m->cols = cols;
	m->n_cols = n_cols;
	for (size_t i = 0; i < n_cols; i++)
		m->n_values += cols[i].metric != NULL;
}

void metrics_deinit(struct metrics *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->rows[i].labels);
		free(m->rows[i].values);
	}
	free(m->rows);
	free(m->buckets);
	memset(m, 0, sizeof(*m));
}

/* A text that grows; NULL and ok false when there is no memory. */
struct text {
	char *items;
	size_t n, cap;
	bool ok;
};

static void put(struct text *t, const char *bytes, size_t n)
{
	if (t->ok && t->cap - t->n < n) {
		size_t cap = t->cap + n + 128;
		char *more = (char *)realloc(t->items, cap);
		t->ok = more != NULL;
		if (!t->ok)
			return;
		t->items = more;
		t->cap = cap;
	}
	if (t->ok)
		memcpy(t->items + t->n, bytes, n);
	t->n += t->ok ? n : 0;
}

static void put_label(struct text *t, const char *name, const char *value)
{
	char buf[2];
	if (t->n != 0)
		put(t, ",", 1);
	put(t, name, strlen(name));
	put(t, "=\"", 2);
	for (; *value != '\0'; value++)
		put(t, buf, escape(*value, buf));
	put(t, "\"", 1);
}

/* NULL: out of memory. */
static char *make_labels(const struct metrics *m, const struct cell *cells, bool is_rest)
{
	struct text t = {NULL, 0, 0, true};
	for (size_t i = 0; i < m->n_cols; i++) {
		char number[24];
		const struct column *c = &m->cols[i];
		if (c->label == NULL)
			continue;
		if (is_rest && !c->label_of_rest) {
			put_label(&t, c->label, "other");
			continue;
		}
		switch (cells[i].type) {
		case CELL_TEXT:
			put_label(&t, c->label, cells[i].v.text);
			break;
		case CELL_U64:
			snprintf(number, sizeof(number), "%" PRIu64, cells[i].v.u64);
			put_label(&t, c->label, number);
			break;
		case CELL_TEXTS:
			if (cells[i].v.texts.n == 1)
				put_label(&t, c->label, cells[i].v.texts.items[0]);
			break;
		default:
			break; /* not known: as if there were no such label, which is what the format says of "" */
		}
	}
	put(&t, "", 1);
	if (t.ok)
		return t.items;
	free(t.items);
	return NULL;
}

static size_t hash(const char *text)
{
	uint32_t h = 0x811c9dc5u;
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x01000193u;
	return h;
}

static void link_row(struct metrics *m, size_t i)
{
	size_t *bucket = &m->buckets[hash(m->rows[i].labels) % m->n_buckets];
	m->rows[i].next = *bucket;
	*bucket = i + 1;
}

static bool grow(struct metrics *m)
{
	size_t cap = m->cap != 0 ? m->cap * 2 : 128;
	struct metrics_row *rows = (struct metrics_row *)realloc(m->rows, cap * sizeof(*rows));
	if (rows == NULL)
		return false;
	m->rows = rows;
	size_t *buckets = (size_t *)calloc(cap, sizeof(*buckets));
	if (buckets == NULL)
		return false;
	free(m->buckets);
	m->buckets = buckets;
	m->n_buckets = m->cap = cap;
	for (size_t i = 0; i < m->n; i++)
		link_row(m, i);
	return true;
}

/* SIZE_MAX: there is none. */
static size_t find(const struct metrics *m, const char *labels)
{
	size_t i = m->n_buckets != 0 ? m->buckets[hash(labels) % m->n_buckets] : 0;
	while (i != 0 && strcmp(m->rows[i - 1].labels, labels) != 0)
		i = m->rows[i - 1].next;
	return i - 1;
}

/* Sums of what is known; of two unlike types, or of two shares, nothing. */
static struct cell added(const struct column *c, struct cell a, struct cell b)
{
	if (c->is_share && a.type != CELL_NULL && b.type != CELL_NULL)
		return cell_null();
	if (a.type == CELL_NULL || b.type == CELL_NULL)
		return a.type == CELL_NULL ? b : a;
	if (a.type != b.type)
		return cell_null();
	if (a.type == CELL_REAL)
		return cell_real(a.v.real + b.v.real);
	if (a.type == CELL_U64)
		return cell_u64(a.v.u64 > UINT64_MAX - b.v.u64 ? UINT64_MAX : a.v.u64 + b.v.u64);
	a.v.i64 = (int64_t)((uint64_t)a.v.i64 + (uint64_t)b.v.i64);
	return a;
}

bool metrics_add(struct metrics *m, const struct cell *cells, bool is_rest)
{
	char *labels = make_labels(m, cells, is_rest);
	if (labels == NULL)
		return false;
	/* A module may be called "other" itself: then it is one of them. */
	size_t at = find(m, labels), k = 0;
	if (at != SIZE_MAX) {
		free(labels);
		for (size_t i = 0; i < m->n_cols; i++) {
			if (m->cols[i].metric == NULL)
				continue;
			struct cell *v = &m->rows[at].values[k++];
			if (!is_rest || !m->cols[i].is_share)
				*v = added(&m->cols[i], *v, cells[i]);
		}
		return true;
	}
	struct cell *values = (struct cell *)calloc(m->n_values + 1, sizeof(*values));
	if (values == NULL || (m->n == m->cap && !grow(m))) {
		free(values);
		free(labels);
		return false;
	}
	for (size_t i = 0; i < m->n_cols; i++)
		if (m->cols[i].metric != NULL)
			values[k++] = is_rest && m->cols[i].is_share ? cell_null() : cells[i];
	m->rows[m->n] = (struct metrics_row){labels, values, 0, is_rest};
	link_row(m, m->n++);
	return true;
}

static void print_value(FILE *f, const struct cell *c)
{
	if (c->type == CELL_U64)
		fprintf(f, "%" PRIu64 "\n", c->v.u64);
	else if (c->type == CELL_REAL)
		fprintf(f, "%.2f\n", c->v.real);
	else if (c->type == CELL_RATIO)
		fprintf(f, "%.6f\n", c->v.real);
	else
		fprintf(f, "%" PRId64 "\n", c->v.i64);
}

static void print_family(const struct metrics *m, FILE *f, const char *scope, const struct column *c, size_t value)
{
	bool begun = false;
	for (int rest = 0; rest < 2; rest++)
		for (size_t i = 0; i < m->n; i++) {
			const struct metrics_row *r = &m->rows[i];
			if (r->is_rest != (rest == 1) || r->values[value].type == CELL_NULL)
				continue;
			if (!begun)
				metrics_head(f, scope, c->metric, c->metric_help);
			begun = true;
			metrics_name(f, scope, c->metric);
			fprintf(f, r->labels[0] != '\0' ? "{%s} " : "%s ", r->labels);
			print_value(f, &r->values[value]);
		}
}

void metrics_print(const struct metrics *m, FILE *f, const char *scope)
{
	size_t k = 0;
	for (size_t i = 0; i < m->n_cols; i++)
		if (m->cols[i].metric != NULL)
			print_family(m, f, scope, &m->cols[i], k++);
}

/* ---- beside the rows ---- */

void metrics_coverage(FILE *f, const char *scope, double ratio)
{
	static const char name[] = "coverage_ratio";
	metrics_head(f, scope, name, "Part of what was wanted that could be read.");
	metrics_name(f, scope, name);
	fprintf(f, " %.4f\n", ratio);
}

void metrics_dump_info(FILE *f, const char *scope, const struct psc_dump *dump)
{
	static const char name[] = "dump_info";
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	char id[17], build[16];
	metrics_head(f, scope, name, "The dump that these figures are from.");
	metrics_name(f, scope, name);
	snprintf(build, sizeof(build), "%" PRIu32, psc_dump_kernel(dump)->build);
	fputc('{', f);
	metrics_label(f, "dump_id", dump_id(dump, id));
	fputc(',', f);
	metrics_label(f, "build", build);
	fputc(',', f);
	metrics_label(f, "dump_type", psc_dump_type_name(i->dump_type));
	fputc(',', f);
	metrics_label(f, "machine", psc_machine_name(i->machine));
	fputs("} 1\n", f);
}
