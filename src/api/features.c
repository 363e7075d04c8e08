/* SPDX-License-Identifier: MIT */
/* What this build was made of: for bug reports, and for whoever wonders why a file is not read. */
#include "api/features_config.h"
#include "symbols/builtin_tables.h"
#include <poolscope/poolscope.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

#ifdef PSC_KDUMPFILE_VERSION
#define KDUMPFILE PSC_KDUMPFILE_VERSION " (kdump-compressed files with LZO, snappy, zstd)"
#else
#define KDUMPFILE "none (kdump-compressed files with zlib only)"
#endif
#ifdef PSC_CAPSTONE_VERSION
#define CAPSTONE PSC_CAPSTONE_VERSION " (sites)"
#else
#define CAPSTONE "none (without sites)"
#endif
#ifdef PSC_ARCHIVE_VERSION
#define ARCHIVE PSC_ARCHIVE_VERSION " (dumps in 7z, cab, xz, zstd, bzip2, tar)"
#else
#define ARCHIVE "none (dumps in gzip and zip only)"
#endif
#ifdef PSC_LZMA_VERSION
#define LZMA PSC_LZMA_VERSION " (symbol tables in .xz)"
#else
#define LZMA "none (no symbol tables in .xz)"
#endif
#ifdef PSC_MSPACK_VERSION
#define MSPACK PSC_MSPACK_VERSION " (compressed symbol files, .pd_)"
#else
#define MSPACK "none (no compressed symbol files, .pd_)"
#endif

const char *psc_version(void)
{
	return PSC_VERSION;
}

const char *psc_build_features(void)
{
	return "system: " PSC_SYSTEM "\n"
	       "compiler: " COMPILER "\n"
	       "zlib: " PSC_ZLIB_VERSION " (gzip, zip, kdump-compressed files)\n"
	       "cJSON: " PSC_CJSON_VERSION "\n"
	       "libkdumpfile: " KDUMPFILE "\n"
	       "Capstone: " CAPSTONE "\n"
	       "libarchive: " ARCHIVE "\n"
	       "liblzma: " LZMA "\n"
	       "libmspack: " MSPACK "\n";
}

void psc_builtin_counts(size_t *ret_kernels, size_t *ret_builds)
{
	*ret_kernels = psc_builtin_kernels_n;
	*ret_builds = psc_builtin_families_n;
}
