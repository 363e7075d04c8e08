/* SPDX-License-Identifier: MIT */
#include "blame/flow.h"

#include "util/vec.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define INSNS_MAX   50000u
#define BLOCKS_MAX  8192u
#define WIDEN_AFTER 8
#define WIDEN_LIMIT 40
#define TABLE_MAX   1024u
#define SWEEP_MAX   (256u << 10)

struct block {
	uint32_t rva;
	uint32_t insn; /* index, UINT32_MAX = could not be decoded */
	bool has_state, is_queued, is_guess;
	uint8_t n_joins;
	struct psc_state *state;
};

struct rva_index {
	uint32_t rva, index;
};

struct flow {
	const struct psc_flow_env *env;
	uint32_t entry;
	struct {
		struct psc_ir_insn *items;
		size_t n, cap;
	} insns;
	struct psc_hashmap insn_at;  /* RVA -> uint32_t index */
	struct psc_hashmap block_at; /* RVA -> uint32_t index */
	struct {
		struct block *items;
		size_t n, cap;
	} blocks;
	struct rva_index *order; /* of blocks */
	size_t n_queued;
	uint64_t *budget;
	bool no_memory, new_leaders, guessing;
	struct psc_state body; /* before the first call seen: where the stack pointer stands in the function's body */
	bool has_body;
	struct psc_flow_result *result;
};

static struct psc_hashkey key(uint32_t rva)
{
	struct psc_hashkey k = {rva, 0};
	return k;
}

static struct psc_ir_insn *insn_at(struct flow *f, uint32_t rva)
{
	const uint32_t *i = (const uint32_t *)psc_hashmap_get(&f->insn_at, key(rva));
	return i != NULL ? &f->insns.items[*i] : NULL;
}

/* The instruction that runs after item i in a row, or NULL. */
static struct psc_ir_insn *next_of(struct flow *f, size_t i)
{
	const struct psc_ir_insn *x = &f->insns.items[i];
	uint32_t rva = x->rva + x->len;
	if (i + 1 < f->insns.n && f->insns.items[i + 1].rva == rva)
		return &f->insns.items[i + 1];
	return insn_at(f, rva);
}

static struct block *block_at(struct flow *f, uint32_t rva)
{
	const uint32_t *i = (const uint32_t *)psc_hashmap_get(&f->block_at, key(rva));
	return i != NULL ? &f->blocks.items[*i] : NULL;
}

static bool is_inside(const struct flow *f, uint32_t rva)
{
	return rva < f->env->img->size_bytes && f->env->is_inside(f->env->arg, f->entry, rva);
}

/* Make rva the start of a block and remember to decode it. */
static void add_leader(struct flow *f, uint32_t rva)
{
	bool is_new;
	if (block_at(f, rva) != NULL || f->no_memory)
		return;
	if (f->blocks.n >= BLOCKS_MAX) {
		f->result->limit_hit = true;
		return;
	}
	uint32_t *slot = (uint32_t *)psc_hashmap_put(&f->block_at, key(rva), &is_new);
	if (slot == NULL || !PSC_VEC_RESERVE_ONE(&f->blocks)) {
		f->no_memory = true;
		return;
	}
	*slot = (uint32_t)f->blocks.n;
	struct block *b = &f->blocks.items[f->blocks.n++];
	memset(b, 0, sizeof(*b));
	b->rva = rva;
	b->insn = UINT32_MAX;
	b->is_guess = f->guessing;
	f->new_leaders = true;
	struct psc_ir_insn *x = insn_at(f, rva);
	if (x != NULL)
		x->is_leader = true;
}

