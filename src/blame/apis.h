/* SPDX-License-Identifier: MIT */
/* Which routines own pool on behalf of their caller, and where their arguments say tag, pool and size.
 * Table: data/pool_apis.tsv, sorted by name. */
#ifndef PSC_BLAME_APIS_H
#define PSC_BLAME_APIS_H

#include <stddef.h>
#include <stdint.h>

enum psc_api_kind {
	PSC_API_CALL,
	PSC_API_LOOKASIDE,    /* sets up a list whose blocks carry the tag */
	PSC_API_CONTIGUOUS,   /* whole pages */
	PSC_API_MAPPING,      /* address space, tagged like pool */
	PSC_API_CONTEXT,      /* the tag is in a registration: tag is the argument that says which */
	PSC_API_STRUCTURE,    /* tag and size in a structure of parameters */
	PSC_API_DEFAULT,      /* tag for what a framework allocates later */
	PSC_API_REGISTRATION, /* of such contexts: tag is the argument that points to it */
};

enum psc_api_pool {
	PSC_API_POOL_UNKNOWN,
	PSC_API_POOL_TYPE,  /* argument: POOL_TYPE */
	PSC_API_POOL_FLAGS, /* argument: POOL_FLAGS */
	PSC_API_POOL_NONPAGED,
	PSC_API_POOL_PAGED,
};

/* Argument number (in 32-bit slots on x86), and when offset >= 0 the member of the structure that it points to. */
struct psc_api_param {
	int8_t arg, arg32;
	int16_t offset, offset32;
};

struct psc_pool_api {
	const char *name;
	enum psc_api_kind kind;
	enum psc_api_pool pool_kind;
	int wdf_index; /* in the WDF function table; -1: exported by name */
	uint8_t n_args, n_slots32;
	struct psc_api_param pool, size, tag;
	uint32_t fixed_tag; /* 0: none */
	int8_t condition_arg;
	uint8_t condition_value;
};

extern const struct psc_pool_api psc_pool_apis[];
extern const size_t psc_pool_apis_n;

/* NULL when the name is none of them. */
const struct psc_pool_api *psc_pool_api_find(const char *name);

#endif
