/* SPDX-License-Identifier: MIT */
#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#endif
#include "io/os.h"

#include "util/checked.h"
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
/* windows.h before winioctl.h */
#include <windows.h>
#include <winioctl.h>

#define MAX_IO_BYTES ((size_t)1 << 30)

struct psc_os_file {
	HANDLE h;
};

static int last_error(void)
{
	DWORD e = GetLastError();
	return e == 0 ? ERROR_GEN_FAILURE : (int)e;
}

/* UTF-8 to UTF-16 with extra free characters at the end. */
static int widen(const char *s, size_t extra, wchar_t **ret)
{
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, NULL, 0);
	if (n <= 0)
		return last_error();
	wchar_t *w = calloc((size_t)n + extra, sizeof(*w));
	if (!w)
		return ERROR_NOT_ENOUGH_MEMORY;
	if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, w, n) <= 0) {
		int e = last_error();
		free(w);
		return e;
	}
	*ret = w;
	return 0;
}

static char *narrow(const wchar_t *w)
{
	int n = WideCharToMultiByte(CP_UTF8, 0, w, -1, NULL, 0, NULL, NULL);
	char *s = n > 0 ? malloc((size_t)n) : NULL;
	if (s && WideCharToMultiByte(CP_UTF8, 0, w, -1, s, n, NULL, NULL) <= 0) {
		free(s);
		return NULL;
	}
	return s;
}

/* As the system wants it: beyond MAX_PATH only an absolute path with the \\?\ prefix is accepted everywhere. */
static int widen_path(const char *path, size_t extra, wchar_t **ret)
{
	wchar_t *w = NULL;
	int e = widen(path, extra, &w);
	if (e != 0)
		return e;
	if (wcslen(w) + extra < MAX_PATH - 12 || wcsncmp(w, L"\\\\?\\", 4) == 0 || wcsncmp(w, L"\\\\.\\", 4) == 0) {
		*ret = w;
		return 0;
	}
	DWORD n = GetFullPathNameW(w, 0, NULL, NULL);
	wchar_t *full = n ? calloc((size_t)n + 8 + extra, sizeof(*full)) : NULL;
	DWORD got = full ? GetFullPathNameW(w, n, full + 8, NULL) : 0;
	if (got == 0 || got >= n) {
		e = full || !n ? last_error() : ERROR_NOT_ENOUGH_MEMORY;
		free(full);
		free(w);
		return e;
	}
	free(w);
	size_t len = wcslen(full + 8) + 1;
	if (full[8] == L'\\' && full[9] == L'\\') {
		memmove(full + 8, full + 10, (len - 2) * sizeof(*full));
		memmove(full, L"\\\\?\\UNC\\", 8 * sizeof(*full));
	} else {
		memmove(full + 4, full + 8, len * sizeof(*full));
		memcpy(full, L"\\\\?\\", 4 * sizeof(*full));
	}
	*ret = full;
	return 0;
}

