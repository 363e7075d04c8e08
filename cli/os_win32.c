/* SPDX-License-Identifier: MIT */
#define WIN32_LEAN_AND_MEAN
#include "os.h"
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>
/* after windows.h */
#include <shellapi.h>

static UINT console_cp;

static void restore_console(void)
{
	SetConsoleOutputCP(console_cp);
}

static char *narrow(const wchar_t *w)
{
	int n = WideCharToMultiByte(CP_UTF8, 0, w, -1, NULL, 0, NULL, NULL);
	char *s = n > 0 ? (char *)malloc((size_t)n) : NULL;
	if (s != NULL)
		WideCharToMultiByte(CP_UTF8, 0, w, -1, s, n, NULL, NULL);
	return s;
}

static bool is_prefixed(const wchar_t *w)
{
	return wcsncmp(w, L"\\\\?\\", 4) == 0 || wcsncmp(w, L"\\\\.\\", 4) == 0;
}

/* A path for wide functions. Beyond MAX_PATH only absolute paths with the \\?\ prefix are accepted. NULL with errno. */
static wchar_t *widen_path(const char *path)
{
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
	wchar_t *w = n > 0 ? (wchar_t *)calloc((size_t)n, sizeof(*w)) : NULL;
	if (w == NULL || MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, w, n) <= 0) {
		errno = n > 0 ? ENOMEM : EINVAL;
		free(w);
		return NULL;
	}
	if (n < MAX_PATH - 12 || is_prefixed(w))
		return w;
	DWORD need = GetFullPathNameW(w, 0, NULL, NULL);
	wchar_t *full = need != 0 ? (wchar_t *)calloc((size_t)need + 8, sizeof(*full)) : NULL;
	if (full == NULL || GetFullPathNameW(w, need, full + 8, NULL) - 1 >= need - 1) {
		errno = ENOMEM;
		free(full);
		free(w);
		return NULL;
	}
	free(w);
	/* \\server\share is \\?\UNC\server\share */
	if (full[8] == L'\\' && full[9] == L'\\') {
		wmemmove(full + 8, full + 10, wcslen(full + 10) + 1);
		wmemcpy(full, L"\\\\?\\UNC\\", 8);
	} else {
		wmemmove(full + 4, full + 8, wcslen(full + 8) + 1);
		wmemcpy(full, L"\\\\?\\", 4);
	}
	return full;
}

int os_start(int *argc, char ***argv)
{
	int n;
	wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
	char **args = wide != NULL ? (char **)calloc((size_t)n + 1, sizeof(*args)) : NULL;
	if (args == NULL)
		return ENOMEM;
	for (int i = 0; i < n; i++) {
		args[i] = narrow(wide[i]);
		if (args[i] == NULL)
			return ENOMEM;
	}
	LocalFree(wide);
	*argc = n;
	*argv = args;
	_setmode(1, _O_BINARY); /* no CR in JSON */
	_setmode(2, _O_BINARY);
	/* Without these the C runtime hands a console each byte on its own: slow, and no console before Windows 10 puts
	 * the bytes of a character together again. */
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	setvbuf(stderr, NULL, _IOFBF, 1 << 12);
	console_cp = GetConsoleOutputCP();
	if (console_cp != 0 && console_cp != CP_UTF8 && SetConsoleOutputCP(CP_UTF8))
		atexit(restore_console);
	return 0;
}

/* The C runtime has no name for it and says EINVAL. */
bool is_closed_pipe(int write_errno)
{
	return write_errno == EPIPE ||
	       (write_errno == EINVAL && GetFileType(GetStdHandle(STD_OUTPUT_HANDLE)) == FILE_TYPE_PIPE);
}

/* isatty is true for every character device, NUL among them. */
static bool is_console(DWORD which)
{
	DWORD mode;
	return GetConsoleMode(GetStdHandle(which), &mode) != 0;
}

bool stdout_is_terminal(void)
{
	return is_console(STD_OUTPUT_HANDLE);
}

bool stderr_is_terminal(void)
{
	return is_console(STD_ERROR_HANDLE);
}

unsigned terminal_columns(void)
{
	CONSOLE_SCREEN_BUFFER_INFO info;
	if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info) &&
	    !GetConsoleScreenBufferInfo(GetStdHandle(STD_ERROR_HANDLE), &info))
		return 0;
	int n = info.srWindow.Right - info.srWindow.Left + 1;
	return n > 0 ? (unsigned)n : 0;
}

