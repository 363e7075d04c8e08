/* SPDX-License-Identifier: MIT */
/* The little that the program itself asks of the system: its arguments, its standard streams, names of files.
 * Implemented in os_posix.c and os_win32.c. Paths are UTF-8; functions return 0 or an errno value unless said
 * otherwise. */
#ifndef CLI_OS_H
#define CLI_OS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Before anything else in main: arguments in UTF-8, and streams that take UTF-8 and leave line ends as they are. stderr
 * may be buffered: flush it after each message. */
int os_start(int *argc, char ***argv);

bool stdout_is_terminal(void);
bool stderr_is_terminal(void);

/* Width of the terminal at stdout or stderr; 0: not known. */
unsigned terminal_columns(void);
/* Escape sequences for colours work at the terminal at stdout (stderr: is_stderr). */
bool terminal_takes_color(bool is_stderr);

/* Calls fn once, from a signal handler or a thread of the system, when the user interrupts the program (Ctrl-C) or it
 * is asked to end (SIGTERM). The next such request ends the program as if nothing had been said. */
void os_on_interrupt(void (*fn)(void));
/* From now on, allocations that would bring the program's own memory above so many bytes fail. Files that are mapped
 * do not count. */
int os_limit_memory(uint64_t bytes);
uint64_t os_milliseconds(void); /* of a clock that only goes forward */

/* A stream to a program that shows it page by page, run by the shell; NULL with errno set, or where there is none.
 * command NULL: less, if it is installed. less is told to pass on colours and to end when all fits on the screen. */
FILE *pager_open(const char *command);
bool pager_takes_color(void); /* after pager_open() */
void pager_close(FILE *f);

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
