/* SPDX-License-Identifier: MIT */
#include "util/cancel.h"

#include "io/os.h"
#include "unit.h"
#include "util/log.h"

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

UNIT_MAIN("cancel", request, after, progress)
