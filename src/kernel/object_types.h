/* SPDX-License-Identifier: MIT */
/* What the object manager counts of the objects of one type. The tag of an object's block is the key of its type, so
 * the types of a tag are found by that. */
#ifndef PSC_KERNEL_OBJECT_TYPES_H
#define PSC_KERNEL_OBJECT_TYPES_H

#include "kernel/kernel.h"

#define PSC_OBJECT_TYPE_NAMES 4u

struct psc_object_types {
	uint64_t objects;                         /* of all types with that key */
	bool has_handles;                         /* of all of them known: */
	uint64_t handles;                         /* open */
	size_t n;                                 /* types; 0: none known, and nothing else is said */
	const char *names[PSC_OBJECT_TYPE_NAMES]; /* of the first ones; in the kernel's arena */
};

/* The types whose key is tag (the protected bit does not count). */
void psc_object_types_of_tag(struct psc_kernel *k, uint32_t tag, struct psc_object_types *ret);

#endif
