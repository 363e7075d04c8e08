/* SPDX-License-Identifier: MIT */
/* Facts: reference kernel 10 (switched-out threads, stacks), 12 to 14. */
#include "blame/thread_stacks.h"

#include "blame/stack_modules.h"
#include "util/bytes.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define STACKS_MAX        4u
#define SCAN_WORDS_MAX    0x10000u /* per thread: the largest stack of all has a seventh of it */
#define PROCESSOR_STACK64 0x6000u
#define PROCESSOR_STACK32 0x3000u
#define FUNCTION32_MAX    0x10000u /* x86: how far a function may reach */

/* _KTRAP_FRAME of x86: Ebp 60, Eip 68, SegCs 6c, EFlags 70; HardwareEsp is only pushed on the way from user mode. */
#define TRAP32_HARDWARE_ESP 0x74u
#define KERNEL_CS32         8u
#define FLAGS32_ZERO        0xffc08028u

struct walker {
	struct psc_kernel *k;
	struct psc_stack_modules modules;
	enum psc_machine machine;
	unsigned ptr;
	const struct psc_thread_stacks_options *opts;
	struct psc_stacks_coverage *cov;
	bool (*visit)(void *arg, const struct psc_thread_stack *s);
	void *arg;
	bool cancelled;
	/* One thread. */
	struct {
		uint64_t lo, hi;
	} stacks[STACKS_MAX];
	size_t n_stacks;
	struct psc_stack_frame frames[PSC_STACK_FRAMES_MAX];
	size_t n;
	uint32_t words_left; /* that may be scanned */
	bool is_scanned;     /* a frame was found by scanning: what follows is not certain */
};

const char *psc_frame_how_name(enum psc_frame_how how)
{
	static const char *const names[PSC_FRAME_HOW_MAX] = {"context", "unwind", "frame", "trap", "scan"};
	return (unsigned)how < PSC_FRAME_HOW_MAX ? names[how] : "unknown";
}

const char *psc_stack_stop_name(enum psc_stack_stop stop)
{
	static const char *const names[PSC_STACK_STOP_MAX] = {"end",     "user",    "not_saved", "trimmed",
							      "no_data", "corrupt", "limit"};
	return (unsigned)stop < PSC_STACK_STOP_MAX ? names[stop] : "unknown";
}

/* ---- stacks ---- */

static void add_stack(struct walker *w, uint64_t lo, uint64_t hi)
{
	if (w->n_stacks < STACKS_MAX && lo < hi) {
		w->stacks[w->n_stacks].lo = lo;
		w->stacks[w->n_stacks++].hi = hi;
	}
}

/* Index of the stack that holds sp, whose end counts as its own; -1 none. */
static int stack_of(const struct walker *w, uint64_t sp)
{
	for (size_t i = 0; i < w->n_stacks; i++)
		if (sp >= w->stacks[i].lo && sp <= w->stacks[i].hi)
			return (int)i;
	return -1;
}

/* The stacks that a processor changes to for interrupts and DPCs; the fields hold their upper ends. */
static void add_processor_stacks(struct walker *w, uint32_t processor)
{
	static const enum psc_field_id ids[2] = {PSC_FIELD_KPRCB_DpcStack, PSC_FIELD_KPRCB_IsrStack};
	const struct psc_kdbg *d = &w->k->kdbg;
	const uint16_t said[2] = {d->offset_prcb_dpc_stack, d->offset_prcb_isr_stack};
	for (int i = 0; i < 2; i++) {
		const struct psc_field *f = psc_profile_field(&w->k->profile, ids[i]);
		uint32_t at = said[i] != 0 ? said[i] : f != NULL ? f->offset : 0;
		uint64_t top, bytes = w->ptr == 8 ? PROCESSOR_STACK64 : PROCESSOR_STACK32;
		if (at != 0 && psc_read_ptr(&w->k->reader, w->k->prcb[processor] + at, &top) &&
		    psc_is_kernel_va(&w->k->space, top) && top % w->ptr == 0 &&
		    psc_is_kernel_va(&w->k->space, top - bytes))
			add_stack(w, top - bytes, top);
	}
}

/* ---- frames ---- */

