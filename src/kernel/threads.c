/* SPDX-License-Identifier: MIT */
#include "kernel/threads.h"

#include "kernel/internal.h"
#include "util/error.h"
#include "util/hashmap.h"
#include <string.h>

#define OFFSET_MAX 0x4000u

/* Offsets in ETHREAD, which begins with its KTHREAD; 0 where not known: no such field begins either. */
struct layout {
	uint32_t list_head, list_entry; /* EPROCESS.ThreadListHead, ETHREAD.ThreadListEntry */
	uint32_t cid, start, process, apc_process, state, kernel_stack, stack_base, stack_limit;
	uint32_t resident, resident_bit;      /* a bit of 32 */
	uint32_t current_thread, idle_thread; /* KPRCB */
};

struct collecting {
	struct psc_kernel *k;
	struct layout o;
	bool (*visit)(void *arg, const struct psc_thread *t);
	void *arg;
	struct psc_hashmap seen; /* ETHREADs */
	struct psc_thread_coverage *ret;
	uint64_t running[PSC_RUNNING_MAX]; /* by processor: CurrentThread */
	uint64_t idle[PSC_RUNNING_MAX];
	size_t n_running;
	uint64_t crash_thread; /* of a small dump */
	struct psc_cpu_regs crash;
	bool has_crash, stopped, no_memory;
};

const char *psc_thread_state_name(enum psc_thread_state state)
{
	static const char *const names[PSC_THREAD_STATE_MAX] = {
		"initialized", "ready",      "running",        "standby",   "terminated",
		"waiting",     "transition", "deferred_ready", "gate_wait", "waiting_for_process"};
	return (unsigned)state < PSC_THREAD_STATE_MAX ? names[state] : "unknown";
}

/* What the running kernel says of itself comes before tables. */
static uint32_t offset_of(const struct psc_kernel *k, enum psc_field_id field, uint16_t said)
{
	const struct psc_field *f = psc_profile_field(&k->profile, field);
	uint32_t offset = said != 0 ? said : f != NULL ? f->offset : 0;
	return offset < OFFSET_MAX ? offset : 0;
}

static void find_layout(const struct psc_kernel *k, struct layout *o)
{
	const struct psc_kdbg *d = &k->kdbg;
	const struct psc_field *resident = psc_profile_field(&k->profile, PSC_FIELD_KTHREAD_KernelStackResident);
	bool is_32bit = k->space.is_32bit;
	memset(o, 0, sizeof(*o));
	o->list_head = offset_of(k, PSC_FIELD_EPROCESS_ThreadListHead, 0);
	o->list_entry = offset_of(k, PSC_FIELD_ETHREAD_ThreadListEntry, 0);
	o->cid = offset_of(k, PSC_FIELD_ETHREAD_Cid, 0);
	o->start = offset_of(k, PSC_FIELD_ETHREAD_StartAddress, 0);
	o->process = offset_of(k, PSC_FIELD_KTHREAD_Process, 0);
	o->apc_process = d->offset_kthread_apc_process;
	o->state = offset_of(k, PSC_FIELD_KTHREAD_State, d->offset_kthread_state);
	o->kernel_stack = offset_of(k, PSC_FIELD_KTHREAD_KernelStack, d->offset_kthread_kernel_stack);
	o->stack_base = offset_of(k, PSC_FIELD_KTHREAD_StackBase, d->offset_kthread_stack_base);
	o->stack_limit = offset_of(k, PSC_FIELD_KTHREAD_StackLimit, d->offset_kthread_stack_limit);
	if (resident != NULL && resident->bit_length == 1 && resident->bit_position < 32 &&
	    resident->offset < OFFSET_MAX) {
		o->resident = resident->offset;
		o->resident_bit = resident->bit_position;
	}
	/* [V] x64, [1] x86 (reference: kernel 9, 9b) */
	o->current_thread = d->offset_prcb_current_thread ? d->offset_prcb_current_thread : is_32bit ? 4 : 8;
	o->idle_thread = d->offset_prcb_idle_thread ? d->offset_prcb_idle_thread : is_32bit ? 0xc : 0x18;
}

static bool is_thread_va(const struct psc_kernel *k, uint64_t va)
{
	return psc_is_kernel_va(&k->space, va) && va % 8 == 0;
}

