/* SPDX-License-Identifier: MIT */
#include "os.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int os_start(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

void os_program_name(char *name)
{
	(void)name;
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
