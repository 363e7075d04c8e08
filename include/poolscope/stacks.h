/* SPDX-License-Identifier: MIT */
/** @file
 * Threads and what they were doing in the kernel: call stacks, unwound from what the dump holds.
 *
 * x64 and ARM64: by the unwind data of the images; x86: by saved frame pointers. Where these are not in the dump the
 * stack is scanned for words that look like return addresses; such frames, and those above them, are marked uncertain:
 * they may be left over from an earlier call. Sources: Microsoft's public documentation of unwind data and of the
 * CONTEXT record; structure offsets as told by the dump's own debugger data block, symbol files or the built-in tables.
 */
#ifndef POOLSCOPE_STACKS_H
#define POOLSCOPE_STACKS_H

#include <poolscope/callers.h>

#ifdef __cplusplus
extern "C" {
#endif

/** KTHREAD.State. */
enum psc_thread_state {
	PSC_THREAD_INITIALIZED = 0,
	PSC_THREAD_READY = 1,
	PSC_THREAD_RUNNING = 2,
	PSC_THREAD_STANDBY = 3,
	PSC_THREAD_TERMINATED = 4,
	PSC_THREAD_WAITING = 5,
	PSC_THREAD_TRANSITION = 6,
	PSC_THREAD_DEFERRED_READY = 7,
	PSC_THREAD_GATE_WAIT = 8,
	PSC_THREAD_WAITING_FOR_PROCESS = 9,
	PSC_THREAD_STATE_MAX /**< not known */
};

/** "initialized", "ready", "running", "standby", "terminated", "waiting", "transition", "deferred_ready", "gate_wait",
 * "waiting_for_process", else "unknown". */
PSC_API const char *psc_thread_state_name(enum psc_thread_state state);

/** How a frame was found. */
enum psc_frame_how {
	PSC_FRAME_CONTEXT, /**< the program counter that was saved with the registers, or by the thread switch */
	PSC_FRAME_UNWIND,  /**< by the unwind data of the function that was called from there */
	PSC_FRAME_RECORD,  /**< by a saved frame pointer: x86 EBP, ARM64 frame record */
	PSC_FRAME_TRAP,    /**< where an interrupt or exception came, by unwind data or a trap frame (x86): no call */
	PSC_FRAME_SCAN,    /**< a word of the stack that looks like a return address */
	PSC_FRAME_HOW_MAX
};

/** "context", "unwind", "frame", "trap", "scan". */
PSC_API const char *psc_frame_how_name(enum psc_frame_how how);

/** Why the list of frames ends. */
enum psc_stack_stop {
	PSC_STACK_END,       /**< at the base of the stack, or where the thread came from user mode */
	PSC_STACK_USER,      /**< it was running in user mode: nothing in progress in the kernel */
	PSC_STACK_NOT_SAVED, /**< no address of the stack, or no registers, are known */
	PSC_STACK_TRIMMED,   /**< the stack was paged out, or its pages are not in the dump */
	PSC_STACK_NO_DATA,   /**< unwind data, code or a part of the stack are not in the dump; a scan found no more */
	PSC_STACK_CORRUPT,   /**< what stack or unwind data say cannot be; a scan found no more */
	PSC_STACK_LIMIT,     /**< 256 frames */
	PSC_STACK_STOP_MAX
};

/** "end", "user", "not_saved", "trimmed", "no_data", "corrupt", "limit". */
PSC_API const char *psc_stack_stop_name(enum psc_stack_stop stop);

/** One frame. */
struct psc_stacks_frame {
	struct psc_code_location code; /**< return address; of context and trap the next instruction */
	uint64_t stack_va;             /**< where it was read; 0: from a register or a context */
	uint64_t sp;                   /**< stack pointer in this frame; 0: not known (scan, frame records) */
	enum psc_frame_how how;
	bool is_uncertain; /**< found by scanning, or reached from such a frame */
	int after_call;    /**< 1: a call instruction stands before it; 0: none; -1: the code is not in the dump */
};

/** One thread, as a callback sees it: valid during the call. */
struct psc_stacks_row {
	uint64_t ethread;
	uint64_t eprocess; /**< 0 not known */
	bool has_pid, has_tid;
	uint64_t pid, tid;
	const char *process_name; /**< as the kernel keeps it, at most 15 characters; NULL not known */
	enum psc_thread_state state;
	struct psc_code_location start;   /**< address 0: not known */
	uint64_t stack_limit, stack_base; /**< of the kernel stack; 0 not known */
	int is_resident;                  /**< of the stack: 1 in memory, 0 trimmed, -1 not known */
	bool has_processor;               /**< it was running: */
	uint32_t processor;
	bool is_idle;                          /**< a processor's idle thread */
	bool is_crash;                         /**< the registers in the dump's header are of this thread */
	const struct psc_stacks_frame *frames; /**< innermost first */
	size_t n_frames;
	enum psc_stack_stop stop;
};

enum psc_stacks_flags {
	PSC_STACKS_NO_SCAN = 1, /**< stop where unwinding ends */
};

struct psc_stacks_options {
	size_t size;        /**< sizeof(struct psc_stacks_options) */
	uint64_t thread;    /**< only the thread with this _ETHREAD; 0: all */
	const char *module; /**< only threads with a frame in this module, as debuggers or files spell it; case does not
			       count; NULL: any */
	uint32_t flags;     /**< enum psc_stacks_flags */
	psc_progress_fn *progress;
	void *progress_arg;
};
#define PSC_STACKS_OPTIONS_INIT                                                                                        \
	{                                                                                                              \
		sizeof(struct psc_stacks_options), 0, NULL, 0, NULL, NULL                                              \
	}

/** What was found, and what was not. Over all threads, whether they were asked for or not. */
struct psc_stacks_info {
	uint64_t threads;         /**< found */
	uint64_t processes;       /**< whose list of threads was read to its end */
	uint64_t broken_lists;    /**< that stop at a link which is not in the dump, or does not point back */
	bool lists_available;     /**< else only what the processors were running */
	bool processes_available; /**< the list of processes was read to its end */
	const char *why_not;      /**< what is lacking, or NULL; static */
	uint64_t unwound;         /**< threads whose stack was asked for: */
	uint64_t stops[PSC_STACK_STOP_MAX];
	uint64_t frames[PSC_FRAME_HOW_MAX];
	double ratio;                    /**< of these, with a stack that was read to its end or held nothing, 0..1 */
	uint64_t modules_without_unwind; /**< modules met whose exception directory is not in the dump */
};

struct psc_stacks; /* a result */

/** Return false to stop. */
typedef bool psc_stacks_fn(void *arg, const struct psc_stacks_row *row);

/** Call fn for each thread that is asked for: processes in the order of the kernel's list, threads in the order of
 * theirs, then running and idle threads that no list has. Rows stream: memory does not grow with their number. A small
 * dump has one thread. Errors: PSC_E_NO_MEMORY, PSC_E_CANCELLED (by progress, or because fn returned false).
 * Threads: as in dump.h. */
PSC_API enum psc_status psc_stacks_run(struct psc_dump *dump, const struct psc_stacks_options *opts, psc_stacks_fn *fn,
				       void *arg, struct psc_stacks **ret, struct psc_error *reterr);
PSC_API void psc_stacks_free(struct psc_stacks *stacks);
PSC_API const struct psc_stacks_info *psc_stacks_get_info(const struct psc_stacks *stacks);
/** The call was ended by struct psc_cancel: threads are missing at the end. */
PSC_API bool psc_stacks_is_interrupted(const struct psc_stacks *stacks);
PSC_API const char *const *psc_stacks_warnings(const struct psc_stacks *stacks, size_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
