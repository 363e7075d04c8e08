/* SPDX-License-Identifier: MIT */
/* Where the result goes: stdout, or a file that appears only when it is complete. */
#include "cli.h"
#include "os.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int stdout_finish(int exit_code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return exit_code;
	if (is_closed_pipe(errno))
		return exit_code;
	message("cannot write the result: %s", strerror(errno));
	return EXIT_INPUT;
}

/* A device or pipe is written in place: it cannot be replaced by renaming, and must not be. */
static bool name_temp_file(struct output *out)
{
	size_t n = strlen(out->path) + sizeof(".partial");
	if (is_special_file(out->path))
		return true;
	out->temp_path = (char *)malloc(n);
	if (out->temp_path == NULL)
		return false;
	snprintf(out->temp_path, n, "%s.partial", out->path);
	return true;
}

/* $PAGER; empty or "cat" is none. */
static void open_pager(struct output *out)
{
	const char *command = getenv("PAGER");
	if (command != NULL && (*command == '\0' || strcmp(command, "cat") == 0))
		return;
	fflush(stdout);
	FILE *f = pager_open(command);
	if (f == NULL)
		return;
	out->f = f;
	out->is_pager = true;
	progress_stop();
	messages_hold();
}

int output_open(struct output *out, const struct common_options *o)
{
	memset(out, 0, sizeof(*out));
	if (o->output_path == NULL) {
		out->f = stdout;
		out->is_terminal = stdout_is_terminal();
		if (out->is_terminal && !o->no_pager && o->format == FORMAT_TABLE)
			open_pager(out);
		return EXIT_COMPLETE;
	}
	out->path = o->output_path;
	if (!name_temp_file(out)) {
		message_no_memory();
		return EXIT_INPUT;
	}
	const char *path = out->temp_path != NULL ? out->temp_path : out->path;
	out->f = file_create(path);
	if (out->f == NULL) {
		message("cannot write %s: %s", path, strerror(errno));
		free(out->temp_path);
		return EXIT_INPUT;
	}
	return EXIT_COMPLETE;
}

static int close_file(struct output *out)
{
	int reason = fflush(out->f) != 0 || ferror(out->f) != 0 ? errno : 0;
	if (fclose(out->f) != 0 && reason == 0)
		reason = errno;
	if (reason != 0 || out->temp_path == NULL)
		return reason;
	return file_rename(out->temp_path, out->path);
}

int output_close(struct output *out, int exit_code)
{
	if (out->is_pager) {
		pager_close(out->f); /* whether all of it was read is not asked */
		messages_release();
		return exit_code;
	}
	if (out->path == NULL)
		return exit_code == EXIT_INPUT ? exit_code : stdout_finish(exit_code);
	if (exit_code == EXIT_INPUT) {
		fclose(out->f);
	} else {
		int reason = close_file(out);
		if (reason != 0) {
			message("cannot write %s: %s", out->path, strerror(reason));
			exit_code = EXIT_INPUT;
		}
	}
	if (exit_code == EXIT_INPUT && out->temp_path != NULL)
		file_remove(out->temp_path);
	free(out->temp_path);
	return exit_code;
}
