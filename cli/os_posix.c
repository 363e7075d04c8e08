/* SPDX-License-Identifier: MIT */
#include "os.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int os_start(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

bool is_closed_pipe(int write_errno)
{
	return write_errno == EPIPE;
}

bool stdout_is_terminal(void)
{
	return isatty(1) != 0;
}

bool stderr_is_terminal(void)
{
	return isatty(2) != 0;
}

unsigned terminal_columns(void)
{
	struct winsize size;
	for (int fd = 1; fd <= 2; fd++)
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
			return size.ws_col;
	return 0;
}

bool terminal_takes_color(bool is_stderr)
{
	const char *term = getenv("TERM");
	return isatty(is_stderr ? 2 : 1) != 0 && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

static void (*on_interrupt)(void);

static void handle_signal(int number)
{
	(void)number;
	on_interrupt();
}

void os_on_interrupt(void (*fn)(void))
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction action, old;
	on_interrupt = fn;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		memset(&action, 0, sizeof(action));
		action.sa_handler = handle_signal;
		action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
		sigemptyset(&action.sa_mask);
		/* Who runs us in the background may have said that it does not concern us. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
	}
}

int os_limit_memory(uint64_t bytes)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_DATA, &limit) != 0)
		return errno;
	if (limit.rlim_max == RLIM_INFINITY || (rlim_t)bytes < limit.rlim_max)
		limit.rlim_cur = (rlim_t)bytes;
	return setrlimit(RLIMIT_DATA, &limit) == 0 ? 0 : errno;
}

uint64_t os_milliseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static bool is_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[1024];
	while (path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");
		if (n != 0 && snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, name) < (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* Its program: the first word, unless the shell has to say what that is. */
static bool pager_exists(const char *command)
{
	char name[256];
	size_t n = strcspn(command, " \t");
	if (n >= sizeof(name) || strcspn(command, "=$\"'\\`;&|<>(){}*?~") < n)
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)n, command);
	return strchr(name, '/') != NULL ? access(name, X_OK) == 0 : is_in_path(name);
}

FILE *pager_open(const char *command)
{
	if (command == NULL)
		command = "less";
	if (!pager_exists(command))
		return NULL;
	(void)setenv("LESS", "FRX", 0); /* what passes colours on, and ends by itself when all fits */
	return popen(command, "w");
}

bool pager_takes_color(void)
{
	const char *options = getenv("LESS");
	return options != NULL && strpbrk(options, "rR") != NULL;
}

void pager_close(FILE *f)
{
	(void)pclose(f);
}

bool is_special_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	if (stat(a, &x) != 0 || stat(b, &y) != 0)
		return false;
	return x.st_ino != 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

FILE *file_create(const char *path)
{
	return fopen(path, "wb");
}

int file_rename(const char *from, const char *to)
{
	return rename(from, to) == 0 ? 0 : errno;
}

void file_remove(const char *path)
{
	remove(path);
}