/* Decode in a row from a leader until the flow ends or meets what is decoded. */
static void decode_row(struct flow *f, uint32_t rva)
{
	while (insn_at(f, rva) == NULL && !f->no_memory) {
		bool missing, is_new;
		if (rva != f->entry && !is_inside(f, rva))
			return; /* a call that does not return stood last */
		if (f->insns.n >= INSNS_MAX) {
			f->result->limit_hit = true;
			return;
		}
		if (!PSC_VEC_RESERVE_ONE(&f->insns)) {
			f->no_memory = true;
			return;
		}
		struct psc_ir_insn *x = &f->insns.items[f->insns.n];
		if (!psc_lift(f->env->lifter, f->env->img, rva, x, &missing)) {
			if (missing)
				f->result->n_missing++;
			else
				f->result->n_undecoded++;
			return;
		}
		uint32_t *slot = (uint32_t *)psc_hashmap_put(&f->insn_at, key(rva), &is_new);
		if (slot == NULL) {
			f->no_memory = true;
			return;
		}
		*slot = (uint32_t)f->insns.n++;
		x->is_leader = block_at(f, rva) != NULL;
		rva += x->len;
		if ((x->flow == PSC_FLOW_BRANCH || x->flow == PSC_FLOW_JUMP) && x->target != 0 &&
		    is_inside(f, x->target))
			add_leader(f, x->target);
		if (x->flow == PSC_FLOW_JUMP || x->flow == PSC_FLOW_RETURN || x->flow == PSC_FLOW_STOP)
			return;
		if (x->flow == PSC_FLOW_BRANCH) {
			add_leader(f, rva);
			return;
		}
	}
}

static void decode_all(struct flow *f)
{
	/* add_leader appends: this covers what is found on the way. */
	for (size_t i = 0; i < f->blocks.n && !f->no_memory; i++) {
		if (f->blocks.items[i].insn != UINT32_MAX)
			continue;
		decode_row(f, f->blocks.items[i].rva);
		const uint32_t *at = (const uint32_t *)psc_hashmap_get(&f->insn_at, key(f->blocks.items[i].rva));
		if (at != NULL)
			f->blocks.items[i].insn = *at;
	}
	f->new_leaders = false;
}

static void enqueue(struct flow *f, struct block *b)
{
	f->n_queued += !b->is_queued;
	b->is_queued = true;
}

static void flow_into(struct flow *f, uint32_t rva, const struct psc_state *st)
{
	struct block *b = block_at(f, rva);
	if (b == NULL || b->insn == UINT32_MAX)
		return;
	if (!b->has_state) {
		b->state = (struct psc_state *)malloc(sizeof(*b->state));
		if (b->state == NULL) {
			f->no_memory = true;
			return;
		}
		memcpy(b->state, st, sizeof(*st));
		b->has_state = true;
		enqueue(f, b);
	} else if (b->n_joins < WIDEN_LIMIT && psc_state_join(f->env, b->state, st, b->n_joins >= WIDEN_AFTER)) {
		b->n_joins++;
		enqueue(f, b);
	}
}

static uint64_t element(const uint8_t *p, const struct psc_val *v)
{
	uint64_t x = 0;
	for (unsigned i = 0; i < v->width; i++)
		x |= (uint64_t)p[i] << (8 * i);
	if (v->is_signed && v->width < 8 && (x >> (8 * v->width - 1) & 1) != 0)
		x |= ~UINT64_C(0) << (8 * v->width);
	return (x << v->shift) + v->v[2];
}

/* A jump through a table of places in this function. */
static bool follow_table(struct flow *f, const struct psc_val *v, const struct psc_state *st)
{
	const struct psc_code_image *img = f->env->img;
	bool any = false;
	if (v->kind != PSC_VAL_TABLE || v->v[1] == 0 || v->width == 0 || v->width > 8)
		return false;
	for (uint64_t i = 0; i < TABLE_MAX; i++) {
		const uint8_t *p = psc_code_at_va(img, v->v[0] + i * v->v[1], v->width);
		uint64_t va = p != NULL ? element(p, v) : 0;
		if (img->pointer_bytes == 4)
			va &= UINT32_MAX;
		if (va <= img->base || va - img->base >= img->size_bytes)
			break;
		uint32_t rva = (uint32_t)(va - img->base);
		if (rva == f->entry || !is_inside(f, rva))
			break;
		any = true;
		add_leader(f, rva);
		flow_into(f, rva, st);
	}
	return any;
}

/* A jump through one address or a few, inside the function. */
static bool follow_constants(struct flow *f, const struct psc_val *v, const struct psc_state *st)
{
	const struct psc_code_image *img = f->env->img;
	bool any = false;
	for (unsigned i = 0; v->kind == PSC_VAL_SET && i < v->n; i++) {
		if (v->v[i] <= img->base || v->v[i] - img->base >= img->size_bytes ||
		    !is_inside(f, (uint32_t)(v->v[i] - img->base)))
			continue;
		any = true;
		add_leader(f, (uint32_t)(v->v[i] - img->base));
		flow_into(f, (uint32_t)(v->v[i] - img->base), st);
	}
	return any;
}

