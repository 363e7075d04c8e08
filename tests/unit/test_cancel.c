/* SPDX-License-Identifier: MIT */
#include "util/cancel.h"

#include "image/image.h"
#include "io/os.h"
#include "unit.h"
#include "util/log.h"
#include <dirent.h>
#include <poolscope/poolscope.h>
#include <stdio.h>
#include <string.h>

START_TEST(request)
{
	struct psc_cancel *c = NULL;
	ck_assert(!psc_cancelled(NULL));
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	ck_assert(!psc_cancel_is_requested(c) && !psc_cancelled(c));
	psc_cancel_request(c);
	ck_assert(psc_cancel_is_requested(c) && psc_cancelled(c));
	psc_cancel_free(c);
	psc_cancel_free(NULL);
}
END_TEST

START_TEST(after)
{
	struct psc_cancel *c = NULL;
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	psc_cancel_after(c, UINT64_MAX);
	ck_assert(!psc_cancel_is_requested(c));
	psc_cancel_after(c, 3600000);
	ck_assert(!psc_cancel_is_requested(c));
	uint64_t start = psc_os_monotonic_ms();
	psc_cancel_after(c, 20);
	while (!psc_cancel_is_requested(c))
		ck_assert(psc_os_monotonic_ms() - start < 10000);
	ck_assert(psc_os_monotonic_ms() - start >= 20);
	psc_cancel_free(c);
}
END_TEST

static int count_calls(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	(void)phase;
	(void)done;
	(void)total;
	++*(int *)arg;
	return 0;
}

/* What reports progress ends too, whether anybody listens or not. */
START_TEST(progress)
{
	struct psc_cancel *c = NULL;
	int n = 0;
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	struct psc_progress loud = {.fn = count_calls, .arg = &n, .phase = "x", .cancel = c};
	struct psc_progress quiet = {.phase = "x", .cancel = c};
	ck_assert(psc_progress_report(&loud, UINT64_C(1) << 30) && psc_progress_report(&quiet, 1));
	ck_assert_int_eq(n, 1);
	psc_cancel_request(c);
	ck_assert(!psc_progress_report(&loud, UINT64_C(2) << 30) && !psc_progress_report(&quiet, 2));
	ck_assert_int_eq(n, 1);
	psc_cancel_free(c);
}
END_TEST

/* ---- what the calls of the library do ---- */

static const char *fixture(const char *name, char buf[1024])
{
	const char *dir = getenv("POOLSCOPE_FIXTURES");
	ck_assert(dir != NULL);
	snprintf(buf, 1024, "%s/%s", dir, name);
	return buf;
}

static struct psc_dump *open_with(struct psc_cancel *c)
{
	struct psc_open_options o = PSC_OPEN_OPTIONS_INIT;
	struct psc_dump *dump = NULL;
	char path[1024];
	o.cancel = c;
	ck_assert(psc_dump_open(fixture("leak-7-x64.dmp.gz", path), &o, &dump, NULL) == PSC_OK);
	return dump;
}

START_TEST(open_fails)
{
	struct psc_open_options o = PSC_OPEN_OPTIONS_INIT;
	struct psc_cancel *c = NULL;
	struct psc_dump *dump = NULL;
	struct psc_error err;
	char path[1024];
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	psc_cancel_request(c);
	o.cancel = c;
	ck_assert(psc_dump_open(fixture("leak-7-x64.dmp.gz", path), &o, &dump, &err) == PSC_E_CANCELLED);
	ck_assert(err.status == PSC_E_CANCELLED && dump == NULL);
	psc_cancel_free(c);
}
END_TEST

static bool count_block(void *arg, const struct psc_block_row *row)
{
	(void)row;
	++*(int *)arg;
	return true;
}

/* Trackers are read all the same; nothing that a walk would have found is said to be 0. */
START_TEST(results_are_marked)
{
	struct psc_cancel *c = NULL;
	struct psc_tags *tags = NULL;
	struct psc_blocks *blocks = NULL;
	struct psc_validate *validate = NULL;
	struct psc_callers *callers = NULL;
	size_t n, n_tracker = 0;
	int n_blocks = 0;
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	struct psc_dump *dump = open_with(c);
	ck_assert(psc_tags_run(dump, NULL, &tags, NULL) == PSC_OK && !psc_tags_is_interrupted(tags));
	psc_tags_free(tags);
	psc_cancel_request(c);
	ck_assert(psc_tags_run(dump, NULL, &tags, NULL) == PSC_OK && psc_tags_is_interrupted(tags));
	ck_assert(psc_tags_coverage_ratio(tags) < 1.0);
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	for (size_t i = 0; i < n; i++) {
		n_tracker += rows[i].has_live;
		ck_assert(!rows[i].has_walk || rows[i].walk.live != 0);
	}
	ck_assert(n_tracker > 20);
	ck_assert(psc_blocks_run(dump, NULL, count_block, &n_blocks, &blocks, NULL) == PSC_OK);
	ck_assert(psc_blocks_is_interrupted(blocks) && psc_blocks_coverage_ratio(blocks) < 1.0);
	ck_assert(psc_validate_run(dump, NULL, &validate, NULL) == PSC_OK && psc_validate_is_interrupted(validate));
	ck_assert(psc_callers_run(dump, NULL, &callers, NULL) == PSC_OK && psc_callers_is_interrupted(callers));
	psc_tags_free(tags);
	psc_blocks_free(blocks);
	psc_validate_free(validate);
	psc_callers_free(callers);
	psc_dump_close(dump);
	psc_cancel_free(c);
}
END_TEST

