/* SPDX-License-Identifier: MIT */
/* poolscope symbols: which symbol files a dump wants, where they are, and what to fetch. */
#include "json.h"
#include "symbols_profile.h"
#include "table.h"
#include <string.h>

static const char help[] =
	"Usage: poolscope symbols [OPTIONS] DUMP\n"
	"       poolscope symbols [OPTIONS] --profile GUID-AGE|FILE\n"
	"       poolscope symbols [OPTIONS] import FILE...\n"
	"\n"
	"Prints for the kernel and each module the PDB it asks for, whether it was found, and where it belongs;\n"
	"or all that is known of a kernel build; or sorts symbol files into the user's own store.\n"
	"--format urls prints the path in a symbol store of each missing file, one a line.\n"
	"\n"
	"Options:\n"
	"      --server PREFIX   with --format urls: put this address before each path\n"
	"      --profile WHICH   the addresses and offsets that are known of a kernel, without a dump\n"
	"      --store DIR       with import: this store instead of the user's own\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope symbols MEMORY.DMP\n"
	"  poolscope symbols --format urls --server https://msdl.microsoft.com/download/symbols MEMORY.DMP\n"
	"  poolscope symbols --profile 5278AFF86C341677D7D7835C85B7B844-1 --format json\n"
	"  poolscope symbols import ntkrnlmp.pdb http.pd_\n";

enum { OPT_SERVER = OPT_COMMAND, OPT_PROFILE, OPT_STORE };

struct symbols_options {
	struct common_options common;
	bool is_urls;
	const char *server, *profile, *store;
	struct psc_symbol_files *result;
};

