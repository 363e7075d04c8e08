/* SPDX-License-Identifier: MIT */
/* Offsets in _EPROCESS from the process list, and PsActiveProcessHead from the System process. Reference: kernel 10. */
#include "kernel/infer.h"
#include "kernel/internal.h"

#include <string.h>

#define NODES_MAX    256u
#define EPROCESS_MAX 0x1000u /* links and name lie below 0x600 in every table */
#define NAME_BYTES   15u
#define SYSTEM_PID   4u

struct nodes {
	uint64_t va[NODES_MAX]; /* of ActiveProcessLinks */
	size_t n;
	bool closed; /* ended at its head */
};

/* From head forwards as far as each node points back. */
static void walk_list(struct psc_kernel *k, uint64_t head, struct nodes *ret)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t at = head, next, back;
	ret->n = 0;
	ret->closed = false;
	while (ret->n < NODES_MAX && psc_read_ptr(&k->reader, at, &next) && psc_is_kernel_va(&k->space, next) &&
	       next % ptr == 0 && psc_read_ptr(&k->reader, next + ptr, &back) && back == at) {
		if (next == head) {
			ret->closed = true;
			return;
		}
		ret->va[ret->n++] = next;
		at = next;
	}
}

/* A process identifier right before each link (reference: kernel 9 [V], 9b [1]): System has 4, the others multiples of
 * four. Returns how many nodes have one. */
static size_t count_pids(struct psc_kernel *k, const struct nodes *nodes)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t pid, n_system = 0;
	size_t n = 0;
	for (size_t i = 0; i < nodes->n; i++) {
		if (!psc_read_ptr(&k->reader, nodes->va[i] - ptr, &pid) || pid == 0 || pid % 4 != 0 || pid >> 31 != 0)
			continue;
		n++;
		n_system += pid == SYSTEM_PID;
	}
	return n_system == 1 ? n : 0;
}

static uint64_t system_process(struct psc_kernel *k)
{
	uint64_t va;
	return psc_kernel_read_ptr(k, PSC_SYM_PsInitialSystemProcess, &va) && psc_is_kernel_va(&k->space, va) &&
			       va % 8 == 0
		       ? va
		       : 0;
}

/* The processes that were running, through offsets that the debugger data block gives. */
static size_t running_processes(struct psc_kernel *k, uint64_t *ret, size_t max)
{
	const struct psc_kdbg *d = &k->kdbg;
	size_t n = 0;
	if (d->offset_prcb_current_thread == 0 || d->offset_kthread_apc_process == 0)
		return 0;
	for (size_t i = 0; i < k->n_prcb && n < max; i++) {
		uint64_t thread, process;
		if (psc_read_ptr(&k->reader, k->prcb[i] + d->offset_prcb_current_thread, &thread) &&
		    psc_is_kernel_va(&k->space, thread) &&
		    psc_read_ptr(&k->reader, thread + d->offset_kthread_apc_process, &process) &&
		    psc_is_kernel_va(&k->space, process) && process % 8 == 0)
			ret[n++] = process;
	}
	return n;
}

/* The list node inside [process, process + EPROCESS_MAX) nearest to its start; 0 none. */
static uint32_t node_offset(const struct nodes *nodes, uint64_t process)
{
	uint32_t best = 0;
	for (size_t i = 0; i < nodes->n; i++) {
		uint64_t off = nodes->va[i] - process;
		if (nodes->va[i] > process && off < EPROCESS_MAX && (best == 0 || off < best))
			best = (uint32_t)off;
	}
	return best;
}

static bool is_name(const char *text)
{
	size_t n = 0;
	while (n < NAME_BYTES && text[n] >= 0x20 && text[n] < 0x7f)
		n++;
	return n != 0 && (n == NAME_BYTES || text[n] == '\0');
}

