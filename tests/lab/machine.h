/* SPDX-License-Identifier: MIT */
/*
 * One synthetic machine under construction, and everything that is known about it.
 *
 * Order of assembly: memory and images, then pool content (any number of calls of the planting functions), then
 * lab_machine_finish, which writes what depends on the whole: free lists, lookasides, trackers, the big-page table,
 * counters, the debugger data block.
 */
#ifndef LAB_MACHINE_H
#define LAB_MACHINE_H

#include "builds.h"
#include "container.h"
#include "text.h"

#define LAB_MAX_CPUS        16
#define LAB_PAGE            4096u
#define LAB_TAG(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define LAB_PROTECTED       0x80000000u

enum lab_pool { LAB_POOL_NONPAGED, LAB_POOL_PAGED, LAB_POOL_SESSION, LAB_N_POOLS };
enum lab_state { LAB_ALLOCATED, LAB_FREE, LAB_CACHED, LAB_PENDING };
/* What stores a block. BIG: known from the big-page table alone. */
enum lab_kind {
	LAB_KIND_LEGACY,
	LAB_KIND_BIG,
	LAB_KIND_LFH,
	LAB_KIND_VS,
	LAB_KIND_SEGMENT,
	LAB_KIND_LARGE,
	LAB_KIND_SPECIAL
};
/* In the order of _EX_HEAP_TYPE (pool.md 6.2). */
enum lab_heap_type {
	LAB_HEAP_NONPAGED, /* executable */
	LAB_HEAP_NONPAGED_NX,
	LAB_HEAP_PAGED,
	LAB_HEAP_PROTOTYPE,
	LAB_N_POOL_HEAPS,
	LAB_HEAP_SESSION,
	LAB_HEAP_SPECIAL
};

struct lab_walk {
	uint64_t live, live_bytes, free, cached;
};

/* What the kernel counted for one tag in one pool, per processor. */
struct lab_half {
	struct {
		uint64_t allocs, frees, bytes;
	} cpu[LAB_MAX_CPUS];
	struct lab_walk walk; /* only what was planted without a block record (bench) */
	bool is_protected;
};

enum lab_place { LAB_PLACE_SLOT, LAB_PLACE_EXPANSION, LAB_PLACE_OVERFLOW, LAB_PLACE_NONE };

struct lab_tag {
	uint32_t key; /* without the protected bit */
	struct lab_half pool[LAB_N_POOLS];
	enum lab_place place;
	uint32_t slot;
};

struct lab_block {
	uint64_t header_va; /* big: the data */
	uint64_t bytes;     /* as charged */
	uint32_t requested; /* 0: nothing tells */
	uint32_t tag;       /* with the protected bit */
	uint8_t pool, state;
	uint8_t kind;
	bool is_big, unreachable; /* unreachable: its header was corrupted */
	/* Segment heap only. */
	bool tag_lost;     /* a list's link lies over the tag */
	uint64_t outer_va; /* start of the heap's block; another than header_va where there are two headers */
	uint64_t heap_bytes, chunk_va, sub_va;
	uint64_t list_va; /* the entry of the list that keeps it; 0: not kept, or data address */
	uint64_t process; /* billed by its entry in a session's big-page table */
};

/* Allocated now, freed when others have been allocated behind it. */
struct lab_doomed {
	struct lab_heap *heap;
	uint64_t va, chunk_va;
	uint32_t bytes, index;
	uint8_t kind;
};

/* A free small block waiting for its list. */
struct lab_free_block {
	uint64_t links_va;
	uint16_t units;
};

struct lab_cached_block {
	uint64_t data_va;
	uint16_t units;
	uint8_t pool, nx;
};

/* One pool descriptor and the page being filled for it. */
struct lab_stream {
	enum lab_pool pool;
	bool nx;
	unsigned index; /* PoolIndex of its blocks */
	uint64_t descriptor_va;

	uint64_t page_va; /* 0: no page open */
	uint8_t *page;
	unsigned offset, last_offset, last_units; /* in units */
	bool last_is_free, has_block;
	uint32_t last_tag;
	size_t last_block;

