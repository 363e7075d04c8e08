/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* _SC_NPROCESSORS_ONLN */
#endif
#include "io/os.h"

#include "util/checked.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Linux transfers at most 0x7ffff000 bytes per call and macOS refuses more than INT_MAX. */
#define MAX_IO_BYTES ((size_t)1 << 30)

struct psc_os_file {
	int fd;
};

static int wrap_fd(int fd, struct psc_os_file **ret)
{
	struct psc_os_file *f = malloc(sizeof(*f));
	if (!f) {
		close(fd);
		return ENOMEM;
	}
	f->fd = fd;
	*ret = f;
	return 0;
}

int psc_os_file_open(const char *path, struct psc_os_file **ret)
{
	int fd;
	do { /* O_NONBLOCK: a pipe put in the file's place must not hang the call; regular files ignore it */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? errno : wrap_fd(fd, ret);
}

int psc_os_temp_file(const char *dir, struct psc_os_file **ret)
{
	static const char name[] = "/poolscope-XXXXXX";
	if (!dir || !*dir)
		dir = getenv("TMPDIR");
	if (!dir || !*dir) /* often in memory: /tmp; made for large files: /var/tmp */
		dir = psc_os_is_directory("/var/tmp") ? "/var/tmp" : "/tmp";
	size_t n = strlen(dir);
	char *path = malloc(n + sizeof(name));
	if (!path)
		return ENOMEM;
	memcpy(path, dir, n);
	memcpy(path + n, name, sizeof(name));
	int fd = mkstemp(path);
	int e = fd < 0 ? errno : 0;
	if (fd >= 0) {
		unlink(path);
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
			e = errno;
			close(fd);
			fd = -1;
		}
	}
	free(path);
	return fd < 0 ? e : wrap_fd(fd, ret);
}

void psc_os_file_close(struct psc_os_file *f)
{
	if (!f)
		return;
	close(f->fd);
	free(f);
}

int psc_os_file_fd(const struct psc_os_file *f)
{
	return f->fd;
}

int psc_os_file_size(struct psc_os_file *f, uint64_t *ret_bytes)
{
	struct stat st;
	if (fstat(f->fd, &st) < 0)
		return errno;
	*ret_bytes = st.st_size < 0 ? 0 : (uint64_t)st.st_size;
	return 0;
}

