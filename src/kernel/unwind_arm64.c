/* SPDX-License-Identifier: MIT */
/* ARM64: packed .pdata words and .xdata records, undone on a set of registers; where neither says, the frame record
 * that x29 points to. Microsoft's "ARM64 exception handling"; reference kernel 13. */
#include "kernel/unwind_internal.h"

#include "util/bytes.h"
#include "util/checked.h"
#include <string.h>

#define ENTRY_BYTES 8u
#define FP          PSC_REG_FP_ARM64
#define LR          PSC_REG_LR_ARM64
#define SP          PSC_REG_SP_ARM64
#define CODES_MAX   (255u * 4) /* extended code words */

struct undo {
	const struct psc_unwind_memory *m;
	struct psc_cpu_regs *regs;
	uint64_t lr_va; /* where the link register was last restored from; 0: nowhere */
	enum psc_unwind_result result;
};

struct entry {
	uint32_t begin, data;
};

static bool read_entry(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint32_t index,
		       struct entry *ret)
{
	uint8_t b[ENTRY_BYTES];
	uint64_t rva = (uint64_t)img->pdata_rva + (uint64_t)index * ENTRY_BYTES;
	if (!psc_range_ok(rva, ENTRY_BYTES, img->size_bytes) ||
	    m->read(m->arg, img->base + rva, b, sizeof(b)) != sizeof(b))
		return false;
	ret->begin = psc_le32(b);
	ret->data = psc_le32(b + 4);
	return true;
}

/* Bytes of the function; 0: not known. */
static uint32_t length_of(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint32_t data)
{
	uint8_t b[4];
	if ((data & 3) != 0)
		return (data >> 2 & 0x7ff) * 4;
	if (!psc_range_ok(data, 4, img->size_bytes) || m->read(m->arg, img->base + data, b, 4) != 4)
		return 0;
	return (psc_le32(b) & 0x3ffff) * 4;
}

