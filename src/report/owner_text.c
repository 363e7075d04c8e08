/* SPDX-License-Identifier: MIT */
/* What owner says in words: how much it is, and what to do where proof is wanted (users 2.3, parts 5 and 6). */
#include "report/owner_internal.h"

#include <stdio.h>
#include <string.h>

/* A tag with this share of its pool is worth a look. */
#define HIGH_SHARE 0.05

void psc_owner_say_use(struct psc_owner_work *w)
{
	struct psc_owner_info *i = &w->r->info;
	double most = 0.0;
	enum psc_pool pool = PSC_POOL_NONPAGED;
	for (int p = 0; p < PSC_POOL_MAX; p++) {
		if (i->use[p].has_share && i->use[p].share > most) {
			most = i->use[p].share;
			pool = (enum psc_pool)p;
		}
	}
	if (w->k->space.mmu == PSC_MMU_NONE)
		i->use_text = "how much of the pool that is, a small dump does not say";
	else if (most == 0.0)
		i->use_text = "no use that could be measured";
	else
		i->use_text =
			psc_owner_text(w,
				       "%s: %.1f %% of the bytes of the %s pool; one dump shows what is in use "
				       "now, compare a later one with 'poolscope diff'",
				       most >= HIGH_SHARE ? "high use" : "use", 100.0 * most, psc_pool_name(pool));
}

static bool is_kernel(const char *name)
{
	return strcmp(name, "nt") == 0 || psc_owner_same_name(name, "hal");
}

struct command {
	char text[512];
	unsigned n;
};

static void add_driver(struct command *c, const char *module)
{
	size_t at = strlen(c->text);
	const char *quote = strchr(module, ' ') ? "\"" : "";
	if (c->n++ == 0)
		at += (size_t)snprintf(c->text, sizeof(c->text), "verifier /flags 0x8 /driver");
	if (at < sizeof(c->text))
		snprintf(c->text + at, sizeof(c->text) - at, " %s%s%s", quote, module, quote);
}

/* Verifier records what a verified driver allocates itself: for tags of a component that is the component. */
static void add_components(struct psc_owner_work *w, struct command *c)
{
	for (size_t i = 0; i < w->k->n_modules && w->kernel_tag; i++) {
		const struct psc_module *m = &w->k->modules[i];
		struct psc_symbol_text t;
		if (m->unloaded || !psc_symbolize(w->symbolizer, m->base, &t) || is_kernel(t.name) ||
		    !psc_owner_is_component(w, t.name))
			continue;
		add_driver(c, m->name);
	}
}

void psc_owner_say_next(struct psc_owner_work *w)
{
	struct psc_owner_info *i = &w->r->info;
	struct command c = {"", 0};
	const struct psc_owner_suspect *s = w->r->n_suspects != 0 ? &w->r->suspects[0] : NULL;
	bool is_cache = i->verdict == PSC_VERDICT_NO_SUSPECT, by_nt = psc_owner_is_component(w, "nt");
	i->has_protected_hit_tag = i->is_protected;
	if (s && !is_cache && !is_kernel(s->name))
		add_driver(&c, s->module);
	if (!is_cache)
		add_components(w, &c);
	if (c.n != 0)
		i->verifier_command = psc_owner_text(w, "%s", c.text);
	if (is_cache)
		i->verifier_text = "no driver is named, so there is none to verify";
	else if (c.n == 0)
		i->verifier_text = by_nt ? "the kernel allocates these blocks itself, and no driver is named"
					 : "no driver is named, so there is none to verify";
	else if (by_nt)
		i->verifier_text = "then restart and bring the use up again; blocks that the kernel allocates for the "
				   "driver are not recorded, only the driver's own";
	else
		i->verifier_text =
			"then restart, bring the use up again and take a kernel or complete dump: 'poolscope "
			"callers' then shows the return address of every live block of these drivers";
}
