/* SPDX-License-Identifier: MIT */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "tool.h"
#include "mem_private.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

char *lab_tool_text(const char *fmt, const char *a, const char *b)
{
	const size_t n = strlen(fmt) + strlen(a) + strlen(b) + 1;
	char *s = lab_xcalloc(1, n);

	for (const char *from[2] = {a, b}; *fmt != 0; fmt++) {
		if (fmt[0] == '%' && fmt[1] == 's') {
			strcat(s, from[0]);
			from[0] = from[1];
			fmt++;
		} else {
			s[strlen(s)] = *fmt;
		}
	}
	return s;
}

static void push(char **list, size_t *n, size_t max, const char *fmt, const char *a)
{
	if (*n == max)
		lab_die("too many arguments or files for a tool: %s", fmt);
	list[(*n)++] = lab_tool_text(fmt, a, "");
}

void lab_tool_add(struct lab_tool *t, const char *fmt, const char *a)
{
	push(t->arguments, &t->n, LAB_TOOL_MAX_ARGUMENTS, fmt, a);
}

void lab_tool_add_all(struct lab_tool *t, const char *const *arguments, size_t n)
{
	for (size_t i = 0; i < n; i++)
		lab_tool_add(t, "%s", arguments[i]);
}

void lab_tool_reads(struct lab_tool *t, const char *fmt, const char *a)
{
	push(t->reads, &t->n_reads, LAB_TOOL_MAX_FILES, fmt, a);
}

void lab_tool_writes(struct lab_tool *t, const char *fmt, const char *a)
{
	push(t->writes, &t->n_writes, LAB_TOOL_MAX_FILES, fmt, a);
}

uint8_t *lab_read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		lab_die("cannot read %s", path);
	rewind(f);
	bytes = lab_xcalloc(1, (size_t)size + 1);
	if (fread(bytes, 1, (size_t)size, f) != (size_t)size)
		lab_die("cannot read %s", path);
	fclose(f);
	*ret_size = (size_t)size;
	return bytes;
}

#ifdef _WIN32
void lab_tool_run(struct lab_tool *t, const char *dir)
{
	(void)t;
	(void)dir;
	lab_die("the lab builds images on POSIX systems only");
}
#else
static void execute(struct lab_tool *t, const char *dir)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		lab_die("fork: %s", strerror(errno));
	if (pid == 0) {
		if (chdir(dir) == 0)
			execvp(t->arguments[0], t->arguments);
		fprintf(stderr, "lab: cannot run %s in %s: %s\n", t->arguments[0], dir, strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			lab_die("waitpid: %s", strerror(errno));
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		lab_die("%s failed in %s (status %#x)", t->arguments[0], dir, (unsigned)status);
}

#ifdef LAB_TOOL_CACHE
/* Two FNV-1a of 64 bits that start apart: enough to tell the texts of one build directory from each other. */
static void hash(uint64_t h[2], const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		h[0] = (h[0] ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
		h[1] = (h[1] ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	}
	for (int i = 0; i < 2; i++)
		h[i] = (h[i] ^ n) * UINT64_C(0x100000001b3);
}

static char *cache_entry(const struct lab_tool *t, const char *dir)
{
	uint64_t h[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x9e3779b97f4a7c15)};
	char name[40];

	for (size_t i = 0; i < t->n; i++)
		hash(h, t->arguments[i], strlen(t->arguments[i]));
	for (size_t i = 0; i < t->n_reads; i++) {
		char *path = lab_tool_text("%s/%s", dir, t->reads[i]);
		size_t n;
		uint8_t *bytes = lab_read_file(path, &n);
		hash(h, bytes, n);
		free(bytes);
		free(path);
	}
	snprintf(name, sizeof name, "%016llx%016llx", (unsigned long long)h[0], (unsigned long long)h[1]);
	return lab_tool_text("%s/%s", LAB_TOOL_CACHE, name);
}

/* Copies the files a tool writes that are there. False when one cannot be written. */
static bool copy_written(const struct lab_tool *t, const char *from, const char *to)
{
	bool ok = true;
	for (size_t i = 0; i < t->n_writes && ok; i++) {
		char *source = lab_tool_text("%s/%s", from, t->writes[i]);
		char *target = lab_tool_text("%s/%s", to, t->writes[i]);
		if (access(source, R_OK) == 0) {
			size_t n;
			uint8_t *bytes = lab_read_file(source, &n);
			FILE *f = fopen(target, "wb");
			ok = f != NULL && fwrite(bytes, 1, n, f) == n;
			if (f != NULL && fclose(f) != 0)
				ok = false;
			free(bytes);
		}
		free(source);
		free(target);
	}
	return ok;
}

/* Whole or not at all: tests run side by side. */
static void keep(const struct lab_tool *t, const char *dir, const char *entry)
{
	char suffix[24];
	char *made;

	snprintf(suffix, sizeof suffix, ".%ld", (long)getpid());
	made = lab_tool_text("%s%s", entry, suffix);
	(void)mkdir(LAB_TOOL_CACHE, 0777);
	if (mkdir(made, 0777) == 0 && (!copy_written(t, dir, made) || rename(made, entry) != 0)) {
		for (size_t i = 0; i < t->n_writes; i++) {
			char *file = lab_tool_text("%s/%s", made, t->writes[i]);
			(void)unlink(file);
			free(file);
		}
		(void)rmdir(made);
	}
	free(made);
}
#endif

void lab_tool_run(struct lab_tool *t, const char *dir)
{
#ifdef LAB_TOOL_CACHE
	char *entry = cache_entry(t, dir);
	if (access(entry, R_OK) == 0) {
		if (!copy_written(t, entry, dir))
			lab_die("cannot write into %s", dir);
	} else {
		execute(t, dir);
		keep(t, dir, entry);
	}
	free(entry);
#else
	execute(t, dir);
#endif
	for (size_t i = 0; i < t->n; i++)
		free(t->arguments[i]);
	for (size_t i = 0; i < t->n_reads; i++)
		free(t->reads[i]);
	for (size_t i = 0; i < t->n_writes; i++)
		free(t->writes[i]);
	*t = (struct lab_tool){0};
}
#endif
