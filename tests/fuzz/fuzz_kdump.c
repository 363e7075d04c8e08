/* SPDX-License-Identifier: MIT */
/* Any bytes as a kdump-compressed file. Apart from fuzz_image.c because libkdumpfile reads files: each input makes a
 * temporary one. Without libkdumpfile there is nothing to test. */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_error error;
	if (size < 8 || (memcmp(data, "KDUMP   ", 8) != 0 && memcmp(data, "DISKDUMP", 8) != 0) ||
	    psc_source_open_mem(data, size, NULL, &src, &error) != PSC_OK)
		return 0;
	if (psc_image_open(src, &img, &error) == PSC_OK) {
		uint8_t page[PSC_PAGE_BYTES];
		enum psc_page_presence presence;
		uint64_t highest = psc_image_highest_pfn(img);
		for (uint64_t i = 0; i < 64; i++) {
			const uint8_t *p = psc_image_page(img, i, page, &presence);
			if ((p == NULL) == (presence == PSC_PAGE_PRESENT))
				abort();
			(void)psc_image_page(img, highest - i, page, &presence);
		}
	} else if (error.text[0] == '\0') {
		abort();
	}
	psc_image_close(img);
	psc_source_close(src);
	return 0;
}