static enum psc_unwind_result find_entry(const struct psc_unwind_memory *m, const struct psc_unwind_image *img,
					 uint32_t rva, struct entry *ret, bool *ret_found)
{
	uint32_t lo = 0, hi = img->pdata_bytes / ENTRY_BYTES;
	struct entry e;
	*ret_found = false;
	if (hi == 0)
		return PSC_UNWIND_MISSING;
	while (lo < hi) { /* the last one that begins at or before rva */
		uint32_t mid = lo + (hi - lo) / 2;
		if (!read_entry(m, img, mid, &e))
			return PSC_UNWIND_MISSING;
		if (e.begin <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return PSC_UNWIND_OK;
	if (!read_entry(m, img, lo - 1, ret))
		return PSC_UNWIND_MISSING;
	uint32_t length = length_of(m, img, ret->data);
	if (length == 0)
		return PSC_UNWIND_MISSING;
	*ret_found = ret->begin <= rva && rva - ret->begin < length;
	return PSC_UNWIND_OK;
}

bool psc_unwind_function_arm64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint32_t rva,
			       uint32_t *ret_begin)
{
	struct entry e;
	bool found;
	if (find_entry(m, img, rva, &e, &found) != PSC_UNWIND_OK || !found)
		return false;
	*ret_begin = e.begin;
	return true;
}

bool psc_unwind_function_at(const struct psc_unwind_memory *m, const struct psc_unwind_image *img,
			    enum psc_machine machine, uint32_t rva, uint32_t *ret_begin)
{
	if (machine == PSC_MACHINE_X64)
		return psc_unwind_function_x64(m, img, rva, ret_begin);
	return machine == PSC_MACHINE_ARM64 && psc_unwind_function_arm64(m, img, rva, ret_begin);
}

/* ---- registers ---- */

static void load(struct undo *u, unsigned reg, uint64_t va)
{
	uint8_t b[8];
	if (reg > LR) {
		u->result = PSC_UNWIND_CORRUPT;
		return;
	}
	if (reg == LR)
		u->lr_va = va;
	if (u->m->read(u->m->arg, va, b, sizeof(b)) != sizeof(b)) {
		u->regs->known &= ~(1u << reg);
		return;
	}
	u->regs->gpr[reg] = psc_le64(b);
	u->regs->known |= 1u << reg;
}

static uint64_t sp_of(const struct undo *u)
{
	return u->regs->gpr[SP];
}

static void grow(struct undo *u, uint64_t n)
{
	if (!psc_add_u64(u->regs->gpr[SP], n, &u->regs->gpr[SP]))
		u->result = PSC_UNWIND_CORRUPT;
}

static void set_sp_from_fp(struct undo *u, uint64_t above)
{
	if ((u->regs->known >> FP & 1) == 0)
		u->result = PSC_UNWIND_UNKNOWN;
	else
		u->regs->gpr[SP] = u->regs->gpr[FP] - above;
}

/* ---- codes of .xdata ---- */

/* Bytes of the code that begins with b. */
static unsigned code_bytes(uint8_t b)
{
	if (b < 0xc0)
		return 1;
	if (b < 0xe0)
		return 2;
	if (b == 0xe0)
		return 4;
	if (b == 0xe2)
		return 2;
	if (b == 0xe7)
		return 3;
	return b == 0xf8 ? 2 : b == 0xf9 ? 3 : b == 0xfa ? 4 : b == 0xfb ? 5 : 1;
}

static bool is_end(uint8_t b)
{
	return b == 0xe4 || b == 0xe5;
}

/* save_next stands for the pair after the one whose code follows. */
static void load_pair(struct undo *u, unsigned first, unsigned nexts, uint64_t at)
{
	load(u, first + 2 * nexts, at + 16ull * nexts);
	load(u, first + 2 * nexts + 1, at + 16ull * nexts + 8);
}

/* KTRAP_FRAME and CONTEXT on the stack are of private layout: there the way ends. */
static void undo_code(struct undo *u, const uint8_t *p, unsigned *nexts)
{
	unsigned x = p[0], y = code_bytes(p[0]) > 1 ? p[1] : 0, z = y & 0x3f, n = *nexts, reg;
	*nexts = 0;
	if (x < 0x20) { /* alloc_s */
		grow(u, (x & 0x1f) * 16ull);
	} else if (x < 0x40) { /* save_r19r20_x */
		for (unsigned i = 0; i <= n; i++)
			load_pair(u, 19, i, sp_of(u));
		grow(u, (x & 0x1f) * 8ull);
	} else if (x < 0x80) { /* save_fplr */
		load(u, FP, sp_of(u) + (x & 0x3f) * 8ull);
		load(u, LR, sp_of(u) + (x & 0x3f) * 8ull + 8);
	} else if (x < 0xc0) { /* save_fplr_x */
		load(u, FP, sp_of(u));
		load(u, LR, sp_of(u) + 8);
		grow(u, ((x & 0x3f) + 1) * 8ull);
	} else if (x < 0xc8) { /* alloc_m */
		grow(u, ((x & 7u) << 8 | y) * 16ull);
	} else if (x < 0xd0) { /* save_regp, save_regp_x */
		reg = 19 + ((x & 3u) << 2 | y >> 6);
		uint64_t at = sp_of(u) + (x < 0xcc ? z * 8ull : 0);
		for (unsigned i = 0; i <= n; i++)
			load_pair(u, reg, i, at);
		if (x >= 0xcc)
			grow(u, (z + 1) * 8ull);
	} else if (x < 0xd4) { /* save_reg */
		load(u, 19 + ((x & 3u) << 2 | y >> 6), sp_of(u) + z * 8ull);
	} else if (x < 0xd6) { /* save_reg_x */
		load(u, 19 + ((x & 1u) << 3 | y >> 5), sp_of(u));
		grow(u, ((y & 0x1f) + 1) * 8ull);
	} else if (x < 0xd8) { /* save_lrpair */
		load(u, 19 + 2 * ((x & 1u) << 2 | y >> 6), sp_of(u) + z * 8ull);
		load(u, LR, sp_of(u) + z * 8ull + 8);
	} else if (x < 0xda) { /* save_fregp */
	} else if (x < 0xdc) { /* save_fregp_x */
		grow(u, (z + 1) * 8ull);
	} else if (x < 0xde) {  /* save_freg */
	} else if (x == 0xde) { /* save_freg_x */
		grow(u, ((y & 0x1f) + 1) * 8ull);
	} else if (x == 0xe0) { /* alloc_l */
		grow(u, ((uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) * 16ull);
	} else if (x == 0xe1) { /* set_fp */
		set_sp_from_fp(u, 0);
	} else if (x == 0xe2) { /* add_fp */
		set_sp_from_fp(u, y * 8ull);
	} else if (x == 0xe3 || x == 0xfc || x == 0xec) { /* nop, pac_sign_lr, clear_unwound_to_call */
		*nexts = n;
	} else if (x == 0xe6) { /* save_next */
		*nexts = n + 1;
	} else if (x == 0xe7) { /* save_any_reg: 0, pair, indexed, register; kind, offset */
		bool pair = (p[1] & 0x40) != 0, indexed = (p[1] & 0x20) != 0;
		uint64_t by = (p[2] & 0x3fu) * (pair || indexed ? 16ull : 8ull), at = sp_of(u) + (indexed ? 0 : by);
		reg = p[1] & 0x1fu;
		if ((p[2] & 0xc0) == 0) { /* integer registers */
			load(u, reg, at);
			if (pair)
				load(u, reg + 1, at + 8);
		}
		if (indexed)
			grow(u, by + 16);
	} else {
		u->result = PSC_UNWIND_UNKNOWN;
	}
}

struct xdata {
	uint8_t codes[CODES_MAX];
	uint32_t n_codes, n_epilogs, length;
	bool one_epilog; /* its codes start at n_epilogs; it ends the function */
	uint64_t scopes_rva;
};

static enum psc_unwind_result read_xdata(const struct psc_unwind_memory *m, const struct psc_unwind_image *img,
					 uint32_t rva, struct xdata *ret)
{
	uint8_t b[8];
	uint64_t at = rva;
	if (!psc_range_ok(rva, 8, img->size_bytes))
		return PSC_UNWIND_CORRUPT;
	if (m->read(m->arg, img->base + rva, b, sizeof(b)) != sizeof(b))
		return PSC_UNWIND_MISSING;
	uint32_t w = psc_le32(b), words = w >> 27;
	if ((w >> 18 & 3) != 0)
		return PSC_UNWIND_CORRUPT;
	ret->length = (w & 0x3ffff) * 4;
	ret->one_epilog = (w >> 21 & 1) != 0;
	ret->n_epilogs = w >> 22 & 0x1f;
	at += 4;
	if (ret->n_epilogs == 0 && words == 0) {
		w = psc_le32(b + 4);
		ret->n_epilogs = w & 0xffff;
		words = w >> 16 & 0xff;
		at += 4;
	}
	ret->scopes_rva = at;
	if (!ret->one_epilog)
		at += 4ull * ret->n_epilogs;
	ret->n_codes = words * 4;
	if (!psc_range_ok(at, ret->n_codes, img->size_bytes))
		return PSC_UNWIND_CORRUPT;
	return m->read(m->arg, img->base + at, ret->codes, ret->n_codes) == ret->n_codes ? PSC_UNWIND_OK
											 : PSC_UNWIND_MISSING;
}

/* Each code up to the end stands for one instruction. */
static uint32_t count_codes(const struct xdata *x, uint32_t from)
{
	uint32_t n = 0;
	for (uint32_t i = from; i < x->n_codes && !is_end(x->codes[i]); i += code_bytes(x->codes[i]))
		n++;
	return n;
}

/* Undo from code index on, without the first `skip` codes. */
static void undo_from(struct undo *u, const struct xdata *x, uint32_t from, uint32_t skip)
{
	unsigned nexts = 0;
	for (uint32_t i = from; i < x->n_codes && u->result == PSC_UNWIND_OK; i += code_bytes(x->codes[i])) {
		const uint8_t *p = x->codes + i;
		if (is_end(*p))
			return;
		if (code_bytes(*p) > x->n_codes - i) {
			u->result = PSC_UNWIND_CORRUPT;
			return;
		}
		if (skip != 0) {
			skip--;
			continue;
		}
		undo_code(u, p, &nexts);
	}
}

/* Where an interrupt came in an epilogue: *ret_from its codes, *ret_skip how many were carried out. */
static bool find_epilog(const struct undo *u, const struct psc_unwind_image *img, const struct xdata *x,
			uint32_t offset, uint32_t *ret_from, uint32_t *ret_skip)
{
	if (x->one_epilog) {
		uint32_t bytes = (count_codes(x, x->n_epilogs) + 1) * 4; /* with the return */
		if (bytes > x->length || offset < x->length - bytes)
			return false;
		*ret_from = x->n_epilogs;
		*ret_skip = (offset - (x->length - bytes)) / 4;
		return true;
	}
	for (uint32_t i = 0; i < x->n_epilogs; i++) {
		uint8_t b[4];
		if (u->m->read(u->m->arg, img->base + x->scopes_rva + 4ull * i, b, 4) != 4)
			return false;
		uint32_t start = (psc_le32(b) & 0x3ffff) * 4, from = psc_le32(b) >> 22;
		if (offset < start)
			return false; /* they ascend */
		if (offset - start < (count_codes(x, from) + 1) * 4) {
			*ret_from = from;
			*ret_skip = (offset - start) / 4;
			return true;
		}
	}
	return false;
}

static void undo_xdata(struct undo *u, const struct psc_unwind_image *img, const struct entry *e, uint32_t offset,
		       bool is_return)
{
	struct xdata x;
	uint32_t from = 0, skip = 0;
	u->result = read_xdata(u->m, img, e->data, &x);
	if (u->result != PSC_UNWIND_OK)
		return;
	uint32_t n = count_codes(&x, 0);
	if (offset < n * 4)
		skip = n - offset / 4; /* codes stand in the order of undoing: the last instructions first */
	else if (!is_return)
		(void)find_epilog(u, img, &x, offset, &from, &skip);
	undo_from(u, &x, from, skip);
}

/* ---- packed words: a canonical prologue ---- */

/* Interrupted at its first instruction or at its return, a function has saved nothing; in between the body is assumed.
 */
static bool is_bare(uint32_t data, uint32_t offset, bool is_return)
{
	return !is_return && (offset == 0 || offset + 4 == (data >> 2 & 0x7ff) * 4);
}

static void undo_packed(struct undo *u, uint32_t data)
{
	uint32_t reg_f = data >> 13 & 7, reg_i = data >> 16 & 15, homes = data >> 20 & 1, chain = data >> 21 & 3;
	uint64_t frame = (data >> 23 & 0x1ff) * 16ull, ints = reg_i * 8ull + (chain == 1 ? 8 : 0);
	uint64_t floats = reg_f != 0 ? (reg_f + 1) * 8ull : 0;
	uint64_t saved = (ints + floats + homes * 64 + 15) & ~15ull;
	if (saved > frame || reg_i > 10) {
		u->result = PSC_UNWIND_CORRUPT;
		return;
	}
	if (chain >= 2) {
		set_sp_from_fp(u, 0);
		if (u->result != PSC_UNWIND_OK)
			return;
		uint64_t at = sp_of(u);
		load(u, FP, at);
		load(u, LR, at + 8);
	}
	grow(u, frame - saved);
	for (unsigned i = 0; i < reg_i; i++)
		load(u, 19 + i, sp_of(u) + 8ull * i);
	if (chain == 1)
		load(u, LR, sp_of(u) + 8ull * reg_i);
	grow(u, saved);
}

/* ---- the step ---- */

/* Pointer authentication fills the bits above the address (reference: kernel 13 [2]). */
static uint64_t strip(uint64_t va)
{
	return (va >> 55 & 1) != 0 ? va | 0xffff800000000000u : va & 0x00007fffffffffffu;
}

void psc_unwind_arm64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, bool is_return,
		      struct psc_cpu_regs *regs, struct psc_unwind_step *ret)
{
	struct psc_cpu_regs work = *regs;
	struct undo u = {m, &work, 0, PSC_UNWIND_OK};
	uint64_t rva = regs->pc - img->base;
	struct entry e;
	bool found;
	memset(ret, 0, sizeof(*ret));
	ret->result = PSC_UNWIND_UNKNOWN;
	if ((regs->known >> SP & 1) == 0)
		return;
	ret->result = PSC_UNWIND_CORRUPT;
	if (regs->pc < img->base || rva >= img->size_bytes || rva % 4 != 0 || rva < (is_return ? 4u : 0u))
		return;
	ret->result = find_entry(m, img, (uint32_t)(rva - (is_return ? 4 : 0)), &e, &found);
	if (ret->result != PSC_UNWIND_OK)
		return;
	ret->has_function = found;
	ret->is_leaf = !found;
	if (found) {
		ret->function_rva = e.begin;
		if ((e.data & 3) == 3)
			u.result = PSC_UNWIND_CORRUPT;
		else if ((e.data & 3) == 0)
			undo_xdata(&u, img, &e, (uint32_t)(rva - e.begin), is_return);
		else if (!is_bare(e.data, (uint32_t)(rva - e.begin), is_return))
			undo_packed(&u, e.data);
	}
	/* A function that a call returns into has saved its link register. */
	if (u.result == PSC_UNWIND_OK && is_return && u.lr_va == 0)
		u.result = PSC_UNWIND_CORRUPT;
	if (u.result == PSC_UNWIND_OK && (work.known >> LR & 1) == 0)
		u.result = PSC_UNWIND_MISSING;
	if (u.result == PSC_UNWIND_OK && (work.gpr[SP] < regs->gpr[SP] || (is_return && work.gpr[SP] == regs->gpr[SP])))
		u.result = PSC_UNWIND_CORRUPT;
	ret->result = u.result;
	if (u.result != PSC_UNWIND_OK)
		return;
	work.pc = strip(work.gpr[LR]);
	work.known &= 0xfff80000u | 1u << FP; /* x19 up, fp, lr, sp */
	work.known &= ~(1u << LR);
	ret->return_va = u.lr_va;
	*regs = work;
}

bool psc_unwind_frame_record(const struct psc_unwind_memory *m, struct psc_cpu_regs *regs, struct psc_unwind_step *ret)
{
	uint8_t b[16];
	memset(ret, 0, sizeof(*ret));
	ret->result = PSC_UNWIND_UNKNOWN;
	if ((regs->known >> FP & 1) == 0)
		return false;
	uint64_t fp = regs->gpr[FP];
	ret->result = PSC_UNWIND_CORRUPT;
	if (fp % 8 != 0 || ((regs->known >> SP & 1) != 0 && fp < regs->gpr[SP]) || fp > UINT64_MAX - 16)
		return false;
	ret->result = PSC_UNWIND_MISSING;
	if (m->read(m->arg, fp, b, sizeof(b)) != sizeof(b))
		return false;
	ret->result = PSC_UNWIND_OK;
	ret->return_va = fp + 8;
	regs->gpr[FP] = psc_le64(b);
	regs->pc = strip(psc_le64(b + 8));
	/* The caller's stack pointer lies somewhere above the record. */
	regs->gpr[SP] = fp + 16;
	regs->known = 1u << FP | 1u << SP;
	return true;
}
