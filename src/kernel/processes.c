/* SPDX-License-Identifier: MIT */
/* PsActiveProcessHead (reference: kernel 10). */
#include "kernel/internal.h"

#include "util/error.h"
#include "util/hashmap.h"
#include <string.h>

struct offsets {
	uint32_t links, pid, dtb, name, session;
	bool has_name, has_session;
};

/* UniqueProcessId stands right before ActiveProcessLinks in every table (reference: kernel 9 [V], 9b [1]). */
static bool find_offsets(const struct psc_kernel *k, struct offsets *ret)
{
	const struct psc_field *links = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_ActiveProcessLinks);
	const struct psc_field *pid = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_UniqueProcessId);
	const struct psc_field *name = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_ImageFileName);
	const struct psc_field *session = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_Session);
	if (!links || links->offset < 8 || links->offset > 0x4000)
		return false;
	ret->links = links->offset;
	ret->pid = pid ? pid->offset : links->offset - psc_pointer_bytes(&k->space);
	ret->dtb = k->kdbg.offset_eprocess_dtb ? k->kdbg.offset_eprocess_dtb : k->space.is_32bit ? 0x18 : 0x28;
	ret->has_name = name != NULL;
	ret->name = name ? name->offset : 0;
	ret->has_session = session != NULL;
	ret->session = session ? session->offset : 0;
	return true;
}

static bool read_process(struct psc_kernel *k, const struct offsets *o, uint64_t link, struct psc_process *ret)
{
	char name[15];
	memset(ret, 0, sizeof(*ret));
	ret->eprocess = link - o->links;
	if (!psc_is_kernel_va(&k->space, ret->eprocess) ||
	    !psc_read_ptr(&k->reader, ret->eprocess + o->pid, &ret->pid) ||
	    !psc_read_ptr(&k->reader, ret->eprocess + o->dtb, &ret->directory_table_base))
		return false;
	if (o->has_session && (!psc_read_ptr(&k->reader, ret->eprocess + o->session, &ret->session) ||
			       !psc_is_kernel_va(&k->space, ret->session)))
		ret->session = 0;
	if (!o->has_name || psc_read_va(&k->reader, ret->eprocess + o->name, name, sizeof(name)) != sizeof(name))
		return true;
	for (size_t i = 0; i < sizeof(name) && name[i]; i++)
		ret->image_file_name[i] = name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?';
	return true;
}

static enum psc_status walk(struct psc_kernel *k, const struct offsets *o, uint64_t head, struct psc_hashmap *visited,
			    bool (*visit)(void *arg, const struct psc_process *p), void *arg, struct psc_error *reterr)
{
	unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t at = head, next, back;
	for (unsigned n = 0; n <= PSC_PROCESSES_MAX; n++) {
		struct psc_process p;
		bool is_new = false;
		if (!psc_read_ptr(&k->reader, at, &next) || !psc_is_kernel_va(&k->space, next) || next % ptr ||
		    !psc_read_ptr(&k->reader, next + ptr, &back) || back != at)
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_VA, at, "the process list is broken");
		if (next == head)
			return PSC_OK;
		if (n == PSC_PROCESSES_MAX)
			break;
		if (!psc_hashset_add(visited, next, &is_new))
			return psc_fail_no_memory(reterr);
		if (!is_new || !read_process(k, o, next, &p))
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_VA, next,
					"the process list has an entry that is not a process");
		if (!visit(arg, &p))
			return PSC_OK;
		at = next;
	}
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_VA, head, "the process list does not end");
}

enum psc_status psc_kernel_processes(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_process *p),
				     void *arg, struct psc_error *reterr)
{
	struct offsets o;
	struct psc_hashmap visited;
	uint64_t head = psc_kernel_sym(k, PSC_SYM_PsActiveProcessHead);
	if (!psc_is_kernel_va(&k->space, head))
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "PsActiveProcessHead is not known");
	if (!find_offsets(k, &o))
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"the layout of _EPROCESS is not known for this build");
	psc_hashmap_init(&visited, 0, 0);
	enum psc_status st = walk(k, &o, head, &visited, visit, arg, reterr);
	psc_hashmap_deinit(&visited);
	return st;
}
