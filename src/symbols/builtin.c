/* SPDX-License-Identifier: MIT */
/* Built-in profiles. A field is given only if all revisions that the kernel may have agree on it. */
#include "symbols/builtin_tables.h"
#include "symbols/guid.h"
#include <string.h>

#define REVISION_UNKNOWN UINT32_MAX

struct version {
	uint32_t build;
	uint32_t revision;
	bool is_variant; /* revision is a service pack or one of (a), (b): what is not listed is not known */
};

static uint32_t parse_number(const char **p)
{
	uint32_t v = 0;
	while (**p >= '0' && **p <= '9') {
		v = v > 0xffff ? v : v * 10 + (uint32_t)(**p - '0');
		(*p)++;
	}
	return v;
}

/* "10.0.19041.804", "10.0.26100(b)", "5.2.3790 SP2"; false when there is no build number. Written like parse_build() of
 * data/generate.py. */
static bool parse_version(const char *text, struct version *ret)
{
	const char *p = text;
	ret->revision = REVISION_UNKNOWN;
	ret->is_variant = false;
	for (int i = 0; i < 2; i++) {
		parse_number(&p);
		if (*p++ != '.')
			return false;
	}
	ret->build = parse_number(&p);
	/* Each of the three says something only where the tables tell such kernels apart. */
	if (ret->build == 26100 && *p == '(' && (p[1] == 'a' || p[1] == 'b')) {
		ret->revision = p[1] == 'a' ? 1 : 2;
		ret->is_variant = true;
	} else if (ret->build < 6000 && strncmp(p, " SP", 3) == 0 && p[3] >= '0' && p[3] <= '9') {
		ret->revision = (uint32_t)(p[3] - '0');
		ret->is_variant = true;
	} else if (ret->build >= 6000 && ret->build != 26100 && *p == '.' && p[1] >= '0' && p[1] <= '9') {
		p++;
		ret->revision = parse_number(&p);
		if (ret->revision > 0xffff)
			ret->revision = REVISION_UNKNOWN;
	}
	return ret->build != 0 && ret->build <= 0xffff;
}

/* Builds that run the kernel of another one (pool.md 0). */
static void to_listed_build(struct version *v)
{
	if (v->build == 6003)
		v->build = 6002;
	else if (v->build == 18363)
		v->build = 18362;
	else if (v->build > 19041 && v->build <= 19045)
		v->build = 19041;
	else if (v->build == 22631)
		v->build = 22621;
	else if (v->build == 26200) {
		v->build = 26100;
		v->revision = 2;
		v->is_variant = true;
	}
}

static struct version version_of(const struct psc_kernel_identity *id, const char *hint)
{
	struct version v = {id->build, REVISION_UNKNOWN, false}, hinted;
	to_listed_build(&v);
	if (!hint || !parse_version(hint, &hinted))
		return v;
	to_listed_build(&hinted);
	if (v.build == 0 || (v.build == hinted.build && v.revision == REVISION_UNKNOWN))
		return hinted;
	return v;
}

static bool arch_matches(unsigned arch, const struct psc_kernel_identity *id)
{
	bool pae = id->pae || id->build >= 9200; /* from Windows 8 on there is no other x86 kernel */
	switch (arch) {
	case PSC_BUILTIN_X86:
		return id->machine == PSC_MACHINE_X86;
	case PSC_BUILTIN_X86_PAE:
		return id->machine == PSC_MACHINE_X86 && pae;
	case PSC_BUILTIN_X86_NO_PAE:
		return id->machine == PSC_MACHINE_X86 && !pae;
	case PSC_BUILTIN_X64:
		return id->machine == PSC_MACHINE_X64;
	case PSC_BUILTIN_ARM64:
		return id->machine == PSC_MACHINE_ARM64;
	}
	return false;
}

/* The rows of one field and architecture, and the revisions of the kernel's build that its structure distinguishes. */
struct candidates {
	const struct psc_builtin_field *rows;
	size_t rows_n;
	const struct psc_builtin_variant *variants;
	size_t variants_n;
};

static bool same_layout(const struct psc_builtin_field *a, const struct psc_builtin_field *b)
{
	return a->offset == b->offset && a->size_bytes == b->size_bytes && a->bit_position == b->bit_position &&
	       a->bit_length == b->bit_length;
}

/* What the rows say of one revision is merged into *f: false when nothing is known of it, or something else than of the
 * revisions before. */
static bool merge_revision(const struct candidates *c, uint32_t key, const struct psc_builtin_field **first,
			   uint32_t *struct_size)
{
	bool covered = false;
	for (size_t i = 0; i < c->rows_n; i++) {
		const struct psc_builtin_field *r = &c->rows[i];
		if (key < r->from || key > r->to)
			continue;
		if (!r->is_known || (*first && !same_layout(*first, r)))
			return false;
		if (!*first)
			*struct_size = r->struct_size;
		else if (*struct_size != r->struct_size)
			*struct_size = 0;
		*first = r;
		covered = true;
	}
	return covered;
}

/* The listed revisions that the kernel may be like: its own, else its two neighbours, else all. False: none. */
static bool narrow_variants(struct candidates *c, const struct version *v)
{
	if (v->revision == REVISION_UNKNOWN)
		return true;
	uint32_t key = v->build << 16 | v->revision;
	size_t above = 0; /* first variant that is not below */
	while (above < c->variants_n && c->variants[above].key < key)
		above++;
	bool exact = above < c->variants_n && c->variants[above].key == key;
	if (!exact && (above == 0 || above == c->variants_n))
		return !v->is_variant;
	c->variants += exact ? above : above - 1;
	c->variants_n = exact ? 1 : 2;
	return true;
}

