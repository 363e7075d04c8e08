/* SPDX-License-Identifier: MIT */
#include "blame/scan.h"

#include "util/bytes.h"
#include "util/cancel.h"
#include "util/vec.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX      12u
#define FOUND_MAX       200000u
#define WRAPPERS_PER_FN 8u
#define THIN_INSNS      160u     /* a function that only passes size or pool on is a wrapper if it is small */
#define BLOCKS_MAX      4000000u /* walked, in one image: far above what real ones need */
#define HITS_MAX        8u

#define RAX 0
#define R10 10

struct visit {
	struct psc_scan *s;
	uint32_t function;
};

static struct psc_val top(void)
{
	return psc_val_of(PSC_VAL_TOP, 0, 0);
}

/* Register + 1 that the code at rva jumps through: guard dispatchers and retpolines of the image; 0 = none. */
static uint32_t thunk_register(struct psc_scan *s, uint32_t rva)
{
	struct psc_hashkey k = {rva, 0};
	struct psc_ir_insn x;
	bool missing, is_new;
	uint32_t at = rva;
	uint32_t *known = (uint32_t *)psc_hashmap_put(&s->thunks, k, &is_new);
	if (known == NULL) {
		s->no_memory = true;
		return 0;
	}
	if (!is_new)
		return *known;
	for (int i = 0; i < 6 && psc_lift(s->lifter, s->img, at, &x, &missing); i++) {
		if (x.flow == PSC_FLOW_JUMP && x.target != 0) {
			at = x.target;
			continue;
		}
		if (x.flow == PSC_FLOW_JUMP && x.to.kind == PSC_OPND_REG)
			*known = x.to.reg + 1u;
		if (x.flow == PSC_FLOW_JUMP && x.to.kind == PSC_OPND_MEM && x.to.base == PSC_NO_REG &&
		    s->guard.dispatch_slot != 0 && (uint64_t)x.to.imm - s->img->base == s->guard.dispatch_slot)
			*known = RAX + 1;
		/* A retpoline calls over a trap, stores the register over its return address and returns. */
		if (x.flow == PSC_FLOW_CALL && x.target > at && x.target - at < 64 && i == 0) {
			struct psc_ir_insn store;
			if (psc_lift(s->lifter, s->img, x.target, &store, &missing) && store.n_ir == 1 &&
			    store.ir[0].op == PSC_IR_MOVE && store.ir[0].d.kind == PSC_OPND_MEM &&
			    store.ir[0].d.base == psc_flow_sp(s->img) && store.ir[0].d.imm == 0 &&
			    store.ir[0].a.kind == PSC_OPND_REG)
				*known = store.ir[0].a.reg + 1u;
		}
		if (x.flow != PSC_FLOW_NEXT || x.n_ir != 0 || x.lost != 0)
			break;
		at += x.len;
	}
	return *known;
}

static void add_hit(uint32_t *hits, unsigned *n, uint32_t target)
{
	for (unsigned i = 0; i < *n; i++)
		if (hits[i] == target)
			return;
	if (*n < HITS_MAX)
		hits[(*n)++] = target;
}

static void hits_of_value(const struct psc_scan *s, const struct psc_val *v, uint32_t *hits, unsigned *n)
{
	if (v->kind == PSC_VAL_FN) {
		for (unsigned i = 0; i < v->n; i++)
			for (uint32_t t = v->v[i] < s->targets.n ? (uint32_t)v->v[i] + 1 : 0; t != 0;
			     t = s->targets.items[t - 1].next)
				add_hit(hits, n, t - 1);
	} else if (v->kind == PSC_VAL_SET) {
		for (unsigned i = 0; i < v->n; i++) {
			uint64_t rva = v->v[i] - s->img->base;
			for (uint32_t t = rva < s->img->size_bytes ? psc_scan_entry(s, (uint32_t)rva) : 0; t != 0;
			     t = s->targets.items[t - 1].next)
				add_hit(hits, n, t - 1);
		}
	}
}

