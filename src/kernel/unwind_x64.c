/* SPDX-License-Identifier: MIT */
/* x64: RUNTIME_FUNCTION and UNWIND_INFO, undone on a set of registers. Reference: kernel 12 [V]; Microsoft's "x64
 * exception handling". Function tables are searched in memory, a record at a time: images are not copied. */
#include "kernel/unwind_internal.h"

#include "util/bytes.h"
#include "util/checked.h"
#include <string.h>

#define ENTRY_BYTES 12u
#define CHAIN_MAX   32u
#define RSP         PSC_REG_SP_X86

#define FLAG_CHAINED 4u

enum {
	OP_PUSH_NONVOL = 0,
	OP_ALLOC_LARGE = 1,
	OP_ALLOC_SMALL = 2,
	OP_SET_FPREG = 3,
	OP_SAVE_NONVOL = 4,
	OP_SAVE_NONVOL_FAR = 5,
	OP_EPILOG = 6, /* version 1: the obsolete SAVE_XMM */
	OP_SPARE = 7,  /* version 1: the obsolete SAVE_XMM_FAR */
	OP_SAVE_XMM128 = 8,
	OP_SAVE_XMM128_FAR = 9,
	OP_PUSH_MACHFRAME = 10,
};

struct entry {
	uint32_t begin, end, unwind;
	uint32_t owner;   /* begin of the record whose codes these are */
	bool is_detached; /* they are another record's: all of them have been carried out */
};

struct info {
	uint8_t version, flags, prolog_bytes, frame_register;
	uint32_t frame_offset;
	unsigned n_codes; /* slots of two bytes */
	uint8_t codes[2 * 256];
};

struct undo {
	const struct psc_unwind_memory *m;
	struct psc_cpu_regs *regs;
	uint64_t start_rsp;
	bool is_machine_frame, has_moved; /* the stack pointer is from a machine frame, from a frame register */
	uint64_t return_va;
	enum psc_unwind_result result;
};

static bool read_entry(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint64_t rva,
		       struct entry *ret)
{
	uint8_t b[ENTRY_BYTES];
	if (!psc_range_ok(rva, ENTRY_BYTES, img->size_bytes) ||
	    m->read(m->arg, img->base + rva, b, sizeof(b)) != sizeof(b))
		return false;
	ret->begin = ret->owner = psc_le32(b);
	ret->end = psc_le32(b + 4);
	ret->unwind = psc_le32(b + 8);
	ret->is_detached = false;
	return true;
}

/* OK with *ret_found; MISSING when a part of the table that decides is not there. */
static enum psc_unwind_result find_entry(const struct psc_unwind_memory *m, const struct psc_unwind_image *img,
					 uint32_t rva, struct entry *ret, bool *ret_found)
{
	uint32_t lo = 0, hi = img->pdata_bytes / ENTRY_BYTES;
	*ret_found = false;
	if (hi == 0)
		return PSC_UNWIND_MISSING;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (!read_entry(m, img, (uint64_t)img->pdata_rva + (uint64_t)mid * ENTRY_BYTES, ret))
			return PSC_UNWIND_MISSING;
		if (rva < ret->begin)
			hi = mid;
		else if (rva >= ret->end)
			lo = mid + 1;
		else {
			*ret_found = true;
			break;
		}
	}
	if (*ret_found && (ret->unwind & 1) != 0) {
		struct entry part = *ret;
		if (!read_entry(m, img, part.unwind & ~1u, ret))
			return PSC_UNWIND_MISSING;
		if ((ret->unwind & 1) != 0)
			return PSC_UNWIND_CORRUPT;
		ret->begin = part.begin;
		ret->end = part.end;
		ret->is_detached = true;
	}
	return PSC_UNWIND_OK;
}

/* *ret_after: RVA behind the codes, where a chained record is. */
static enum psc_unwind_result read_info(const struct psc_unwind_memory *m, const struct psc_unwind_image *img,
					uint32_t rva, struct info *ret, uint64_t *ret_after)
{
	uint8_t b[4];
	if (!psc_range_ok(rva, sizeof(b), img->size_bytes))
		return PSC_UNWIND_CORRUPT;
	if (m->read(m->arg, img->base + rva, b, sizeof(b)) != sizeof(b))
		return PSC_UNWIND_MISSING;
	ret->version = b[0] & 7;
	ret->flags = b[0] >> 3;
	ret->prolog_bytes = b[1];
	ret->n_codes = b[2];
	ret->frame_register = b[3] & 15;
	ret->frame_offset = (b[3] >> 4) * 16u;
	if (ret->version != 1 && ret->version != 2)
		return PSC_UNWIND_CORRUPT;
	if (!psc_range_ok((uint64_t)rva + 4, 2 * ret->n_codes, img->size_bytes))
		return PSC_UNWIND_CORRUPT;
	if (m->read(m->arg, img->base + rva + 4, ret->codes, 2 * ret->n_codes) != 2 * ret->n_codes)
		return PSC_UNWIND_MISSING;
	*ret_after = (uint64_t)rva + 4 + 2 * ((ret->n_codes + 1u) & ~1u);
	return PSC_UNWIND_OK;
}

