/* SPDX-License-Identifier: MIT */
#include "symbols/builtin_tables.h"

static int compare(const struct psc_builtin_build *row, enum psc_machine machine, uint32_t stamp, uint32_t pages)
{
	if (row->machine != (unsigned)machine)
		return row->machine < (unsigned)machine ? -1 : 1;
	if (row->time_date_stamp != stamp)
		return row->time_date_stamp < stamp ? -1 : 1;
	return row->size_pages == pages ? 0 : row->size_pages < pages ? -1 : 1;
}

const char *psc_builds_lookup(enum psc_machine machine, uint32_t time_date_stamp, uint32_t size_of_image)
{
	if (size_of_image % 4096 != 0)
		return NULL;
	size_t low = 0, high = psc_builtin_builds_n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct psc_builtin_build *row = &psc_builtin_builds[middle];
		int c = compare(row, machine, time_date_stamp, size_of_image / 4096);
		if (c == 0)
			return psc_builtin_texts + row->version;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
