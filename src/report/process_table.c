/* SPDX-License-Identifier: MIT */
#include "report/blocks.h"
#include "util/error.h"
#include "util/vec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_address(const void *pa, const void *pb)
{
	uint64_t a = ((const struct psc_process *)pa)->eprocess, b = ((const struct psc_process *)pb)->eprocess;
	return (a > b) - (a < b);
}

static bool add(void *arg, const struct psc_process *p)
{
	struct psc_process_table *t = (struct psc_process_table *)arg;
	if (!PSC_VEC_RESERVE_ONE(t)) {
		t->no_memory = true;
		return false;
	}
	t->items[t->n++] = *p;
	return true;
}

enum psc_status psc_process_table_read(struct psc_kernel *k, struct psc_process_table *ret, struct psc_error *reterr)
{
	memset(ret, 0, sizeof(*ret));
	enum psc_status st = psc_kernel_processes(k, add, ret, NULL);
	if (st == PSC_E_NO_MEMORY || ret->no_memory) {
		psc_process_table_deinit(ret);
		return psc_fail_no_memory(reterr);
	}
	ret->is_complete = st == PSC_OK;
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_address);
	return PSC_OK;
}

void psc_process_table_deinit(struct psc_process_table *t)
{
	free(t->items);
	memset(t, 0, sizeof(*t));
}

const struct psc_process *psc_process_table_find(const struct psc_process_table *t, uint64_t eprocess)
{
	struct psc_process key;
	key.eprocess = eprocess;
	if (t->n == 0)
		return NULL;
	return (const struct psc_process *)bsearch(&key, t->items, t->n, sizeof(key), by_address);
}

/* The kernel keeps 15 characters of an image's name. */
static bool same_name(const char *kept, const char *text)
{
	size_t n = strlen(text);
	if (n > 15)
		n = 15;
	if (strlen(kept) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char a = (unsigned char)kept[i], b = (unsigned char)text[i];
		a = a >= 'A' && a <= 'Z' ? (unsigned char)(a | 0x20) : a;
		b = b >= 'A' && b <= 'Z' ? (unsigned char)(b | 0x20) : b;
		if (a != b)
			return false;
	}
	return true;
}

enum psc_status psc_process_table_resolve(const struct psc_process_table *t, const char *text, uint64_t *ret,
					  size_t *ret_n, struct psc_error *reterr)
{
	char *end = NULL;
	size_t n = 0;
	bool is_number = text[0] >= '0' && text[0] <= '9';
	bool is_address = is_number && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	errno = 0;
	uint64_t v = is_number ? strtoull(text, &end, is_address ? 16 : 10) : 0;
	if (text[0] == '\0' || (is_address && (*end != '\0' || errno != 0 || v == 0)))
		return psc_fail(
			reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
			"'%.32s' is no process: give a pid, an image name or the address of its _EPROCESS (0x...)",
			text);
	if (is_address) {
		/* It may have left the list and still be charged. */
		ret[0] = v;
		*ret_n = 1;
		return PSC_OK;
	}
	bool is_pid = is_number && *end == '\0';
	for (size_t i = 0; i < t->n; i++)
		if (is_pid ? t->items[i].pid == v : same_name(t->items[i].image_file_name, text))
			ret[n++] = t->items[i].eprocess;
	*ret_n = n;
	if (n != 0)
		return PSC_OK;
	if (t->n == 0)
		return psc_fail(
			reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
			"the process list of this dump cannot be read; give the address of the _EPROCESS (0x...)");
	return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "no process of this dump has the %s '%.32s'%s",
			is_pid ? "pid" : "name", text, t->is_complete ? "" : " (its process list is not complete)");
}
