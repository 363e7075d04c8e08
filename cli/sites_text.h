/* SPDX-License-Identifier: MIT */
/* Cells of a row of call sites: for people, and as JSON. */
#ifndef CLI_SITES_TEXT_H
#define CLI_SITES_TEXT_H

#include "rows.h"
#include <poolscope/poolscope.h>

/* Texts of one row; the cells borrow from it. */
struct site_texts {
	char where[80], function[300], tag[400], tag_json[1600], pool[300], pool_json[1200], size[500], size_json[900],
		chain[900], chain_json[4800];
};

void site_function(const struct psc_site *s, char *buf, size_t cap);
struct cell site_tag_cell(const struct psc_site *s, struct site_texts *t);
struct cell site_pool_cell(const struct psc_site *s, struct site_texts *t);
struct cell site_size_cell(const struct psc_site *s, struct site_texts *t);
struct cell site_chain_cell(const struct psc_site *s, const struct psc_site_module *modules, struct site_texts *t);

#endif
