/* SPDX-License-Identifier: MIT */
/* poolscope verifier [FLAGS [IMAGE]] DUMP: KD's !verifier on a dump. Flags and their meaning as the debugger's public
 * documentation gives them; the wording of the lines as in outputs that engineers publish in bug reports. */
#include "callers.h"
#include "kd.h"
#include "run.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char help[] = "Usage: poolscope verifier [OPTIONS] [FLAGS [IMAGE]] DUMP\n"
			   "       poolscope verifier [OPTIONS] 80 [QUANTITY|ADDRESS] DUMP\n"
			   "\n"
			   "Prints Driver Verifier's records in the form of the kernel debugger's !verifier.\n"
			   "FLAGS (hexadecimal): 1 the verified drivers; 2 (with 1) their pool allocations; 80 the log "
			   "of pool operations\n"
			   "with stacks, newest first: all, the newest QUANTITY (hexadecimal), or those of one block. "
			   "Without FLAGS: counters\n"
			   "alone. IMAGE: only this driver.\n"
			   "\n"
			   "Options:\n" COMMON_OPTIONS_HELP "\n"
			   "Examples:\n"
			   "  poolscope verifier 3 MEMORY.DMP\n"
			   "  poolscope verifier 3 myfault.sys MEMORY.DMP\n"
			   "  poolscope verifier 80 10 MEMORY.DMP\n"
			   "  poolscope verifier 80 ffff9d8f`1c2a4010 MEMORY.DMP\n";

enum { FLAG_DRIVERS = 1, FLAG_POOL = 2, FLAG_LOG = 0x80 };
/* A quantity; what is larger is an address. */
#define QUANTITY_MAX 0x1000000u

struct verifier_options {
	struct common_options common;
	uint64_t flags;
	const char *image;
	uint64_t quantity, address;
	struct psc_callers *result;
};

/* "ffffe001`234bf010" or "8234b010". buf: 20 bytes. */
static const char *kd_address(uint64_t va, bool is_32bit, char *buf)
{
	if (is_32bit)
		snprintf(buf, 20, "%08" PRIx64, va);
	else
		snprintf(buf, 20, "%08" PRIx64 "`%08" PRIx64, va >> 32, va & 0xffffffffu);
	return buf;
}

static uint32_t total(const struct psc_callers *c, const char *name, bool *ret_known)
{
	size_t n;
	const struct psc_verifier_total *t = psc_callers_totals(c, &n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(t[i].name, name) == 0) {
			*ret_known = t[i].known;
			return t[i].value;
		}
	}
	*ret_known = false;
	return 0;
}

static void print_total(FILE *f, const struct psc_callers *c, const char *label, const char *name)
{
	bool known;
	uint32_t v = total(c, name, &known);
	if (known)
		fprintf(f, "%-39s0x%" PRIx32 "\n", label, v);
}

static void print_level(FILE *f, const struct psc_callers *c)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} options[] = {
		{0x1, "Special pool"},
		{0x2, "Force IRQL checking"},
		{0x4, "Low resources simulation"},
		{0x8, "Pool tracking"},
		{0x10, "I/O verification"},
		{0x20, "Deadlock detection"},
		{0x80, "DMA checking"},
		{0x100, "Security checks"},
		{0x800, "Miscellaneous checks"},
		{0x20000, "DDI compliance checking"},
	};
	bool known;
	uint32_t level = total(c, "Level", &known);
	if (!known)
		return;
	fprintf(f, "Verify Flags Level 0x%08" PRIx32 "\n\n", level);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		fprintf(f, "  [%c] (0x%08" PRIx32 ") %s\n", (level & options[i].bit) != 0 ? 'X' : ' ', options[i].bit,
			options[i].name);
	fputc('\n', f);
}

static void print_counts(FILE *f, const char *label, uint32_t n, uint64_t bytes)
{
	fprintf(f, "%-39s0x%" PRIx32 " for %08" PRIX64 " bytes\n", label, n, bytes);
}