int psc_os_pread(struct psc_os_file *f, uint64_t off, void *buf, size_t n, size_t *ret_n)
{
	uint8_t *p = buf;
	size_t done = 0;
	if (!psc_range_ok(off, n, INT64_MAX))
		return EOVERFLOW;
	while (done < n) {
		size_t want = n - done < MAX_IO_BYTES ? n - done : MAX_IO_BYTES;
		ssize_t got = pread(f->fd, p + done, want, (off_t)(off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_n = done;
	return 0;
}

int psc_os_pwrite(struct psc_os_file *f, uint64_t off, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	size_t done = 0;
	if (!psc_range_ok(off, n, INT64_MAX))
		return EFBIG;
	while (done < n) {
		size_t want = n - done < MAX_IO_BYTES ? n - done : MAX_IO_BYTES;
		ssize_t put = pwrite(f->fd, p + done, want, (off_t)(off + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno;
		if (put == 0)
			return ENOSPC;
		done += (size_t)put;
	}
	return 0;
}

int psc_os_file_truncate(struct psc_os_file *f, uint64_t size_bytes)
{
	if (size_bytes > INT64_MAX)
		return EFBIG;
	int r;
	do {
		r = ftruncate(f->fd, (off_t)size_bytes);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? errno : 0;
}

bool psc_os_is_regular(const char *path, int *ret_err)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		*ret_err = errno;
		return false;
	}
	*ret_err = 0;
	return S_ISREG(st.st_mode);
}

bool psc_os_is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const uint8_t *psc_os_map(struct psc_os_file *f, uint64_t size_bytes)
{
	if (size_bytes == 0 || size_bytes > SIZE_MAX / 2)
		return NULL;
	void *p = mmap(NULL, (size_t)size_bytes, PROT_READ, MAP_SHARED, f->fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

void psc_os_unmap(const uint8_t *p, uint64_t size_bytes)
{
	if (p)
		munmap((void *)(uintptr_t)p, (size_t)size_bytes);
}

void psc_os_map_advise(const uint8_t *p, uint64_t size_bytes, bool sequential)
{
	long page = sysconf(_SC_PAGESIZE);
	if (page <= 0)
		return;
	uintptr_t start = (uintptr_t)p & ~((uintptr_t)page - 1);
	size_t n = (size_t)size_bytes + (size_t)((uintptr_t)p - start);
	posix_madvise((void *)start, n, sequential ? POSIX_MADV_SEQUENTIAL : POSIX_MADV_WILLNEED);
}

int psc_os_list_dir(const char *path, bool (*visit)(void *arg, const char *name), void *arg)
{
	DIR *d = opendir(path);
	if (!d)
		return errno;
	int e;
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(d);
		if (!entry) {
			e = errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!visit(arg, entry->d_name)) {
			e = 0;
			break;
		}
	}
	closedir(d);
	return e;
}

int psc_os_file_create_new(const char *path, struct psc_os_file **ret)
{
	int fd;
	do {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? errno : wrap_fd(fd, ret);
}

int psc_os_file_sync(struct psc_os_file *f)
{
	int r;
	do {
		r = fsync(f->fd);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? errno : 0;
}

/* rename() would replace a file of that name, link() does not. Not every file system has links. */
int psc_os_rename_new(const char *from, const char *to)
{
	struct stat st;
	if (link(from, to) == 0) {
		unlink(from);
		return 0;
	}
	if (errno == EEXIST)
		return EEXIST;
	if (lstat(to, &st) == 0)
		return EEXIST;
	return rename(from, to) == 0 ? 0 : errno;
}

void psc_os_remove_file(const char *path)
{
	unlink(path);
}

int psc_os_make_directories(const char *path)
{
	size_t n = strlen(path) + 1;
	char *copy = malloc(n);
	int e = 0;
	if (!copy)
		return ENOMEM;
	memcpy(copy, path, n);
	for (size_t i = 1; i < n && e == 0; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		copy[i] = '\0';
		if (mkdir(copy, 0777) < 0 && !psc_os_is_directory(copy))
			e = errno;
		copy[i] = path[i];
	}
	free(copy);
	return e;
}

bool psc_os_is_absolute_path(const char *path)
{
	return path[0] == '/';
}

int psc_os_get_env(const char *name, char **ret)
{
	const char *value = getenv(name);
	*ret = NULL;
	if (!value || !*value)
		return 0;
	size_t n = strlen(value) + 1;
	char *copy = malloc(n);
	if (!copy)
		return ENOMEM;
	memcpy(copy, value, n);
	*ret = copy;
	return 0;
}

void psc_os_error_text(int sys_errno, char *buf, size_t n)
{
	if (n == 0)
		return;
	buf[0] = '\0';
	if (strerror_r(sys_errno, buf, n) != 0 && buf[0] == '\0')
		snprintf(buf, n, "system error %d", sys_errno);
}

unsigned psc_os_cpu_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > 4096 ? 4096 : (unsigned)n;
}

uint64_t psc_os_monotonic_ms(void)
{
	struct timespec ts;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct psc_os_thread {
	pthread_t id;
	void (*fn)(void *);
	void *arg;
};

struct psc_os_mutex {
	pthread_mutex_t m;
};

struct psc_os_cond {
	pthread_cond_t c;
	clockid_t clock;
};

static void *thread_main(void *arg)
{
	const struct psc_os_thread *t = arg;
	t->fn(t->arg);
	return NULL;
}

int psc_os_thread_start(void (*fn)(void *), void *arg, struct psc_os_thread **ret)
{
	struct psc_os_thread *t = malloc(sizeof(*t));
	if (!t)
		return ENOMEM;
	t->fn = fn;
	t->arg = arg;
	/* Signals stay with the caller's threads. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(&t->id, NULL, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e != 0) {
		free(t);
		return e;
	}
	*ret = t;
	return 0;
}

void psc_os_thread_join(struct psc_os_thread *t)
{
	pthread_join(t->id, NULL);
	free(t);
}

int psc_os_mutex_new(struct psc_os_mutex **ret)
{
	struct psc_os_mutex *m = malloc(sizeof(*m));
	if (!m)
		return ENOMEM;
	int e = pthread_mutex_init(&m->m, NULL);
	if (e != 0) {
		free(m);
		return e;
	}
	*ret = m;
	return 0;
}

void psc_os_mutex_free(struct psc_os_mutex *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->m);
	free(m);
}

void psc_os_mutex_lock(struct psc_os_mutex *m)
{
	pthread_mutex_lock(&m->m);
}

void psc_os_mutex_unlock(struct psc_os_mutex *m)
{
	pthread_mutex_unlock(&m->m);
}

int psc_os_cond_new(struct psc_os_cond **ret)
{
	struct psc_os_cond *c = malloc(sizeof(*c));
	if (!c)
		return ENOMEM;
	pthread_condattr_t attr;
	int e = pthread_condattr_init(&attr);
	if (e != 0) {
		free(c);
		return e;
	}
	c->clock = CLOCK_REALTIME;
#ifndef __APPLE__ /* has no pthread_condattr_setclock */
	if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0)
		c->clock = CLOCK_MONOTONIC;
#endif
	e = pthread_cond_init(&c->c, &attr);
	pthread_condattr_destroy(&attr);
	if (e != 0) {
		free(c);
		return e;
	}
	*ret = c;
	return 0;
}

void psc_os_cond_free(struct psc_os_cond *c)
{
	if (!c)
		return;
	pthread_cond_destroy(&c->c);
	free(c);
}

void psc_os_cond_wait_ms(struct psc_os_cond *c, struct psc_os_mutex *m, unsigned timeout_ms)
{
	struct timespec ts;
	clock_gettime(c->clock, &ts);
	ts.tv_sec += timeout_ms / 1000;
	ts.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&c->c, &m->m, &ts);
}

void psc_os_cond_broadcast(struct psc_os_cond *c)
{
	pthread_cond_broadcast(&c->c);
}
