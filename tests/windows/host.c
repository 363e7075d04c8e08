/* SPDX-License-Identifier: MIT */
/* host [OPTION...] PROGRAM [ARGUMENT...]: runs a program of Windows as other programs there would, for its tests.
 * Returns the program's exit code, 99 if it cannot be run. -w COLUMNS  at a pseudo-console; stdout gets what the
 * terminal is sent -i TEXT     there, presses Ctrl-C once the program has shown TEXT -x FILE     while FILE is open and
 * shared with nobody -s FILE     while FILE is open for writing, shared with all who read and write At a pseudo-console
 * the program is started by a second copy of this one (-inner), which has that console and nothing else, so that no
 * handle of the first gets through. It also presses Ctrl-C, in the only way that Wine's pseudo-consoles know: when an
 * event of the name that it was given is set. */
#define WIN32_LEAN_AND_MEAN
#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>
/* after windows.h */
#include <shellapi.h>

#define WAIT_MS 60000
#define ROWS    50
#ifndef PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE
#define PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE 0x00020016
#endif
#define SHARE_READ_WRITE (FILE_SHARE_READ | FILE_SHARE_WRITE)
typedef HRESULT(WINAPI *create_fn)(COORD, HANDLE, HANDLE, DWORD, void **);
typedef void(WINAPI *close_fn)(void *);

static HANDLE from_console, to_console, ctrl_c;
static char awaited[64]; /* what Ctrl-C follows; empty: nothing */

static void die(const char *what)
{
	fprintf(stderr, "host: %s: error %lu\n", what, (unsigned long)GetLastError());
	exit(99);
}

static DWORD WINAPI copy(void *arg)
{
	static char shown[1 << 16]; /* the beginning */
	char buf[4096];
	size_t n_shown = 0;
	DWORD n;
	(void)arg;
	while (ReadFile(from_console, buf, sizeof(buf), &n, NULL) && n > 0) {
		fwrite(buf, 1, n, stdout);
		fflush(stdout);
		if (!*awaited || n >= sizeof(shown) - n_shown)
			continue;
		memcpy(shown + n_shown, buf, n);
		n_shown += n;
		if (!strstr(shown, awaited))
			continue;
		*awaited = '\0';
		SetEvent(ctrl_c);
	}
	return 0;
}

static int finish(const PROCESS_INFORMATION *p)
{
	DWORD code;
	if (WaitForSingleObject(p->hProcess, WAIT_MS) != WAIT_OBJECT_0) {
		TerminateProcess(p->hProcess, 98);
		WaitForSingleObject(p->hProcess, WAIT_MS);
	}
	return GetExitCodeProcess(p->hProcess, &code) ? (int)code : 99;
}

/* Ctrl-C is for the program. */
static BOOL WINAPI stay(DWORD event)
{
	return event == CTRL_C_EVENT;
}

static int run_inner(const wchar_t *event, wchar_t *command)
{
	SECURITY_ATTRIBUTES inherit = {sizeof(inherit), NULL, TRUE};
	STARTUPINFOW start = {.cb = sizeof(start), .dwFlags = STARTF_USESTDHANDLES};
	PROCESS_INFORMATION p;
	start.hStdInput = CreateFileW(L"CONIN$", GENERIC_READ | GENERIC_WRITE, SHARE_READ_WRITE, &inherit,
				      OPEN_EXISTING, 0, NULL);
	start.hStdOutput = CreateFileW(L"CONOUT$", GENERIC_READ | GENERIC_WRITE, SHARE_READ_WRITE, &inherit,
				       OPEN_EXISTING, 0, NULL);
	start.hStdError = start.hStdOutput;
	if (start.hStdInput == INVALID_HANDLE_VALUE || start.hStdOutput == INVALID_HANDLE_VALUE ||
	    !CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &start, &p))
		return 99;
	SetConsoleCtrlHandler(stay, TRUE);
	HANDLE either[] = {p.hProcess, OpenEventW(SYNCHRONIZE, FALSE, event)};
	if (!either[1])
		return 99;
	if (WaitForMultipleObjects(2, either, FALSE, WAIT_MS) == WAIT_OBJECT_0 + 1 &&
	    !GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0))
		return 99;
	return finish(&p);
}

