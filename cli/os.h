/* SPDX-License-Identifier: MIT */
/* The little that the program itself asks of the system: its arguments, its standard streams, names of files.
 * Implemented in os_posix.c and os_win32.c. Paths are UTF-8; functions return 0 or an errno value unless said
 * otherwise. */
#ifndef CLI_OS_H
#define CLI_OS_H

#include <stdbool.h>
#include <stdio.h>

/* Before anything else in main: arguments in UTF-8, and streams that take UTF-8 and leave line ends as they are. */
int os_start(int *argc, char ***argv);

/* What getopt's own messages start with, beside argv[0]. */
void os_program_name(char *name);

bool stdout_is_terminal(void);
bool stderr_is_terminal(void);

/* Whether a write to stdout failed with this errno because its reader went away. */
bool is_closed_pipe(int write_errno);

/* Exists and is a device, pipe or directory. */
bool is_special_file(const char *path);
/* Both exist and are one file under two names; false where the system does not tell. */
bool is_same_file(const char *a, const char *b);

/* A new or emptied file, for writing bytes; NULL with errno set. */
FILE *file_create(const char *path);
/* Renames, replacing what is there. */
int file_rename(const char *from, const char *to);
void file_remove(const char *path);

#endif