/* The last comparison of a register with a number, while nothing in between can have changed the flags. */
struct compare {
	bool is_known;
	uint8_t reg;
	int64_t imm;
};

static void keep_compare(struct compare *c, const struct psc_ir_insn *x)
{
	if (x->has_compare) {
		c->is_known = true;
		c->reg = x->compare_reg % PSC_IR_REGS;
		c->imm = x->compare_imm;
		return;
	}
	if (x->flow == PSC_FLOW_BRANCH)
		return;
	/* Moves leave flags alone. */
	for (unsigned i = 0; i < x->n_ir; i++)
		if (x->ir[i].op != PSC_IR_MOVE || (x->ir[i].d.kind == PSC_OPND_REG && x->ir[i].d.reg == c->reg))
			c->is_known = false;
	if (x->flow != PSC_FLOW_NEXT || x->lost != 0)
		c->is_known = false;
}

/* On this way the register has the value that it was compared with. */
static void assume(struct psc_state *st, const struct compare *c)
{
	if (c->is_known && st->reg[c->reg].kind != PSC_VAL_SET)
		st->reg[c->reg] = psc_val_const((uint64_t)c->imm);
}

static void flow_branch(struct flow *f, uint32_t rva, const struct psc_state *st, const struct compare *c)
{
	if (c == NULL || !c->is_known || st->reg[c->reg].kind == PSC_VAL_SET) {
		flow_into(f, rva, st);
		return;
	}
	struct psc_state *copy = (struct psc_state *)malloc(sizeof(*copy));
	if (copy == NULL) {
		f->no_memory = true;
		return;
	}
	memcpy(copy, st, sizeof(*copy));
	assume(copy, c);
	flow_into(f, rva, copy);
	free(copy);
}

typedef void call_fn(struct flow *f, size_t insn, const struct psc_state *st, bool is_tail, bool is_guess, void *arg);

/* Run one block on st; with on_call, only to report. */
static void walk_block(struct flow *f, uint32_t index, struct psc_state *st, call_fn *on_call, void *arg)
{
	size_t i = f->blocks.items[index].insn;
	uint32_t start = f->blocks.items[index].rva;
	bool guess = f->blocks.items[index].is_guess;
	struct compare cmp = {false, 0, 0};
	while (i < f->insns.n) {
		/* Nothing is decoded while blocks are walked: instructions stay where they are. */
		const struct psc_ir_insn *x = &f->insns.items[i];
		if (x->rva != start && x->is_leader) {
			if (on_call == NULL)
				flow_into(f, x->rva, st);
			return;
		}
		psc_state_step(f->env, st, x);
		keep_compare(&cmp, x);
		const struct psc_ir_insn *next = next_of(f, i);
		switch (x->flow) {
		case PSC_FLOW_CALL:
			if (on_call != NULL)
				on_call(f, i, st, false, guess, arg);
			if (!f->has_body) {
				memcpy(&f->body, st, sizeof(*st));
				f->has_body = true;
			}
			/* call next; pop: the address of the code itself. */
			psc_state_call(f->env, st, x, next);
			break;
		case PSC_FLOW_BRANCH:
			if (x->target != 0 && is_inside(f, x->target)) {
				if (on_call == NULL)
					flow_branch(f, x->target, st, x->condition == PSC_COND_EQUAL ? &cmp : NULL);
			} else if (on_call != NULL) {
				on_call(f, i, st, true, guess, arg);
			}
			if (x->condition == PSC_COND_NOT_EQUAL)
				assume(st, &cmp);
			break;
		case PSC_FLOW_JUMP:
			if (x->target != 0 && is_inside(f, x->target)) {
				if (on_call == NULL)
					flow_into(f, x->target, st);
			} else {
				bool inside = false;
				if (x->target == 0 && !x->target_outside && x->to.kind != PSC_OPND_NONE &&
				    on_call == NULL) {
					struct psc_val v = psc_state_operand(f->env, st, &x->to);
					inside = follow_table(f, &v, st) || follow_constants(f, &v, st);
				}
				if (on_call != NULL && !inside)
					on_call(f, i, st, true, guess, arg);
			}
			return;
		case PSC_FLOW_RETURN:
		case PSC_FLOW_STOP:
			return;
		default:
			break;
		}
		if (next == NULL)
			return;
		if (next == &f->insns.items[i + 1])
			i++;
		else
			i = (size_t)(next - f->insns.items);
	}
}

