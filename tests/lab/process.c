/* SPDX-License-Identifier: MIT */
/* Processes and the running threads (kernel.md 9, 10). */
#include "machine.h"
#include <string.h>

static uint32_t object_header_bytes(const struct lab_build *b)
{
	return lab_build_is64(b) ? 0x30 : 0x18;
}

/* From 8 the object tags are stored without the protected bit (pool.md 2.6). */
static uint32_t object_tag(const struct lab_build *b, uint32_t tag)
{
	return b->protected_object_tags ? tag | LAB_PROTECTED : tag & ~LAB_PROTECTED;
}

static void new_process(struct lab_machine *m, const char *name, uint64_t pid, bool in_session)
{
	const struct lab_build *b = m->b;
	struct lab_process *p = &m->processes[m->n_processes++];
	uint32_t kprocess = lab_type_size(b, "_KPROCESS"), header = object_header_bytes(b);
	uint32_t tag = object_tag(b, LAB_TAG('P', 'r', 'o', 'c'));
	uint64_t at = lab_small(m, tag, LAB_POOL_NONPAGED, header + lab_type_size(b, "_EPROCESS"));
	lab_put_ptr(m, at, 3);
	lab_put_ptr(m, at + lab_ptr_size(b), 1);
	*p = (struct lab_process){.va = at + header, .pid = pid, .in_session = in_session && m->session_va};
	strncpy(p->name, name, 14);
	/* DISPATCHER_HEADER: type 3, size in dwords (0 from 19041, kernel.md 4). */
	lab_put8(m->mem, p->va, 3);
	lab_put8(m->mem, p->va + 2, (uint8_t)(b->number >= 19041 ? 0 : kprocess / 4));
	lab_put_field(m, p->va, "_KPROCESS", "DirectoryTableBase", lab_mem_dtb(m->mem));
	lab_put_field(m, p->va, "_EPROCESS", "UniqueProcessId", pid);
	lab_put_field(m, p->va, "_EPROCESS", "CreateTime", 0x01dc7b0000000000 + pid);
	lab_put_field(m, p->va, "_EPROCESS", "Session", p->in_session ? m->session_va : 0);
	lab_put(m->mem, p->va + lab_offset(b, "_EPROCESS", "ImageFileName"), p->name, 15);
	lab_link_list(m, p->va + lab_offset(b, "_EPROCESS", "ThreadListHead"), NULL, 0);
	lab_link_list(m, p->va + lab_offset(b, "_KPROCESS", "ThreadListHead"), NULL, 0);
}

void lab_processes_init(struct lab_machine *m)
{
	static const struct {
		const char *name;
		unsigned pid;
		bool in_session;
	} list[] = {{"System", 4, false},        {"smss.exe", 268, false},     {"csrss.exe", 376, true},
		    {"winlogon.exe", 440, true}, {"services.exe", 520, false}, {"lsass.exe", 532, false},
		    {"svchost.exe", 640, false}, {"explorer.exe", 1512, true}};
	uint64_t nodes[16];
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		new_process(m, list[i].name, list[i].pid, list[i].in_session);
		nodes[i] = m->processes[i].va + lab_offset(m->b, "_EPROCESS", "ActiveProcessLinks");
	}
	lab_link_list(m, lab_global_va(m, "PsActiveProcessHead"), nodes, m->n_processes);
	lab_set_global(m, "PsInitialSystemProcess", m->processes[0].va);
}

void lab_threads_init(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint64_t process = m->processes[0].va, lists[LAB_MAX_CPUS], klists[LAB_MAX_CPUS];
	uint32_t tag = object_tag(b, LAB_TAG('T', 'h', 'r', 'e')), stack_bytes = lab_build_is64(b) ? 0x6000 : 0x3000;
	for (unsigned cpu = 0; cpu < m->n_cpus; cpu++) {
		uint32_t header = object_header_bytes(b);
		uint64_t t = lab_small(m, tag, LAB_POOL_NONPAGED, header + lab_type_size(b, "_ETHREAD")) + header;
		lab_put8(m->mem, t, 6);
		m->thread_va[cpu] = t;
		lab_put_field(m, t, "_KTHREAD", "InitialStack", m->stack_va[cpu] + stack_bytes);
		lab_put_field(m, t, "_KTHREAD", "StackBase", m->stack_va[cpu] + stack_bytes);
		lab_put_field(m, t, "_KTHREAD", "StackLimit", m->stack_va[cpu]);
		lab_put_field(m, t, "_KTHREAD", "KernelStack", m->stack_va[cpu] + 0x2000);
		lab_put_field(m, t, "_KTHREAD", "State", 2);
		if (!b->like_reactos)
			lab_put_field(m, t, "_KTHREAD", "Process", process);
		/* ApcState.Process: behind two list entries. */
		lab_put_ptr(m, t + lab_offset(b, "_KTHREAD", "ApcState") + 4 * lab_ptr_size(b), process);
		lab_put_ptr(m, t + lab_offset(b, "_ETHREAD", "Cid"), 4);
		lab_put_ptr(m, t + lab_offset(b, "_ETHREAD", "Cid") + lab_ptr_size(b), 8 + 4 * cpu);
		lab_put_field(m, t, "_ETHREAD", "StartAddress",
			      b->kernel_base + lab_image_rva(m->kernel, "ExQueueWorkItem"));
		lists[cpu] = t + lab_offset(b, "_ETHREAD", "ThreadListEntry");
		klists[cpu] = t + lab_offset(b, "_KTHREAD", "ThreadListEntry");
		lab_put_field(m, m->prcb_va[cpu], "_KPRCB", "CurrentThread", t);
		lab_put_field(m, m->prcb_va[cpu], "_KPRCB", "IdleThread", t);
		for (uint32_t at = 0x2000; at < stack_bytes; at += 0x80)
			lab_put_ptr(m, m->stack_va[cpu] + at,
				    b->kernel_base + lab_image_rva(m->kernel, "KeWaitForSingleObject") + at % 0x60);
	}
	lab_link_list(m, process + lab_offset(b, "_EPROCESS", "ThreadListHead"), lists, m->n_cpus);
	lab_link_list(m, process + lab_offset(b, "_KPROCESS", "ThreadListHead"), klists, m->n_cpus);
	lab_put_field(m, process, "_EPROCESS", "ActiveThreads", m->n_cpus);
}
