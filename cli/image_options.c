/* SPDX-License-Identifier: MIT */
/* Options on how to read memory that has no Windows dump header. */
#include "cli.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* A hexadecimal number, with or without 0x and the debugger's ` between its halves. */
static bool parse_hex(const char *text, const char *end, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned n = 0;
	if (end - text > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (; text < end; text++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = strchr(digits, *text >= 'A' && *text <= 'F' ? *text + 0x20 : *text);
		if (*text == '`')
			continue;
		if (*text == '\0' || d == NULL || ++n > 16)
			return false;
		v = v << 4 | (uint64_t)(d - digits);
	}
	*ret = v;
	return n != 0;
}

static bool parse_run(const char *text, const char *end, struct psc_run_map *ret)
{
	const char *dash = memchr(text, '-', (size_t)(end - text)), *at = memchr(text, '@', (size_t)(end - text));
	uint64_t stop;
	if (dash == NULL || at == NULL || at < dash || !parse_hex(text, dash, &ret->physical_address) ||
	    !parse_hex(dash + 1, at, &stop) || !parse_hex(at + 1, end, &ret->file_offset) ||
	    stop <= ret->physical_address)
		return false;
	ret->size_bytes = stop - ret->physical_address;
	return true;
}

/* START-END@OFFSET,... */
static bool parse_run_map(struct common_options *o, const char *text)
{
	o->open.n_run_map = 0;
	for (;;) {
		const char *end = text + strcspn(text, ",");
		if (o->open.n_run_map == RUN_MAP_MAX || !parse_run(text, end, &o->run_map[o->open.n_run_map]))
			return false;
		o->open.n_run_map++;
		if (*end == '\0')
			break;
		text = end + 1;
	}
	o->open.run_map = o->run_map;
	return true;
}

/* N=FILE */
static bool add_pagefile(struct common_options *o, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '=' || end[1] == '\0' || n >= PAGEFILE_MAX ||
	    o->open.n_pagefiles == PAGEFILE_MAX)
		return false;
	struct psc_pagefile p = {(uint32_t)n, end + 1};
	o->pagefiles[o->open.n_pagefiles++] = p;
	o->open.pagefiles = o->pagefiles;
	return true;
}

static int address_option(const char *name, const char *command, uint64_t *ret)
{
	if (!parse_hex(optarg, optarg + strlen(optarg), ret) || *ret == 0)
		return usage_error(command, "--%s takes a hexadecimal address, not '%s'", name, optarg);
	return -1;
}

int image_option(struct common_options *o, int opt, const char *command)
{
	switch (opt) {
	case OPT_IMAGE_FORMAT:
		if (strcmp(optarg, "raw") != 0 && strcmp(optarg, "auto") != 0)
			return usage_error(command, "--image-format is auto or raw, not '%s'", optarg);
		o->open.image_format = optarg[0] == 'r' ? PSC_IMAGE_FORMAT_RAW : PSC_IMAGE_FORMAT_AUTO;
		return -1;
	case OPT_RUN_MAP:
		if (!parse_run_map(o, optarg))
			return usage_error(command,
					   "--run-map takes up to %d runs START-END@OFFSET in hexadecimal, END "
					   "exclusive, separated by commas, not '%s'",
					   RUN_MAP_MAX, optarg);
		return -1;
	case OPT_WITH:
		if (o->open.n_more_files == WITH_MAX)
			return usage_error(command, "--with can be given %d times", WITH_MAX);
		o->more_files[o->open.n_more_files++] = optarg;
		o->open.more_files = o->more_files;
		return -1;
	case OPT_PAGEFILE:
		if (!add_pagefile(o, optarg))
			return usage_error(command, "--pagefile takes NUMBER=FILE, NUMBER from 0 to 15, not '%s'",
					   optarg);
		return -1;
	case OPT_DTB:
		return address_option("dtb", command, &o->open.directory_table_base);
	case OPT_KERNEL_BASE:
		return address_option("kernel-base", command, &o->open.kernel_base);
	case OPT_KDBG:
		return address_option("kdbg", command, &o->open.kd_debugger_data_block);
	default:
		return -2;
	}
}