static int compare_rvas(const void *pa, const void *pb)
{
	const struct rva_index *a = (const struct rva_index *)pa, *b = (const struct rva_index *)pb;
	return a->rva < b->rva ? -1 : a->rva > b->rva;
}

/* All blocks by address. */
static bool sort_blocks(struct flow *f)
{
	struct rva_index *order = (struct rva_index *)realloc(f->order, (f->blocks.n + 1) * sizeof(*order));
	if (order == NULL) {
		f->no_memory = true;
		return false;
	}
	f->order = order;
	for (size_t i = 0; i < f->blocks.n; i++) {
		order[i].rva = f->blocks.items[i].rva;
		order[i].index = (uint32_t)i;
	}
	if (f->blocks.n > 1)
		qsort(order, f->blocks.n, sizeof(*order), compare_rvas);
	return true;
}

/* Walk blocks that wait until none does, in address order: that is nearly the order in which code runs. */
static void settle(struct flow *f)
{
	struct psc_state *st = (struct psc_state *)malloc(sizeof(*st));
	if (st == NULL)
		f->no_memory = true;
	while (f->n_queued > 0 && !f->no_memory && *f->budget > 0 && sort_blocks(f)) {
		size_t n = f->blocks.n;
		for (size_t i = 0; i < n && !f->no_memory; i++) {
			uint32_t index = f->order[i].index;
			if (!f->blocks.items[index].is_queued)
				continue;
			if (*f->budget == 0) {
				f->result->limit_hit = true;
				break;
			}
			--*f->budget;
			f->blocks.items[index].is_queued = false;
			f->n_queued--;
			memcpy(st, f->blocks.items[index].state, sizeof(*st));
			walk_block(f, index, st, NULL, NULL);
			if (!f->new_leaders)
				continue;
			/* Blocks that are cut now must flow into the new ones: walk all again. */
			decode_all(f);
			for (size_t b = 0; b < f->blocks.n; b++)
				if (f->blocks.items[b].has_state)
					enqueue(f, &f->blocks.items[b]);
			break;
		}
	}
	free(st);
}

static bool is_covered(struct flow *f, uint32_t rva)
{
	for (uint32_t back = 0; back < 16 && back <= rva; back++) {
		const struct psc_ir_insn *x = insn_at(f, rva - back);
		if (x != NULL && x->len > back)
			return true;
	}
	return false;
}

/* Reach `rva`, which the control flow does not (exception handlers, jumps that are not understood): decode in a row
 * from the entry, or from the last known instruction before it, and enter where the row begins that holds it. */
static void guess(struct flow *f, uint32_t rva)
{
	const struct psc_code_image *img = f->env->img;
	uint32_t at = f->entry, leader;
	struct psc_state *st;
	for (size_t i = 0; i < f->insns.n; i++) {
		const struct psc_ir_insn *x = &f->insns.items[i];
		if (x->rva + x->len <= rva && x->rva + x->len > at)
			at = x->rva + x->len;
	}
	if (rva < at || rva - at > SWEEP_MAX)
		return;
	leader = at;
	while (at <= rva) {
		struct psc_ir_insn x;
		bool missing;
		if (!psc_lift(f->env->lifter, img, at, &x, &missing)) {
			at += img->machine == PSC_MACHINE_ARM64 ? 4 : 1;
			leader = at;
			continue;
		}
		if (at + x.len > rva)
			break;
		at += x.len;
		if (x.flow == PSC_FLOW_JUMP || x.flow == PSC_FLOW_RETURN || x.flow == PSC_FLOW_STOP)
			leader = at;
	}
	if (leader != f->entry && !is_inside(f, leader))
		return;
	st = (struct psc_state *)malloc(sizeof(*st));
	if (st == NULL) {
		f->no_memory = true;
		return;
	}
	memset(st, 0, sizeof(*st));
	if (f->has_body) {
		uint8_t sp = psc_flow_sp(img), fp = img->machine == PSC_MACHINE_ARM64 ? 29 : 5;
		st->reg[sp] = f->body.reg[sp];
		if (f->body.reg[fp].kind == PSC_VAL_STACK)
			st->reg[fp] = f->body.reg[fp];
	} else {
		st->reg[psc_flow_sp(img)] = psc_val_of(PSC_VAL_STACK, 0, (uint64_t)-0x1000);
	}
	f->guessing = true;
	add_leader(f, leader);
	decode_all(f);
	flow_into(f, leader, st);
	settle(f);
	free(st);
}

