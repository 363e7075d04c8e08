/* SPDX-License-Identifier: MIT */
/* kdump_read FILE PFNS: the pages whose numbers are in PFNS (u64, little endian), read by libkdumpfile. What `bench kdump`
 * compares the analysis of a kdump-compressed file with. */
#include <fcntl.h>
#include <libkdumpfile/addrxlat.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned char page[4096];
	uint64_t pfn, n = 0, n_lost = 0;
	kdump_ctx_t *ctx = kdump_new();
	int fd = argc == 3 ? open(argv[1], O_RDONLY) : -1;
	FILE *pfns = argc == 3 ? fopen(argv[2], "rb") : NULL;
	if (!ctx || fd < 0 || !pfns || kdump_open_fd(ctx, fd) != KDUMP_OK) {
		fprintf(stderr, "kdump_read: %s\n", ctx ? kdump_get_err(ctx) : "no memory");
		return 1;
	}
	while (fread(&pfn, sizeof(pfn), 1, pfns) == 1) {
		size_t size = sizeof(page);
		if (kdump_read(ctx, KDUMP_MACHPHYSADDR, pfn * sizeof(page), page, &size) != KDUMP_OK)
			n_lost++;
		n++;
	}
	printf("%llu pages, %llu not read\n", (unsigned long long)n, (unsigned long long)n_lost);
	fclose(pfns);
	close(fd);
	return n == 0 || n_lost != 0;
}