/* Targets that the call may reach. */
static unsigned resolve(struct psc_scan *s, const struct psc_flow_call *c, uint32_t hits[HITS_MAX])
{
	const struct psc_ir_insn *x = c->insn;
	unsigned n = 0;
	if (x->target != 0) {
		for (uint32_t t = psc_scan_entry(s, x->target); t != 0; t = s->targets.items[t - 1].next)
			add_hit(hits, &n, t - 1);
		uint32_t reg = n == 0 && x->flow != PSC_FLOW_BRANCH ? thunk_register(s, x->target) : 0;
		if (reg != 0)
			hits_of_value(s, &c->state->reg[(reg - 1) % PSC_IR_REGS], hits, &n);
	} else if (x->target_outside) {
		for (uint32_t t = psc_scan_outside(s, x->outside_va); t != 0; t = s->targets.items[t - 1].next)
			add_hit(hits, &n, t - 1);
		/* The kernel redirects imports and guarded calls to stubs outside of the image that jump through r10
		 * or rax. Registers that hold a routine at a call of anything else are left from before. */
		if (n == 0 && s->img->machine == PSC_MACHINE_X64) {
			hits_of_value(s, &c->state->reg[R10], hits, &n);
			if (n == 0)
				hits_of_value(s, &c->state->reg[RAX], hits, &n);
		}
	} else if (x->to.kind != PSC_OPND_NONE) {
		struct psc_val v = psc_state_operand(&s->env, c->state, &x->to);
		if (v.kind == PSC_VAL_FN && v.n == 1 && v.v[0] == PSC_FN_GUARD_DISPATCH)
			v = c->state->reg[s->img->machine == PSC_MACHINE_ARM64 ? 15 : RAX];
		hits_of_value(s, &v, hits, &n);
	}
	return n;
}

static struct psc_val parameter(struct psc_scan *s, const struct psc_flow_call *c, const struct psc_api_param *p)
{
	bool is32 = s->img->machine == PSC_MACHINE_X86;
	int arg = is32 ? p->arg32 : p->arg, offset = is32 ? p->offset32 : p->offset;
	if (arg < 0)
		return top();
	struct psc_val v = psc_state_argument(&s->env, c->state, (unsigned)arg, c->is_tail);
	if (offset < 0)
		return v;
	struct psc_val off = psc_val_const((uint64_t)offset);
	v = psc_val_apply(PSC_VOP_ADD, &v, &off, s->img->pointer_bytes, 0, 0);
	return psc_state_load(&s->env, c->state, &v, 4);
}

/* A wrapper's value in terms of its caller. */
static struct psc_val substitute(struct psc_scan *s, const struct psc_flow_call *c, const struct psc_val *v)
{
	if (v->kind != PSC_VAL_ARG)
		return *v;
	struct psc_val a = psc_state_argument(&s->env, c->state, v->n, c->is_tail), add = psc_val_const(v->v[0]);
	return psc_val_apply(PSC_VOP_ADD, &a, &add, s->img->pointer_bytes, 0, 0);
}

static bool is_own_argument(const struct psc_val *v)
{
	return v->kind == PSC_VAL_ARG && v->n < PSC_ARG_SAVED;
}

/* Does the function do nothing but jump on, with all arguments as they came? */
static bool is_thunk(const struct psc_scan *s, const struct psc_flow_call *c)
{
	static const uint8_t x64_args[] = {1, 2, 8, 9};
	const struct psc_state *st = c->state;
	uint8_t sp = psc_flow_sp(s->img);
	if (!c->is_tail || c->n_before > 4 || c->insn->flow == PSC_FLOW_BRANCH || st->n_slots != 0 ||
	    st->reg[sp].kind != PSC_VAL_STACK || st->reg[sp].v[0] != 0)
		return false;
	unsigned n = s->img->machine == PSC_MACHINE_X64 ? 4 : s->img->machine == PSC_MACHINE_ARM64 ? 8 : 0;
	for (unsigned i = 0; i < n; i++) {
		const struct psc_val *v = &st->reg[s->img->machine == PSC_MACHINE_X64 ? x64_args[i] : i];
		if (v->kind != PSC_VAL_ARG || v->n != i || v->v[0] != 0)
			return false;
	}
	return true;
}