/* False: there are as many as are kept. */
static bool add_frame(struct walker *w, uint64_t pc, uint64_t stack_va, uint64_t sp, enum psc_frame_how how)
{
	struct psc_stack_frame *f = &w->frames[w->n];
	uint32_t index = PSC_NO_MODULE;
	bool is_call = how != PSC_FRAME_CONTEXT && how != PSC_FRAME_TRAP;
	if (w->n == PSC_STACK_FRAMES_MAX)
		return false;
	const struct psc_stack_module *m = psc_stack_module_at(&w->modules, pc, &index);
	memset(f, 0, sizeof(*f));
	f->pc = pc;
	f->stack_va = stack_va;
	f->sp = sp;
	f->how = how;
	f->after_call = psc_is_after_call(&w->modules.memory, w->machine, pc);
	f->module = index;
	f->is_uncertain = w->is_scanned;
	if (m != NULL && pc - m->image.base <= UINT32_MAX) {
		f->offset = (uint32_t)(pc - m->image.base);
		uint32_t inside = f->offset - (is_call && f->offset != 0 ? 1 : 0);
		f->has_function =
			psc_unwind_function_at(&w->modules.memory, &m->image, w->machine, inside, &f->function_rva);
	}
	w->n++;
	return true;
}

/* A return address that can be one: code of a loaded module, behind a call as far as its bytes are there. */
static bool is_return_address(struct walker *w, uint64_t pc)
{
	const struct psc_stack_module *m = psc_stack_module_at(&w->modules, pc, NULL);
	return m != NULL && psc_stack_module_is_code(m, pc) != 0 &&
	       psc_is_after_call(&w->modules.memory, w->machine, pc) != 0;
}

/* The next word of the stack from `from` on that looks like a return address; 0 none. */
static uint64_t scan(struct walker *w, uint64_t from, uint64_t *ret_pc)
{
	int i = stack_of(w, from);
	if (i < 0)
		return 0;
	for (uint64_t at = (from + w->ptr - 1) & ~(uint64_t)(w->ptr - 1); at < w->stacks[i].hi && w->words_left != 0;
	     at += w->ptr) {
		w->words_left--;
		if (psc_read_ptr(&w->k->reader, at, ret_pc) && psc_is_kernel_va(&w->k->space, *ret_pc) &&
		    is_return_address(w, *ret_pc))
			return at;
	}
	return 0;
}

static bool is_readable(struct walker *w, uint64_t va)
{
	uint64_t v;
	return psc_read_ptr(&w->k->reader, va, &v);
}

/* ---- x64, ARM64 ---- */

static unsigned sp_register(const struct walker *w)
{
	return w->machine == PSC_MACHINE_ARM64 ? PSC_REG_SP_ARM64 : PSC_REG_SP_X86;
}

/* Whether the caller's frame fits to the one before: the stack grows, or changes to another one. */
static bool is_plausible(struct walker *w, uint64_t old_sp, const struct psc_cpu_regs *caller,
			 const struct psc_unwind_step *step, unsigned *n_switches)
{
	uint64_t sp = caller->gpr[sp_register(w)];
	int from = stack_of(w, old_sp), to = stack_of(w, sp);
	bool is_trap = step->result == PSC_UNWIND_TRAP;
	if (sp % w->ptr != 0)
		return false;
	/* Where an interrupt came, and what a leaf returns to, only the code can tell. */
	if (!is_trap && !is_return_address(w, caller->pc))
		return false;
	if (is_trap && psc_stack_module_at(&w->modules, caller->pc, NULL) == NULL)
		return false;
	if (from >= 0 && from == to)
		return is_trap || sp >= old_sp;
	/* A grown stack continues in another piece, which nothing else names (kernel 12: "another known stack"). */
	if (to < 0 && (!psc_is_kernel_va(&w->k->space, sp) || !is_readable(w, sp)))
		return false;
	return ++*n_switches <= STACKS_MAX;
}

static bool step_once(struct walker *w, bool is_return, struct psc_cpu_regs *regs, struct psc_unwind_step *step,
		      enum psc_frame_how *ret_how)
{
	const struct psc_stack_module *m = psc_stack_module_at(&w->modules, regs->pc - (is_return ? 1 : 0), NULL);
	memset(step, 0, sizeof(*step));
	step->result = PSC_UNWIND_MISSING;
	if (m == NULL)
		return false;
	if (w->machine == PSC_MACHINE_X64)
		psc_unwind_x64(&w->modules.memory, &m->image, is_return, regs, step);
	else
		psc_unwind_arm64(&w->modules.memory, &m->image, is_return, regs, step);
	*ret_how = step->result == PSC_UNWIND_TRAP ? PSC_FRAME_TRAP : PSC_FRAME_UNWIND;
	return step->result == PSC_UNWIND_OK || step->result == PSC_UNWIND_TRAP;
}