/* What follows so many arguments on the command line, as it is quoted. */
static wchar_t *after(wchar_t *line, int n)
{
	for (; n > 0; n--) {
		for (bool quoted = false; *line && (quoted || (*line != L' ' && *line != L'\t')); line++)
			quoted ^= *line == L'"';
		line += wcsspn(line, L" \t");
	}
	return line;
}

static int run_plainly(wchar_t *command)
{
	STARTUPINFOW start = {.cb = sizeof(start)};
	PROCESS_INFORMATION p;
	if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &start, &p))
		die("start");
	return finish(&p);
}

static int run_at_console(wchar_t *command, int columns)
{
	HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
	create_fn create = (create_fn)(void *)GetProcAddress(kernel, "CreatePseudoConsole");
	close_fn destroy = (close_fn)(void *)GetProcAddress(kernel, "ClosePseudoConsole");
	COORD size = {(SHORT)columns, ROWS};
	HANDLE in, out;
	void *console;
	if (!create || !destroy || !CreatePipe(&in, &to_console, NULL, 0) ||
	    !CreatePipe(&from_console, &out, NULL, 0) || create(size, in, out, 0, &console) != S_OK)
		die("pseudo-console");
	CloseHandle(in);
	CloseHandle(out);

	wchar_t self[MAX_PATH], name[32];
	DWORD n_self = GetModuleFileNameW(NULL, self, MAX_PATH);
	size_t n = n_self + wcslen(command) + 64, bytes = 0;
	wchar_t *inner = calloc(n, sizeof(*inner));
	STARTUPINFOEXW start = {.StartupInfo.cb = sizeof(start)};
	PROCESS_INFORMATION p;
	InitializeProcThreadAttributeList(NULL, 1, 0, &bytes);
	start.lpAttributeList = malloc(bytes);
	if (!inner || !start.lpAttributeList || n_self == 0 || n_self >= MAX_PATH)
		die("no memory, or a path that is too long");
	_snwprintf(name, sizeof(name) / sizeof(*name), L"poolscope-host-%lu", (unsigned long)GetCurrentProcessId());
	ctrl_c = CreateEventW(NULL, FALSE, FALSE, name);
	if (!ctrl_c)
		die("event");
	_snwprintf(inner, n, L"\"%ls\" -inner %ls %ls", self, name, command);
	if (!InitializeProcThreadAttributeList(start.lpAttributeList, 1, 0, &bytes) ||
	    !UpdateProcThreadAttribute(start.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, console,
				       sizeof(console), NULL, NULL) ||
	    !CreateProcessW(NULL, inner, NULL, NULL, FALSE, EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
			    &start.StartupInfo, &p))
		die("start at a pseudo-console");
	HANDLE reader = CreateThread(NULL, 0, copy, NULL, 0, NULL);
	int code = finish(&p);
	destroy(console);
	WaitForSingleObject(reader, WAIT_MS);
	return code;
}

int main(void)
{
	int argc, at = 1, columns = 0;
	wchar_t **argv = CommandLineToArgvW(GetCommandLineW(), &argc), *line = GetCommandLineW();
	if (argc > 3 && wcscmp(argv[1], L"-inner") == 0)
		return run_inner(argv[2], after(line, 3));
	_setmode(1, _O_BINARY);
	for (; at + 1 < argc && argv[at][0] == L'-'; at++) {
		wchar_t option = argv[at][1];
		const wchar_t *value = argv[++at];
		if (option == L'i')
			snprintf(awaited, sizeof(awaited), "%ls", value);
		else if (option == L'w')
			columns = _wtoi(value);
		else if (CreateFileW(value, GENERIC_READ | GENERIC_WRITE, option == L's' ? SHARE_READ_WRITE : 0, NULL,
				     OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE)
			die("open");
	}
	if (at >= argc)
		die("no program");
	return columns != 0 ? run_at_console(after(line, at), columns) : run_plainly(after(line, at));
}
