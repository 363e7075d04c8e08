/* SPDX-License-Identifier: MIT */
/* Threads that wait, with what stacks_test.py puts on their stacks: it works that out from the code of the machine's
 * images, which are the same in every build of a case. Before its plan is made the stacks are empty. Facts: kernel.md
 * 9, 10. */
#include "damage.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_THREADS = 12, TRIMMED = 6, NO_STACK = 7 };

static uint64_t new_thread(struct lab_machine *m, unsigned i)
{
	const struct lab_build *b = m->b;
	const uint32_t ptr = lab_ptr_size(b), stack_bytes = ptr == 8 ? 0x6000 : 0x3000;
	const struct lab_process *p = &m->processes[i % m->n_processes];
	uint64_t t = lab_system_bytes(m, lab_type_size(b, "_ETHREAD")), cid = t + lab_offset(b, "_ETHREAD", "Cid");
	struct lab_stack *s = &m->stacks[m->n_stacks++];
	s->va = t;
	s->pid = p->pid;
	s->tid = 1000 + 4 * i;
	lab_put8(m->mem, t, 6);
	if (i != NO_STACK) {
		s->limit = lab_system_pages(m, stack_bytes);
		s->base = s->limit + stack_bytes;
	}
	lab_put_field(m, t, "_KTHREAD", "InitialStack", s->base);
	lab_put_field(m, t, "_KTHREAD", "StackBase", s->base);
	lab_put_field(m, t, "_KTHREAD", "StackLimit", s->limit);
	lab_put_field(m, t, "_KTHREAD", "KernelStack", s->base ? s->base - 0x800 : 0);
	lab_put_field(m, t, "_KTHREAD", "State", i == NO_STACK ? 4 : 5);
	lab_put_field(m, t, "_KTHREAD", "Process", p->va);
	lab_put_ptr(m, cid, s->pid);
	lab_put_ptr(m, cid + ptr, s->tid);
	return t;
}

/* The list of each process anew: its running threads, then these. */
static void link_threads(struct lab_machine *m)
{
	const uint32_t entry = lab_offset(m->b, "_ETHREAD", "ThreadListEntry");
	for (size_t p = 0; p < m->n_processes; p++) {
		uint64_t nodes[LAB_MAX_CPUS + N_THREADS];
		size_t n = 0;
		for (unsigned cpu = 0; p == 0 && cpu < m->n_cpus; cpu++)
			nodes[n++] = m->thread_va[cpu] + entry;
		for (unsigned i = 0; i < m->n_stacks; i++)
			if (i % m->n_processes == p)
				nodes[n++] = m->stacks[i].va + entry;
		lab_link_list(m, m->processes[p].va + lab_offset(m->b, "_EPROCESS", "ThreadListHead"), nodes, n);
	}
}

/* A register of a processor, by its offset in the context, in each place where contexts are kept. */
static void put_register(struct lab_machine *m, unsigned cpu, uint32_t offset, uint64_t value)
{
	const struct lab_build *b = m->b;
	uint64_t prcb = m->prcb_va[cpu];
	uint64_t at =
		prcb + lab_offset(b, "_KPRCB", "ProcessorState") + lab_offset(b, "_KPROCESSOR_STATE", "ContextFrame");
	lab_put_ptr(m, at + offset, value);
	if (lab_has_field(b, "_KPRCB", "Context"))
		lab_put_ptr(m, lab_get_ptr(m, prcb + lab_offset(b, "_KPRCB", "Context")) + offset, value);
}

/* Lines of the plan: "word VA VALUE", "stack THREAD POINTER", "register CPU OFFSET VALUE"; all in hexadecimal. */
static void carry_out(struct lab_machine *m, const char *path)
{
	char word[16];
	uint64_t a, b, c;
	FILE *f = fopen(path, "r");
	if (!f)
		lab_die("cannot read %s", path);
	while (fscanf(f, "%15s %" SCNx64 " %" SCNx64, word, &a, &b) == 3) {
		if (!strcmp(word, "word"))
			lab_put_ptr(m, a, b);
		else if (!strcmp(word, "stack") && a < m->n_stacks)
			lab_put_field(m, m->stacks[a].va, "_KTHREAD", "KernelStack", b);
		else if (!strcmp(word, "register") && a < m->n_cpus && fscanf(f, "%" SCNx64, &c) == 1)
			put_register(m, (unsigned)a, (uint32_t)b, c);
		else
			lab_die("%s: what is \"%s\"?", path, word);
	}
	fclose(f);
}

void lab_damage_stacks(struct lab_machine *m)
{
	const char *plan = getenv("LAB_STACKS");
	for (unsigned i = 0; i < N_THREADS; i++)
		new_thread(m, i);
	link_threads(m);
	for (unsigned cpu = 0; cpu < m->n_cpus; cpu++) {
		const uint32_t bytes = lab_ptr_size(m->b) == 8 ? 0x6000 : 0x3000;
		m->dpc_stack[cpu] = lab_system_pages(m, bytes) + bytes;
		lab_put_field(m, m->prcb_va[cpu], "_KPRCB", "DpcStack", m->dpc_stack[cpu]);
	}
	if (plan)
		carry_out(m, plan);
	for (uint64_t va = m->stacks[TRIMMED].limit; va < m->stacks[TRIMMED].base; va += LAB_PAGE)
		lab_mem_set_state(m->mem, va, LAB_PTE_PAGED_OUT, 0);
}

static void add_hex(cJSON *o, const char *key, uint64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "0x%" PRIx64, v);
	cJSON_AddStringToObject(o, key, text);
}

/* Where everything is, for whoever makes the plan. */
void lab_stacks_truth(const struct lab_machine *m, cJSON *truth)
{
	if (!m->n_stacks)
		return;
	cJSON *threads = cJSON_AddArrayToObject(truth, "threads"), *running = cJSON_AddArrayToObject(truth, "running"),
	      *modules = cJSON_AddArrayToObject(truth, "modules");
	for (unsigned i = 0; i < m->n_stacks; i++) {
		cJSON *o = cJSON_CreateObject();
		add_hex(o, "thread", m->stacks[i].va);
		add_hex(o, "limit", m->stacks[i].limit);
		add_hex(o, "base", m->stacks[i].base);
		add_hex(o, "pid", m->stacks[i].pid);
		add_hex(o, "tid", m->stacks[i].tid);
		cJSON_AddItemToArray(threads, o);
	}
	for (unsigned cpu = 0; cpu < m->n_cpus; cpu++) {
		cJSON *o = cJSON_CreateObject();
		add_hex(o, "thread", m->thread_va[cpu]);
		add_hex(o, "limit", m->stack_va[cpu]);
		add_hex(o, "base", m->stack_va[cpu] + (lab_build_is64(m->b) ? 0x6000 : 0x3000));
		add_hex(o, "dpc_base", m->dpc_stack[cpu]);
		cJSON_AddItemToArray(running, o);
	}
	for (size_t i = 0; i < m->n_modules; i++) {
		cJSON *o = cJSON_CreateObject(), *functions;
		cJSON_AddStringToObject(o, "name", m->modules[i].base_name);
		add_hex(o, "base", m->modules[i].base);
		add_hex(o, "preferred_base", m->modules[i].image->preferred_base);
		functions = cJSON_AddObjectToObject(o, "symbols");
		for (size_t j = 0; j < m->modules[i].image->n_symbols; j++)
			add_hex(functions, m->modules[i].image->symbols[j].name, m->modules[i].image->symbols[j].rva);
		cJSON_AddItemToArray(modules, o);
	}
}
