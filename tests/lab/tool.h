/* SPDX-License-Identifier: MIT */
/*
 * The compiler, the linker and their like, run by the lab. Every tool runs inside the working directory with relative
 * names only: no path gets into its output. What a tool made of the same files with the same arguments is kept in
 * LAB_TOOL_CACHE (where the build defines it) and copied the next time; the directory may be deleted at any time.
 */
#ifndef LAB_TOOL_H
#define LAB_TOOL_H

#include <stddef.h>
#include <stdint.h>

#define LAB_TOOL_MAX_ARGUMENTS 40
#define LAB_TOOL_MAX_FILES     8

struct lab_tool {
	char *arguments[LAB_TOOL_MAX_ARGUMENTS + 1];
	size_t n;
	char *reads[LAB_TOOL_MAX_FILES], *writes[LAB_TOOL_MAX_FILES];
	size_t n_reads, n_writes;
};

/* fmt, literal text with at most two %s, with a and b put in. To be freed. */
char *lab_tool_text(const char *fmt, const char *a, const char *b);
void lab_tool_add(struct lab_tool *t, const char *fmt, const char *a);
void lab_tool_add_all(struct lab_tool *t, const char *const *arguments, size_t n);
/* Files of the working directory whose contents decide on the result, and those that the tool makes, or may make. */
void lab_tool_reads(struct lab_tool *t, const char *fmt, const char *a);
void lab_tool_writes(struct lab_tool *t, const char *fmt, const char *a);
/* Runs it in dir, or copies what it made before, and frees it. */
void lab_tool_run(struct lab_tool *t, const char *dir);
/* A whole file; to be freed. Dies if it cannot be read. */
uint8_t *lab_read_file(const char *path, size_t *ret_size);

#endif