	uint64_t pages, big_pages, bytes, allocs, frees;
	struct lab_free_block *free;
	size_t n_free, cap_free;
	uint64_t *pending; /* data addresses */
	size_t n_pending, cap_pending;
};

struct lab_big {
	uint64_t va, bytes, n_pages, quota_process;
	uint32_t tag;
	uint16_t pool_type;
	bool live, outside; /* outside: in none of the heaps */
};

/* One list of cached blocks in the order of its links: what stands behind an unreadable node cannot be known. */
struct lab_chain {
	uint64_t head_va, *nodes;
	size_t n;
};

struct lab_module {
	char base_name[64], full_name[128];
	struct lab_image *image;
	uint64_t base, entry_va;
};

/* A type of objects, and how many there are and how many handles are open to them. */
#define LAB_OBJECT_TYPES 6u
struct lab_object_type {
	const char *name, *key;
	uint32_t objects, handles;
};

struct lab_process {
	char name[16];
	uint64_t va, pid;
	bool in_session;
};

enum lab_stackdb_use { LAB_STACKDB_NONE, LAB_STACKDB_USED, LAB_STACKDB_STALE /* headers hold other numbers */ };

struct lab_options {
	const struct lab_build *build;
	const char *case_name;
	const char *work_dir;
	uint64_t seed, ram_bytes, pool_bytes;
	uint64_t ram_base; /* physical address that is 0 elsewhere */
	unsigned n_cpus;
	unsigned n_nodes;    /* NUMA nodes of the heap-backed pool; 0: one */
	unsigned track_log2; /* 0: by RAM size */
	uint64_t invalid_pte_mask;
	bool real_kernel; /* GUID and addresses of a real one */
	bool no_tagging, encode_kdbg, packed_slists, no_session, no_block_records, large_pages, verifier;
	enum lab_stackdb_use stackdb;
	uint64_t later_100ns; /* time and uptime beyond those of other machines: a later dump of one boot */
	bool other_softpte;   /* the generation of page table entries that the build does not have */
	bool moved_mi;        /* MiState laid out as no kernel does it */
	bool rebooted;        /* the uptime began again */
	bool la57;            /* page tables of five levels, the pools where only they reach */
	bool special;         /* special pool of the classic allocator */
	bool objects;         /* the object manager's types of objects */
	bool sessions;        /* more in a session, and on x64 a second one at its address */
	uint64_t fill_seed;   /* bench: the frames nobody touched are pseudo-random */
	const char *backing;  /* the full dump in which RAM is kept while the machine is built; NULL: host memory */
};

#define LAB_MODULES_MAX 24
struct lab_machine {
	struct lab_options o;
	const struct lab_build *b;
	struct lab_mem *mem;
	uint64_t rng;
	unsigned unit, header_bytes, page_units, max_units, n_cpus;

	struct lab_image *kernel;
	struct lab_module modules[LAB_MODULES_MAX];
	size_t n_modules;
	struct lab_process processes[16];
	size_t n_processes;
	struct lab_object_type object_types[LAB_OBJECT_TYPES];

	uint64_t system_va, nonpaged_va, paged_va, bump_va, bump_left;
	bool in_expansion;
	unsigned n_large_pages;
	uint64_t nonpaged_low, nonpaged_high; /* pages handed out */
	uint64_t paged_high;
	uint64_t expansion_low, expansion_high;

	struct lab_stream streams[8];
	size_t n_streams;
	unsigned n_paged_descriptors;
	uint64_t quota_cookie;

	struct lab_heap *heaps[64 * LAB_N_POOL_HEAPS + 16];
	size_t n_heaps;
	unsigned n_pool_nodes, n_vs_slots;
	uint32_t lfh_bitmap_at; /* in _HEAP_LFH_SUBSEGMENT: asked for too often for a look-up */
	uint64_t heap_key, lfh_key, session_heap_va;
	struct lab_heap *special_heaps[3], *session_heap;
	uint64_t root_va; /* the page with the first node of ExPoolState */
	uint64_t *broken; /* overwritten on purpose: chunk, block, subsegment or descriptor */
	size_t n_broken, cap_broken;
	uint64_t lost_exact_bytes; /* of kernel dumps; 0: at least what is missing */
	struct lab_damage {
		const char *what;
		uint64_t va;
		bool in_session;
	} * damages;
	size_t n_damages, cap_damages;
	struct lab_doomed doomed[64];
	unsigned n_doomed;