static uint32_t add_target(struct psc_scan *s, const struct psc_target *t)
{
	if (s->targets.n >= FOUND_MAX)
		return UINT32_MAX;
	if (!PSC_VEC_RESERVE_ONE(&s->targets)) {
		s->no_memory = true;
		return UINT32_MAX;
	}
	s->targets.items[s->targets.n] = *t;
	s->targets.items[s->targets.n].next = 0;
	s->targets.items[s->targets.n].round = s->round + 1;
	return (uint32_t)s->targets.n++;
}

static void add_pending(struct psc_scan *s, uint32_t rva, const struct psc_target *t)
{
	unsigned same = 0;
	for (size_t i = 0; i < s->pending.n; i++)
		same += s->pending.items[i].rva == rva;
	if (same >= WRAPPERS_PER_FN)
		return;
	uint32_t target = add_target(s, t);
	if (target == UINT32_MAX || !PSC_VEC_RESERVE_ONE(&s->pending)) {
		s->no_memory |= target != UINT32_MAX;
		return;
	}
	s->pending.items[s->pending.n].rva = rva;
	s->pending.items[s->pending.n++].target = target;
}

static bool is_api_entry(const struct psc_scan *s, uint32_t rva)
{
	for (uint32_t t = psc_scan_entry(s, rva); t != 0; t = s->targets.items[t - 1].next)
		if (!s->targets.items[t - 1].is_wrapper)
			return true;
	return false;
}

static bool is_in_chain(const struct psc_scan *s, uint32_t target, uint32_t function)
{
	while (s->targets.items[target].is_wrapper && s->targets.items[target].foreign == NULL) {
		if (s->targets.items[target].function_rva == function)
			return true;
		target = s->targets.items[target].parent;
	}
	return false;
}

static void keep(struct psc_scan *s, const struct psc_found *f)
{
	if (s->found.n >= FOUND_MAX)
		return;
	if (!PSC_VEC_RESERVE_ONE(&s->found))
		s->no_memory = true;
	else
		s->found.items[s->found.n++] = *f;
}

struct registering {
	struct psc_scan *s;
	struct psc_found f;
};

static void keep_context(void *arg, const struct psc_context *c, bool is_soft)
{
	struct registering *r = (struct registering *)arg;
	r->f.tag = psc_val_const(c->tag);
	r->f.tag.is_soft = is_soft;
	r->f.size = c->size_bytes == PSC_CONTEXT_ANY_SIZE ? top() : psc_val_const(c->size_bytes);
	keep(r->s, &r->f);
}

static void found(struct visit *v, const struct psc_flow_call *c, uint32_t hit)
{
	struct psc_scan *s = v->s;
	struct psc_target t = s->targets.items[hit]; /* a copy: the array may move */
	struct psc_found f;
	memset(&f, 0, sizeof(f));
	if (is_thunk(s, c)) {
		if (!is_api_entry(s, v->function))
			add_pending(s, v->function, &t);
		return;
	}
	if (t.is_wrapper) {
		f.tag = substitute(s, c, &t.tag);
		f.pool = substitute(s, c, &t.pool);
		f.size = substitute(s, c, &t.size);
	} else {
		const struct psc_pool_api *a = t.api;
		if (a->condition_arg >= 0) {
			struct psc_val cond =
				psc_state_argument(&s->env, c->state, (unsigned)a->condition_arg, c->is_tail);
			uint64_t value;
			if (!psc_val_is_const(&cond, &value) || (uint32_t)value != a->condition_value)
				return;
		}
		f.tag = a->fixed_tag != 0 ? psc_val_const(a->fixed_tag) : parameter(s, c, &a->tag);
		f.pool = parameter(s, c, &a->pool);
		f.size = parameter(s, c, &a->size);
	}
	uint64_t tag;
	if (t.api->kind == PSC_API_DEFAULT && psc_val_is_const(&f.tag, &tag) && tag == 0)
		return; /* the framework makes one from the driver's name */
	f.target = hit;
	f.function_rva = v->function;
	f.call_rva = c->insn->rva;
	f.return_rva = c->is_tail ? 0 : c->insn->rva + c->insn->len;
	f.is_tail = c->is_tail;
	f.is_guess = c->is_guess;
	if (t.api->kind == PSC_API_REGISTRATION && !t.is_wrapper) {
		struct registering r = {s, f};
		psc_scan_registration(s, &f.tag, keep_context, &r);
		return;
	}
	bool thin = c->n_insns <= THIN_INSNS;
	bool passes = is_own_argument(&f.tag) || (thin && (is_own_argument(&f.size) || is_own_argument(&f.pool)));
	if ((passes || c->is_tail) && t.level < PSC_WRAPPER_LEVELS && !is_api_entry(s, v->function) &&
	    !is_in_chain(s, hit, v->function)) {
		struct psc_target w = t;
		w.is_wrapper = true;
		w.foreign = NULL;
		w.parent = hit;
		w.level = t.level + 1;
		w.function_rva = v->function;
		w.call_rva = f.call_rva;
		w.return_rva = f.return_rva;
		w.tag = f.tag;
		w.pool = f.pool;
		w.size = f.size;
		add_pending(s, v->function, &w);
		f.is_wrapper = true;
	}
	keep(s, &f);
}

