/* SPDX-License-Identifier: MIT */
/* The little that the program itself asks of the system: about its standard streams, and about names of files. */
#include "cli.h"
#include <sys/stat.h>
#include <unistd.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

bool stdout_is_terminal(void)
{
	return isatty(1) != 0;
}

bool stderr_is_terminal(void)
{
	return isatty(2) != 0;
}

void stdout_set_binary(void)
{
#ifdef _WIN32
	_setmode(1, _O_BINARY); /* no CR in JSON */
#endif
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
