/* SPDX-License-Identifier: MIT */
/* One step up a call stack. x64: RUNTIME_FUNCTION and UNWIND_INFO of the image (reference: kernel 12 [V]); ARM64:
 * packed and unpacked .pdata records, or frame records (kernel 13); x86: frames of EBP (kernel 14). Formats of unwind
 * data are Microsoft's public ABI documentation. Memory is reached through a callback: nothing here knows of dumps. */
#ifndef PSC_KERNEL_UNWIND_H
#define PSC_KERNEL_UNWIND_H

#include "kernel/threads.h"

struct psc_unwind_memory {
	/* Number of leading bytes at va that could be read. */
	size_t (*read)(void *arg, uint64_t va, void *buf, size_t n);
	void *arg;
};

/* The exception directory of the image that holds the program counter. */
struct psc_unwind_image {
	uint64_t base;
	uint32_t size_bytes;
	uint32_t pdata_rva, pdata_bytes; /* 0: none */
};

enum psc_unwind_result {
	PSC_UNWIND_OK,      /* the caller's registers; *return_va is where its pc was read, 0 from a register */
	PSC_UNWIND_TRAP,    /* the same, but pc is where an interrupt or exception came, not a return address */
	PSC_UNWIND_MISSING, /* unwind data or stack are not in the dump */
	PSC_UNWIND_CORRUPT, /* they contradict themselves, or the stack does not grow (x64: without a frame register) */
	PSC_UNWIND_UNKNOWN, /* needs a register whose value is not known */
};

struct psc_unwind_step {
	enum psc_unwind_result result;
	uint64_t return_va;    /* where pc was read on the stack; 0: a register */
	bool has_function;     /* an entry of the directory holds pc */
	bool is_leaf;          /* none does: the rule of leaf functions was used */
	uint32_t function_rva; /* start of the function that pc was in; chained parts lead to the first */
};

/* is_return: regs->pc is a return address: it belongs to the function that the call before it is in. On OK and TRAP
 * regs become the caller's. Loops are bounded: 32 chained records, their codes, one epilogue. */
void psc_unwind_x64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, bool is_return,
		    struct psc_cpu_regs *regs, struct psc_unwind_step *ret);
void psc_unwind_arm64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, bool is_return,
		      struct psc_cpu_regs *regs, struct psc_unwind_step *ret);

/* ARM64: the frame record {fp, lr} that x29 points to, for code whose unwind data are not there. Afterwards only fp is
 * known, and that sp is not below regs' sp. False, and regs untouched, when there is none. */
bool psc_unwind_frame_record(const struct psc_unwind_memory *m, struct psc_cpu_regs *regs, struct psc_unwind_step *ret);

/* Start of the function that holds an RVA, by the exception directory of such a machine; chained parts lead to the
 * first. false: no entry (leaf functions, x86) or not in the dump. */
bool psc_unwind_function_at(const struct psc_unwind_memory *m, const struct psc_unwind_image *img,
			    enum psc_machine machine, uint32_t rva, uint32_t *ret_begin);

/* Whether a call instruction ends right before va: 1 yes, 0 no, -1 its bytes are not in the dump. */
int psc_is_after_call(const struct psc_unwind_memory *m, enum psc_machine machine, uint64_t va);

#endif
