/* SPDX-License-Identifier: MIT */
#include "blame/lift.h"

#include <stdlib.h>
#include <string.h>

#define INSN_MAX 16u

struct psc_lifter {
	csh handle;
	cs_insn *insn;
	uint32_t machine;
};

struct psc_lifter *psc_lifter_new(uint32_t machine)
{
	struct psc_lifter *l = (struct psc_lifter *)calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->machine = machine;
	cs_arch arch = machine == PSC_MACHINE_ARM64 ? CS_ARCH_ARM64 : CS_ARCH_X86;
	cs_mode mode = machine == PSC_MACHINE_X64 ? CS_MODE_64 : machine == PSC_MACHINE_X86 ? CS_MODE_32 : CS_MODE_ARM;
	if (cs_open(arch, mode, &l->handle) != CS_ERR_OK) {
		free(l);
		return NULL;
	}
	cs_option(l->handle, CS_OPT_DETAIL, CS_OPT_ON);
	l->insn = cs_malloc(l->handle);
	if (l->insn == NULL) {
		psc_lifter_free(l);
		return NULL;
	}
	return l;
}

void psc_lifter_free(struct psc_lifter *l)
{
	if (l == NULL)
		return;
	if (l->insn != NULL)
		cs_free(l->insn, 1);
	cs_close(&l->handle);
	free(l);
}

bool psc_lift(struct psc_lifter *l, const struct psc_code_image *img, uint32_t rva, struct psc_ir_insn *ret,
	      bool *ret_missing)
{
	size_t n = l->machine == PSC_MACHINE_ARM64 ? 4 : INSN_MAX;
	memset(ret, 0, sizeof(*ret));
	ret->rva = rva;
	*ret_missing = false;
	while (n > 0 && psc_code_at(img, rva, n) == NULL)
		n--;
	const uint8_t *code = n > 0 ? img->bytes + rva : NULL;
	uint64_t va = img->base + rva;
	bool short_read = l->machine == PSC_MACHINE_ARM64 ? n < 4 : n < INSN_MAX;
	if (code == NULL || !cs_disasm_iter(l->handle, &code, &n, &va, l->insn)) {
		*ret_missing = short_read;
		return false;
	}
	ret->len = (uint8_t)l->insn->size;
	ret->to.kind = PSC_OPND_NONE;
	if (l->machine == PSC_MACHINE_ARM64)
		psc_lift_arm64(l->handle, l->insn, img, ret);
	else
		psc_lift_x86(l->handle, l->insn, img, ret);
	return true;
}