	struct lab_tag *tags;
	size_t n_tags, cap_tags;
	uint32_t *tag_index; /* hash of key to position + 1 */
	size_t n_tag_index;

	struct lab_block *blocks;
	size_t n_blocks, cap_blocks;
	struct lab_cached_block *cached;
	size_t n_cached, cap_cached;
	struct lab_chain *chains;
	size_t n_chains, cap_chains;
	struct lab_big *bigs;
	size_t n_bigs, cap_bigs;
	size_t big_entries;

	uint64_t pcr_va[LAB_MAX_CPUS], prcb_va[LAB_MAX_CPUS], thread_va[LAB_MAX_CPUS], stack_va[LAB_MAX_CPUS];
	uint64_t track_table_va[LAB_MAX_CPUS], track_table_bytes, expansion_table_va;
	unsigned n_track_tables;
	uint64_t track_mask, n_expansion;
	uint64_t big_table_va;
	bool special_records;  /* Verifier has some of classic special pool */
	unsigned n_special[2]; /* pages of it, by pool */
	uint64_t zero_pfn;     /* the frame of all untouched nonpaged pages; 0: none yet */
	uint64_t session_va, session_process_dtb, session_table_va, session_mask;
	uint64_t session_big_va, session_big_entries; /* its own big-page table; 0: none */
	struct lab_big *session_bigs;
	size_t n_session_bigs, cap_session_bigs;
	bool in_session; /* its space is mapped, and what is damaged is there */
	uint64_t kdbg_va;
	struct lab_stack {
		uint64_t va, pid, tid, limit, base;
	} stacks[16]; /* threads beside the running ones */
	unsigned n_stacks;
	uint64_t dpc_stack[LAB_MAX_CPUS]; /* upper ends; 0 but in the case of stacks */

	/* What the truth says beside the rows. */
	uint64_t paged_out_pages, transition_pages, stale_pages, dropped_pages;
	bool modules_count_unknown;
	const struct lab_owner *owner; /* NULL: no such case */
	size_t n_shared_tags;          /* of an owner case: the first of the tags, which the usual drivers allocate */
	struct lab_verifier *verifier; /* NULL: it was off */
	struct lab_stackdb *stackdb;   /* likewise */
	struct lab_build own_build;
	bool lost_slots[1 << 13]; /* main-table slots with an unreadable counter in kernel dumps */
	bool main_table_lost;     /* the lost slots' keys are unknown as well */
};

/* machine.c */
struct lab_machine *lab_machine_new(const struct lab_options *o);
/* Where the build's page tables show as data. */
uint64_t lab_pte_base(const struct lab_build *b);
void lab_machine_finish(struct lab_machine *m);
void lab_machine_free(struct lab_machine *m);
void lab_machine_header(const struct lab_machine *m, struct lab_header *ret);
uint32_t lab_random(struct lab_machine *m, uint32_t below);
void lab_put_ptr(struct lab_machine *m, uint64_t va, uint64_t value);
uint64_t lab_get_ptr(struct lab_machine *m, uint64_t va);
/* Writes size_bytes (1..8) of value. */
void lab_put_n(struct lab_machine *m, uint64_t va, uint64_t value, uint32_t size_bytes);
/* A field of a structure at va; false if the build's structure has no such field. */
bool lab_put_field(struct lab_machine *m, uint64_t va, const char *type, const char *field, uint64_t value);
/* Links a two-way list through head and the nodes, in that order. */
void lab_link_list(struct lab_machine *m, uint64_t head, const uint64_t *nodes, size_t n);
/* Zeroed pages of kernel memory that is not pool, an unmapped page behind them. */
uint64_t lab_system_pages(struct lab_machine *m, uint64_t bytes);
/* Zeroed nonpaged memory that no pool structure knows. */
uint64_t lab_system_bytes(struct lab_machine *m, uint64_t bytes);

