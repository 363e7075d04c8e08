/* SPDX-License-Identifier: MIT */
#include "json.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* cJSON leaves out a member for which there is no memory, and says nothing: such a document must not be printed. */
static bool no_memory;

static void *allocate(size_t n)
{
	void *p = malloc(n);
	no_memory |= p == NULL;
	return p;
}

void json_start(void)
{
	cJSON_Hooks hooks = {allocate, free};
	cJSON_InitHooks(&hooks);
}

bool json_no_memory(void)
{
	return no_memory;
}

void json_add_u64(cJSON *object, const char *key, uint64_t v)
{
	char buf[24];
	snprintf(buf, sizeof(buf), "%" PRIu64, v);
	cJSON_AddRawToObject(object, key, buf);
}

void json_add_i64(cJSON *object, const char *key, int64_t v)
{
	char buf[24];
	snprintf(buf, sizeof(buf), "%" PRId64, v);
	cJSON_AddRawToObject(object, key, buf);
}

void json_add_real(cJSON *object, const char *key, double v)
{
	char buf[64];
	snprintf(buf, sizeof(buf), "%.2f", v);
	cJSON_AddRawToObject(object, key, buf);
}

void json_add_u64_or_null(cJSON *object, const char *key, bool known, uint64_t v)
{
	if (known)
		json_add_u64(object, key, v);
	else
		cJSON_AddNullToObject(object, key);
}

void json_add_text_or_null(cJSON *object, const char *key, const char *text)
{
	if (text != NULL)
		cJSON_AddStringToObject(object, key, text);
	else
		cJSON_AddNullToObject(object, key);
}

cJSON *json_address(uint64_t v, bool is_32bit)
{
	char buf[24];
	snprintf(buf, sizeof(buf), is_32bit ? "0x%08" PRIx64 : "0x%016" PRIx64, v);
	return cJSON_CreateString(buf);
}

void json_add_address(cJSON *object, const char *key, uint64_t v, bool is_32bit)
{
	cJSON_AddItemToObject(object, key, json_address(v, is_32bit));
}

const char *format_filetime(uint64_t filetime, char *buf)
{
	/* Days from 1601-01-01 to a civil date, in the proleptic Gregorian calendar with years that start in March. */
	uint64_t seconds = filetime / 10000000u;
	uint64_t days = seconds / 86400u, in_day = seconds % 86400u;
	uint64_t z = days + 584694u; /* days from 0000-03-01 to 1601-01-01 */
	uint64_t era = z / 146097u, doe = z % 146097u;
	uint64_t yoe = (doe - doe / 1460u + doe / 36524u - doe / 146096u) / 365u;
	uint64_t doy = doe - (365u * yoe + yoe / 4u - yoe / 100u);
	uint64_t mp = (5u * doy + 2u) / 153u;
	unsigned day = (unsigned)(doy - (153u * mp + 2u) / 5u + 1u);
	unsigned month = (unsigned)(mp < 10u ? mp + 3u : mp - 9u);
	uint64_t year = yoe + era * 400u + (month <= 2u ? 1u : 0u);
	if (year > 9999)
		return NULL;
	/* The remainders change nothing; they tell the compiler that it fits. */
	snprintf(buf, 24, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(year % 10000u), month % 100u, day % 100u,
		 (unsigned)(in_day / 3600u % 24u), (unsigned)(in_day / 60u % 60u), (unsigned)(in_day % 60u));
	return buf;
}

cJSON *json_dump(const struct psc_dump *dump)
{
	if (dump == NULL)
		return cJSON_CreateNull();
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	char buf[24];
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "path", i->path);
	cJSON_AddStringToObject(o, "format", i->format);
	cJSON_AddStringToObject(o, "dump_type", psc_dump_type_name(i->dump_type));
	json_add_u64(o, "dump_type_value", i->dump_type_value);
	cJSON_AddStringToObject(o, "machine", psc_machine_name(i->machine));
	json_add_u64(o, "size_bytes", i->size_bytes);
	json_add_text_or_null(o, "time", i->has_time ? format_filetime(i->system_time_filetime, buf) : NULL);
	json_add_u64_or_null(o, "uptime_seconds", i->has_uptime, i->uptime_100ns / 10000000u);
	return o;
}

static uint64_t fnv1a(uint64_t h, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t fnv1a_u64(uint64_t h, uint64_t v)
{
	uint8_t b[8];
	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	return fnv1a(h, b, 8);
}

const char *dump_id(const struct psc_dump *dump, char *buf)
{
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	h = fnv1a_u64(h, i->system_time_filetime);
	h = fnv1a_u64(h, i->uptime_100ns);
	h = fnv1a_u64(h, (uint64_t)i->machine);
	h = fnv1a_u64(h, i->build);
	h = fnv1a_u64(h, i->ps_loaded_module_list);
	h = fnv1a_u64(h, i->bugcheck_code);
	for (int k = 0; k < 4; k++)
		h = fnv1a_u64(h, i->bugcheck_parameters[k]);
	snprintf(buf, 17, "%016" PRIx64, h);
	return buf;
}

cJSON *json_warnings(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	cJSON *o = cJSON_CreateArray();
	for (size_t i = 0; i < n_a; i++)
		cJSON_AddItemToArray(o, cJSON_CreateString(a[i]));
	for (size_t i = 0; i < n_b; i++)
		cJSON_AddItemToArray(o, cJSON_CreateString(b[i]));
	return o;
}

bool json_print(FILE *f, cJSON *doc, bool pretty)
{
	char *text = pretty ? cJSON_Print(doc) : cJSON_PrintUnformatted(doc);
	bool ok = text != NULL && !no_memory;
	if (ok) {
		fputs(text, f);
		fputc('\n', f);
	}
	cJSON_free(text);
	cJSON_Delete(doc);
	return ok;
}

cJSON *json_record(const struct psc_dump *dump, const char *schema, const char *record)
{
	char buf[24];
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "schema", schema);
	cJSON_AddStringToObject(o, "record", record);
	if (dump == NULL) {
		cJSON_AddNullToObject(o, "dump_id");
		cJSON_AddNullToObject(o, "@timestamp");
		return o;
	}
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	cJSON_AddStringToObject(o, "dump_id", dump_id(dump, buf));
	json_add_text_or_null(o, "@timestamp", i->has_time ? format_filetime(i->system_time_filetime, buf) : NULL);
	return o;
}