/* "System" in the System process, printable names in the others. */
static size_t count_names(struct psc_kernel *k, const struct nodes *nodes, uint32_t links, uint32_t off,
			  bool *ret_system)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	size_t n = 0, n_read = 0;
	*ret_system = false;
	for (size_t i = 0; i < nodes->n; i++) {
		char name[NAME_BYTES];
		uint64_t pid = 0;
		if (psc_read_va(&k->reader, nodes->va[i] - links + off, name, sizeof(name)) != sizeof(name))
			continue;
		n_read++;
		n += is_name(name);
		if (psc_read_ptr(&k->reader, nodes->va[i] - ptr, &pid) && pid == SYSTEM_PID)
			*ret_system |= memcmp(name, "System", 7) == 0;
	}
	/* A process just made or half gone may have none. */
	return n_read != 0 && n * 8 >= n_read * 7 ? n : 0;
}

static void find_name(struct psc_kernel *k, const struct nodes *nodes, uint32_t links)
{
	uint64_t found[PSC_ALTERNATIVES_MAX];
	size_t n_found = 0, n_names = 0;
	const uint32_t end = k->kdbg.size_eprocess > NAME_BYTES && k->kdbg.size_eprocess < EPROCESS_MAX
				     ? k->kdbg.size_eprocess
				     : EPROCESS_MAX;
	for (uint32_t off = links; off + NAME_BYTES <= end && n_found < PSC_ALTERNATIVES_MAX; off += 4) {
		bool is_system;
		size_t n = count_names(k, nodes, links, off, &is_system);
		if (n == 0 || !is_system)
			continue;
		found[n_found++] = off;
		n_names = n;
	}
	if (n_found == 0)
		return;
	enum psc_confidence c = n_found > 1    ? PSC_CONFIDENCE_AMBIGUOUS
				: n_names >= 3 ? PSC_CONFIDENCE_PROVEN
					       : PSC_CONFIDENCE_WEAK;
	struct psc_inferred *item =
		psc_infer_field(k, PSC_FIELD_EPROCESS_ImageFileName, (uint32_t)found[0], NAME_BYTES,
				k->kdbg.size_eprocess, c, (uint32_t)n_names,
				"holds \"System\" in the process with identifier 4, and a printable name in %zu of %zu",
				n_names, nodes->n);
	if (n_found > 1)
		psc_infer_alternatives(k, item, found, n_found);
}

static void note_links(struct psc_kernel *k, const struct nodes *nodes, uint32_t links, size_t n_pids, const char *how)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	enum psc_confidence c = nodes->closed && n_pids == nodes->n && n_pids >= 3 ? PSC_CONFIDENCE_PROVEN
				: n_pids * 2 > nodes->n && n_pids >= 2             ? PSC_CONFIDENCE_LIKELY
										   : PSC_CONFIDENCE_WEAK;
	psc_infer_field(k, PSC_FIELD_EPROCESS_ActiveProcessLinks, links, 2 * ptr, k->kdbg.size_eprocess, c,
			(uint32_t)(2 * nodes->n),
			"%s; %zu list entries point back%s, %zu have a process identifier right before them", how,
			nodes->n, nodes->closed ? " and the list closes" : "", n_pids);
	psc_infer_field(k, PSC_FIELD_EPROCESS_UniqueProcessId, links - ptr, ptr, k->kdbg.size_eprocess, c,
			(uint32_t)n_pids, "4 in exactly one process and multiples of four in %zu of %zu", n_pids,
			nodes->n);
}

/* Does what a table says of builds like this one fit? Only where there is something to look at. */
static bool family_fits(struct psc_kernel *k, const struct nodes *nodes)
{
	const struct psc_field *links = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_ActiveProcessLinks);
	const struct psc_field *name = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_ImageFileName);
	const uint64_t system = system_process(k);
	bool is_system;
	if (!links || links->origin != PSC_ORIGIN_BUILTIN_RANGE || nodes->n == 0)
		return true;
	if (system != 0 && node_offset(nodes, system) != 0)
		return node_offset(nodes, system) == links->offset;
	if (nodes->n < 3 || !name)
		return true;
	size_t n = count_names(k, nodes, links->offset, name->offset, &is_system);
	return is_system || n != 0;
}

