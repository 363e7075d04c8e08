/* SPDX-License-Identifier: MIT */
/* All evidence about a tag, of a good dump that the input patches. Its first byte says of which dump and tag, and
 * whether call sites are looked for. */
#include "patched_kernel.h"
#include "report/owner.h"

static const struct {
	const char *dump, *isf;
	const char *tags[4];
} machines[] = {
	{FUZZ_OWNER_DUMP, FUZZ_OWNER_ISF, {"4321", "Proc", "Thre", "Strg"}},
	{FUZZ_BEHALF_DUMP, FUZZ_BEHALF_ISF, {"Fecf", "File", "FMfn", "MmSt"}},
	{FUZZ_STACKDB_DUMP, FUZZ_STACKDB_ISF, {"Sddx", "Sdax", "Sdj ", "Irp "}},
	{FUZZ_TREE_DUMP, FUZZ_TREE_ISF, {"Vd0a", "Vd1b", "NtFC", "Toke"}},
};

static uint8_t choice;

static void read_owner(struct psc_kernel *k)
{
	struct psc_owner_options o = PSC_OWNER_OPTIONS_INIT;
	struct psc_owner *owner;
	size_t n, n_suspects, n_classes;
	uint64_t seen = 0;
	o.flags = (choice & 0x10) != 0 ? 0 : PSC_OWNER_NO_SITES;
	o.n_threads = 1;
	memcpy(o.tag, machines[choice & 3].tags[choice >> 2 & 3], 4);
	if (psc_owner_compute(k, &o, &owner, NULL) != PSC_OK)
		return;
	const struct psc_owner_evidence *rows = psc_owner_rows(owner, &n);
	const struct psc_owner_suspect *suspects = psc_owner_suspects(owner, &n_suspects);
	const struct psc_owner_class *classes = psc_owner_classes(owner, &n_classes);
	for (size_t i = 0; i < n; i++)
		if (rows[i].reason[0] == '\0' || (i != 0 && rows[i].role < rows[i - 1].role) ||
		    (rows[i].role == PSC_OWNER_SUSPECT && rows[i].caller.module == NULL))
			abort();
	for (size_t i = 0; i < n_classes; i++)
		seen += classes[i].live;
	if (seen != psc_owner_get_info(owner)->seen || n_suspects > n)
		abort();
	for (size_t i = 0; i < n_suspects; i++)
		if (suspects[i].pieces == 0)
			abort();
	psc_owner_free(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct patched_dump patched[4];
	if (size == 0)
		return 0;
	choice = data[0];
	patched_dump_make(&patched[choice & 3], machines[choice & 3].dump, data + 1, size - 1);
	patched_kernel_read(&patched[choice & 3], machines[choice & 3].isf, read_owner);
	return 0;
}