/* Slots of the code at p; 0: no such operation. */
static unsigned slots_of(const uint8_t *p, unsigned version)
{
	unsigned op = p[1] & 15, info = p[1] >> 4;
	switch (op) {
	case OP_PUSH_NONVOL:
	case OP_ALLOC_SMALL:
	case OP_SET_FPREG:
		return 1;
	case OP_PUSH_MACHFRAME:
		return info <= 1 ? 1 : 0;
	case OP_ALLOC_LARGE:
		return info == 0 ? 2 : info == 1 ? 3 : 0;
	case OP_SAVE_NONVOL:
	case OP_SAVE_XMM128:
		return 2;
	case OP_SAVE_NONVOL_FAR:
	case OP_SAVE_XMM128_FAR:
		return 3;
	case OP_EPILOG:
		return version == 1 ? 2 : 1;
	case OP_SPARE:
		return version == 1 ? 3 : 2;
	default:
		return 0;
	}
}

static void load(struct undo *u, unsigned reg, uint64_t va)
{
	uint8_t b[8];
	if (u->m->read(u->m->arg, va, b, sizeof(b)) != sizeof(b)) {
		u->regs->known &= ~(1u << reg);
		return;
	}
	u->regs->gpr[reg] = psc_le64(b);
	u->regs->known |= 1u << reg;
}

static bool is_known(const struct undo *u, unsigned reg)
{
	return (u->regs->known >> reg & 1) != 0;
}

static bool grow(struct undo *u, uint64_t n)
{
	if (psc_add_u64(u->regs->gpr[RSP], n, &u->regs->gpr[RSP]))
		return true;
	u->result = PSC_UNWIND_CORRUPT;
	return false;
}

/* RIP 0, CS 8, EFLAGS 10, RSP 18, SS 20; an error code below it. */
static bool take_machine_frame(struct undo *u, bool has_error_code)
{
	uint8_t b[0x20];
	uint64_t at = u->regs->gpr[RSP] + (has_error_code ? 8 : 0);
	if (u->m->read(u->m->arg, at, b, sizeof(b)) != sizeof(b)) {
		u->result = PSC_UNWIND_MISSING;
		return false;
	}
	u->regs->pc = psc_le64(b);
	u->regs->gpr[RSP] = psc_le64(b + 0x18);
	u->return_va = at;
	u->is_machine_frame = true;
	return true;
}

/* base: what SAVE_NONVOL counts from; *has_base false when it hangs on a register that is not known. */
static bool undo_code(struct undo *u, const struct info *info, const uint8_t *p, uint64_t base, bool has_base)
{
	unsigned op = p[1] & 15, arg = p[1] >> 4;
	switch (op) {
	case OP_PUSH_NONVOL:
		if (arg == RSP) {
			u->result = PSC_UNWIND_CORRUPT;
			return false;
		}
		load(u, arg, u->regs->gpr[RSP]);
		return grow(u, 8);
	case OP_ALLOC_LARGE:
		return grow(u, arg == 0 ? psc_le16(p + 2) * 8u : psc_le32(p + 2));
	case OP_ALLOC_SMALL:
		return grow(u, arg * 8u + 8);
	case OP_SET_FPREG:
		if (info->frame_register == 0 || info->frame_register == RSP) {
			u->result = PSC_UNWIND_CORRUPT;
			return false;
		}
		if (!has_base) {
			u->result = PSC_UNWIND_UNKNOWN;
			return false;
		}
		u->regs->gpr[RSP] = base;
		u->has_moved = true;
		return true;
	case OP_SAVE_NONVOL:
	case OP_SAVE_NONVOL_FAR:
		if (arg == RSP) {
			u->result = PSC_UNWIND_CORRUPT;
			return false;
		}
		if (has_base)
			load(u, arg, base + (op == OP_SAVE_NONVOL ? psc_le16(p + 2) * 8u : psc_le32(p + 2)));
		else
			u->regs->known &= ~(1u << arg);
		return true;
	case OP_PUSH_MACHFRAME:
		return take_machine_frame(u, arg == 1);
	default: /* vector registers, marks of epilogues */
		return true;
	}
}

