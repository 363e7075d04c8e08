/* SPDX-License-Identifier: MIT */
#include "image/kdump.h"
#include "util/error.h"

#ifdef PSC_HAVE_KDUMPFILE
#include "io/os.h"

#include <libkdumpfile/kdumpfile.h>
#include <stdlib.h>

#define CLONES_MAX 64u

struct psc_kdump_lib {
	kdump_ctx_t *ctx;
	struct psc_os_mutex *lock; /* of what follows */
	kdump_ctx_t *idle[CLONES_MAX];
	size_t n_idle;
	struct psc_source *copies[PSC_KDUMP_FILES_MAX]; /* of sources that are in memory */
	size_t n_copies;
};

/* kdump_free() of libkdumpfile before 0.5.4 uses freed memory when the context had a kdump-compressed file open (its
 * override of the page size attribute outlives that attribute): contexts then live as long as the process. */
static void free_context(kdump_ctx_t *ctx)
{
#ifdef PSC_KDUMPFILE_BEFORE_0_5_4
	(void)ctx;
#else
	kdump_free(ctx);
#endif
}

static kdump_ctx_t *borrow(struct psc_kdump_lib *lib)
{
	psc_os_mutex_lock(lib->lock);
	kdump_ctx_t *ctx = lib->n_idle ? lib->idle[--lib->n_idle] : kdump_clone(lib->ctx, 0);
	psc_os_mutex_unlock(lib->lock);
	return ctx;
}

static void give_back(struct psc_kdump_lib *lib, kdump_ctx_t *ctx)
{
	psc_os_mutex_lock(lib->lock);
	if (lib->n_idle < CLONES_MAX) {
		lib->idle[lib->n_idle++] = ctx;
		ctx = NULL;
	}
	psc_os_mutex_unlock(lib->lock);
	if (ctx)
		free_context(ctx);
}

bool psc_kdump_lib_read(struct psc_kdump_lib *lib, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES])
{
	kdump_ctx_t *ctx = borrow(lib);
	size_t n = PSC_PAGE_BYTES;
	if (!ctx)
		return false;
	kdump_status st = kdump_read(ctx, KDUMP_MACHPHYSADDR, pfn << PSC_PAGE_SHIFT, page, &n);
	give_back(lib, ctx);
	return st == KDUMP_OK && n == PSC_PAGE_BYTES;
}

void psc_kdump_lib_close(struct psc_kdump_lib *lib)
{
	if (!lib)
		return;
	for (size_t i = 0; i < lib->n_idle; i++)
		free_context(lib->idle[i]);
	if (lib->ctx)
		free_context(lib->ctx);
	for (size_t i = 0; i < lib->n_copies; i++)
		psc_source_close(lib->copies[i]);
	if (lib->lock)
		psc_os_mutex_free(lib->lock);
	free(lib);
}

static enum psc_status fail_lib(const struct psc_kdump_lib *lib, kdump_status st, struct psc_error *reterr)
{
	const char *why = kdump_get_err(lib->ctx);
	enum psc_status status = st == KDUMP_ERR_NOTIMPL  ? PSC_E_UNSUPPORTED
				 : st == KDUMP_ERR_EOF    ? PSC_E_TRUNCATED
				 : st == KDUMP_ERR_SYSTEM ? PSC_E_OS
							  : PSC_E_CORRUPT;
	return psc_fail(reterr, status, PSC_WHERE_NONE, 0, "kdump-compressed file: %s",
			why ? why : "libkdumpfile cannot read it");
}

static enum psc_status open_files(struct psc_kdump_lib *lib, const struct psc_source *const *files, size_t n,
				  const char *tmpdir, struct psc_error *reterr)
{
	int fds[PSC_KDUMP_FILES_MAX];
	for (size_t i = 0; i < n; i++) {
		fds[i] = psc_source_fd(files[i]);
		if (fds[i] >= 0)
			continue;
		enum psc_status st = psc_source_copy_to_file(files[i], tmpdir, &lib->copies[lib->n_copies], reterr);
		if (st != PSC_OK)
			return st;
		fds[i] = psc_source_fd(lib->copies[lib->n_copies++]);
	}
	/* A file that is not to be mapped may shrink while it is read. */
	if (!psc_source_view(files[0], 0, 1))
		(void)kdump_set_number_attr(lib->ctx, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER);
	kdump_status st = kdump_open_fdset(lib->ctx, (unsigned)n, fds);
	return st == KDUMP_OK ? PSC_OK : fail_lib(lib, st, reterr);
}

enum psc_status psc_kdump_lib_open(const struct psc_source *const *files, size_t n, const char *tmpdir,
				   struct psc_kdump_lib **ret, struct psc_error *reterr)
{
	struct psc_kdump_lib *lib = calloc(1, sizeof(*lib));
	if (!lib)
		return psc_fail_no_memory(reterr);
	enum psc_status st = PSC_E_NO_MEMORY;
	lib->ctx = kdump_new();
	if (!lib->ctx || psc_os_mutex_new(&lib->lock) != 0)
		psc_fail_no_memory(reterr);
	else
		st = open_files(lib, files, n, tmpdir, reterr);
	if (st == PSC_OK)
		*ret = lib;
	else
		psc_kdump_lib_close(lib);
	return st;
}
#else
enum psc_status psc_kdump_lib_open(const struct psc_source *const *files, size_t n, const char *tmpdir,
				   struct psc_kdump_lib **ret, struct psc_error *reterr)
{
	(void)files;
	(void)n;
	(void)tmpdir;
	(void)ret;
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"kdump-compressed memory dump with LZO, snappy or zstd: this poolscope was built without "
			"libkdumpfile; dump the guest again with zlib (QEMU's -z) or as an ELF core");
}

bool psc_kdump_lib_read(struct psc_kdump_lib *lib, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES])
{
	(void)lib;
	(void)pfn;
	(void)page;
	return false;
}

void psc_kdump_lib_close(struct psc_kdump_lib *lib)
{
	(void)lib;
}
#endif