/* globals.c */
struct lab_global *lab_globals(const struct lab_build *b, size_t *ret_n);
/* Gives those that the real kernel has its addresses. */
void lab_globals_pin(struct lab_global *globals, size_t n, const struct lab_real_kernel *real);
bool lab_has_global(const struct lab_machine *m, const char *name);
/* Address of a kernel global; dies if there is none. */
uint64_t lab_global_va(const struct lab_machine *m, const char *name);
/* Stores a pointer-sized value if the build has the variable. */
void lab_set_global(struct lab_machine *m, const char *name, uint64_t value);
void lab_set_global32(struct lab_machine *m, const char *name, uint32_t value);

/* tags.c */
struct lab_tag *lab_tag_get(struct lab_machine *m, uint32_t tag);
/* One allocation or free on some processor; bytes as charged. */
void lab_track_alloc(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes);
void lab_track_free(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes);
/* Totals spread over the processors; live_bytes is what stays charged. */
void lab_track_bulk(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t allocs, uint64_t frees,
		    uint64_t live_bytes);
/* On one processor, exactly. */
void lab_track_cpu(struct lab_machine *m, uint32_t tag, enum lab_pool pool, unsigned cpu, uint64_t allocs,
		   uint64_t frees, uint64_t bytes);

/* legacy_pool.c */
struct lab_request {
	uint32_t tag; /* with the protected bit if wanted */
	enum lab_pool pool;
	uint32_t bytes;       /* what the caller asked for */
	enum lab_state state; /* of the block now */
	bool nx, cache_aligned, slack_unit, untracked;
	uint64_t quota_process; /* EPROCESS or 0 */
};
void lab_pool_init(struct lab_machine *m);
/* Small block; returns the data address. Big ones go to lab_big. */
uint64_t lab_pool_block(struct lab_machine *m, const struct lab_request *r);
/* A small live allocation with nothing special; on heap-backed builds memory without a pool header. */
uint64_t lab_small(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint32_t bytes);
/* Closes the page being filled, so that the next block starts a new one. */
void lab_pool_close_page(struct lab_machine *m, struct lab_stream *s);
void lab_pool_close_all(struct lab_machine *m);
struct lab_stream *lab_stream_for(struct lab_machine *m, enum lab_pool pool, bool nx);
/* Address space of n contiguous pool pages, not mapped. */
uint64_t lab_pool_va(struct lab_machine *m, enum lab_pool pool, uint64_t n_pages);
/* Freed nonpaged pages that are still mapped. */
void lab_pool_stale_page(struct lab_machine *m);
/* Largest caller size of a small block. */
uint32_t lab_pool_max_small(const struct lab_machine *m);
/* Exactly count live blocks that together are charged bytes; dies if that is impossible. */
void lab_plant_exact(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t count, uint64_t bytes);
void lab_record(struct lab_machine *m, const struct lab_block *block);

/* pool_finish.c */
void lab_pool_finish(struct lab_machine *m);

/* heap.c, heap_pool.c: the segment heaps behind the pool of 1903 and later */
void lab_heaps_init(struct lab_machine *m);
void lab_heaps_finish(struct lab_machine *m);
void lab_heaps_free(struct lab_machine *m);
/* heap_truth.c: one object a heap, by address. */
struct cJSON *lab_heaps_truth(struct lab_machine *m);
void lab_heaps_free_doomed(struct lab_machine *m);
/* Pages in use by the heaps of a pool. */
uint64_t lab_heaps_pages(const struct lab_machine *m, enum lab_pool pool);
struct lab_heap *lab_heap_new(enum lab_heap_type type, unsigned node, uint64_t va);
void lab_heap_write(struct lab_machine *m, struct lab_heap *h);
/* heap_view.c: what can be known of each block where pages are missing. */
enum lab_seen {
	LAB_SEEN,
	LAB_SEEN_STORAGE, /* where it is and how long, but not its header */
	LAB_SEEN_NOT,     /* its place in the heap is lost */
	LAB_SEEN_MAYBE    /* the heap does not tell; a search may */
};
uint8_t *lab_heap_seen(struct lab_machine *m, bool (*readable)(const struct lab_machine *m, uint64_t va, int which),
		       int which);