static enum psc_stack_stop unwind_all(struct walker *w, struct psc_cpu_regs regs, bool is_return)
{
	const unsigned sp_reg = sp_register(w);
	unsigned n_switches = 0;
	for (;;) {
		struct psc_cpu_regs caller = regs;
		struct psc_unwind_step step;
		enum psc_frame_how how = PSC_FRAME_UNWIND;
		uint64_t sp = regs.gpr[sp_reg], pc;
		int i = stack_of(w, sp);
		if (w->n >= PSC_STACK_FRAMES_MAX)
			return PSC_STACK_LIMIT;
		bool ok = step_once(w, is_return, &caller, &step, &how);
		/* Nothing calls the first function of a thread; an interrupt of user mode came from there. */
		if (ok && !psc_is_kernel_va(&w->k->space, caller.pc))
			return PSC_STACK_END;
		ok = ok && is_plausible(w, sp, &caller, &step, &n_switches);
		if (!ok && w->machine == PSC_MACHINE_ARM64) {
			caller = regs;
			how = PSC_FRAME_RECORD;
			/* The chain of frame records ends with zero. */
			if ((regs.known >> PSC_REG_FP_ARM64 & 1) != 0 && regs.gpr[PSC_REG_FP_ARM64] == 0)
				return PSC_STACK_END;
			ok = psc_unwind_frame_record(&w->modules.memory, &caller, &step);
			if (ok && caller.pc == 0)
				return PSC_STACK_END;
			ok = ok && is_plausible(w, sp, &caller, &step, &n_switches);
		}
		if (ok) {
			if (!add_frame(w, caller.pc, step.return_va, how == PSC_FRAME_RECORD ? 0 : caller.gpr[sp_reg],
				       how))
				return PSC_STACK_LIMIT;
			regs = caller;
			is_return = how != PSC_FRAME_TRAP;
			continue;
		}
		if (i >= 0 && sp >= w->stacks[i].hi - 2 * w->ptr)
			return PSC_STACK_END;
		if (w->opts->no_scan || i < 0)
			return step.result == PSC_UNWIND_MISSING ? PSC_STACK_NO_DATA : PSC_STACK_CORRUPT;
		uint64_t at = scan(w, sp, &pc);
		if (at == 0)
			return step.result == PSC_UNWIND_MISSING ? PSC_STACK_NO_DATA : PSC_STACK_CORRUPT;
		w->is_scanned = true;
		if (!add_frame(w, pc, at, at + w->ptr, PSC_FRAME_SCAN))
			return PSC_STACK_LIMIT;
		memset(&regs, 0, sizeof(regs));
		regs.pc = pc;
		regs.gpr[sp_reg] = at + w->ptr;
		regs.known = 1u << sp_reg;
		is_return = true;
	}
}

/* ---- x86 ---- */

/* A saved EBP and a return address at ebp. */
static bool is_frame32(struct walker *w, uint64_t ebp, uint64_t above, uint64_t *ret_ebp, uint64_t *ret_pc)
{
	uint64_t next, pc;
	int i = stack_of(w, ebp);
	if (ebp % 4 != 0 || ebp < above || i < 0 || w->stacks[i].hi - ebp < 8 ||
	    !psc_read_ptr(&w->k->reader, ebp, &next) || !psc_read_ptr(&w->k->reader, ebp + 4, &pc) ||
	    !is_return_address(w, pc))
		return false;
	*ret_ebp = next;
	*ret_pc = pc;
	return true;
}

/* A trap frame at ebp, of an interrupt in kernel mode (reference: kernel 9b [V]). Nothing marks it: the code segment,
 * the flags' fixed bits, and where it came from must all be what they can only be there. */