static void print_summary(FILE *f, const struct psc_callers *c)
{
	const struct psc_verified_driver *all = psc_callers_all_drivers(c);
	print_level(f, c);
	fputs("Summary of All Verifier Statistics\n\n", f);
	print_total(f, c, "RaiseIrqls", "RaiseIrqls");
	print_total(f, c, "AcquireSpinLocks", "AcquireSpinLocks");
	print_total(f, c, "Synch Executions", "SynchronizeExecutions");
	print_total(f, c, "Trims", "Trims");
	fputc('\n', f);
	print_total(f, c, "Pool Allocations Attempted", "AllocationsAttempted");
	print_total(f, c, "Pool Allocations Succeeded", "AllocationsSucceeded");
	print_total(f, c, "Pool Allocations Succeeded SpecialPool", "AllocationsSucceededSpecialPool");
	print_total(f, c, "Pool Allocations With NO TAG", "AllocationsWithNoTag");
	print_total(f, c, "Pool Allocations Failed", "AllocationsFailed");
	print_total(f, c, "Resource Allocations Failed Deliberately   ", "AllocationsFailedDeliberately");
	if (all == NULL)
		return;
	fputc('\n', f);
	print_counts(f, "Current paged pool allocations", all->paged, all->paged_bytes);
	print_counts(f, "Peak paged pool allocations", all->peak_paged, all->peak_paged_bytes);
	print_counts(f, "Current nonpaged pool allocations", all->nonpaged, all->nonpaged_bytes);
	print_counts(f, "Peak nonpaged pool allocations", all->peak_nonpaged, all->peak_nonpaged_bytes);
}

static bool is_image(const struct verifier_options *o, const char *name)
{
	const char *a = o->image, *b = name;
	if (a == NULL)
		return true;
	for (; *a != '\0' && *b != '\0'; a++, b++)
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
	return *a == '\0' && (*b == '\0' || *b == '.');
}

struct block_printer {
	FILE *f;
	const char *driver;
	bool is_32bit;
};

static bool print_block(void *arg, const struct psc_caller_block *b)
{
	struct block_printer *p = (struct block_printer *)arg;
	char va[20], caller[20], tag[5], text[PSC_LOCATION_TEXT_BYTES];
	if (strcmp(b->driver, p->driver) != 0)
		return true;
	fprintf(p->f, "  %s  0x%08" PRIx64 "  %s  %s  %s\n", kd_address(b->va, p->is_32bit, va), b->size_bytes,
		kd_tag(b->tag, tag), kd_address(b->caller.address, p->is_32bit, caller),
		location_text(&b->caller, p->is_32bit, text, sizeof(text)));
	return ferror(p->f) == 0;
}

static enum psc_status print_drivers(FILE *f, struct verifier_options *o, struct psc_dump *dump,
				     const struct psc_callers *c, struct psc_error *err)
{
	const bool is_32bit = psc_dump_get_info(dump)->machine == PSC_MACHINE_X86;
	size_t n;
	const struct psc_verified_driver *d = psc_callers_drivers(c, &n);
	fputs("\nDriver Verification List\n\nEntry     State           NonPagedPool   PagedPool   Module\n", f);
	for (size_t i = 0; i < n; i++) {
		char va[20];
		enum psc_status st;
		if (!is_image(o, d[i].name))
			continue;
		fprintf(f, "\n%s  %-14s  %08" PRIx64 "       %08" PRIx64 "    %s\n",
			kd_address(d[i].base, is_32bit, va), d[i].is_loaded ? "Loaded" : "Unloaded",
			d[i].nonpaged_bytes, d[i].paged_bytes, d[i].name);
		if ((o->flags & FLAG_POOL) == 0)
			continue;
		if (d[i].has_counts) {
			fprintf(f, "\n  Current Pool Allocations  %08" PRIx32 " / %08" PRIx32 "   (NonPaged / Paged)\n",
				d[i].nonpaged, d[i].paged);
			fprintf(f, "  Current Pool Bytes        %08" PRIx64 " / %08" PRIx64 "\n", d[i].nonpaged_bytes,
				d[i].paged_bytes);
			fprintf(f, "  Peak Pool Allocations     %08" PRIx32 " / %08" PRIx32 "\n", d[i].peak_nonpaged,
				d[i].peak_paged);
			fprintf(f, "  Peak Pool Bytes           %08" PRIx64 " / %08" PRIx64 "\n",
				d[i].peak_nonpaged_bytes, d[i].peak_paged_bytes);
		}
		if (d[i].listed == 0)
			continue;
		fprintf(f, "\n  %-*s  Length      Tag   %-*s  Caller\n", is_32bit ? 8 : 17, "Address",
			is_32bit ? 8 : 17, "Caller");
		struct block_printer p = {f, d[i].name, is_32bit};
		st = psc_caller_blocks_run(dump, print_block, &p, err);
		if (st != PSC_OK)
			return st;
	}
	return PSC_OK;
}

struct event_printer {
	FILE *f;
	const struct verifier_options *o;
	bool is_32bit;
	uint64_t n;
};