START_TEST(parts_are_worth_nothing)
{
	struct psc_cancel *c = NULL;
	struct psc_diff *diff = NULL;
	struct psc_symbol_files *files = NULL;
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	struct psc_dump *dumps[2] = {open_with(c), open_with(c)};
	psc_cancel_request(c);
	ck_assert(psc_diff_run(dumps, 2, NULL, &diff, NULL) == PSC_E_CANCELLED && diff == NULL);
	ck_assert(psc_dump_symbol_files(dumps[0], &files, NULL) == PSC_E_CANCELLED && files == NULL);
	psc_dump_close(dumps[0]);
	psc_dump_close(dumps[1]);
	psc_cancel_free(c);
}
END_TEST

START_TEST(sites)
{
	struct psc_sites_options o = PSC_SITES_OPTIONS_INIT;
	struct psc_cancel *c = NULL;
	struct psc_sites *s = NULL;
	char path[1024];
	size_t n;
	if (!psc_sites_available())
		return;
	const char *paths[] = {fixture("../tests/fuzz/corpus/sites/x86-1-O2", path)};
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	o.cancel = c;
	ck_assert(psc_sites_run_files(paths, 1, &o, &s, NULL) == PSC_OK && !psc_sites_is_interrupted(s));
	psc_sites_rows(s, &n);
	ck_assert(n != 0);
	psc_sites_free(s);
	psc_cancel_request(c);
	ck_assert(psc_sites_run_files(paths, 1, &o, &s, NULL) == PSC_OK && psc_sites_is_interrupted(s));
	psc_sites_rows(s, &n);
	ck_assert(n == 0);
	ck_assert(psc_sites_modules(s, &n)[0].problem != NULL);
	psc_sites_free(s);
	psc_cancel_free(c);
}
END_TEST

/* Every file of a corpus: one that can be opened cannot once the call is to end. Returns how many there are. */
static int open_cancelled(const char *corpus)
{
	char path[4096];
	struct psc_cancel *c = NULL;
	int n = 0;
	snprintf(path, sizeof(path), "%s/../tests/fuzz/corpus/%s", getenv("POOLSCOPE_FIXTURES"), corpus);
	DIR *d = opendir(path);
	ck_assert(d != NULL);
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	psc_cancel_request(c);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		const struct psc_image_options opts = {.cancel = c};
		struct psc_source *src = NULL;
		struct psc_image *img = NULL;
		struct psc_error err;
		snprintf(path, sizeof(path), "%s/../tests/fuzz/corpus/%s/%s", getenv("POOLSCOPE_FIXTURES"), corpus,
			 e->d_name);
		if (e->d_name[0] == '.' || psc_source_open_file(path, NULL, &src, NULL) != PSC_OK)
			continue;
		if (psc_image_open_with(src, NULL, &img, NULL) == PSC_OK) {
			psc_image_close(img);
			ck_assert_int_eq(psc_image_open_with(src, &opts, &img, &err), PSC_E_CANCELLED);
			ck_assert(strstr(err.text, "cancelled") != NULL);
			n++;
		}
		psc_source_close(src);
	}
	closedir(d);
	psc_cancel_free(c);
	return n;
}

/* Containers that are read to their end before they are open. */
START_TEST(opening)
{
	ck_assert_int_gt(open_cancelled("hiber"), 0);
	ck_assert_int_gt(open_cancelled("kdump"), 0);
}
END_TEST

/* Records of Driver Verifier: none is read, and the result says so. */
START_TEST(records)
{
	struct psc_open_options o = PSC_OPEN_OPTIONS_INIT;
	struct psc_callers_options co = PSC_CALLERS_OPTIONS_INIT;
	struct psc_callers *callers = NULL;
	struct psc_cancel *c = NULL;
	struct psc_dump *dump = NULL;
	char path[4096], isf[4096];
	size_t n;
	snprintf(path, sizeof(path), "%s/verifier-7-x64.dmp.gz", getenv("POOLSCOPE_FIXTURES"));
	snprintf(isf, sizeof(isf), "%s/verifier-7-x64.isf.json.xz", getenv("POOLSCOPE_FIXTURES"));
	ck_assert(psc_cancel_new(&c, NULL) == PSC_OK);
	o.cancel = c;
	o.isf_path = isf;
	ck_assert(psc_dump_open(path, &o, &dump, NULL) == PSC_OK);
	ck_assert(psc_callers_run(dump, &co, &callers, NULL) == PSC_OK);
	ck_assert(!psc_callers_is_interrupted(callers) && psc_callers_get_info(callers)->record_pages_read > 0);
	psc_callers_free(callers);
	psc_cancel_request(c);
	ck_assert(psc_callers_run(dump, &co, &callers, NULL) == PSC_OK);
	ck_assert(psc_callers_is_interrupted(callers));
	ck_assert_uint_eq(psc_callers_get_info(callers)->record_pages_read, 0);
	ck_assert_uint_eq(psc_callers_get_info(callers)->log_records, 0);
	(void)psc_callers_rows(callers, &n);
	ck_assert_uint_eq(n, 0);
	psc_callers_free(callers);
	psc_dump_close(dump);
	psc_cancel_free(c);
}
END_TEST

UNIT_MAIN("cancel", request, after, progress, open_fails, results_are_marked, parts_are_worth_nothing, sites, opening,
	  records)
