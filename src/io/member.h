/* SPDX-License-Identifier: MIT */
/* Which member of an archive is the dump: the only file, or the only one that is called like a dump. Used inside src/io
 * only. */
#ifndef PSC_IO_MEMBER_H
#define PSC_IO_MEMBER_H

#include <poolscope/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More members than any archive of a dump has. */
#define PSC_MEMBERS_MAX 65536u

struct psc_member_choice { /* zero-initialised */
	uint64_t n_files, n_dumps;
	char dumps[128]; /* names, as many as fit */
};

/* name: printable. Whether this file is the choice as far as the archive has been read. */
bool psc_member_offer(struct psc_member_choice *c, const char *name);
/* After the last file: PSC_OK if the file chosen last is the one; else PSC_E_UNSUPPORTED. archive: "zip archive". */
enum psc_status psc_member_verdict(const struct psc_member_choice *c, const char *archive, struct psc_error *reterr);
/* Copy a name, cut to size - 1 bytes, with ? for what is not printable ASCII. */
void psc_member_name(char *to, size_t size, const char *name, size_t name_bytes);

#endif