static void reject_family(struct psc_kernel *k)
{
	static const enum psc_field_id fields[] = {
		PSC_FIELD_EPROCESS_ActiveProcessLinks,
		PSC_FIELD_EPROCESS_ImageFileName,
		PSC_FIELD_EPROCESS_Session,
		PSC_FIELD_EPROCESS_UniqueProcessId,
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		psc_infer_drop_field(k, fields[i]);
	psc_infer_note(k, "_EPROCESS", "offset", 0, PSC_CONFIDENCE_REJECTED, 0,
		       "the built-in layout (%s) does not lead from the process list to processes with names",
		       k->profile.builtin_range ? k->profile.builtin_range : "of the nearest build");
	psc_warn(&k->warnings, "The built-in layout of _EPROCESS does not fit this kernel and is not used");
}

/* Without a head: the offset in System whose list leads through the kernel's data, and whose nodes are processes. */
static void find_head(struct psc_kernel *k)
{
	struct psc_kernel_data data;
	struct nodes nodes;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	const uint64_t system = system_process(k);
	uint64_t heads[PSC_ALTERNATIVES_MAX];
	size_t n_found = 0, n_pids = 0, n_nodes = 0;
	if (system == 0 || !psc_kernel_data_read(k, &data))
		return;
	for (uint32_t off = 2 * ptr; off < EPROCESS_MAX && n_found < PSC_ALTERNATIVES_MAX; off += ptr) {
		uint64_t pid, head;
		/* System is the first: what points to it is the head. */
		if (!psc_read_ptr(&k->reader, system + off - ptr, &pid) || pid != SYSTEM_PID ||
		    !psc_read_ptr(&k->reader, system + off + ptr, &head) || !psc_kernel_data_holds(&data, head))
			continue;
		walk_list(k, head, &nodes);
		size_t n = count_pids(k, &nodes);
		if (n == 0 || n * 2 <= nodes.n || node_offset(&nodes, system) != off)
			continue;
		heads[n_found++] = head;
		n_pids = n;
		n_nodes = nodes.n;
	}
	psc_kernel_data_free(&data);
	if (n_found == 0)
		return;
	enum psc_confidence c = n_found > 1   ? PSC_CONFIDENCE_AMBIGUOUS
				: n_pids >= 3 ? PSC_CONFIDENCE_PROVEN
					      : PSC_CONFIDENCE_WEAK;
	struct psc_inferred *item = psc_infer_sym(k, PSC_SYM_PsActiveProcessHead, heads[0], c, (uint32_t)n_pids,
						  "the head, in the kernel's data, of a list on which the System "
						  "process and %zu entries in all stand, %zu "
						  "of them behind a process identifier",
						  n_nodes, n_pids);
	if (n_found > 1)
		psc_infer_alternatives(k, item, heads, n_found);
}

/* Enough to go by: the System process, or several running ones that agree. */
static uint32_t find_links(struct psc_kernel *k, const struct nodes *nodes, const char **ret_how)
{
	uint64_t running[16];
	uint64_t system = system_process(k);
	uint32_t links = system ? node_offset(nodes, system) : 0;
	*ret_how = "PsInitialSystemProcess, which the kernel exports, contains an entry of the process list there";
	if (links != 0)
		return links;
	size_t n = running_processes(k, running, sizeof(running) / sizeof(*running));
	for (size_t i = 0; i < n; i++) {
		uint32_t off = node_offset(nodes, running[i]);
		if (off == 0)
			continue; /* the idle process is on no list */
		if (links != 0 && off != links)
			return 0;
		links = off;
	}
	*ret_how = "the processes of running threads contain an entry of the process list there";
	return links;
}

void psc_kernel_infer_process(struct psc_kernel *k)
{
	struct nodes nodes;
	const char *how;
	if (psc_kernel_sym(k, PSC_SYM_PsActiveProcessHead) == 0)
		find_head(k);
	const uint64_t head = psc_kernel_sym(k, PSC_SYM_PsActiveProcessHead);
	if (head == 0 || !psc_is_kernel_va(&k->space, head))
		return;
	walk_list(k, head, &nodes);
	if (!family_fits(k, &nodes))
		reject_family(k);
	if (psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_ActiveProcessLinks))
		return;
	size_t n_pids = count_pids(k, &nodes);
	uint32_t links = find_links(k, &nodes, &how);
	if (n_pids == 0 || links < 2 * psc_pointer_bytes(&k->space))
		return;
	note_links(k, &nodes, links, n_pids, how);
	find_name(k, &nodes, links);
}
