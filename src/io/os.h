/* SPDX-License-Identifier: MIT */
/* Everything that differs between operating systems. Implemented in os_posix.c and os_win32.c and nowhere else.
 * Paths are UTF-8. Functions return 0 or the system's error code unless said otherwise. */
#ifndef PSC_IO_OS_H
#define PSC_IO_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct psc_os_file; /* an open file, read-only unless made by psc_os_temp_file */

int psc_os_file_open(const char *path, struct psc_os_file **ret);
/* A new file without a name (or deleted on close) in dir (NULL: the system's temporary directory). */
int psc_os_temp_file(const char *dir, struct psc_os_file **ret);
void psc_os_file_close(struct psc_os_file *f);
/* The descriptor of an open file, borrowed; -1 on systems that have none. */
int psc_os_file_fd(const struct psc_os_file *f);
int psc_os_file_size(struct psc_os_file *f, uint64_t *ret_bytes);
/* Reads at an offset without moving a file position; thread-safe. *ret_n < n only at the end of the file. */
int psc_os_pread(struct psc_os_file *f, uint64_t off, void *buf, size_t n, size_t *ret_n);
int psc_os_pwrite(struct psc_os_file *f, uint64_t off, const void *buf, size_t n);
int psc_os_file_truncate(struct psc_os_file *f, uint64_t size_bytes);
/* true if the path names a regular file (not a directory, device or pipe); *ret_err gets 0 or the reason it could not
 * be looked at. */
bool psc_os_is_regular(const char *path, int *ret_err);
bool psc_os_is_directory(const char *path);
/* Whole file, read-only. NULL when the system cannot map it (then use pread). */
const uint8_t *psc_os_map(struct psc_os_file *f, uint64_t size_bytes);
void psc_os_unmap(const uint8_t *p, uint64_t size_bytes);
/* Advice that pages will be used in order / soon; may do nothing. */
void psc_os_map_advise(const uint8_t *p, uint64_t size_bytes, bool sequential);

/* Names in a directory, without "." and "..", unsorted; call visit until it returns false. */
int psc_os_list_dir(const char *path, bool (*visit)(void *arg, const char *name), void *arg);

/* A new file for writing; an error when the name is taken. */
int psc_os_file_create_new(const char *path, struct psc_os_file **ret);
/* What was written reaches the disk. */
int psc_os_file_sync(struct psc_os_file *f);
/* Gives the file a new name in one step, unless that name is taken. */
int psc_os_rename_new(const char *from, const char *to);
void psc_os_remove_file(const char *path);
/* Makes the directory and those above it; one that is there already is no error. */
int psc_os_make_directories(const char *path);

/* Whether the path does not depend on the current directory. */
bool psc_os_is_absolute_path(const char *path);
/* The value of an environment variable as UTF-8, from malloc; NULL when it is not set or empty. */
int psc_os_get_env(const char *name, char **ret);

/* Text of a system error code into buf. */
void psc_os_error_text(int sys_errno, char *buf, size_t n);

unsigned psc_os_cpu_count(void);
uint64_t psc_os_monotonic_ms(void);

struct psc_os_thread;
struct psc_os_mutex;
struct psc_os_cond;
int psc_os_thread_start(void (*fn)(void *), void *arg, struct psc_os_thread **ret);
void psc_os_thread_join(struct psc_os_thread *t); /* and free */
int psc_os_mutex_new(struct psc_os_mutex **ret);
void psc_os_mutex_free(struct psc_os_mutex *m);
void psc_os_mutex_lock(struct psc_os_mutex *m);
void psc_os_mutex_unlock(struct psc_os_mutex *m);
int psc_os_cond_new(struct psc_os_cond **ret);
void psc_os_cond_free(struct psc_os_cond *c);
/* Waits at most timeout_ms. */
void psc_os_cond_wait_ms(struct psc_os_cond *c, struct psc_os_mutex *m, unsigned timeout_ms);
void psc_os_cond_broadcast(struct psc_os_cond *c);

#endif