/* The session's heap, with the blocks that the session's trackers count. */
void lab_session_heap(struct lab_machine *m);
/* special.c: special pool of the classic allocator, where the options want it. */
struct lab_special {
	uint32_t tag, bytes;
	bool paged, at_start, freed, transition, paged_out;
};
uint64_t lab_special_plant(struct lab_machine *m, const struct lab_special *s); /* the data address */
/* Verifier's record of a block at the end of its page. */
void lab_special_track(struct lab_machine *m, uint64_t va, uint64_t record);
void lab_special_mix(struct lab_machine *m);
void lab_special_finish(struct lab_machine *m);
/* ranges.c, x86 */
void lab_set_va_type(struct lab_machine *m, uint64_t from, uint64_t to, uint8_t type);
/* A special-pool allocation (pool.md 7.2); the data address. */
uint64_t lab_special(struct lab_machine *m, uint32_t tag, bool paged, uint32_t bytes);
/* The heap that serves such a request, on some node. */
struct lab_heap *lab_heap_for(struct lab_machine *m, enum lab_pool pool, bool nx, uint32_t tag);
/* Small block; returns the data address, 0 if it is freed already. */
uint64_t lab_heap_block(struct lab_machine *m, struct lab_heap *h, const struct lab_request *r);
uint64_t lab_heap_big_bytes(uint64_t bytes);
struct lab_heap_big {
	uint64_t va, chunk_va, sub_va;
	uint8_t kind;
	unsigned context;
};
/* Space for a big allocation of that many bytes, as lab_heap_big_bytes rounds them. */
struct lab_heap_big lab_heap_big(struct lab_machine *m, struct lab_heap *h, uint64_t bytes, bool live);
/* n_pages with frames of their own, and the rest as lab_map_untouched. */
void lab_heap_big_commit(struct lab_machine *m, struct lab_heap *h, const struct lab_heap_big *b, uint64_t n_pages,
			 uint64_t n_all);

/* big.c */
enum lab_big_content { LAB_BIG_UNTOUCHED, LAB_BIG_FIRST_PAGE, LAB_BIG_ZERO, LAB_BIG_TRAP };
uint64_t lab_big(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes, enum lab_big_content content);
/* The same for what was charged in bulk. */
uint64_t lab_big_uncharged(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes,
			   enum lab_big_content content);
void lab_map_untouched(struct lab_machine *m, uint64_t va, bool paged, unsigned flags);
/* Address of the first entry of the table, from the address's own slot on, that was never used. */
uint64_t lab_big_slot(struct lab_machine *m, uint64_t va);
/* In none of the heaps, like contiguous memory. */
uint64_t lab_big_outside(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes);
/* A big block freed again: its entry stays behind with Va | 1. */
void lab_big_freed(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes);
void lab_big_finish(struct lab_machine *m);
/* In the heap of the session, or from first_va on, with a table at table_va. */
void lab_session_bigs(struct lab_machine *m, uint64_t table_va, uint64_t first_va);

/* trackers.c */
void lab_trackers_place(struct lab_machine *m);
void lab_trackers_write(struct lab_machine *m);
void lab_session_init(struct lab_machine *m);
void lab_session_finish(struct lab_machine *m);
/* session.c: processes of the session get page tables of their own; the others lose the way to session space. x64
 * only: one entry of the top table covers it. */
void lab_session_split(struct lab_machine *m);
/* Between the two, session space is mapped as its processes see it. */
void lab_session_enter(struct lab_machine *m);
void lab_session_leave(struct lab_machine *m);

/* lookaside.c */
/* A list head with n entries, and the links of those. */
void lab_write_slist(struct lab_machine *m, uint64_t head, const uint64_t *nodes, unsigned n);
/* Takes over nodes. */
void lab_chain_add(struct lab_machine *m, uint64_t head_va, uint64_t *nodes, size_t n);
void lab_lookaside_finish(struct lab_machine *m);