static void find_running(struct collecting *c)
{
	struct psc_kernel *k = c->k;
	c->n_running = k->n_prcb < PSC_RUNNING_MAX ? k->n_prcb : PSC_RUNNING_MAX;
	for (size_t i = 0; i < c->n_running; i++) {
		uint64_t va;
		if (psc_read_ptr(&k->reader, k->prcb[i] + c->o.current_thread, &va) && is_thread_va(k, va))
			c->running[i] = va;
		if (psc_read_ptr(&k->reader, k->prcb[i] + c->o.idle_thread, &va) && is_thread_va(k, va))
			c->idle[i] = va;
	}
	c->has_crash = psc_kernel_crash_regs(k, &c->crash);
}

static uint64_t kernel_pointer_at(struct psc_kernel *k, uint64_t va, uint32_t offset)
{
	uint64_t v;
	return offset != 0 && psc_read_ptr(&k->reader, va + offset, &v) && psc_is_kernel_va(&k->space, v) ? v : 0;
}

static void read_thread(struct collecting *c, uint64_t va, struct psc_thread *t)
{
	struct psc_kernel *k = c->k;
	const struct layout *o = &c->o;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint8_t state = 0;
	uint32_t bits = 0;
	t->ethread = va;
	t->state = PSC_THREAD_STATE_MAX;
	t->is_resident = -1;
	t->processor = UINT32_MAX;
	if (o->state != 0 && psc_read_u8(&k->reader, va + o->state, &state) && state < PSC_THREAD_STATE_MAX)
		t->state = state;
	if (o->cid != 0) {
		uint64_t pid;
		t->has_tid = psc_read_ptr(&k->reader, va + o->cid + ptr, &t->tid);
		if (!t->has_pid && psc_read_ptr(&k->reader, va + o->cid, &pid)) {
			t->has_pid = true;
			t->pid = pid;
		}
	}
	if (o->start != 0)
		(void)psc_read_ptr(&k->reader, va + o->start, &t->start_address);
	if (t->process == 0)
		t->process = kernel_pointer_at(k, va, o->process);
	if (t->process == 0)
		t->process = kernel_pointer_at(k, va, o->apc_process);
	t->kernel_stack = kernel_pointer_at(k, va, o->kernel_stack);
	t->stack_base = kernel_pointer_at(k, va, o->stack_base);
	t->stack_limit = kernel_pointer_at(k, va, o->stack_limit);
	if (t->stack_limit >= t->stack_base || t->stack_base - t->stack_limit > PSC_STACK_BYTES_MAX ||
	    t->stack_base % ptr != 0 || t->stack_limit % ptr != 0)
		t->stack_base = t->stack_limit = 0;
	if (o->resident != 0 && psc_read_u32(&k->reader, va + o->resident, &bits))
		t->is_resident = (int)(bits >> o->resident_bit & 1);
	for (size_t i = 0; i < c->n_running; i++) {
		if (c->running[i] == va)
			t->processor = (uint32_t)i;
		t->is_idle = t->is_idle || c->idle[i] == va;
	}
	uint64_t sp =
		c->has_crash ? c->crash.gpr[k->id.machine == PSC_MACHINE_ARM64 ? PSC_REG_SP_ARM64 : PSC_REG_SP_X86] : 0;
	t->is_crash = va == c->crash_thread || (sp != 0 && sp >= t->stack_limit && sp < t->stack_base);
}

/* False: stop. */
static bool give(struct collecting *c, uint64_t va, const struct psc_process *p)
{
	struct psc_thread t;
	bool is_new;
	if (!psc_hashset_add(&c->seen, va, &is_new)) {
		c->no_memory = c->seen.n < PSC_THREADS_MAX;
		c->stopped = true;
		return false;
	}
	if (!is_new)
		return true;
	memset(&t, 0, sizeof(t));
	if (p != NULL) {
		t.process = p->eprocess;
		t.pid = p->pid;
		t.has_pid = true;
		memcpy(t.process_name, p->image_file_name, sizeof(t.process_name));
	}
	read_thread(c, va, &t);
	/* Of other processors' threads a small dump has the addresses alone. */
	if (psc_image_get_kind(c->k->img) == PSC_IMAGE_VIRTUAL && va != c->crash_thread && t.stack_base == 0)
		return true;
	c->ret->threads++;
	c->stopped = !c->visit(c->arg, &t);
	return !c->stopped;
}

