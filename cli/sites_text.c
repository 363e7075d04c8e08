/* SPDX-License-Identifier: MIT */
#include "sites_text.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* Appends; what does not fit is cut, which the sizes of struct site_texts rule out. */
static void add(char *buf, size_t cap, const char *fmt, ...) PSC_PRINTF(3, 4);
static void add(char *buf, size_t cap, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(buf + n, cap - n, fmt, ap);
	va_end(ap);
}

static void add_json_text(char *buf, size_t cap, const char *text)
{
	add(buf, cap, "\"");
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			add(buf, cap, "\\%c", *p);
		else
			add(buf, cap, "%c", (unsigned char)*p < 0x20 ? '?' : *p);
	}
	add(buf, cap, "\"");
}

static void tag_bytes(uint64_t v, uint8_t tag[4])
{
	for (int i = 0; i < 4; i++)
		tag[i] = (uint8_t)(v >> (8 * i));
	tag[3] &= 0x7f; /* the "protected" bit is no part of the name */
}

/* "argument 2", "argument 0 + 16". */
static void add_argument(char *buf, size_t cap, const struct psc_site_value *v)
{
	int64_t plus = (int64_t)v->values[1];
	if (v->values[0] >= 100)
		add(buf, cap, "register argument");
	else
		add(buf, cap, "argument %" PRIu64, v->values[0]);
	if (plus != 0)
		add(buf, cap, " %c %" PRIu64, plus < 0 ? '-' : '+', plus < 0 ? 0 - (uint64_t)plus : (uint64_t)plus);
}

/* "kind", and for arguments which. */
static void begin_json(char *buf, size_t cap, const struct psc_site_value *v)
{
	add(buf, cap, "{\"kind\":\"%s\",", psc_site_value_kind_name(v->kind));
	if (v->kind == PSC_SITE_ARGUMENT)
		add(buf, cap, "\"argument\":%" PRIu64 ",\"add\":%" PRId64 ",", v->values[0], (int64_t)v->values[1]);
	else
		add(buf, cap, "\"argument\":null,\"add\":null,");
}

static uint32_t n_values(const struct psc_site_value *v)
{
	return v->kind == PSC_SITE_ARGUMENT ? 0 : v->n;
}

void site_function(const struct psc_site *s, char *buf, size_t cap)
{
	if (s->function != NULL)
		snprintf(buf, cap, "%s", s->function);
	else
		snprintf(buf, cap, "0x%" PRIx32, s->function_rva);
}

struct cell site_tag_cell(const struct psc_site *s, struct site_texts *t)
{
	const struct psc_site_value *v = &s->tag;
	char one[17];
	uint8_t tag[4];
	t->tag[0] = t->tag_json[0] = '\0';
	begin_json(t->tag_json, sizeof(t->tag_json), v);
	add(t->tag_json, sizeof(t->tag_json), "\"texts\":[");
	for (uint32_t i = 0; i < n_values(v); i++) {
		tag_bytes(v->values[i], tag);
		psc_tag_format(tag, one);
		add(t->tag, sizeof(t->tag), "%s%s", i > 0 ? "|" : "", one);
		if (i > 0)
			add(t->tag_json, sizeof(t->tag_json), ",");
		add_json_text(t->tag_json, sizeof(t->tag_json), one);
	}
	add(t->tag_json, sizeof(t->tag_json), "],\"hex\":[");
	for (uint32_t i = 0; i < n_values(v); i++) {
		tag_bytes(v->values[i], tag);
		add(t->tag_json, sizeof(t->tag_json), "%s\"%02x%02x%02x%02x\"", i > 0 ? "," : "", tag[0], tag[1],
		    tag[2], tag[3]);
	}
	add(t->tag_json, sizeof(t->tag_json), "]}");
	if (v->kind == PSC_SITE_ARGUMENT)
		add_argument(t->tag, sizeof(t->tag), v);
	else if (v->kind == PSC_SITE_TABLE)
		add(t->tag, sizeof(t->tag), " (table)");
	else if (v->kind == PSC_SITE_NONE || v->kind == PSC_SITE_UNKNOWN)
		add(t->tag, sizeof(t->tag), "%s", psc_site_value_kind_name(v->kind));
	return cell_both(t->tag, t->tag_json);
}

