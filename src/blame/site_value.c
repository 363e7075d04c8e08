/* SPDX-License-Identifier: MIT */
/* Values of the scan in the form of the public rows. POOL_TYPE and POOL_FLAGS: public headers (wdm.h). */
#include "blame/sites.h"

#include "util/bytes.h"
#include <stdio.h>
#include <string.h>

#define TYPE_PAGED         0x1u
#define TYPE_CACHE_ALIGNED 0x4u
#define TYPE_QUOTA_FAIL    0x8u
#define TYPE_RAISE         0x10u
#define TYPE_SESSION       0x20u
#define TYPE_COLD          0x100u
#define TYPE_NX            0x200u
#define TYPE_ZERO          0x400u

#define FLAG_QUOTA            0x1u
#define FLAG_UNINITIALIZED    0x2u
#define FLAG_SESSION          0x4u
#define FLAG_CACHE_ALIGNED    0x8u
#define FLAG_RAISE            0x20u
#define FLAG_NONPAGED         0x40u
#define FLAG_NONPAGED_EXECUTE 0x80u
#define FLAG_PAGED            0x100u

const char *psc_site_value_kind_name(enum psc_site_value_kind kind)
{
	static const char *const names[] = {"none", "constant", "several", "range", "argument", "table", "unknown"};
	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const char *psc_site_kind_name(enum psc_site_kind kind)
{
	static const char *const names[] = {"allocation", "lookaside",   "contiguous", "mapping",
					    "context",    "pool_object", "default_tag"};
	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "allocation";
}

const char *psc_site_confidence_name(enum psc_site_confidence confidence)
{
	static const char *const names[] = {"low", "medium", "high"};
	return (unsigned)confidence < 3 ? names[confidence] : "low";
}

static uint64_t mask(uint64_t v, unsigned width)
{
	return width >= 8 ? v : v & (((uint64_t)1 << (8 * width)) - 1);
}

/* Four printable characters; the last one may carry the "protected" bit. */
static bool looks_like_tag(uint32_t v)
{
	for (int i = 0; i < 4; i++) {
		uint8_t c = (uint8_t)(v >> (8 * i));
		if (i == 3)
			c &= 0x7f;
		if (c < 0x20 || c > 0x7e)
			return false;
	}
	return true;
}

static void tag_candidates(const struct psc_code_image *img, const struct psc_val *v, struct psc_site_value *r)
{
	uint64_t stride = v->v[1] != 0 ? v->v[1] : 4;
	if (v->width < 4 || v->shift != 0 || v->v[2] != 0)
		return;
	for (uint64_t i = 0; r->n < PSC_SITE_VALUES_MAX; i++) {
		const uint8_t *p = psc_code_at_va(img, v->v[0] + i * stride, 4);
		if (p == NULL || !looks_like_tag(psc_le32(p)))
			break;
		bool seen = false;
		for (uint32_t j = 0; j < r->n; j++)
			seen |= r->values[j] == psc_le32(p);
		if (!seen)
			r->values[r->n++] = psc_le32(p);
	}
	if (r->n > 0)
		r->kind = PSC_SITE_TABLE;
}

struct psc_site_value psc_site_value_of(const struct psc_code_image *img, const struct psc_val *v, unsigned width,
					bool is_tag)
{
	struct psc_site_value r;
	memset(&r, 0, sizeof(r));
	r.kind = PSC_SITE_UNKNOWN;
	switch (v->kind) {
	case PSC_VAL_SET:
		for (unsigned i = 0; i < v->n; i++) {
			uint64_t x = mask(v->v[i], width);
			bool seen = false;
			for (uint32_t j = 0; j < r.n; j++)
				seen |= r.values[j] == x;
			if (!seen)
				r.values[r.n++] = x;
		}
		r.kind = r.n == 1 ? PSC_SITE_CONSTANT : PSC_SITE_SEVERAL;
		break;
	case PSC_VAL_RANGE:
		if (is_tag || v->v[1] != mask(v->v[1], width))
			break;
		r.kind = PSC_SITE_RANGE;
		r.n = 2;
		r.values[0] = v->v[0];
		r.values[1] = v->v[1];
		break;
	case PSC_VAL_ARG:
		if (v->n >= PSC_ARG_SAVED)
			break;
		r.kind = PSC_SITE_ARGUMENT;
		r.n = 2;
		r.values[0] = v->n;
		r.values[1] = v->v[0];
		break;
	case PSC_VAL_TABLE:
		if (is_tag)
			tag_candidates(img, v, &r);
		break;
	default:
		break;
	}
	return r;
}

static void append(char *buf, size_t cap, const char *text)
{
	size_t n = strlen(buf);
	snprintf(buf + n, cap - n, "%s", text);
}

static uint32_t type_words(uint32_t v, char *buf, size_t cap)
{
	uint32_t pool = (v & TYPE_SESSION) != 0 ? PSC_POOL_SESSION
			: (v & TYPE_PAGED) != 0 ? PSC_POOL_PAGED
						: PSC_POOL_NONPAGED;
	buf[0] = '\0';
	if ((v & TYPE_SESSION) != 0)
		append(buf, cap, "session ");
	append(buf, cap, (v & TYPE_PAGED) != 0 ? "paged" : "nonpaged");
	if ((v & TYPE_NX) != 0 && (v & TYPE_PAGED) == 0)
		append(buf, cap, "-nx");
	if ((v & TYPE_CACHE_ALIGNED) != 0)
		append(buf, cap, "|cache-aligned");
	if ((v & TYPE_QUOTA_FAIL) != 0)
		append(buf, cap, "|quota-fail");
	if ((v & TYPE_RAISE) != 0)
		append(buf, cap, "|raise");
	if ((v & TYPE_COLD) != 0)
		append(buf, cap, "|cold");
	if ((v & TYPE_ZERO) != 0)
		append(buf, cap, "|zero");
	return (uint32_t)1 << pool;
}

static uint32_t flag_words(uint32_t v, char *buf, size_t cap)
{
	bool paged = (v & FLAG_PAGED) != 0, nonpaged = (v & (FLAG_NONPAGED | FLAG_NONPAGED_EXECUTE)) != 0;
	buf[0] = '\0';
	if (!paged && !nonpaged) {
		append(buf, cap, "unknown");
		return 0;
	}
	if ((v & FLAG_SESSION) != 0)
		append(buf, cap, "session ");
	append(buf, cap, paged ? "paged" : (v & FLAG_NONPAGED) != 0 ? "nonpaged-nx" : "nonpaged");
	if ((v & FLAG_CACHE_ALIGNED) != 0)
		append(buf, cap, "|cache-aligned");
	if ((v & FLAG_QUOTA) != 0)
		append(buf, cap, "|quota");
	if ((v & FLAG_RAISE) != 0)
		append(buf, cap, "|raise");
	if ((v & FLAG_UNINITIALIZED) != 0)
		append(buf, cap, "|uninitialized");
	return (uint32_t)1 << ((v & FLAG_SESSION) != 0 ? PSC_POOL_SESSION : paged ? PSC_POOL_PAGED : PSC_POOL_NONPAGED);
}

const char *psc_site_pool_words(struct psc_arena *a, enum psc_api_pool kind, const struct psc_site_value *v,
				uint32_t *ret_pools)
{
	char text[512] = "", one[96];
	uint32_t pools = 0;
	*ret_pools = 0;
	switch (kind) {
	case PSC_API_POOL_NONPAGED:
		*ret_pools = (uint32_t)1 << PSC_POOL_NONPAGED;
		return "nonpaged";
	case PSC_API_POOL_PAGED:
		*ret_pools = (uint32_t)1 << PSC_POOL_PAGED;
		return "paged";
	case PSC_API_POOL_UNKNOWN:
		return "unknown";
	default:
		break;
	}
	if (v->kind != PSC_SITE_CONSTANT && v->kind != PSC_SITE_SEVERAL)
		return v->kind == PSC_SITE_ARGUMENT ? "argument" : "unknown";
	for (uint32_t i = 0; i < v->n; i++) {
		pools |= kind == PSC_API_POOL_TYPE ? type_words((uint32_t)v->values[i], one, sizeof(one))
						   : flag_words((uint32_t)v->values[i], one, sizeof(one));
		const char *had = strstr(text, one);
		if (had != NULL && (had[strlen(one)] == '\0' || had[strlen(one)] == ' ') && had == text)
			continue;
		if (text[0] != '\0')
			append(text, sizeof(text), " or ");
		append(text, sizeof(text), one);
	}
	*ret_pools = pools;
	return psc_arena_strdup(a, text);
}
