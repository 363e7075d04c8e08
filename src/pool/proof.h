/* SPDX-License-Identifier: MIT */
/* Which headers in the saved memory of a triage dump are proven to be blocks: by a chunk header that decodes under the
 * heap key, or as a busy slot of a subsegment that decodes under the LFH key. Reference: pool 15. */
#ifndef PSC_POOL_PROOF_H
#define PSC_POOL_PROOF_H

#include "pool/seg.h"

enum psc_verdict {
	PSC_VERDICT_OPEN,      /* nothing speaks for or against it */
	PSC_VERDICT_VS,        /* a block */
	PSC_VERDICT_LFH,       /* a block */
	PSC_VERDICT_PARKED,    /* a block, freed and kept by a list: its header is overwritten */
	PSC_VERDICT_DISPROVED, /* inside a subsegment, but no busy slot starts here */
};

struct psc_proof {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	struct psc_seg_keys keys;
	struct psc_lfh_layout layout;
	struct psc_lfh_subsegment *subsegments; /* in address order */
	size_t n_subsegments;
};
enum psc_status psc_proof_init(struct psc_proof *p, struct psc_kernel *k, struct psc_error *reterr);
void psc_proof_deinit(struct psc_proof *p);
/* bytes: 16 at va. *ret_bytes: of the block's storage, when it is one. */
enum psc_verdict psc_proof_judge(const struct psc_proof *p, uint64_t va, const uint8_t *bytes, uint32_t *ret_bytes);

#endif