static bool is_trap_frame32(struct walker *w, uint64_t ebp, uint64_t above, uint64_t *ret_ebp, uint64_t *ret_pc)
{
	uint8_t b[TRAP32_HARDWARE_ESP];
	int i = stack_of(w, ebp);
	if (ebp % 4 != 0 || ebp < above || i < 0 || w->stacks[i].hi - ebp < sizeof(b) ||
	    psc_read_va(&w->k->reader, ebp, b, sizeof(b)) != sizeof(b))
		return false;
	uint64_t pc = psc_le32(b + 0x68), next = psc_le32(b + 0x60);
	uint32_t flags = psc_le32(b + 0x70);
	const struct psc_stack_module *m = psc_stack_module_at(&w->modules, pc, NULL);
	if ((psc_le32(b + 0x6c) & 0xffff) != KERNEL_CS32 || (flags & 2) == 0 || (flags & FLAGS32_ZERO) != 0 ||
	    m == NULL || psc_stack_module_is_code(m, pc) == 0 ||
	    (psc_is_kernel_va(&w->k->space, next) && (stack_of(w, next) != i || next <= ebp)))
		return false;
	*ret_ebp = next;
	*ret_pc = pc;
	return true;
}

/* Where the call before a return address goes: relative, or through a pointer in memory. 0: not told. */
static uint64_t call_target32(struct walker *w, uint64_t pc)
{
	uint8_t b[6];
	uint64_t target = 0;
	if (psc_read_va(&w->k->reader, pc - 6, b, sizeof(b)) != sizeof(b))
		return 0;
	if (b[1] == 0xe8)
		return (pc + psc_le32(b + 2)) & UINT32_MAX;
	if (b[0] == 0xff && b[1] == 0x15)
		(void)psc_read_ptr(&w->k->reader, psc_le32(b + 2), &target);
	return target;
}

/* Functions without a frame pointer are no part of the chain. One that was called from [sp, hi): a return address whose
 * call goes to shortly before where its callee stands. 0 none. */
static uint64_t find_caller32(struct walker *w, uint64_t sp, uint64_t hi, uint64_t *ret_pc)
{
	uint64_t inside = w->n != 0 ? w->frames[w->n - 1].pc : 0;
	for (uint64_t at = sp; at < hi && inside != 0 && w->words_left != 0; at += 4) {
		w->words_left--;
		if (!psc_read_ptr(&w->k->reader, at, ret_pc) || !psc_is_kernel_va(&w->k->space, *ret_pc) ||
		    !is_return_address(w, *ret_pc))
			continue;
		uint64_t target = call_target32(w, *ret_pc);
		if (target != 0 && target <= inside && inside - target < FUNCTION32_MAX)
			return at;
	}
	return 0;
}

static enum psc_stack_stop walk_frames32(struct walker *w, uint64_t sp, uint64_t ebp, bool has_ebp)
{
	for (;;) {
		uint64_t next = 0, pc = 0, found, at;
		bool is_frame = has_ebp && is_frame32(w, ebp, sp, &next, &pc);
		int i = stack_of(w, sp);
		if (i < 0)
			return PSC_STACK_CORRUPT;
		at = w->opts->no_scan ? 0 : find_caller32(w, sp, is_frame ? ebp : w->stacks[i].hi, &found);
		if (at != 0) {
			bool was_scanned = w->is_scanned;
			w->is_scanned = true;
			if (!add_frame(w, found, at, at + 4, PSC_FRAME_SCAN))
				return PSC_STACK_LIMIT;
			w->is_scanned = was_scanned;
			sp = at + 4;
			continue;
		}
		if (is_frame) {
			if (!add_frame(w, pc, ebp + 4, ebp + 8, PSC_FRAME_RECORD))
				return PSC_STACK_LIMIT;
			sp = ebp + 8;
			ebp = next;
			continue;
		}
		if (has_ebp && is_trap_frame32(w, ebp, sp, &next, &pc)) {
			if (!add_frame(w, pc, ebp + 0x68, ebp + TRAP32_HARDWARE_ESP, PSC_FRAME_TRAP))
				return PSC_STACK_LIMIT;
			sp = ebp + TRAP32_HARDWARE_ESP;
			ebp = next;
			continue;
		}
		/* The first frame of a thread has no caller: its saved EBP is 0, or user mode's. */
		if (has_ebp && !psc_is_kernel_va(&w->k->space, ebp))
			return PSC_STACK_END;
		if (w->stacks[i].hi - sp < 2 * w->ptr)
			return PSC_STACK_END;
		if (w->opts->no_scan || (at = scan(w, sp, &pc)) == 0)
			return PSC_STACK_CORRUPT;
		w->is_scanned = true;
		if (!add_frame(w, pc, at, at + 4, PSC_FRAME_SCAN))
			return PSC_STACK_LIMIT;
		/* The word below a return address may be the EBP that leads on. */
		has_ebp = at - 4 >= w->stacks[i].lo && psc_read_ptr(&w->k->reader, at - 4, &ebp) &&
			  is_frame32(w, ebp, at + 4, &next, &pc);
		sp = at + 4;
	}
}