static int compare_blocks(const void *pa, const void *pb)
{
	const struct block *a = *(const struct block *const *)pa, *b = *(const struct block *const *)pb;
	return a->rva < b->rva ? -1 : a->rva > b->rva;
}

struct report {
	void (*visit)(void *arg, const struct psc_flow_call *call);
	void *arg;
};

static void report_call(struct flow *f, size_t insn, const struct psc_state *st, bool is_tail, bool is_guess, void *arg)
{
	const struct report *r = (const struct report *)arg;
	const struct psc_ir_insn *x = &f->insns.items[insn];
	struct psc_flow_call c = {.insn = x,
				  .state = st,
				  .is_tail = is_tail,
				  .is_guess = is_guess,
				  .n_before = UINT_MAX,
				  .n_insns = (unsigned)f->insns.n};
	/* Decoded in one row from the entry: then its index counts what came before. */
	if (insn < 8 && x->rva >= f->entry) {
		uint32_t rva = f->entry;
		size_t i = 0;
		while (i < insn && f->insns.items[i].rva == rva && f->insns.items[i].flow == PSC_FLOW_NEXT)
			rva += f->insns.items[i++].len;
		if (i == insn && x->rva == rva)
			c.n_before = (unsigned)insn;
	}
	r->visit(r->arg, &c);
}

static void report_all(struct flow *f, struct report *r)
{
	struct block **order = (struct block **)malloc((f->blocks.n + 1) * sizeof(*order));
	struct psc_state *st = (struct psc_state *)malloc(sizeof(*st));
	size_t n = 0;
	if (order == NULL || st == NULL) {
		f->no_memory = true;
	} else {
		for (size_t i = 0; i < f->blocks.n; i++)
			if (f->blocks.items[i].has_state)
				order[n++] = &f->blocks.items[i];
		if (n > 1)
			qsort(order, n, sizeof(*order), compare_blocks);
		for (size_t i = 0; i < n; i++) {
			memcpy(st, order[i]->state, sizeof(*st));
			walk_block(f, (uint32_t)(order[i] - f->blocks.items), st, report_call, r);
		}
	}
	free(order);
	free(st);
}

bool psc_flow_run(const struct psc_flow_env *env, uint32_t entry, const uint32_t *must, size_t n_must, uint64_t *budget,
		  void (*visit)(void *arg, const struct psc_flow_call *call), void *arg, struct psc_flow_result *ret)
{
	struct flow *f = (struct flow *)calloc(1, sizeof(*f));
	struct psc_state *st = (struct psc_state *)malloc(sizeof(*st));
	bool ok = false;
	memset(ret, 0, sizeof(*ret));
	if (f == NULL || st == NULL)
		goto out;
	f->env = env;
	f->entry = entry;
	f->result = ret;
	f->budget = budget;
	psc_hashmap_init(&f->insn_at, sizeof(uint32_t), 0);
	psc_hashmap_init(&f->block_at, sizeof(uint32_t), 0);
	psc_state_init(st, env->img);
	add_leader(f, entry);
	decode_all(f);
	flow_into(f, entry, st);
	settle(f);
	for (size_t i = 0; i < n_must && !f->no_memory; i++)
		if (!is_covered(f, must[i]))
			guess(f, must[i]);
	if (!f->no_memory) {
		struct report r = {visit, arg};
		ret->n_insns = (uint32_t)f->insns.n;
		report_all(f, &r);
	}
	ok = !f->no_memory;
out:
	if (f != NULL) {
		for (size_t i = 0; i < f->blocks.n; i++)
			free(f->blocks.items[i].state);
		free(f->blocks.items);
		free(f->insns.items);
		free(f->order);
		psc_hashmap_deinit(&f->insn_at);
		psc_hashmap_deinit(&f->block_at);
	}
	free(f);
	free(st);
	return ok;
}