/* Undo what of one record's codes had been done at this offset in the function. */
static bool undo_record(struct undo *u, const struct info *info, uint32_t offset)
{
	bool in_prolog = offset < info->prolog_bytes, has_base = true;
	uint64_t base = u->start_rsp;
	bool has_frame = false;
	for (unsigned i = 0; i < info->n_codes;) {
		const uint8_t *p = info->codes + 2 * i;
		unsigned n = slots_of(p, info->version);
		if (n == 0 || n > info->n_codes - i) {
			u->result = PSC_UNWIND_CORRUPT;
			return false;
		}
		has_frame = has_frame || ((p[1] & 15) == OP_SET_FPREG && (!in_prolog || p[0] <= offset));
		i += n;
	}
	/* A chained part may name the register that its parent sets. */
	if (info->frame_register != 0 && (has_frame || !in_prolog)) {
		has_base = is_known(u, info->frame_register);
		base = u->regs->gpr[info->frame_register] - info->frame_offset;
	}
	for (unsigned i = 0; i < info->n_codes; i += slots_of(info->codes + 2 * i, info->version)) {
		const uint8_t *p = info->codes + 2 * i;
		if (in_prolog && p[0] > offset)
			continue;
		if (!undo_code(u, info, p, base, has_base))
			return false;
		if (u->is_machine_frame)
			return true;
	}
	return true;
}

bool psc_unwind_function_x64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint32_t rva,
			     uint32_t *ret_begin)
{
	struct entry e;
	bool found;
	if (find_entry(m, img, rva, &e, &found) != PSC_UNWIND_OK || !found)
		return false;
	for (unsigned hop = 0; hop < CHAIN_MAX; hop++) {
		struct info info;
		uint64_t after;
		if (read_info(m, img, e.unwind, &info, &after) != PSC_UNWIND_OK)
			return false;
		if (!(info.flags & FLAG_CHAINED)) {
			*ret_begin = e.owner;
			return true;
		}
		if (!read_entry(m, img, after, &e) || (e.unwind & 1) != 0)
			return false;
	}
	return false;
}

/* ---- epilogues: where an interrupt came, the codes say nothing of what is undone already ---- */

/* A tail call, and not a jump to another part of the same function. */
static bool jumps_out(const struct undo *u, const struct psc_unwind_image *img, const struct entry *e,
		      uint64_t next_rva, int64_t by)
{
	uint64_t to = next_rva + (uint64_t)by;
	uint32_t own, other;
	if (to >= e->begin && to < e->end)
		return to == e->begin;
	if (to >= img->size_bytes || !psc_unwind_function_x64(u->m, img, (uint32_t)to, &other))
		return true;
	return to == other || !psc_unwind_function_x64(u->m, img, e->begin, &own) || own != other;
}

/* The end of an epilogue at b: a return, or a jump that leaves the function. */
static bool is_exit(const struct undo *u, const struct psc_unwind_image *img, const struct entry *e, uint64_t rva,
		    const uint8_t *b, size_t n)
{
	if (n >= 1 && b[0] == 0xc3)
		return true;
	if (n >= 3 && b[0] == 0xc2)
		return true;
	if (n >= 2 && b[0] == 0xf3 && b[1] == 0xc3)
		return true;
	if (n >= 2 && b[0] == 0xeb)
		return jumps_out(u, img, e, rva + 2, (int8_t)b[1]);
	if (n >= 5 && b[0] == 0xe9)
		return jumps_out(u, img, e, rva + 5, (int32_t)psc_le32(b + 1));
	if (n >= 2 && b[0] == 0xff && b[1] == 0x25)
		return true;
	return n >= 3 && (b[0] & 0xf8) == 0x48 && b[1] == 0xff && (b[2] >> 3 & 7) == 4;
}

/* True when pc stands in an epilogue: then it was carried out on regs. */
static bool run_epilogue(struct undo *u, const struct psc_unwind_image *img, const struct entry *e,
			 const struct info *info, uint64_t rva)
{
	uint8_t b[64];
	struct psc_cpu_regs saved = *u->regs;
	size_t n = u->m->read(u->m->arg, img->base + rva, b, sizeof(b)), at = 0;
	if (n > e->end - rva)
		n = (size_t)(e->end - rva);
	if (n >= 4 && b[0] == 0x48 && b[1] == 0x83 && b[2] == 0xc4) {
		at = 4;
		u->regs->gpr[RSP] += (uint64_t)(int64_t)(int8_t)b[3];
	} else if (n >= 7 && b[0] == 0x48 && b[1] == 0x81 && b[2] == 0xc4) {
		at = 7;
		u->regs->gpr[RSP] += (uint64_t)(int64_t)(int32_t)psc_le32(b + 3);
	} else if (n >= 4 && (b[0] & 0xfe) == 0x48 && b[1] == 0x8d && info->frame_register != 0) {
		/* lea rsp, [frame register + displacement] */
		unsigned mod = b[2] >> 6, reg = (b[0] & 1u) << 3 | (b[2] & 7u);
		if ((b[2] >> 3 & 7) == 4 && reg == info->frame_register && is_known(u, reg) && (b[2] & 7) != 4) {
			if (mod == 1) {
				at = 4;
				u->regs->gpr[RSP] = u->regs->gpr[reg] + (uint64_t)(int64_t)(int8_t)b[3];
			} else if (mod == 2 && n >= 7) {
				at = 7;
				u->regs->gpr[RSP] = u->regs->gpr[reg] + (uint64_t)(int64_t)(int32_t)psc_le32(b + 3);
			}
		}
	}
	for (unsigned pops = 0; pops < 16 && at < n; pops++) {
		unsigned reg, length;
		if ((b[at] & 0xf8) == 0x58) {
			reg = b[at] & 7u;
			length = 1;
		} else if (n - at >= 2 && b[at] == 0x41 && (b[at + 1] & 0xf8) == 0x58) {
			reg = 8 + (b[at + 1] & 7u);
			length = 2;
		} else {
			break;
		}
		if (reg == RSP)
			break;
		load(u, reg, u->regs->gpr[RSP]);
		u->regs->gpr[RSP] += 8;
		at += length;
	}
	if (at < n && is_exit(u, img, e, rva + at, b + at, n - at))
		return true;
	*u->regs = saved;
	return false;
}