/* KernelStack: exception list, APC word, return into KiSwapContext, four saved registers, return into its caller. Which
 * of the four is EBP is [1]: the one that leads to a frame. */
static enum psc_stack_stop walk_switched32(struct walker *w, uint64_t ks)
{
	uint64_t pc, second, ebp = 0, next;
	bool has_ebp = false;
	if (!psc_read_ptr(&w->k->reader, ks + 8, &pc))
		return PSC_STACK_TRIMMED;
	if (!psc_read_ptr(&w->k->reader, ks + 0x1c, &second) || psc_stack_module_at(&w->modules, pc, NULL) == NULL)
		return walk_frames32(w, ks, 0, false);
	if (!add_frame(w, pc, ks + 8, ks + 0xc, PSC_FRAME_CONTEXT))
		return PSC_STACK_LIMIT;
	if (!is_return_address(w, second))
		return walk_frames32(w, ks + 0xc, 0, false);
	for (unsigned i = 0; i < 4 && !has_ebp; i++)
		has_ebp = psc_read_ptr(&w->k->reader, ks + 0xc + 4 * i, &ebp) &&
			  is_frame32(w, ebp, ks + 0x20, &next, &pc);
	if (!add_frame(w, second, ks + 0x1c, ks + 0x20, PSC_FRAME_RECORD))
		return PSC_STACK_LIMIT;
	return walk_frames32(w, ks + 0x20, ebp, has_ebp);
}

/* ---- one thread ---- */

static enum psc_stack_stop walk_regs(struct walker *w, const struct psc_cpu_regs *regs)
{
	uint64_t sp = regs->gpr[sp_register(w)];
	if (!psc_is_kernel_va(&w->k->space, regs->pc))
		return PSC_STACK_USER;
	if (!add_frame(w, regs->pc, 0, sp, PSC_FRAME_CONTEXT))
		return PSC_STACK_LIMIT;
	if (!is_readable(w, sp))
		return PSC_STACK_TRIMMED;
	if (w->machine == PSC_MACHINE_X86)
		return walk_frames32(w, sp, regs->gpr[PSC_REG_BP_X86], true);
	return unwind_all(w, *regs, false);
}

/* Return address at KernelStack + 38, the stack pointer behind it, rbp before it [2]. */
static enum psc_stack_stop walk_switched64(struct walker *w, uint64_t ks)
{
	struct psc_cpu_regs regs;
	memset(&regs, 0, sizeof(regs));
	if (!psc_read_u64(&w->k->reader, ks + 0x38, &regs.pc))
		return PSC_STACK_TRIMMED;
	regs.gpr[PSC_REG_SP_X86] = ks + 0x40;
	regs.known = 1u << PSC_REG_SP_X86;
	if (psc_read_u64(&w->k->reader, ks + 0x30, &regs.gpr[PSC_REG_BP_X86]))
		regs.known |= 1u << PSC_REG_BP_X86;
	/* A thread that never ran returns to where threads begin: that is no return address of a call. */
	if (psc_stack_module_at(&w->modules, regs.pc, NULL) != NULL) {
		if (!add_frame(w, regs.pc, ks + 0x38, ks + 0x40, PSC_FRAME_CONTEXT))
			return PSC_STACK_LIMIT;
		return unwind_all(w, regs, w->frames[0].after_call != 0);
	}
	regs.pc = 0;
	regs.gpr[PSC_REG_SP_X86] = ks;
	return unwind_all(w, regs, true);
}