static void on_call(void *arg, const struct psc_flow_call *c)
{
	struct visit *v = (struct visit *)arg;
	uint32_t hits[HITS_MAX];
	unsigned n = resolve(v->s, c, hits);
	for (unsigned i = 0; i < n; i++)
		if (v->s->targets.items[hits[i]].round == v->s->round)
			found(v, c, hits[i]);
}

struct group {
	uint32_t function, position;
};

static int compare_groups(const void *pa, const void *pb)
{
	const struct group *a = (const struct group *)pa, *b = (const struct group *)pb;
	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

/* Analyse each function that holds candidates. */
static void analyse(struct psc_scan *s, const struct psc_positions *p)
{
	struct group *g = (struct group *)malloc((p->n + 1) * sizeof(*g));
	uint32_t *must = (uint32_t *)malloc((p->n + 1) * sizeof(*must));
	if (g == NULL || must == NULL) {
		s->no_memory = true;
		goto out;
	}
	for (size_t i = 0; i < p->n; i++) {
		g[i].position = p->items[i];
		g[i].function = psc_scan_function_of(s, p->items[i]);
	}
	if (p->n > 1)
		qsort(g, p->n, sizeof(*g), compare_groups);
	for (size_t i = 0; i < p->n && !s->no_memory;) {
		struct psc_flow_result r;
		struct visit v = {s, g[i].function};
		size_t n = 0;
		for (; i < p->n && g[i].function == v.function; i++)
			must[n++] = g[i].position;
		if (psc_cancelled(s->img->cancel)) {
			s->is_cancelled = true;
			s->budget = 0;
		}
		if (s->budget == 0) {
			s->n_undecoded++;
			continue;
		}
		if (!psc_flow_run(&s->env, v.function, must, n, &s->budget, on_call, &v, &r))
			s->no_memory = true;
		s->n_functions++;
		s->n_undecoded += r.n_undecoded + r.n_missing + r.limit_hit;
	}
out:
	free(g);
	free(must);
}

static uint32_t wdf_target(void *arg, uint64_t index)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	for (size_t i = 0; i < s->targets.n && index < s->wdf.n_functions; i++)
		if (!s->targets.items[i].is_wrapper && s->targets.items[i].api->wdf_index >= 0 &&
		    (uint64_t)s->targets.items[i].api->wdf_index == index)
			return (uint32_t)i;
	return UINT32_MAX;
}

static uint32_t target_pops(void *arg, uint32_t target)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	if (target >= s->targets.n)
		return 0;
	const struct psc_target *t = &s->targets.items[target];
	if (t->foreign != NULL)
		return t->foreign->pops;
	return t->is_wrapper ? psc_scan_callee_pops(s, t->function_rva) : 4u * t->api->n_slots32;
}

static uint32_t outside_pops(void *arg, uint64_t va)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	uint32_t t = psc_scan_outside(s, va);
	return t != 0 ? target_pops(s, t - 1) : UINT32_MAX;
}