static const struct column columns[] = {
	{.key = "module", .heading = "Module", .is_left = true, .min_width = 10, .paint = PAINT_KEY},
	{.key = "base"},
	{.key = "is_kernel"},
	{.key = "named_in", .heading = "Named in", .is_left = true, .min_width = 8, .drop = 2},
	{.key = "pdb_name", .heading = "PDB", .is_left = true, .min_width = 10},
	{.key = "pdb_guid", .heading = "GUID", .is_left = true, .drop = 2},
	{.key = "pdb_age", .heading = "Age", .drop = 3},
	{.key = "state", .heading = "State", .is_left = true},
	{.key = "kind", .heading = "Kind", .is_left = true, .drop = 5},
	{.key = "path", .heading = "Path", .is_left = true, .min_width = 12},
	{.key = "store_path", .heading = "Store path", .is_left = true, .min_width = 12, .drop = 1},
	{.key = "detail"},
	{.key = "improves", .heading = "Would improve", .is_left = true, .min_width = 14, .drop = 4},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

#define N_NAMED_IN 3

static size_t named_in(const struct psc_symbol_file *r, const char *names[N_NAMED_IN])
{
	size_t n = 0;
	for (unsigned bit = 0; bit < N_NAMED_IN; bit++)
		if ((r->named_in & 1u << bit) != 0)
			names[n++] = psc_named_in_name((enum psc_named_in)(1u << bit));
	return n;
}

static void fill_cells(const struct psc_symbol_file *r, bool is_32bit, const char *names[N_NAMED_IN],
		       struct cell cells[N_COLUMNS])
{
	const struct cell all[N_COLUMNS] = {
		cell_text(r->module),
		cell_address(r->base, is_32bit),
		cell_bool(r->is_kernel),
		cell_texts(names, named_in(r, names)),
		cell_text(r->pdb_name),
		cell_text(r->pdb_guid[0] != '\0' ? r->pdb_guid : NULL),
		r->pdb_guid[0] != '\0' ? cell_u64(r->pdb_age) : cell_null(),
		cell_text(r->state),
		cell_text(r->kind),
		cell_text(r->path),
		cell_text(r->store_path),
		cell_text(r->detail),
		cell_text(r->improves),
	};
	memcpy(cells, all, sizeof(all));
}

/* A path as part of an address: what a URL may hold as it is, the rest in hex. */
static void print_url(FILE *f, const char *server, const char *path)
{
	size_t n = server != NULL ? strlen(server) : 0;
	if (server == NULL) {
		fprintf(f, "%s\n", path);
		return;
	}
	fprintf(f, "%s%s", server, n > 0 && server[n - 1] == '/' ? "" : "/");
	for (const char *p = path; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     strchr("/-._~", c) != NULL;
		fprintf(f, plain ? "%c" : "%%%02X", c);
	}
	fputc('\n', f);
}

static void add_row(cJSON *o, const struct psc_symbol_file *r, bool is_32bit)
{
	const char *names[N_NAMED_IN];
	size_t n = named_in(r, names);
	cJSON_AddStringToObject(o, "module", r->module);
	json_add_address(o, "base", r->base, is_32bit);
	cJSON_AddBoolToObject(o, "is_kernel", r->is_kernel);
	cJSON_AddItemToObject(o, "named_in", json_warnings(names, n, NULL, 0));
	json_add_text_or_null(o, "pdb_name", r->pdb_name);
	json_add_text_or_null(o, "pdb_guid", r->pdb_guid[0] != '\0' ? r->pdb_guid : NULL);
	json_add_u64_or_null(o, "pdb_age", r->pdb_guid[0] != '\0', r->pdb_age);
	cJSON_AddStringToObject(o, "state", r->state);
	json_add_text_or_null(o, "kind", r->kind);
	json_add_text_or_null(o, "path", r->path);
	json_add_text_or_null(o, "store_path", r->store_path);
	json_add_text_or_null(o, "detail", r->detail);
	json_add_text_or_null(o, "improves", r->improves);
}

static cJSON *json_places(const struct psc_symbol_search *search)
{
	size_t n;
	const struct psc_symbol_place *p = psc_symbol_search_places(search, &n);
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "kind", psc_symbol_place_kind_name(p[i].kind));
		cJSON_AddStringToObject(o, "place", p[i].text);
		cJSON_AddStringToObject(o, "origin", p[i].origin);
		cJSON_AddBoolToObject(o, "is_searched", p[i].is_searched);
		json_add_text_or_null(o, "note", p[i].note);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static cJSON *json_origins(const struct psc_dump *dump)
{
	size_t n;
	const struct psc_profile_item *p = psc_dump_profile(dump, &n);
	cJSON *o = cJSON_CreateObject();
	for (size_t i = 0; i < n; i++)
		cJSON_AddStringToObject(o, p[i].name, p[i].origin);
	return o;
}

/* One document; as NDJSON a record of the dump, then one of each module. */
static bool print_json(struct run *r, const struct symbols_options *o, const struct psc_symbol_file *rows, size_t n)
{
	bool is_document = o->common.format == FORMAT_JSON;
	const struct psc_kernel_info *k = psc_dump_kernel(r->dump);
	cJSON *doc = is_document ? cJSON_CreateObject() : json_record(r->dump, SYMBOLS_SCHEMA, "dump"), *list = NULL;
	if (is_document)
		cJSON_AddStringToObject(doc, "schema", SYMBOLS_SCHEMA);
	cJSON_AddItemToObject(doc, "dump", json_dump(r->dump));
	cJSON_AddStringToObject(doc, "symbols", k->symbols);
	json_add_text_or_null(doc, "symbols_file", k->symbols_file);
	cJSON_AddItemToObject(doc, "places", json_places(o->common.open.symbol_search));
	if (is_document)
		list = cJSON_AddArrayToObject(doc, "modules");
	for (size_t i = 0; is_document && i < n; i++) {
		cJSON *row = cJSON_CreateObject();
		add_row(row, &rows[i], r->is_32bit);
		cJSON_AddItemToArray(list, row);
	}
	cJSON_AddItemToObject(doc, "origins", json_origins(r->dump));
	cJSON_AddItemToObject(doc, "warnings", run_warnings(r));
	bool ok = json_print(r->f, doc, is_document);
	for (size_t i = 0; ok && !is_document && i < n; i++) {
		cJSON *record = json_record(r->dump, SYMBOLS_SCHEMA, "module");
		add_row(record, &rows[i], r->is_32bit);
		ok = json_print(r->f, record, false);
	}
	return ok;
}

static void print_head(FILE *f, const struct symbols_options *o, const struct psc_dump *dump)
{
	size_t n;
	const struct psc_kernel_info *k = psc_dump_kernel(dump);
	const struct psc_symbol_place *p = psc_symbol_search_places(o->common.open.symbol_search, &n);
	const char *heading = "Searched:      ";
	fprintf(f, "Kernel symbols: %s%s%s\n", k->symbols, k->symbols_file != NULL ? ", " : "",
		k->symbols_file != NULL ? k->symbols_file : "");
	if (o->common.no_symbols)
		fprintf(f, "%s nothing, because of --no-symbols\n", heading);
	for (size_t i = 0; !o->common.no_symbols && i < n; i++, heading = "               ") {
		fprintf(f, "%s %s (%s)", heading, p[i].text, p[i].origin);
		if (p[i].note != NULL)
			fprintf(f, ", not searched: %s", p[i].note);
		fputc('\n', f);
	}
	fputc('\n', f);
}

static bool print_rows(struct run *r, const struct symbols_options *o, const struct psc_symbol_file *rows, size_t n)
{
	FILE *f = r->f;
	bool is_csv = o->common.format == FORMAT_CSV;
	struct table_layout layout;
	struct table table;
	struct cell cells[N_COLUMNS];
	const char *names[N_NAMED_IN];
	if (o->is_urls) {
		for (size_t i = 0; i < n; i++)
			if (strcmp(rows[i].state, "found") != 0 && rows[i].store_path != NULL)
				print_url(f, o->server, rows[i].store_path);
		return true;
	}
	if (o->common.format == FORMAT_JSON || o->common.format == FORMAT_NDJSON)
		return print_json(r, o, rows, n);
	if (is_csv) {
		csv_header(f, columns, N_COLUMNS);
	} else {
		print_head(f, o, r->dump);
		table_layout_init(&layout, columns, N_COLUMNS, &r->style);
		table_init(&table, &layout);
	}
	for (size_t i = 0; i < n; i++) {
		fill_cells(&rows[i], r->is_32bit, names, cells);
		if (is_csv)
			csv_row(f, columns, cells, N_COLUMNS);
		else
			table_add(&table, cells);
	}
	if (is_csv)
		return true;
	bool ok = table_print(&table, f);
	for (size_t i = 0; i < n; i++)
		if (rows[i].detail != NULL)
			fprintf(f, "%s: %s\n", rows[i].module, rows[i].detail);
	return ok;
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	return psc_dump_symbol_files(r->dump, &((struct symbols_options *)arg)->result, reterr);
}

static int print(struct run *r, void *arg)
{
	const struct symbols_options *o = (const struct symbols_options *)arg;
	size_t n;
	const struct psc_symbol_file *rows = psc_symbol_files_rows(o->result, &n);
	return run_printed(print_rows(r, o, rows, n));
}

static void free_result(void *arg)
{
	psc_symbol_files_free(((struct symbols_options *)arg)->result);
}

static int symbols_option(void *arg, int opt)
{
	struct symbols_options *o = (struct symbols_options *)arg;
	switch (opt) {
	case OPT_FORMAT:
		o->is_urls = strcmp(optarg, "urls") == 0;
		return o->is_urls ? OPTION_DONE : OPTION_UNKNOWN;
	case OPT_SERVER:
		o->server = optarg;
		return OPTION_DONE;
	case OPT_PROFILE:
		o->profile = optarg;
		return OPTION_DONE;
	case OPT_STORE:
		o->store = optarg;
		return OPTION_DONE;
	default:
		return OPTION_UNKNOWN;
	}
}

int cmd_symbols(int argc, char **argv)
{
	static const struct option options[] = {{"server", required_argument, NULL, OPT_SERVER},
						{"profile", required_argument, NULL, OPT_PROFILE},
						{"store", required_argument, NULL, OPT_STORE},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"symbols", help, "", options, FORMATS_ROWS, "'poolscope tags' has it", symbols_option, "urls",
	};
	static const struct run_steps steps = {work, print, free_result};
	struct symbols_options o = {.is_urls = false};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	bool is_import = optind < argc && strcmp(argv[optind], "import") == 0;
	if (o.server != NULL && !o.is_urls)
		return usage_error("symbols", "--server is for --format urls");
	if (o.store != NULL && !is_import)
		return usage_error("symbols", "--store is for import");
	if (o.is_urls && (is_import || o.profile != NULL))
		return usage_error("symbols", "--format urls is for a dump");
	if (is_import && o.common.table_option != NULL)
		return usage_error("symbols", "%s is for tables; import prints one path a line", o.common.table_option);
	if (is_import && optind + 1 == argc)
		return usage_error("symbols", "import which files?");
	if (is_import && o.profile == NULL)
		return import_symbols(&o.common, o.store, argv + optind + 1, argc - optind - 1);
	if (o.profile != NULL)
		return optind < argc ? usage_error("symbols", "--profile takes no dump")
				     : print_profile(&o.common, o.profile);
	if (dump_argument(argc, argv, optind, "symbols") == NULL)
		return EXIT_USAGE;
	return run_command(&o.common, argv + optind, 1, &steps, &o);
}
