/* SPDX-License-Identifier: MIT */
/* Text for code addresses of the dump: module and offset, and the symbol when the module's own PDB is at hand. */
#ifndef PSC_KERNEL_SYMBOLIZE_H
#define PSC_KERNEL_SYMBOLIZE_H

#include "kernel/kernel.h"

/* What is at an address. All texts belong to the symbolizer and live until it is closed. */
struct psc_symbol_text {
	const char *module; /* file name, "http.sys" */
	const char *name;   /* as debuggers spell it: "http", the kernel "nt" */
	uint64_t module_base;
	uint64_t offset;     /* of the address from module_base */
	const char *symbol;  /* NULL: no PDB of this very module was found, or it has nothing near below the address */
	uint64_t symbol_rva; /* where symbol starts, from module_base; 0 without a symbol */
	uint64_t symbol_offset;
	bool is_unloaded; /* the module had been unloaded before the crash: the address may be of something else */
};

struct psc_symbolizer;

/* k is borrowed and must outlive the symbolizer. Reads no file yet: the PDB of a module is looked for when the first
 * address in it is asked for. A few PDB files are open at a time, and the texts of at most 65,536 addresses are kept:
 * further addresses get module and offset only. PSC_E_NO_MEMORY.
 * Threads: a symbolizer is used by one thread at a time. Symbolise what is printed, after the workers are done. */
enum psc_status psc_symbolizer_open(const struct psc_kernel *k, struct psc_symbolizer **ret, struct psc_error *reterr);
void psc_symbolizer_close(struct psc_symbolizer *s); /* NULL allowed */

/* False, and *ret zeroed, when va is in no module. Loaded modules come before unloaded ones. Out of memory, and in
 * modules whose PDB cannot be read, the symbol is left out. */
bool psc_symbolize(struct psc_symbolizer *s, uint64_t va, struct psc_symbol_text *ret);

/* "http!UlAllocate+0x21", "http+0x1a21" without a symbol, or the address in hex when module is NULL. Cut to cap - 1
 * bytes. Returns buf. */
const char *psc_symbol_text_format(const struct psc_symbol_text *t, uint64_t va, char *buf, size_t cap);

#endif
