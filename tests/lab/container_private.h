/* SPDX-License-Identifier: MIT */
/* Shared by the container writers: the output stream, the dump header and the choice of frames. */
#ifndef LAB_CONTAINER_PRIVATE_H
#define LAB_CONTAINER_PRIVATE_H

#include "container.h"
#include <stddef.h>

/* A file written front to back, plain (with holes if sparse) or gzip. */
struct lab_out;
struct lab_out *lab_out_open(const char *path, bool sparse, int gzip_level);
void lab_out_bytes(struct lab_out *o, const void *bytes, size_t n);
void lab_out_zeros(struct lab_out *o, uint64_t n);
uint64_t lab_out_position(const struct lab_out *o);
void lab_out_close(struct lab_out *o);

/* A growing buffer for parts whose offsets refer to each other. */
struct lab_buf {
	uint8_t *bytes;
	size_t size, capacity;
};
/* Appends n zero bytes; returns their offset. */
size_t lab_buf_add(struct lab_buf *b, size_t n);
size_t lab_buf_add_bytes(struct lab_buf *b, const void *bytes, size_t n);
void lab_buf_align(struct lab_buf *b, size_t align);
void lab_buf_free(struct lab_buf *b);

void lab_set16(uint8_t *p, uint16_t v);
void lab_set32(uint8_t *p, uint32_t v);
void lab_set64(uint8_t *p, uint64_t v);

#define LAB_HEADER64_BYTES 0x2000u
#define LAB_HEADER32_BYTES 0x1000u
size_t lab_header_bytes(const struct lab_header *h);
/* DUMP_HEADER32 or 64 with the fill rule; to be freed. data_bytes: what follows the header. */
uint8_t *lab_header_make(const struct lab_mem *m, const struct lab_header *h, enum lab_container kind,
			 uint64_t data_bytes);

/* Frames of a container: all RAM, or (kernel_only) what is in use and not dropped. */
bool lab_frame_wanted(const struct lab_mem *m, uint64_t pfn, bool kernel_only);
uint64_t lab_frames_count(const struct lab_mem *m, bool kernel_only);
void lab_frame_write(struct lab_out *o, const struct lab_mem *m, uint64_t pfn);
void lab_frames_write(struct lab_out *o, const struct lab_mem *m, bool kernel_only);

void lab_write_full(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h);
void lab_write_header_only(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h);
void lab_write_summary(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h);
void lab_write_bitmap(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h, enum lab_container kind);
void lab_write_range(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h, enum lab_container kind);
void lab_write_triage(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h);
/* container_memory.c */
void lab_write_raw(struct lab_out *o, const struct lab_mem *m);
void lab_write_lime(struct lab_out *o, const struct lab_mem *m);
void lab_write_elf(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h);
/* 'DumpBlob' stream, dumps.md section 11. */
void lab_write_secondary(struct lab_out *o, const struct lab_header *h);

#endif