static bool find_regs(struct walker *w, const struct psc_thread *t, struct psc_cpu_regs *ret)
{
	bool is_small = psc_image_get_kind(w->k->img) == PSC_IMAGE_VIRTUAL;
	/* A small dump has no unwind data to come from the bug check to what caused it: start there. */
	if (is_small && t->is_crash && psc_kernel_crash_regs(w->k, ret) && stack_of(w, ret->gpr[sp_register(w)]) >= 0)
		return true;
	if (t->processor == UINT32_MAX || !psc_kernel_cpu_regs(w->k, t->processor, ret))
		return is_small && t->is_crash && psc_kernel_crash_regs(w->k, ret);
	return !psc_is_kernel_va(&w->k->space, ret->pc) || stack_of(w, ret->gpr[sp_register(w)]) >= 0;
}

static enum psc_stack_stop walk_thread(struct walker *w, const struct psc_thread *t)
{
	struct psc_cpu_regs regs;
	bool is_running = t->processor != UINT32_MAX;
	w->n = w->n_stacks = 0;
	w->is_scanned = false;
	w->words_left = SCAN_WORDS_MAX;
	if (t->stack_base == 0)
		return PSC_STACK_NOT_SAVED;
	add_stack(w, t->stack_limit, t->stack_base);
	if (is_running)
		add_processor_stacks(w, t->processor);
	if (is_running || t->is_crash)
		return find_regs(w, t, &regs) ? walk_regs(w, &regs) : PSC_STACK_NOT_SAVED;
	if (t->kernel_stack % w->ptr != 0 || t->kernel_stack < t->stack_limit || t->kernel_stack >= t->stack_base)
		return PSC_STACK_NOT_SAVED;
	if (w->machine == PSC_MACHINE_X86)
		return walk_switched32(w, t->kernel_stack);
	if (w->machine == PSC_MACHINE_X64)
		return walk_switched64(w, t->kernel_stack);
	/* ARM64: where the switch saves registers is not known; the stack itself still holds return addresses. */
	memset(&regs, 0, sizeof(regs));
	regs.gpr[PSC_REG_SP_ARM64] = t->kernel_stack;
	regs.known = 1u << PSC_REG_SP_ARM64;
	return is_readable(w, t->kernel_stack) ? unwind_all(w, regs, true) : PSC_STACK_TRIMMED;
}

static bool on_thread(void *arg, const struct psc_thread *t)
{
	struct walker *w = (struct walker *)arg;
	struct psc_thread_stack s;
	if (psc_image_is_cancelled(w->k->img))
		return false;
	if (w->opts->thread != 0 && t->ethread != w->opts->thread)
		return true;
	if (w->opts->progress != NULL && w->cov->threads.threads % 64 == 0 &&
	    w->opts->progress(w->opts->progress_arg, "stacks", w->cov->threads.threads, 0) != 0) {
		w->cancelled = true;
		return false;
	}
	s.thread = t;
	s.stop = walk_thread(w, t);
	s.frames = w->frames;
	s.n_frames = w->n;
	w->cov->stacks[s.stop]++;
	for (size_t i = 0; i < w->n; i++)
		w->cov->frames[w->frames[i].how]++;
	return w->visit(w->arg, &s);
}

enum psc_status psc_thread_stacks(struct psc_kernel *k, const struct psc_thread_stacks_options *opts,
				  bool (*visit)(void *arg, const struct psc_thread_stack *s), void *arg,
				  struct psc_stacks_coverage *ret, struct psc_error *reterr)
{
	static const struct psc_thread_stacks_options none = {0, false, NULL, NULL};
	struct walker *w = (struct walker *)calloc(1, sizeof(*w));
	enum psc_status st;
	if (w == NULL)
		return psc_fail_no_memory(reterr);
	memset(ret, 0, sizeof(*ret));
	w->k = k;
	w->machine = k->id.machine;
	w->ptr = psc_pointer_bytes(&k->space);
	w->opts = opts != NULL ? opts : &none;
	w->cov = ret;
	w->visit = visit;
	w->arg = arg;
	st = psc_stack_modules_init(&w->modules, k) ? PSC_OK : psc_fail_no_memory(reterr);
	if (st == PSC_OK)
		st = psc_kernel_threads(k, on_thread, w, &ret->threads, reterr);
	if (st == PSC_OK && w->cancelled)
		st = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
	ret->modules_without_unwind = w->modules.n_without_unwind;
	psc_stack_modules_deinit(&w->modules);
	free(w);
	return st;
}
