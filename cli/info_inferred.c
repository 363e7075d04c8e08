/* SPDX-License-Identifier: MIT */
/* The part of `info` that says where addresses and offsets are from, and what was inferred on which evidence. */
#include "cli.h"
#include "info.h"
#include <inttypes.h>
#include <string.h>

cJSON *info_json_inferred(const struct psc_dump *dump)
{
	bool is_32bit = psc_dump_get_info(dump)->machine == PSC_MACHINE_X86;
	size_t n;
	const struct psc_inferred *items = psc_dump_inferred(dump, &n);
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", items[i].name);
		cJSON_AddStringToObject(o, "kind", items[i].kind);
		if (items[i].confidence < PSC_CONFIDENCE_WEAK)
			cJSON_AddNullToObject(o, "value");
		else
			json_add_address(o, "value", items[i].value, is_32bit);
		cJSON_AddStringToObject(o, "confidence", psc_confidence_name(items[i].confidence));
		json_add_u64(o, "checks_count", items[i].checks);
		cJSON_AddStringToObject(o, "evidence", items[i].evidence);
		cJSON *alternatives = cJSON_AddArrayToObject(o, "alternatives");
		for (size_t j = 0; j < items[i].n_alternatives; j++)
			cJSON_AddItemToArray(alternatives, json_address(items[i].alternatives[j], is_32bit));
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

/* name: origin */
cJSON *info_json_origins(const struct psc_dump *dump)
{
	size_t n;
	const struct psc_profile_item *items = psc_dump_profile(dump, &n);
	cJSON *o = cJSON_CreateObject();
	for (size_t i = 0; i < n; i++)
		cJSON_AddStringToObject(o, items[i].name, items[i].origin);
	return o;
}

void info_print_origins(FILE *f, const struct psc_dump *dump)
{
	static const char *const origins[] = {"pdb",  "isf",    "builtin", "builtin_range",
					      "kdbg", "export", "header",  "inferred"};
	size_t n;
	const struct psc_profile_item *items = psc_dump_profile(dump, &n);
	const char *separator = "";
	if (n == 0)
		return;
	fputs("Origins:        ", f);
	for (size_t j = 0; j < sizeof(origins) / sizeof(origins[0]); j++) {
		unsigned n_symbols = 0, n_fields = 0;
		for (size_t i = 0; i < n; i++) {
			bool is_it = strcmp(items[i].origin, origins[j]) == 0;
			n_symbols += is_it && !items[i].is_field;
			n_fields += is_it && items[i].is_field;
		}
		if (n_symbols + n_fields == 0)
			continue;
		fprintf(f, "%s%s ", separator, origins[j]);
		if (n_symbols != 0)
			fprintf(f, "%u address%s", n_symbols, n_symbols == 1 ? "" : "es");
		if (n_fields != 0)
			fprintf(f, "%s%u field%s", n_symbols != 0 ? " " : "", n_fields, n_fields == 1 ? "" : "s");
		separator = ", ";
	}
	fputc('\n', f);
}

void info_print_inferred(FILE *f, const struct psc_dump *dump)
{
	size_t n;
	const struct psc_inferred *items = psc_dump_inferred(dump, &n);
	if (n != 0)
		fputs("Inferred:\n", f);
	for (size_t i = 0; i < n; i++) {
		char value[24] = "-";
		if (items[i].confidence >= PSC_CONFIDENCE_WEAK)
			snprintf(value, sizeof(value), "0x%" PRIx64, items[i].value);
		fprintf(f, "  %-36s %-18s %-9s %s", items[i].name, value, psc_confidence_name(items[i].confidence),
			items[i].evidence);
		for (size_t j = 0; j < items[i].n_alternatives; j++)
			fprintf(f, "%s0x%" PRIx64, j == 0 ? "; also: " : ", ", items[i].alternatives[j]);
		fputc('\n', f);
	}
}
