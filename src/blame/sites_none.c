/* SPDX-License-Identifier: MIT */
/* Stands in for the call-site scan in builds without Capstone. */
#include "blame/sites.h"

#include "util/error.h"

bool psc_sites_available(void)
{
	return false;
}

static enum psc_status refuse(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"this build cannot disassemble code: it was made without Capstone; install libcapstone-dev and "
			"build again with -Dcapstone=enabled");
}

enum psc_status psc_sites_compute(const struct psc_kernel *k, const struct psc_sites_options *opts,
				  struct psc_sites **ret, struct psc_error *reterr)
{
	(void)k, (void)opts, (void)ret;
	return refuse(reterr);
}

enum psc_status psc_sites_run_files(const char *const *paths, size_t n, const struct psc_sites_options *opts,
				    struct psc_sites **ret, struct psc_error *reterr)
{
	(void)paths, (void)n, (void)opts, (void)ret;
	return refuse(reterr);
}

void psc_sites_free(struct psc_sites *s)
{
	(void)s;
}

const struct psc_site *psc_sites_rows(const struct psc_sites *s, size_t *ret_count)
{
	(void)s;
	*ret_count = 0;
	return NULL;
}

const struct psc_site_module *psc_sites_modules(const struct psc_sites *s, size_t *ret_count)
{
	(void)s;
	*ret_count = 0;
	return NULL;
}

const char *const *psc_sites_warnings(const struct psc_sites *s, size_t *ret_count)
{
	(void)s;
	*ret_count = 0;
	return NULL;
}

bool psc_sites_is_interrupted(const struct psc_sites *s)
{
	(void)s;
	return false;
}

double psc_sites_coverage_ratio(const struct psc_sites *s)
{
	(void)s;
	return 1.0;
}
