/* SPDX-License-Identifier: MIT */
/* Threads: those of every process' list, and those that the processors run. Facts: reference kernel 8-10. */
#ifndef PSC_KERNEL_THREADS_H
#define PSC_KERNEL_THREADS_H

#include "kernel/kernel.h"
#include <poolscope/stacks.h>

#define PSC_THREADS_MAX     ((size_t)1 << 20)
#define PSC_RUNNING_MAX     2048u    /* processors */
#define PSC_STACK_BYTES_MAX 0x20000u /* a stack of the kernel has at most 0x12000 */

struct psc_thread {
	uint64_t ethread;
	uint64_t process; /* EPROCESS of its list, else what the thread says; 0 not known */
	uint64_t pid, tid;
	bool has_pid, has_tid;
	char process_name[16];
	uint8_t state;          /* enum psc_thread_state; PSC_THREAD_STATE_MAX: not known */
	uint64_t start_address; /* 0 not known */
	/* Kernel stack: [stack_limit, stack_base), kernel_stack is the stack pointer saved by the last switch. 0: not
	 * known or no address of the kernel. */
	uint64_t stack_limit, stack_base, kernel_stack;
	int is_resident;    /* 1 the stack is in memory, 0 it was trimmed, -1 not known */
	uint32_t processor; /* that runs it; UINT32_MAX: none */
	bool is_idle;       /* a processor's idle thread */
	bool is_crash;      /* the one that the dump's exception context is of */
};

/* What of the threads could be found. */
struct psc_thread_coverage {
	uint64_t threads;         /* visited */
	uint64_t processes;       /* whose list was read to its end */
	uint64_t broken_lists;    /* that stopped at a link that does not point back, or is not in the dump */
	bool processes_available; /* the process list was read, to its end */
	bool lists_available;     /* layouts known: else only what the processors run */
	const char *why_not;      /* NULL, or what is lacking; static */
};

/* Calls visit for each thread: processes in the order of their list, threads in the order of theirs, then running and
 * idle threads that were in none. Each once. Stops when visit returns false. Small dumps: the thread that was saved.
 * Only PSC_E_NO_MEMORY fails: broken and missing lists are coverage. */
enum psc_status psc_kernel_threads(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_thread *t),
				   void *arg, struct psc_thread_coverage *ret, struct psc_error *reterr);

/* General registers of a processor, or of a context record, by the numbers that unwind data use: x64 rax, rcx, rdx,
 * rbx, rsp, rbp, rsi, rdi, r8 ..; x86 the same eight; ARM64 x0 .. x30 (fp 29, lr 30) and sp at 31. */
struct psc_cpu_regs {
	uint64_t pc;
	uint64_t gpr[32];
	uint32_t known; /* a bit for each register whose value is known */
};
#define PSC_REG_SP_X86   4u /* x64 and x86 */
#define PSC_REG_BP_X86   5u
#define PSC_REG_FP_ARM64 29u
#define PSC_REG_LR_ARM64 30u
#define PSC_REG_SP_ARM64 31u

/* Decode a CONTEXT of the machine; false when n is too short for it or it names no kernel-mode or user-mode code. */
bool psc_context_parse(enum psc_machine machine, const uint8_t *bytes, size_t n, struct psc_cpu_regs *ret);

/* Registers of the processor with that index in k->prcb, as the bug check saved them. false: not in the dump. */
bool psc_kernel_cpu_regs(struct psc_kernel *k, size_t processor, struct psc_cpu_regs *ret);
/* Registers of the exception, from the dump's header. false: it has none. */
bool psc_kernel_crash_regs(struct psc_kernel *k, struct psc_cpu_regs *ret);

#endif