/* ---- the step ---- */

static void take_return(struct undo *u)
{
	uint8_t b[8];
	uint64_t at = u->regs->gpr[RSP];
	if (u->m->read(u->m->arg, at, b, sizeof(b)) != sizeof(b)) {
		u->result = PSC_UNWIND_MISSING;
		return;
	}
	u->regs->pc = psc_le64(b);
	u->regs->gpr[RSP] = at + 8;
	u->return_va = at;
}

static void follow_records(struct undo *u, const struct psc_unwind_image *img, struct entry e, uint64_t rva,
			   bool is_return, uint32_t *ret_function)
{
	uint32_t offset = e.is_detached ? UINT32_MAX : (uint32_t)(rva - e.begin);
	for (unsigned hop = 0;; hop++) {
		struct info info;
		uint64_t after = 0;
		u->result = read_info(u->m, img, e.unwind, &info, &after);
		*ret_function = e.owner;
		if (u->result != PSC_UNWIND_OK)
			return;
		if (hop == 0 && !is_return && offset >= info.prolog_bytes && run_epilogue(u, img, &e, &info, rva))
			return;
		if (!undo_record(u, &info, hop == 0 ? offset : UINT32_MAX) || u->is_machine_frame ||
		    !(info.flags & FLAG_CHAINED))
			return;
		if (hop == CHAIN_MAX || !read_entry(u->m, img, after, &e) || (e.unwind & 1) != 0) {
			u->result = hop == CHAIN_MAX ? PSC_UNWIND_CORRUPT : PSC_UNWIND_MISSING;
			return;
		}
	}
}

void psc_unwind_x64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, bool is_return,
		    struct psc_cpu_regs *regs, struct psc_unwind_step *ret)
{
	struct psc_cpu_regs work = *regs;
	struct undo u = {m, &work, regs->gpr[RSP], false, false, 0, PSC_UNWIND_OK};
	uint64_t rva = regs->pc - img->base;
	struct entry e;
	bool found;
	memset(ret, 0, sizeof(*ret));
	if (regs->pc < img->base || rva >= img->size_bytes || rva < (is_return ? 1u : 0u) || !is_known(&u, RSP)) {
		ret->result = is_known(&u, RSP) ? PSC_UNWIND_CORRUPT : PSC_UNWIND_UNKNOWN;
		return;
	}
	ret->result = find_entry(m, img, (uint32_t)(rva - (is_return ? 1 : 0)), &e, &found);
	if (ret->result != PSC_UNWIND_OK)
		return;
	ret->has_function = found;
	ret->is_leaf = !found;
	if (found)
		follow_records(&u, img, e, rva, is_return, &ret->function_rva);
	if (u.result == PSC_UNWIND_OK && !u.is_machine_frame)
		take_return(&u);
	/* An interrupt may have come on another stack, and what changes stacks keeps the old one in a frame register;
	 * other calls never go down. */
	if (u.result == PSC_UNWIND_OK && !u.is_machine_frame && !u.has_moved && work.gpr[RSP] <= u.start_rsp)
		u.result = PSC_UNWIND_CORRUPT;
	ret->result = u.result;
	if (u.result != PSC_UNWIND_OK)
		return;
	ret->result = u.is_machine_frame ? PSC_UNWIND_TRAP : PSC_UNWIND_OK;
	ret->return_va = u.return_va;
	/* rax, rcx, rdx, r8 .. r11 do not survive a call. */
	work.known &= ~(1u << 0 | 1u << 1 | 1u << 2 | 0xfu << 8);
	*regs = work;
}