/* modules.c, process.c, processors.c, kdbg.c, ranges.c */
void lab_modules_init(struct lab_machine *m);
/* UNICODE_STRING at an address, its text in the pool. */
void lab_put_string(struct lab_machine *m, uint64_t at, const char *s, enum lab_pool pool);
void lab_modules_finish(struct lab_machine *m);
void lab_processes_init(struct lab_machine *m);
void lab_processors_init(struct lab_machine *m);
void lab_threads_init(struct lab_machine *m);
/* objects.c: after all blocks. */
void lab_objects_plant(struct lab_machine *m);
void lab_objects_truth(const struct lab_machine *m, struct cJSON *truth);
void lab_ranges_finish(struct lab_machine *m);
void lab_kdbg_finish(struct lab_machine *m);

/* verifier.c */
struct cJSON;
void lab_verifier_plant(struct lab_machine *m);
/* Records of an owner case instead of the usual ones. */
void lab_verifier_plant_owner(struct lab_machine *m);
void lab_verifier_finish(struct lab_machine *m);
void lab_verifier_truth(const struct lab_machine *m, struct cJSON *truth);
/* The last page of records of the first two drivers, out of kernel dumps. */
void lab_verifier_lose(struct lab_machine *m);
void lab_verifier_damage(struct lab_machine *m);
void lab_special_damage(struct lab_machine *m);
void lab_verifier_free(struct lab_machine *m);

/* A driver of a case, and where Verifier saw it allocate. */
struct lab_owner_driver {
	const char *name, *source, *exporter; /* exporter: a driver of the case that it imports from, or NULL */
};
struct lab_owner_record {
	const char *function; /* of the driver that Verifier watched; the call ends caller_offset bytes into it */
	uint32_t caller_offset;
	const char *behind; /* function of another driver, whose call stands next on the stack; NULL: none */
	uint32_t behind_offset, tag;
	enum lab_pool pool;
	uint64_t live, request_bytes;
	uint64_t record_bytes; /* as Verifier notes it; 0: what the block can hold */
};
struct lab_owner {
	const char *name;
	struct lab_owner_driver drivers[16];
	unsigned n_drivers;
	const char *verified; /* driver; NULL: Verifier was off */
	uint32_t peak;        /* allocations and bytes */
	uint64_t peak_bytes;
	struct lab_owner_record records[2];
	unsigned n_records;
	const char *on_stack; /* function whose first call is in progress in a thread; NULL */
	struct {
		uint32_t tag, offset, every; /* all but each so manyth block of the tag */
		const char *function;        /* pointer to it; NULL: none */
	} pointer;
};
/* owners.c: what no driver of the usual mix allocates begins here. */
void lab_owner_begin(struct lab_machine *m, const char *name);
/* Once the drivers are placed: what points to them. */
void lab_owner_finish(struct lab_machine *m);
/* n blocks of one tag that ask for as many bytes. */
void lab_owner_blocks(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint32_t bytes, unsigned n);

/* stackdb.c */
void lab_stackdb_plant(struct lab_machine *m);
void lab_stackdb_finish(struct lab_machine *m);
void lab_stackdb_truth(const struct lab_machine *m, struct cJSON *truth);
void lab_stackdb_free(struct lab_machine *m);

/* stacks.c */
void lab_stacks_truth(const struct lab_machine *m, struct cJSON *truth);

/* cases.c, random.c */
struct lab_case {
	const char *name, *summary, *default_build;
	void (*options)(struct lab_options *o);
	void (*plant)(struct lab_machine *m);
	void (*damage)(struct lab_machine *m); /* after finish */
};
const struct lab_case *lab_case_find(const char *name);
const struct lab_case *lab_case_at(size_t i);
extern const struct lab_case lab_case_random;
/* The usual mix: real blocks of core tags, nothing left out. n: about how many small blocks. */
void lab_plant_mix(struct lab_machine *m, unsigned n);
/* scale.c: users.md case 3, so that about pool_bytes of memory are used. */
void lab_plant_scale(struct lab_machine *m);

/* truth.c */
struct lab_output {
	enum lab_container kind;
	char file[64];
};
void lab_truth_write(struct lab_machine *m, const struct lab_header *h, const char *isf_name,
		     const struct lab_output *outputs, size_t n_outputs, const char *path);

/* compare.c */
int lab_compare(const char *truth_path, const char *result_path, const char *container);

#endif