static int wrap_handle(HANDLE h, struct psc_os_file **ret)
{
	struct psc_os_file *f = malloc(sizeof(*f));
	if (!f) {
		CloseHandle(h);
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	f->h = h;
	*ret = f;
	return 0;
}

int psc_os_file_open(const char *path, struct psc_os_file **ret)
{
	wchar_t *w = NULL;
	int e = widen_path(path, 0, &w);
	if (e != 0)
		return e;
	HANDLE h = CreateFileW(w, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
			       OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
	e = h == INVALID_HANDLE_VALUE ? last_error() : 0;
	free(w);
	return e ? e : wrap_handle(h, ret);
}

static wchar_t *temp_dir(size_t extra)
{
	DWORD n = GetTempPathW(0, NULL);
	wchar_t *w = n ? calloc((size_t)n + 1 + extra, sizeof(*w)) : NULL;
	if (w && GetTempPathW(n + 1, w) == 0) {
		free(w);
		return NULL;
	}
	return w;
}

int psc_os_temp_file(const char *dir, struct psc_os_file **ret)
{
	enum { NAME_CHARS = 40, TRIES = 100 };
	static volatile LONG counter;
	wchar_t *w = NULL;
	int e = 0;
	if (dir && *dir)
		e = widen_path(dir, NAME_CHARS, &w);
	else if (!(w = temp_dir(NAME_CHARS)))
		e = last_error();
	if (e != 0)
		return e;
	size_t n = wcslen(w);
	if (n && w[n - 1] != L'\\' && w[n - 1] != L'/')
		w[n++] = L'\\';
	HANDLE h = INVALID_HANDLE_VALUE;
	for (int i = 0; i < TRIES && h == INVALID_HANDLE_VALUE; i++) {
		char name[NAME_CHARS];
		snprintf(name, sizeof(name), "poolscope-%08lx-%08lx-%lx.tmp", (unsigned long)GetCurrentProcessId(),
			 (unsigned long)GetTickCount(), (unsigned long)InterlockedIncrement(&counter) & 0xffff);
		for (size_t k = 0; k <= strlen(name); k++)
			w[n + k] = (wchar_t)name[k];
		h = CreateFileW(w, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, CREATE_NEW,
				FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
		e = h == INVALID_HANDLE_VALUE ? last_error() : 0;
		if (e != 0 && e != ERROR_FILE_EXISTS)
			break;
	}
	free(w);
	if (e != 0)
		return e;
	DWORD returned; /* holes are a saving, not a need */
	DeviceIoControl(h, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &returned, NULL);
	return wrap_handle(h, ret);
}

void psc_os_file_close(struct psc_os_file *f)
{
	if (!f)
		return;
	CloseHandle(f->h);
	free(f);
}

int psc_os_file_fd(const struct psc_os_file *f)
{
	(void)f;
	return -1;
}

int psc_os_file_size(struct psc_os_file *f, uint64_t *ret_bytes)
{
	LARGE_INTEGER size;
	if (!GetFileSizeEx(f->h, &size))
		return last_error();
	*ret_bytes = (uint64_t)size.QuadPart;
	return 0;
}

/* On a handle opened for synchronous work an OVERLAPPED only carries the offset, so threads do not disturb each other.
 */
static OVERLAPPED at_offset(uint64_t off)
{
	OVERLAPPED o;
	memset(&o, 0, sizeof(o));
	o.Offset = (DWORD)(off & 0xffffffffu);
	o.OffsetHigh = (DWORD)(off >> 32);
	return o;
}

int psc_os_pread(struct psc_os_file *f, uint64_t off, void *buf, size_t n, size_t *ret_n)
{
	uint8_t *p = buf;
	size_t done = 0;
	if (!psc_range_ok(off, n, INT64_MAX))
		return ERROR_NEGATIVE_SEEK;
	while (done < n) {
		OVERLAPPED o = at_offset(off + done);
		DWORD want = (DWORD)(n - done < MAX_IO_BYTES ? n - done : MAX_IO_BYTES), got = 0;
		if (!ReadFile(f->h, p + done, want, &got, &o)) {
			if (GetLastError() == ERROR_HANDLE_EOF)
				break;
			return last_error();
		}
		if (got == 0)
			break;
		done += got;
	}
	*ret_n = done;
	return 0;
}

int psc_os_pwrite(struct psc_os_file *f, uint64_t off, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	size_t done = 0;
	if (!psc_range_ok(off, n, INT64_MAX))
		return ERROR_NEGATIVE_SEEK;
	while (done < n) {
		OVERLAPPED o = at_offset(off + done);
		DWORD want = (DWORD)(n - done < MAX_IO_BYTES ? n - done : MAX_IO_BYTES), put = 0;
		if (!WriteFile(f->h, p + done, want, &put, &o))
			return last_error();
		if (put == 0)
			return ERROR_DISK_FULL;
		done += put;
	}
	return 0;
}

int psc_os_file_truncate(struct psc_os_file *f, uint64_t size_bytes)
{
	if (size_bytes > INT64_MAX)
		return ERROR_NEGATIVE_SEEK;
	FILE_END_OF_FILE_INFO info;
	info.EndOfFile.QuadPart = (LONGLONG)size_bytes;
	return SetFileInformationByHandle(f->h, FileEndOfFileInfo, &info, sizeof(info)) ? 0 : last_error();
}

bool psc_os_is_regular(const char *path, int *ret_err)
{
	wchar_t *w = NULL;
	*ret_err = widen_path(path, 0, &w);
	if (*ret_err != 0)
		return false;
	bool regular = false;
	/* Without access rights: looks at the file and lets others use it. Directories need the backup flag. */
	HANDLE h = CreateFileW(w, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
			       FILE_FLAG_BACKUP_SEMANTICS, NULL);
	free(w);
	if (h == INVALID_HANDLE_VALUE) {
		*ret_err = last_error();
		return false;
	}
	/* A volume or a whole disk is of type "disk" too, but has no file information. */
	BY_HANDLE_FILE_INFORMATION info;
	if (GetFileType(h) == FILE_TYPE_DISK && GetFileInformationByHandle(h, &info))
		regular = !(info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
	CloseHandle(h);
	return regular;
}

bool psc_os_is_directory(const char *path)
{
	wchar_t *w = NULL;
	if (widen_path(path, 0, &w) != 0)
		return false;
	DWORD attributes = GetFileAttributesW(w);
	free(w);
	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

const uint8_t *psc_os_map(struct psc_os_file *f, uint64_t size_bytes)
{
	if (size_bytes == 0 || size_bytes > SIZE_MAX / 2)
		return NULL;
	HANDLE mapping = CreateFileMappingW(f->h, NULL, PAGE_READONLY, 0, 0, NULL);
	if (!mapping)
		return NULL;
	const uint8_t *p = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, (SIZE_T)size_bytes);
	CloseHandle(mapping); /* the view keeps it */
	return p;
}

void psc_os_unmap(const uint8_t *p, uint64_t size_bytes)
{
	(void)size_bytes;
	if (p)
		UnmapViewOfFile(p);
}

void psc_os_map_advise(const uint8_t *p, uint64_t size_bytes, bool sequential)
{
	(void)p;
	(void)size_bytes;
	(void)sequential;
}

int psc_os_list_dir(const char *path, bool (*visit)(void *arg, const char *name), void *arg)
{
	wchar_t *w = NULL;
	int e = widen_path(path, 3, &w);
	if (e != 0)
		return e;
	size_t n = wcslen(w);
	if (n && w[n - 1] != L'\\' && w[n - 1] != L'/')
		w[n++] = L'\\';
	w[n++] = L'*';
	w[n] = L'\0';
	WIN32_FIND_DATAW data;
	HANDLE h = FindFirstFileW(w, &data);
	e = h == INVALID_HANDLE_VALUE ? last_error() : 0;
	free(w);
	if (e != 0)
		return e;
	bool go_on = true;
	do {
		if (wcscmp(data.cFileName, L".") == 0 || wcscmp(data.cFileName, L"..") == 0)
			continue;
		char *name = narrow(data.cFileName);
		if (!name) {
			e = ERROR_NOT_ENOUGH_MEMORY;
			break;
		}
		go_on = visit(arg, name);
		free(name);
	} while (go_on && FindNextFileW(h, &data));
	if (e == 0 && go_on && GetLastError() != ERROR_NO_MORE_FILES)
		e = last_error();
	FindClose(h);
	return e;
}

int psc_os_file_create_new(const char *path, struct psc_os_file **ret)
{
	wchar_t *w = NULL;
	int e = widen_path(path, 0, &w);
	if (e != 0)
		return e;
	HANDLE h = CreateFileW(w, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, CREATE_NEW,
			       FILE_ATTRIBUTE_NORMAL, NULL);
	e = h == INVALID_HANDLE_VALUE ? last_error() : 0;
	free(w);
	return e ? e : wrap_handle(h, ret);
}

int psc_os_file_sync(struct psc_os_file *f)
{
	return FlushFileBuffers(f->h) ? 0 : last_error();
}

int psc_os_rename_new(const char *from, const char *to)
{
	wchar_t *w_from = NULL, *w_to = NULL;
	int e = widen_path(from, 0, &w_from);
	if (e == 0)
		e = widen_path(to, 0, &w_to);
	if (e == 0 && !MoveFileExW(w_from, w_to, MOVEFILE_WRITE_THROUGH))
		e = last_error();
	free(w_from);
	free(w_to);
	return e;
}

void psc_os_remove_file(const char *path)
{
	wchar_t *w = NULL;
	if (widen_path(path, 0, &w) == 0)
		(void)DeleteFileW(w);
	free(w);
}

int psc_os_make_directories(const char *path)
{
	size_t n = strlen(path) + 1;
	char *copy = malloc(n);
	int e = 0;
	if (!copy)
		return ERROR_NOT_ENOUGH_MEMORY;
	memcpy(copy, path, n);
	for (size_t i = 1; i < n && e == 0; i++) {
		wchar_t *w = NULL;
		if ((path[i] != '/' && path[i] != '\\' && path[i] != '\0') || path[i - 1] == ':' ||
		    path[i - 1] == '/' || path[i - 1] == '\\')
			continue;
		copy[i] = '\0';
		e = widen_path(copy, 0, &w);
		if (e == 0 && !CreateDirectoryW(w, NULL) && !psc_os_is_directory(copy))
			e = last_error();
		free(w);
		copy[i] = path[i];
	}
	free(copy);
	return e;
}

bool psc_os_is_absolute_path(const char *path)
{
	char c = path[0];
	bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return (is_letter && path[1] == ':' && (path[2] == '\\' || path[2] == '/')) ||
	       ((c == '\\' || c == '/') && path[1] == c);
}

int psc_os_get_env(const char *name, char **ret)
{
	wchar_t *w = NULL;
	*ret = NULL;
	int e = widen(name, 0, &w);
	if (e != 0)
		return e;
	DWORD n = GetEnvironmentVariableW(w, NULL, 0);
	wchar_t *value = n > 1 ? calloc((size_t)n, sizeof(*value)) : NULL;
	if (value) {
		DWORD got = GetEnvironmentVariableW(w, value, n);
		if (got > 0 && got < n)
			*ret = narrow(value);
		e = *ret ? 0 : ERROR_NOT_ENOUGH_MEMORY;
	} else if (n > 1) {
		e = ERROR_NOT_ENOUGH_MEMORY;
	}
	free(value);
	free(w);
	return e;
}

void psc_os_error_text(int sys_errno, char *buf, size_t n)
{
	wchar_t w[256];
	if (n == 0)
		return;
	buf[0] = '\0';
	DWORD len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
					   FORMAT_MESSAGE_MAX_WIDTH_MASK,
				   NULL, (DWORD)sys_errno, 0, w, sizeof(w) / sizeof(*w), NULL);
	while (len && (w[len - 1] <= L' ' || w[len - 1] == L'.'))
		len--;
	w[len < 255 ? len : 255] = L'\0';
	char *s = len ? narrow(w) : NULL;
	if (s)
		snprintf(buf, n, "%s", s);
	else
		snprintf(buf, n, "system error %d", sys_errno);
	free(s);
}

unsigned psc_os_cpu_count(void)
{
	DWORD n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
	return n ? (unsigned)n : 1;
}

uint64_t psc_os_monotonic_ms(void)
{
	return GetTickCount64();
}

struct psc_os_thread {
	HANDLE h;
	void (*fn)(void *);
	void *arg;
};

struct psc_os_mutex {
	SRWLOCK lock;
};

struct psc_os_cond {
	CONDITION_VARIABLE c;
};

static unsigned __stdcall thread_main(void *arg)
{
	const struct psc_os_thread *t = arg;
	t->fn(t->arg);
	return 0;
}

int psc_os_thread_start(void (*fn)(void *), void *arg, struct psc_os_thread **ret)
{
	struct psc_os_thread *t = malloc(sizeof(*t));
	if (!t)
		return ERROR_NOT_ENOUGH_MEMORY;
	t->fn = fn;
	t->arg = arg;
	t->h = (HANDLE)_beginthreadex(NULL, 0, thread_main, t, 0, NULL);
	if (!t->h) {
		unsigned long e = _doserrno;
		free(t);
		return e ? (int)e : ERROR_NOT_ENOUGH_MEMORY;
	}
	*ret = t;
	return 0;
}

void psc_os_thread_join(struct psc_os_thread *t)
{
	WaitForSingleObject(t->h, INFINITE);
	CloseHandle(t->h);
	free(t);
}

int psc_os_mutex_new(struct psc_os_mutex **ret)
{
	struct psc_os_mutex *m = malloc(sizeof(*m));
	if (!m)
		return ERROR_NOT_ENOUGH_MEMORY;
	InitializeSRWLock(&m->lock);
	*ret = m;
	return 0;
}

void psc_os_mutex_free(struct psc_os_mutex *m)
{
	free(m);
}

void psc_os_mutex_lock(struct psc_os_mutex *m)
{
	AcquireSRWLockExclusive(&m->lock);
}

void psc_os_mutex_unlock(struct psc_os_mutex *m)
{
	ReleaseSRWLockExclusive(&m->lock);
}

int psc_os_cond_new(struct psc_os_cond **ret)
{
	struct psc_os_cond *c = malloc(sizeof(*c));
	if (!c)
		return ERROR_NOT_ENOUGH_MEMORY;
	InitializeConditionVariable(&c->c);
	*ret = c;
	return 0;
}

void psc_os_cond_free(struct psc_os_cond *c)
{
	free(c);
}

void psc_os_cond_wait_ms(struct psc_os_cond *c, struct psc_os_mutex *m, unsigned timeout_ms)
{
	SleepConditionVariableSRW(&c->c, &m->lock, timeout_ms, 0);
}

void psc_os_cond_broadcast(struct psc_os_cond *c)
{
	WakeAllConditionVariable(&c->c);
}