static void find_variants(struct candidates *c, uint32_t build)
{
	const struct psc_builtin_field *row = c->rows;
	c->variants = NULL;
	c->variants_n = 0;
	for (size_t i = 0; i < psc_builtin_variants_n; i++) {
		const struct psc_builtin_variant *v = &psc_builtin_variants[i];
		if (v->struct_index != row->struct_index || v->arch != row->arch || v->key >> 16 != build)
			continue;
		if (!c->variants)
			c->variants = v;
		c->variants_n++;
	}
}

static bool resolve(struct candidates *c, const struct version *v, struct psc_field *ret)
{
	const struct psc_builtin_field *row = NULL;
	uint32_t struct_size = 0;
	find_variants(c, v->build);
	if (!narrow_variants(c, v) || (c->variants_n == 0 && !merge_revision(c, v->build << 16, &row, &struct_size)))
		return false;
	for (size_t i = 0; i < c->variants_n; i++)
		if (!merge_revision(c, c->variants[i].key, &row, &struct_size))
			return false;
	ret->origin = PSC_ORIGIN_BUILTIN_RANGE;
	ret->offset = row->offset;
	ret->size_bytes = row->size_bytes;
	ret->struct_size = struct_size;
	ret->bit_position = row->bit_position;
	ret->bit_length = row->bit_length;
	return true;
}

static const char *family_text(uint32_t build)
{
	for (size_t i = 0; i < psc_builtin_families_n; i++)
		if (psc_builtin_families[i].build == build)
			return psc_builtin_texts + psc_builtin_families[i].text;
	return "between listed builds";
}

static void load_fields(const struct psc_kernel_identity *id, const struct version *v, struct psc_profile *profile)
{
	for (size_t i = 0, n; i < psc_builtin_fields_n; i += n) {
		const struct psc_builtin_field *row = &psc_builtin_fields[i];
		for (n = 1; i + n < psc_builtin_fields_n && row[n].field == row->field && row[n].arch == row->arch;)
			n++;
		struct candidates c = {row, n, NULL, 0};
		struct psc_field f;
		if (!arch_matches(row->arch, id) || profile->fields[row->field].origin > PSC_ORIGIN_BUILTIN_RANGE ||
		    !resolve(&c, v, &f))
			continue;
		profile->fields[row->field] = f;
		profile->builtin_range = family_text(v->build);
	}
}

static int compare_kernel(const struct psc_builtin_kernel *row, const uint8_t guid[16], uint32_t age)
{
	int c = memcmp(row->guid, guid, sizeof(row->guid));
	return c != 0 ? c : row->age == age ? 0 : row->age < age ? -1 : 1;
}

static const struct psc_builtin_kernel *find_kernel(const struct psc_kernel_identity *id)
{
	uint8_t guid[16];
	if (!psc_guid_parse(id->pdb_guid, guid))
		return NULL;
	size_t low = 0, high = psc_builtin_kernels_n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct psc_builtin_kernel *row = &psc_builtin_kernels[middle];
		int c = compare_kernel(row, guid, id->pdb_age);
		if (c == 0)
			return id->machine == PSC_MACHINE_UNKNOWN || row->machine == (unsigned)id->machine ? row : NULL;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void load_symbols(const struct psc_builtin_kernel *row, struct psc_profile *profile)
{
	size_t first = (size_t)(row - psc_builtin_kernels) * psc_builtin_symbols_n;
	for (size_t i = 0; i < psc_builtin_symbols_n; i++) {
		uint32_t rva = psc_builtin_rvas[first + i];
		enum psc_sym s = (enum psc_sym)psc_builtin_symbols[i];
		if (rva == 0 || profile->symbols[s].origin > PSC_ORIGIN_BUILTIN)
			continue;
		profile->symbols[s].origin = PSC_ORIGIN_BUILTIN;
		profile->symbols[s].rva = rva;
	}
	profile->builtin_version = psc_builtin_texts + row->version;
}

void psc_builtin_load(const struct psc_kernel_identity *id, const char *version_hint, struct psc_profile *profile)
{
	struct psc_kernel_identity who = *id;
	const struct psc_builtin_kernel *kernel = find_kernel(id);
	if (kernel) {
		load_symbols(kernel, profile);
		version_hint = profile->builtin_version;
		who.machine = (enum psc_machine)kernel->machine;
	}
	if (profile->machine == PSC_MACHINE_UNKNOWN)
		profile->machine = who.machine;
	struct version v = version_of(&who, version_hint);
	who.build = v.build;
	if (v.build != 0 && v.build <= 0xffff)
		load_fields(&who, &v, profile);
}

const char *psc_builtin_pdb_name(const char *guid, uint32_t age)
{
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_UNKNOWN, .pdb_age = age};
	if (strlen(guid) >= sizeof(id.pdb_guid))
		return NULL;
	memcpy(id.pdb_guid, guid, strlen(guid) + 1);
	const struct psc_builtin_kernel *row = find_kernel(&id);
	return row && row->machine != PSC_MACHINE_X86 ? "ntkrnlmp.pdb" : NULL; /* x86 has four */
}