static bool print_event(void *arg, const struct psc_caller_event *e)
{
	static const char line[] = "======================================================================";
	struct event_printer *p = (struct event_printer *)arg;
	char va[20], thread[20], text[PSC_LOCATION_TEXT_BYTES];
	/* An address inside the block asks for it as well. */
	if (p->o->address != 0 && p->o->address - e->va >= (e->size_bytes != 0 ? e->size_bytes : 1))
		return true;
	if (p->o->quantity != 0 && p->n == p->o->quantity)
		return false;
	p->n++;
	fprintf(p->f, "%s\nPool block %s, Size %016" PRIx64 ", Thread %s\n", line, kd_address(e->va, p->is_32bit, va),
		e->size_bytes, kd_address(e->thread, p->is_32bit, thread));
	for (size_t i = 0; i < e->n_stack; i++)
		fprintf(p->f, "%s %s\n", kd_address(e->stack[i].address, p->is_32bit, va),
			location_text(&e->stack[i], p->is_32bit, text, sizeof(text)));
	return ferror(p->f) == 0;
}

static enum psc_status print_log(FILE *f, const struct verifier_options *o, struct psc_dump *dump,
				 const struct psc_callers *c, struct psc_error *err)
{
	const struct psc_callers_info *i = psc_callers_get_info(c);
	struct event_printer p = {f, o, psc_dump_get_info(dump)->machine == PSC_MACHINE_X86, 0};
	if (!i->log_available) {
		fprintf(f, "No log of pool operations: %s.\n", i->log_why_not);
		return PSC_OK;
	}
	fprintf(f,
		"\nLog of recent kernel pool Allocate and Free operations:\n\n"
		"There are up to 0x%" PRIx64 " entries in the log.\n\n",
		i->log_length);
	enum psc_status st = psc_caller_events_run(dump, print_event, &p, err);
	if (st == PSC_OK && p.n == 0)
		fputs("No entry matches.\n", f);
	return st;
}

static bool parse_operands(struct verifier_options *o, int argc, char **argv, int first, int *ret_code)
{
	const char *text = argv[first];
	uint64_t v;
	int n = argc - first - 1; /* without the dump */
	*ret_code = EXIT_USAGE;
	if (n > 2)
		return usage_error("verifier", "at most FLAGS and one more before the dump"), false;
	if (n == 0)
		return true;
	if (!parse_address(text, strlen(text), &o->flags))
		return usage_error("verifier", "FLAGS is a hexadecimal number, not '%s'", text), false;
	if (o->flags == FLAG_LOG && n == 2) {
		text = argv[first + 1];
		if (!parse_address(text, strlen(text), &v))
			return usage_error("verifier", "after 80 comes a hexadecimal quantity or address, not '%s'",
					   text),
			       false;
		if (v < QUANTITY_MAX)
			o->quantity = v;
		else
			o->address = v;
		return true;
	}
	if ((o->flags & ~(uint64_t)(FLAG_DRIVERS | FLAG_POOL)) != 0 && o->flags != FLAG_LOG)
		return usage_error("verifier", "flags 1, 2 and 80 can be answered from a dump's pool records, not '%s'",
				   text),
		       false;
	if (n == 2)
		o->image = argv[first + 1];
	return true;
}

static int print(struct run *r, void *arg)
{
	struct verifier_options *o = (struct verifier_options *)arg;
	const struct psc_callers_info *info = psc_callers_get_info(o->result);
	enum psc_status st = PSC_OK;
	struct psc_error err;
	if (o->flags == FLAG_LOG) {
		st = print_log(r->f, o, r->dump, o->result, &err);
	} else {
		print_summary(r->f, o->result);
		if ((o->flags & FLAG_DRIVERS) != 0)
			st = print_drivers(r->f, o, r->dump, o->result, &err);
		if (!info->verifier_available)
			fprintf(r->f, "\nNo records: %s.\n", info->verifier_why_not);
	}
	/* Cancelled: enough was printed, or nobody reads it. */
	return st == PSC_E_CANCELLED ? EXIT_COMPLETE : run_status(r, st, &err);
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	static const struct psc_callers_options all = PSC_CALLERS_OPTIONS_INIT;
	struct verifier_options *o = (struct verifier_options *)arg;
	enum psc_status st = psc_callers_run(r->dump, &all, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_callers_warnings(o->result, &r->n_warnings);
	r->interrupted = psc_callers_is_interrupted(o->result);
	r->coverage = psc_callers_coverage_ratio(o->result);
	return PSC_OK;
}

static void free_result(void *arg)
{
	psc_callers_free(((struct verifier_options *)arg)->result);
}

int cmd_verifier(int argc, char **argv)
{
	static const struct option options[] = {COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"verifier", help, "", options, FORMATS_KD, "'poolscope callers' has others", NULL};
	static const struct run_steps steps = {work, print, free_result};
	struct verifier_options o = {0};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (optind >= argc)
		return dump_argument(argc, argv, optind, "verifier"), EXIT_USAGE;
	if (!parse_operands(&o, argc, argv, optind, &code))
		return code;
	return run_command(&o.common, argv + argc - 1, 1, &steps, &o);
}