static int compare_found(const void *pa, const void *pb)
{
	const struct psc_found *a = (const struct psc_found *)pa, *b = (const struct psc_found *)pb;
	if (a->call_rva != b->call_rva)
		return a->call_rva < b->call_rva ? -1 : 1;
	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return memcmp(a->tag.v, b->tag.v, sizeof(a->tag.v)); /* contexts of one registration */
}

static void next_round(struct psc_scan *s)
{
	memset(s->want, 0, s->img->size_bytes / 8 + 1);
	s->round++;
	for (size_t i = 0; i < s->pending.n; i++)
		psc_scan_add_entry(s, s->pending.items[i].rva, s->pending.items[i].target);
	s->pending.n = 0;
	psc_scan_find_pointers(s);
}

bool psc_scan_run(struct psc_scan *s, const struct psc_code_image *img, const struct psc_externs *externs,
		  const struct psc_foreigns *foreigns)
{
	memset(s, 0, sizeof(*s));
	s->img = img;
	s->externs = externs;
	s->foreigns = foreigns;
	s->budget = BLOCKS_MAX;
	psc_hashmap_init(&s->slots, sizeof(uint32_t), 0);
	psc_hashmap_init(&s->entries, sizeof(uint32_t), 0);
	psc_hashmap_init(&s->thunks, sizeof(uint32_t), 0);
	psc_hashmap_init(&s->tables, sizeof(uint32_t), 0);
	psc_hashmap_init(&s->pops, sizeof(uint32_t), 0);
	s->want = (uint8_t *)calloc(1, img->size_bytes / 8 + 1);
	s->inner = (uint8_t *)calloc(1, img->size_bytes / 8 + 1);
	s->starts = (uint8_t *)calloc(1, img->size_bytes / 8 + 1);
	s->lifter = psc_lifter_new(img->machine);
	if (s->want == NULL || s->starts == NULL || s->inner == NULL || s->lifter == NULL ||
	    !psc_code_parts_read(img, &s->parts))
		return false;
	s->guard = psc_code_guard_read(img);
	psc_scan_find_targets(s);
	s->env.img = img;
	s->env.lifter = s->lifter;
	s->env.slots = &s->slots;
	s->env.guard_check = s->guard.check_slot;
	s->env.guard_dispatch = s->guard.dispatch_slot;
	s->env.wdf_table = s->wdf.table_slot;
	s->env.wdf_target = wdf_target;
	s->env.is_inside = psc_scan_is_inside;
	s->env.callee_pops = psc_scan_callee_pops;
	s->env.target_pops = target_pops;
	s->env.outside_pops = outside_pops;
	s->env.arg = s;
	while (!s->no_memory && s->targets.n > 0 && (foreigns == NULL || s->has_foreign)) {
		struct psc_positions p = {NULL, 0, 0};
		psc_scan_candidates(s, &p);
		if (!s->no_memory)
			analyse(s, &p);
		free(p.items);
		if (s->pending.n == 0 || s->round >= ROUNDS_MAX)
			break;
		next_round(s);
	}
	/* Which tag a context has is known when all registrations were seen. */
	for (size_t i = 0; i < s->found.n; i++) {
		struct psc_found *f = &s->found.items[i];
		if (s->targets.items[f->target].api->kind == PSC_API_CONTEXT)
			f->tag = psc_scan_context_tags(s, &f->tag, &f->size);
	}
	if (s->found.n > 1)
		qsort(s->found.items, s->found.n, sizeof(s->found.items[0]), compare_found);
	return !s->no_memory;
}

void psc_scan_deinit(struct psc_scan *s)
{
	psc_lifter_free(s->lifter);
	psc_code_parts_deinit(&s->parts);
	psc_hashmap_deinit(&s->slots);
	psc_hashmap_deinit(&s->entries);
	psc_hashmap_deinit(&s->thunks);
	psc_hashmap_deinit(&s->tables);
	psc_hashmap_deinit(&s->pops);
	free(s->targets.items);
	free(s->found.items);
	free(s->pending.items);
	free(s->want);
	free(s->starts);
	free(s->inner);
	memset(s, 0, sizeof(*s));
}