#ifndef ENABLE_VIRTUAL_TERMINAL_PROCESSING
#define ENABLE_VIRTUAL_TERMINAL_PROCESSING 4
#endif

/* Consoles before Windows 10 1511 have no such mode. */
bool terminal_takes_color(bool is_stderr)
{
	HANDLE h = GetStdHandle(is_stderr ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
	DWORD mode;
	return GetConsoleMode(h, &mode) != 0 && SetConsoleMode(h, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
}

static void (*on_interrupt)(void);
static volatile LONG is_interrupted;

/* In a thread of the system. What is not handled ends the program. */
static BOOL WINAPI handle_event(DWORD event)
{
	if ((event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) || InterlockedExchange(&is_interrupted, 1) != 0)
		return FALSE;
	on_interrupt();
	return TRUE;
}

void os_on_interrupt(void (*fn)(void))
{
	on_interrupt = fn;
	SetConsoleCtrlHandler(handle_event, TRUE);
}

/* The job is left open: it ends with the program. */
int os_limit_memory(uint64_t bytes)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION info;
	memset(&info, 0, sizeof(info));
	info.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY;
	info.ProcessMemoryLimit = bytes > SIZE_MAX ? SIZE_MAX : (SIZE_T)bytes;
	HANDLE job = CreateJobObjectW(NULL, NULL);
	if (job == NULL || !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &info, sizeof(info)) ||
	    !AssignProcessToJobObject(job, GetCurrentProcess()))
		return EACCES;
	return 0;
}

uint64_t os_milliseconds(void)
{
	return GetTickCount64();
}

/* more keeps no colours and cannot go back. */
FILE *pager_open(const char *command)
{
	(void)command;
	return NULL;
}

bool pager_takes_color(void)
{
	return false;
}

void pager_close(FILE *f)
{
	(void)f;
}

static HANDLE open_for_look(const char *path)
{
	wchar_t *w = widen_path(path);
	if (w == NULL)
		return INVALID_HANDLE_VALUE;
	HANDLE h = CreateFileW(w, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
			       FILE_FLAG_BACKUP_SEMANTICS, NULL);
	free(w);
	return h;
}

bool is_special_file(const char *path)
{
	BY_HANDLE_FILE_INFORMATION info;
	HANDLE h = open_for_look(path);
	if (h == INVALID_HANDLE_VALUE)
		return false;
	bool special = GetFileType(h) != FILE_TYPE_DISK || (GetFileInformationByHandle(h, &info) &&
							    (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0);
	CloseHandle(h);
	return special;
}

static bool file_identity(const char *path, BY_HANDLE_FILE_INFORMATION *ret)
{
	HANDLE h = open_for_look(path);
	if (h == INVALID_HANDLE_VALUE)
		return false;
	bool ok = GetFileInformationByHandle(h, ret) != 0;
	CloseHandle(h);
	return ok && (ret->nFileIndexHigh != 0 || ret->nFileIndexLow != 0);
}

bool is_same_file(const char *a, const char *b)
{
	BY_HANDLE_FILE_INFORMATION x, y;
	return file_identity(a, &x) && file_identity(b, &y) && x.dwVolumeSerialNumber == y.dwVolumeSerialNumber &&
	       x.nFileIndexHigh == y.nFileIndexHigh && x.nFileIndexLow == y.nFileIndexLow;
}

FILE *file_create(const char *path)
{
	wchar_t *w = widen_path(path);
	FILE *f = w != NULL ? _wfopen(w, L"wb") : NULL;
	free(w);
	return f;
}

int file_rename(const char *from, const char *to)
{
	wchar_t *a = widen_path(from), *b = widen_path(to);
	int e = 0;
	if (a == NULL || b == NULL)
		e = errno;
	else if (!MoveFileExW(a, b, MOVEFILE_REPLACE_EXISTING))
		e = GetLastError() == ERROR_ACCESS_DENIED || GetLastError() == ERROR_SHARING_VIOLATION ? EACCES : EIO;
	free(a);
	free(b);
	return e;
}

void file_remove(const char *path)
{
	wchar_t *w = widen_path(path);
	if (w != NULL)
		_wremove(w);
	free(w);
}