struct cell site_pool_cell(const struct psc_site *s, struct site_texts *t)
{
	const struct psc_site_value *v = &s->pool;
	bool first = true;
	t->pool_json[0] = '\0';
	snprintf(t->pool, sizeof(t->pool), "%s", s->pool_text);
	begin_json(t->pool_json, sizeof(t->pool_json), v);
	add(t->pool_json, sizeof(t->pool_json), "\"text\":");
	add_json_text(t->pool_json, sizeof(t->pool_json), s->pool_text);
	add(t->pool_json, sizeof(t->pool_json), ",\"is_flags\":%s,\"values\":[", s->pool_is_flags ? "true" : "false");
	for (uint32_t i = 0; i < n_values(v); i++)
		add(t->pool_json, sizeof(t->pool_json), "%s\"0x%08" PRIx64 "\"", i > 0 ? "," : "", v->values[i]);
	add(t->pool_json, sizeof(t->pool_json), "],\"pools\":[");
	for (int p = 0; p < PSC_POOL_MAX; p++) {
		if ((s->pools >> p & 1) == 0)
			continue;
		add(t->pool_json, sizeof(t->pool_json), "%s\"%s\"", first ? "" : ",", psc_pool_name((enum psc_pool)p));
		first = false;
	}
	add(t->pool_json, sizeof(t->pool_json), "]}");
	return cell_both(t->pool, t->pool_json);
}

struct cell site_size_cell(const struct psc_site *s, struct site_texts *t)
{
	const struct psc_site_value *v = &s->size;
	t->size[0] = t->size_json[0] = '\0';
	begin_json(t->size_json, sizeof(t->size_json), v);
	add(t->size_json, sizeof(t->size_json), "\"values\":[");
	for (uint32_t i = 0; i < n_values(v); i++) {
		const char *sep = v->kind == PSC_SITE_RANGE ? ".." : "|";
		add(t->size, sizeof(t->size), "%s%" PRIu64, i > 0 ? sep : "", v->values[i]);
		add(t->size_json, sizeof(t->size_json), "%s%" PRIu64, i > 0 ? "," : "", v->values[i]);
	}
	add(t->size_json, sizeof(t->size_json), "]}");
	if (v->kind == PSC_SITE_ARGUMENT)
		add_argument(t->size, sizeof(t->size), v);
	else if (v->n == 0)
		add(t->size, sizeof(t->size), "%s", psc_site_value_kind_name(v->kind));
	return cell_both(t->size, t->size_json);
}

struct cell site_chain_cell(const struct psc_site *s, const struct psc_site_module *modules, struct site_texts *t)
{
	t->chain[0] = t->chain_json[0] = '\0';
	add(t->chain_json, sizeof(t->chain_json), "[");
	for (uint32_t i = 0; i < s->n_chain; i++) {
		const struct psc_site_frame *c = &s->chain[i];
		char name[130];
		const char *module = modules[c->module].name;
		add(t->chain, sizeof(t->chain), "%s", i > 0 ? " > " : "");
		if (c->module != s->module)
			add(t->chain, sizeof(t->chain), "%.60s!", module);
		if (c->function != NULL)
			add(t->chain, sizeof(t->chain), "%.120s", c->function);
		else
			add(t->chain, sizeof(t->chain), "0x%" PRIx32, c->function_rva);
		add(t->chain_json, sizeof(t->chain_json),
		    "%s{\"function_rva\":\"0x%08" PRIx32 "\",\"call_rva\":\"0x%08" PRIx32 "\",\"return_rva\":",
		    i > 0 ? "," : "", c->function_rva, c->call_rva);
		if (c->return_rva != 0)
			add(t->chain_json, sizeof(t->chain_json), "\"0x%08" PRIx32 "\"", c->return_rva);
		else
			add(t->chain_json, sizeof(t->chain_json), "null");
		add(t->chain_json, sizeof(t->chain_json), ",\"module\":");
		snprintf(name, sizeof(name), "%.120s", module);
		add_json_text(t->chain_json, sizeof(t->chain_json), name);
		add(t->chain_json, sizeof(t->chain_json), ",\"function\":");
		if (c->function != NULL) {
			snprintf(name, sizeof(name), "%.120s", c->function);
			add_json_text(t->chain_json, sizeof(t->chain_json), name);
		} else {
			add(t->chain_json, sizeof(t->chain_json), "null");
		}
		add(t->chain_json, sizeof(t->chain_json), "}");
	}
	add(t->chain_json, sizeof(t->chain_json), "]");
	return cell_both(t->chain, t->chain_json);
}
