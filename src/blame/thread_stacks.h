/* SPDX-License-Identifier: MIT */
/* Call stacks of threads in kernel mode, unwound from what the dump holds, and the join of their frames with call
 * sites.
 *
 * How sure a frame is, is in `how`: unwind data and frame records name calls in progress; what a scan of the stack
 * found may be left over from an earlier call (reference: kernel 10, "Evidence from stacks"). That no thread stands in
 * a function proves nothing. */
#ifndef PSC_BLAME_THREAD_STACKS_H
#define PSC_BLAME_THREAD_STACKS_H

#include "kernel/threads.h"

#define PSC_STACK_FRAMES_MAX 256u
#define PSC_NO_MODULE        UINT32_MAX

struct psc_stack_frame {
	uint64_t pc;       /* return address; of CONTEXT and TRAP the next instruction */
	uint64_t stack_va; /* where it was read; 0: from a register or a context */
	uint64_t sp;       /* stack pointer in this frame; 0 not known (scan, frame records) */
	enum psc_frame_how how;
	bool is_uncertain; /* found by scanning, or reached from such a frame: may be left over from an earlier call */
	int after_call;    /* 1: a call instruction stands before pc; 0: none; -1: the code is not in the dump */
	uint32_t module;   /* index into k->modules, or PSC_NO_MODULE */
	uint32_t offset;   /* of pc in it */
	bool has_function; /* by unwind data; never on x86 */
	uint32_t function_rva; /* start of the function that the call is in */
};

struct psc_thread_stack {
	const struct psc_thread *thread;
	const struct psc_stack_frame *frames; /* innermost first; valid during the call */
	size_t n_frames;
	enum psc_stack_stop stop;
};

struct psc_stacks_coverage {
	struct psc_thread_coverage threads;
	uint64_t stacks[PSC_STACK_STOP_MAX]; /* threads by the reason why their list ends */
	uint64_t frames[PSC_FRAME_HOW_MAX];
	uint64_t modules_without_unwind; /* loaded modules whose headers or exception directory are not in the dump */
};

struct psc_thread_stacks_options {
	uint64_t thread; /* only this ETHREAD; 0: all */
	bool no_scan;    /* stop where unwinding ends instead of scanning the rest of the stack */
	psc_progress_fn *progress;
	void *progress_arg;
};

/* Calls visit for each thread (see psc_kernel_threads) with its stack until it returns false. One thread at a time:
 * memory does not grow with the number of threads. PSC_E_NO_MEMORY, PSC_E_CANCELLED (by progress). */
enum psc_status psc_thread_stacks(struct psc_kernel *k, const struct psc_thread_stacks_options *opts,
				  bool (*visit)(void *arg, const struct psc_thread_stack *s), void *arg,
				  struct psc_stacks_coverage *ret, struct psc_error *reterr);

/* ---- frames against call sites ---- */

/* A place in code that is asked for: a call site (<poolscope/sites.h>) or a frame of its wrapper chain. */
struct psc_stack_site {
	uint32_t module; /* index into k->modules */
	uint32_t function_rva;
	uint32_t return_rva; /* 0: a tail call leaves no return address */
	size_t id;           /* the caller's: of its site */
};

enum psc_site_match {
	PSC_SITE_MATCH_NONE,
	PSC_SITE_MATCH_FUNCTION, /* the frame is in the function that holds the site */
	PSC_SITE_MATCH_CALL,     /* the frame's return address is the site's: that very call is in progress */
};

/* Sites, sorted for lookup. */
struct psc_stack_sites {
	struct psc_stack_site *items; /* by module, function, return address, id */
	size_t n;
	enum psc_machine machine;
};
/* Takes a copy of sites. machine: of the dump. */
enum psc_status psc_stack_sites_init(struct psc_stack_sites *ret, enum psc_machine machine,
				     const struct psc_stack_site *sites, size_t n, struct psc_error *reterr);
void psc_stack_sites_deinit(struct psc_stack_sites *s);
/* Calls visit for each site that the frame matches, best first; returns the best match. visit may be NULL. x86 has no
 * unwind data: a frame is then taken to be in the nearest function below it that holds a site, at most 64 KiB away. */
enum psc_site_match psc_stack_sites_match(const struct psc_stack_sites *s, const struct psc_stack_frame *f,
					  void (*visit)(void *arg, const struct psc_stack_site *site,
							enum psc_site_match match),
					  void *arg);

#endif