/* False: the list is broken. Each entry must point back, and its thread name the process. (ReactOS leaves
 * KTHREAD.Process at 0.) */
static bool walk_list(struct collecting *c, const struct psc_process *p)
{
	struct psc_kernel *k = c->k;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t head = p->eprocess + c->o.list_head, at = head, next, back, process;
	for (size_t n = 0; n <= PSC_THREADS_MAX; n++) {
		if (!psc_read_ptr(&k->reader, at, &next) || !psc_is_kernel_va(&k->space, next) || next % ptr != 0 ||
		    !psc_read_ptr(&k->reader, next + ptr, &back) || back != at)
			return false;
		if (next == head)
			return true;
		uint64_t thread = next - c->o.list_entry;
		if (!is_thread_va(k, thread) || psc_hashset_has(&c->seen, thread) ||
		    (c->o.process != 0 && psc_read_ptr(&k->reader, thread + c->o.process, &process) && process != 0 &&
		     process != p->eprocess))
			return false;
		if (!give(c, thread, p))
			return true;
		at = next;
	}
	return false;
}

static bool on_process(void *arg, const struct psc_process *p)
{
	struct collecting *c = (struct collecting *)arg;
	if (walk_list(c, p))
		c->ret->processes += !c->stopped;
	else
		c->ret->broken_lists++;
	return !c->stopped;
}

static enum psc_status walk_processes(struct collecting *c, struct psc_error *reterr)
{
	if (c->o.list_head == 0 || c->o.list_entry == 0) {
		c->ret->why_not = "the layout of _ETHREAD is not known for this build";
		return PSC_OK;
	}
	struct psc_error err;
	enum psc_status st = psc_kernel_processes(c->k, on_process, c, &err);
	if (c->no_memory || st == PSC_E_NO_MEMORY)
		return psc_fail_no_memory(reterr);
	c->ret->lists_available = st != PSC_E_NOT_FOUND;
	c->ret->processes_available = st == PSC_OK;
	if (st == PSC_E_NOT_FOUND)
		c->ret->why_not = "the list of processes was not found";
	else if (st != PSC_OK)
		c->ret->why_not = "the list of processes is broken";
	return PSC_OK;
}

/* The thread of a small dump: its ETHREAD was saved as such, from its start on or behind what another range holds of
 * it. */
static uint64_t saved_thread(const struct collecting *c)
{
	size_t n;
	const struct psc_saved_range *r = psc_image_saved_ranges(c->k->img, &n);
	uint64_t size = c->k->kdbg.size_ethread != 0 ? c->k->kdbg.size_ethread : OFFSET_MAX;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(r[i].what, "thread") != 0)
			continue;
		for (size_t j = 0; j < c->n_running; j++)
			if (c->running[j] != 0 && r[i].va >= c->running[j] && r[i].va - c->running[j] < size)
				return c->running[j];
		return r[i].va;
	}
	return 0;
}

enum psc_status psc_kernel_threads(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_thread *t),
				   void *arg, struct psc_thread_coverage *ret, struct psc_error *reterr)
{
	struct collecting c;
	enum psc_status st = PSC_OK;
	memset(&c, 0, sizeof(c));
	memset(ret, 0, sizeof(*ret));
	c.k = k;
	c.visit = visit;
	c.arg = arg;
	c.ret = ret;
	psc_hashmap_init(&c.seen, 0, PSC_THREADS_MAX);
	find_layout(k, &c.o);
	find_running(&c);
	if (psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL) {
		ret->why_not = "a small dump saves one thread";
		c.crash_thread = saved_thread(&c);
		if (is_thread_va(k, c.crash_thread))
			(void)give(&c, c.crash_thread, NULL);
	} else if (k->space.mmu != PSC_MMU_NONE) {
		st = walk_processes(&c, reterr);
	} else {
		ret->why_not = "the page tables were not found";
	}
	for (size_t i = 0; i < c.n_running && st == PSC_OK && !c.stopped; i++) {
		if (c.running[i] != 0)
			(void)give(&c, c.running[i], NULL);
		if (c.idle[i] != 0 && !c.stopped)
			(void)give(&c, c.idle[i], NULL);
	}
	psc_hashmap_deinit(&c.seen);
	return st == PSC_OK && c.no_memory ? psc_fail_no_memory(reterr) : st;
}
