#!/usr/bin/env python3
"""heap_check.py --lab LAB [--build KEY] [--case CASE | --random SEED]: walks the segment heaps of a lab machine.

A reader of its own, written from the description of the structures and sharing no code with the lab or with poolscope:
it reads the full dump through the page tables, takes the places of fields from the ISF, checks every rule that a faithful
machine must keep (pool.md 11.3), and holds the blocks that it finds against truth.json.
"""
import argparse
import json
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tempfile

PAGE = 0x1000
KEY_UP_TO_22631 = 0xA2E64EADA2E64EAD


class Missing(Exception):
    pass


class Machine:
    def __init__(self, work, truth):
        self.f = open(os.path.join(work, truth['containers']['full']['file']), 'rb')
        head = self.f.read(0x2000)
        n, = struct.unpack_from('<I', head, 0x88)
        self.runs, at = [], 0x2000
        for i in range(n):
            base, count = struct.unpack_from('<QQ', head, 0x98 + 16 * i)
            self.runs.append((base, count, at))
            at += count * PAGE
        self.dtb, = struct.unpack_from('<Q', head, 0x10)
        self.arm64 = struct.unpack_from('<I', head, 0x30)[0] == 0xaa64
        self.line = 0x80 if self.arm64 else 0x40
        isf = json.load(lzma.open(os.path.join(work, truth['isf'])))
        self.types, self.symbols = isf['user_types'], isf['symbols']
        self.base = int(truth['info']['kernel']['base'], 16)
        self.pages, self.tables = {}, {}

    def frame(self, pfn):
        for base, count, at in self.runs:
            if base <= pfn < base + count:
                self.f.seek(at + (pfn - base) * PAGE)
                return self.f.read(PAGE)
        raise Missing('frame %x' % pfn)

    def entry(self, table, index):
        if table not in self.tables:
            self.tables[table] = self.frame(table)
        return struct.unpack_from('<Q', self.tables[table], index * 8)[0]

    def pte(self, va):
        table = self.dtb >> 12
        for shift in (39, 30, 21, 12):
            e = self.entry(table, va >> shift & 0x1ff)
            if shift == 12:
                return e
            if not e & 1:
                return 0
            table = e >> 12 & 0xfffffffff
        return 0

    def page(self, va):
        va &= ~(PAGE - 1)
        if va not in self.pages:
            e = self.pte(va)
            if not e & 1 and (e & 0xc00) != 0x800:
                self.pages[va] = None
            else:
                # A page in transition still has its frame; the mask of unused bits may be flipped.
                self.pages[va] = self.frame((e >> 12 & 0xfffffffff) & ~(0 if e & 1 or self.arm64 else 1 << 33))
        if self.pages[va] is None:
            raise Missing('page %x' % va)
        return self.pages[va]

    def there(self, va):
        try:
            return self.page(va) is not None
        except Missing:
            return False

    def read(self, va, n):
        out = b''
        while n:
            part = min(n, PAGE - va % PAGE)
            out += self.page(va)[va % PAGE:va % PAGE + part]
            va, n = va + part, n - part
        return out

    def u(self, va, n=8):
        return int.from_bytes(self.read(va, n), 'little')

    def off(self, type_name, field):
        return self.types[type_name]['fields'][field]['offset']

    def has(self, type_name, field):
        return type_name in self.types and field in self.types[type_name]['fields']

    def field(self, va, type_name, field, n):
        return self.u(va + self.off(type_name, field), n)

    def symbol(self, name):
        return self.base + self.symbols[name]['address']


def need(what, text, *args):
    if not what:
        sys.exit('FAIL: ' + text % args)


def tree(m, at, least):
    """Nodes of an encoded tree in order; checks parents, colours and the black height."""
    root, low = m.u(at), m.u(at + 8)
    need(low & 1, 'tree %x is not encoded', at)
    nodes, stack, node, heights = [], [], root ^ at if root else 0, set()

    def child(node, side):
        c = m.u(node + 8 * side)
        return c ^ node if c else 0

    def visit(node, parent, red_parent, black):
        if not node:
            heights.add(black)
            return
        value = m.u(node + 16)
        need((value & ~3) == (parent ^ node if parent else 0), 'parent of node %x', node)
        red = value & 1
        need(not (red and red_parent), 'two red nodes at %x', node)
        visit(child(node, 0), node, red, black + (not red))
        nodes.append(node)
        visit(child(node, 1), node, red, black + (not red))

    visit(node, 0, False, 0)
    need(len(heights) <= 1, 'black heights of tree %x differ: %s', at, heights)
    need((low & ~1) == (nodes[0] ^ at if nodes else 0), 'least node of tree %x', at)
    need(len(nodes) >= least, 'tree %x', at)
    return nodes


def slist(m, head):
    depth, at, out = m.u(head) & 0xffff, m.u(head + 8) & ~15, []
    while at:
        need(len(out) < depth, 'list %x is longer than its depth', head)
        out.append(at)
        at = m.u(at)
    need(len(out) == depth, 'depth of list %x', head)
    return out


def links(m, head):
    out, at, previous = [], m.u(head), head
    while at != head:
        need(m.u(at + 8) == previous, 'back link of %x', at)
        out.append(at)
        previous, at = at, m.u(at)
        need(len(out) < 100000, 'list %x does not end', head)
    return out


def bucket_sizes():
    out, size = [0], 0
    for end, step in ((0x400, 0x10), (0x800, 0x40), (0x1000, 0x80), (0x2000, 0x100), (0x4000, 0x200)):
        while size < end:
            size += step
            out.append(size)
    return out


BUCKETS = bucket_sizes()


class Heaps:
    def __init__(self, m, build):
        self.m, self.build = m, build
        self.blocks, self.cached, self.big = {}, set(), {}
        self.is_special = False
        self.counts = {}
        keys = m.u(m.symbol('ExPoolState') + m.off('_RTLP_HP_HEAP_MANAGER', 'Globals'))
        need(keys == m.symbol('RtlpHpHeapGlobals'), 'HeapManager.Globals')
        self.heap_key, self.lfh_key = m.u(keys), m.u(keys + 8)
        self.new = build >= 26100

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def walk(self):
        m, s = self.m, '_EX_POOL_HEAP_MANAGER_STATE'
        state = m.symbol('ExPoolState')
        pools = m.field(state, s, 'NumberOfPools', 4)
        need(1 <= pools <= 64, 'NumberOfPools')
        self.read_big_table(m.u(m.symbol('PoolBigPageTable')), m.u(m.symbol('PoolBigPageTableSize')),
                            m.u(m.symbol('ExpPoolBigEntriesInUse'), 4))
        for node in range(pools):
            at = state + m.off(s, 'PoolNode') + node * m.types['_EX_HEAP_POOL_NODE']['size']
            first = at + m.off('_EX_HEAP_POOL_NODE', 'Lookasides')
            for which in range(2):
                self.read_lookaside(first + which * m.types['_RTL_DYNAMIC_LOOKASIDE']['size'])
            for kind in range(4):
                self.walk_heap(m.u(at + 8 * kind), kind)
        special = state + m.off(s, 'SpecialHeaps')
        for i in range(m.types[s]['fields']['SpecialHeaps']['type']['count']):
            if m.u(special + 8 * i):
                self.is_special = True
                self.walk_heap(m.u(special + 8 * i), i)
                self.is_special = False
        self.walk_sessions()
        for va, (size, tag, paged) in self.big.items():
            if va not in self.blocks:
                self.emit(va, size, tag, 'paged' if paged else 'nonpaged', 'big')

    def walk_sessions(self):
        """Session space is seen through the page tables of the session's processes."""
        m, seen = self.m, set()
        if not m.has('_MM_SESSION_SPACE', 'HeapState'):
            return
        for link in links(m, m.symbol('PsActiveProcessHead')):
            process = link - m.off('_EPROCESS', 'ActiveProcessLinks')
            session = m.field(process, '_EPROCESS', 'Session', 8)
            if not session or session in seen:
                continue
            seen.add(session)
            dtb, m.dtb = m.dtb, m.field(process, '_KPROCESS', 'DirectoryTableBase', 8)
            m.pages = {}
            at = m.field(session, '_MM_SESSION_SPACE', 'HeapState', 8)
            need(m.u(at) == m.symbol('RtlpHpHeapGlobals'), 'keys of the session')
            t = '_MM_SESSION_SPACE'
            if m.has(t, 'PoolTrackBigPages'):
                self.read_big_table(m.field(session, t, 'PoolTrackBigPages', 8),
                                    m.field(session, t, 'PoolTrackBigPagesSize', 8),
                                    m.field(session, t, 'PoolBigEntriesInUse', 4))
            self.walk_heap(m.field(at, '_EX_HEAP_SESSION_STATE', 'PagedHeap', 8), 4)
            m.dtb, m.pages = dtb, {}

    def emit(self, va, size, tag, pool, kind, state='allocated', outer=None):
        need(va not in self.blocks, 'block %x twice', va)
        self.blocks[va] = dict(size=size, tag=tag, pool=pool, kind=kind, state=state, outer=outer,
                               big=va in self.big or kind == 'special')
        self.count(kind + ' ' + state)

    def read_big_table(self, table, n, in_use):
        m, t = self.m, '_POOL_TRACKER_BIG_PAGES'
        stride, live = m.types[t]['size'], 0
        flags_at = m.off(t, 'PoolFlags' if m.has(t, 'PoolFlags') else 'PoolType')
        paged_bit = 0x100 if m.has(t, 'PoolFlags') else 1
        need(n & (n - 1) == 0, 'entries of the big table')
        data = m.read(table, n * stride)
        slots = [struct.unpack_from('<Q', data, i * stride)[0] for i in range(n)]
        for i, va in enumerate(slots):
            if va & 1:
                continue
            e = data[i * stride:(i + 1) * stride]
            flags = struct.unpack_from('<I', e, flags_at)[0] >> 8 & 0xfff
            size = struct.unpack_from('<Q', e, m.off(t, 'NumberOfBytes'))[0]
            h = (va >> 12 & 0xffffffff) * 0x9e5f
            k = ((h ^ h >> 32) & 0xffffffff) & n - 1
            while k != i:
                need(slots[k] != 1, 'big block %x is not where its hash leads', va)
                k = (k + 1) % n
            self.big[va] = (size, e[8:12].hex(), bool(flags & paged_bit))
            live += 1
        need(in_use == live, 'live entries of the big table')

    def read_lookaside(self, at):
        m, t = self.m, '_RTL_DYNAMIC_LOOKASIDE'
        enabled = m.field(at, t, 'EnabledBucketBitmap', 8)
        for i in range(64):
            entries = slist(m, at + m.off(t, 'Buckets') + i * m.types['_RTL_LOOKASIDE']['size'])
            need(not entries or enabled >> i & 1, 'lookaside bucket %d', i)
            self.cached.update(entries)

    def walk_heap(self, heap, kind):
        m, t = self.m, '_SEGMENT_HEAP'
        need(heap % PAGE == 0 and m.field(heap, t, 'Signature', 4) == 0xDDEEDDEE, 'heap %x', heap)
        self.vs_units = self.vs_free = 0
        self.kind, self.pool = kind, 'session' if kind == 4 else 'paged' if kind >= 2 else 'nonpaged'
        vs, lfh = heap + m.off(t, 'VsContext'), heap + m.off(t, 'LfhContext')
        self.delayed = set(self.delay_list(vs))
        self.free_nodes = self.free_tree(vs)
        self.found_free = set()
        self.committed = self.free_pages = self.reserved = 0
        self.vs_found, self.lfh_found = set(), set()
        for i in range(2):
            self.walk_context(heap, heap + m.off(t, 'SegContexts') + i * m.types['_HEAP_SEG_CONTEXT']['size'], i,
                              vs, lfh)
        need(self.free_nodes == self.found_free, 'free chunks of heap %x and its tree', heap)
        need(self.vs_listed == self.vs_found, 'VS subsegments of heap %x', heap)
        need(not self.delayed, 'entries of the delay list that are no chunks: %s', self.delayed)
        need(m.field(vs, '_HEAP_VS_CONTEXT', 'TotalCommittedUnits', 8) == self.vs_units, 'VS units of %x', heap)
        need(m.field(vs, '_HEAP_VS_CONTEXT', 'FreeCommittedUnits', 8) == self.vs_free, 'free VS units of %x', heap)
        stats = heap + m.off(t, 'MemStats')
        need(m.field(stats, '_HEAP_RUNTIME_MEMORY_STATS', 'TotalCommittedPages', 8) == self.committed,
             'committed pages of heap %x', heap)
        need(m.field(stats, '_HEAP_RUNTIME_MEMORY_STATS', 'FreeCommittedPages', 8) == self.free_pages,
             'free committed pages of heap %x', heap)
        need(m.field(stats, '_HEAP_RUNTIME_MEMORY_STATS', 'TotalReservedPages', 8) == self.reserved,
             'reserved pages of heap %x', heap)
        self.count('free committed pages', self.free_pages)
        pages = 0
        for node in tree(m, heap + m.off(t, 'LargeAllocMetadata'), 0):
            d = '_HEAP_LARGE_ALLOC_DATA'
            value, n = m.field(node, d, 'VirtualAddress', 8), m.field(node, d, 'AllocatedPages', 8) >> 12
            va, unused = value & ~0xffff, value & 0xffff
            pages += n
            self.take_big(va, n * PAGE - unused, 'large')
        need(m.field(heap, t, 'LargeCommittedPages', 8) == pages, 'large pages of heap %x', heap)

    def take_big(self, va, size, kind):
        need(va % PAGE == 0, 'big block at %x', va)
        need(va in self.big, 'block %x of %x bytes is not in the big table', va, size)
        charged, tag, paged = self.big[va]
        need(paged == (self.pool != 'nonpaged'), 'pool of big block %x', va)
        need(charged == size, 'size of big block %x: %x, charged %x', va, size, charged)
        self.emit(va, charged, tag, self.pool, kind)

    def delay_list(self, vs):
        m, c = self.m, '_HEAP_VS_CONTEXT'
        if m.has(c, 'DelayFreeContext'):
            return slist(m, vs + m.off(c, 'DelayFreeContext'))
        out = []
        for slot in self.slots(vs):
            out += slist(m, slot + m.off('_HEAP_VS_AFFINITY_SLOT', 'DelayFreeContext'))
        return out

    def slots(self, vs):
        m, c = self.m, '_HEAP_VS_CONTEXT'
        where, n = vs + 0x40 * m.field(vs, c, 'SlotMapRef', 2), m.field(vs, c, 'AffinityMask', 1) + 1
        out = [vs + 0x40 * m.u(where + 4 * i, 2) for i in range(n)]
        for s in out:
            need(m.u(s) == vs, 'slot %x', s)
        return out

    def free_tree(self, vs):
        m, c, s = self.m, '_HEAP_VS_CONTEXT', '_HEAP_VS_AFFINITY_SLOT'
        if m.has(c, 'FreeChunkTree'):
            at = [(vs + m.off(c, 'FreeChunkTree'), vs + m.off(c, 'SubsegmentList'))]
        else:
            at = [(x + m.off(s, 'FreeChunkTree'), x + m.off(s, 'SubsegmentList')) for x in self.slots(vs)]
        self.vs_listed, nodes = set(), set()
        for t, head in at:
            self.vs_listed.update(links(m, head))
            sizes = []
            for n in tree(m, t, 0):
                nodes.add(n - 8)
                sizes.append((m.u(n - 8) ^ self.heap_key ^ n - 8) >> 16 & 0xffff)
            need(sizes == sorted(sizes), 'order of tree %x', t)
        return nodes

    def walk_context(self, heap, c, which, vs, lfh):
        m, t = self.m, '_HEAP_SEG_CONTEXT'
        mask, shift = m.field(c, t, 'SegmentMask', 8), m.field(c, t, 'UnitShift', 1)
        first = m.field(c, t, 'FirstDescriptorIndex', 1)
        need((mask, shift) == ((0xFFFFFFFFFFF00000, 12), (0xFFFFFFFFFF000000, 16))[which], 'context %x', c)
        # The heap says where its descriptors begin: they differ between nodes.
        need(first == 2 if which == 0 else 1 <= first <= 3, 'first descriptor of context %x: %d', c, first)
        need(m.field(c, t, 'Heap', 8) == heap and m.field(c, t, 'VsContext', 8) == vs and
             m.field(c, t, 'LfhContext', 8) == lfh, 'pointers of context %x', c)
        segments = links(m, c + m.off(t, 'SegmentListHead'))
        need(len(segments) == m.field(c, t, 'SegmentCount', 8), 'SegmentCount of %x', c)
        free = []
        for s in segments:
            need(s & ~mask == 0, 'segment %x is not aligned', s)
            constant = 0 if self.new else KEY_UP_TO_22631
            need(m.u(s + 0x10) ^ s ^ self.heap_key ^ constant == c, 'signature of segment %x', s)
            self.committed += 2
            self.reserved += (256 << shift) // PAGE
            self.walk_segment(s, shift, first, free)
            self.count('segment')
        nodes = tree(m, c + m.off(t, 'FreePageRanges'), 0)
        need(sorted(nodes) == sorted(x[0] for x in free), 'free page ranges of %x', c)
        sizes = dict(free)
        need([sizes[n] for n in nodes] == sorted(sizes.values()), 'order of free page ranges')

    def walk_segment(self, s, shift, first, free):
        m, t = self.m, '_HEAP_PAGE_RANGE_DESCRIPTOR'
        i = first

        def desc(k, field, n=1):
            return m.field(s + 0x20 * k, t, field, n)

        while i < 256:
            flags, n = desc(i, 'RangeFlags'), desc(i, 'UnitSize')
            need(n and i + n <= 256, 'units of range %x.%d', s, i)
            va, size = s + (i << shift), n << shift
            if flags == 2:
                free.append((s + 0x20 * i, n))
                for k in range(n):
                    need(k == 0 or desc(i + k, 'RangeFlags') == 0, 'free unit %x.%d', s, i + k)
                    pages = sum(m.there(va + (k << shift) + p * PAGE) for p in range((1 << shift) // PAGE))
                    need(desc(i + k, 'CommittedPageCount') == pages, 'committed pages of free unit %x.%d', s, i + k)
                    self.committed += pages
                    self.free_pages += pages
                i += n
                continue
            need(flags in (3, 7, 0xb, 0xf), 'flags %x of range %x.%d', flags, s, i)
            need(desc(i, 'TreeSignature', 4) == 0xCCDDCCDD, 'tree signature %x.%d', s, i)
            for k in range(n):
                if k:
                    need(desc(i + k, 'RangeFlags') == flags & ~2 and desc(i + k, 'UnitOffset') == k,
                         'later unit %x.%d', s, i + k)
                pages = sum(m.there(va + (k << shift) + p * PAGE) for p in range((1 << shift) // PAGE))
                need(desc(i + k, 'CommittedPageCount') == pages, 'committed pages of %x.%d', s, i + k)
                self.committed += pages
            self.count({3: 'range', 7: 'internal', 0xb: 'lfh subsegment', 0xf: 'vs subsegment'}[flags])
            if flags == 3 and self.is_special:
                self.special(va, size)
            elif flags == 3:
                self.take_big(va, size - desc(i, 'UnusedBytes', 4), 'segment')
            elif flags == 0xb:
                self.walk_lfh(va, size)
            elif flags == 0xf:
                self.walk_vs(va, size)
            i += n

    def special(self, page, size):
        m = self.m
        need(size == 2 * PAGE and m.there(page) and not m.there(page + PAGE), 'pages of special block %x', page)
        requested, pattern = m.u(page, 2) & 0x1fff, m.u(page + 2, 1)
        room = requested + 15 & ~15
        content = m.read(page + 16, PAGE - 16 - room) + m.read(page + PAGE - room + requested, room - requested)
        need(content == bytes([pattern]) * len(content), 'pattern of special block %x', page)
        self.emit(page + PAGE - room, room, m.read(page + 4, 4).hex(), self.pool, 'special')

    def walk_lfh(self, at, size):
        m, t = self.m, '_HEAP_LFH_SUBSEGMENT'
        shifted = at >> 12 if self.new else (at & 0xffffffff) >> 12
        plain = (m.field(at, t, 'BlockOffsets', 4) ^ self.lfh_key ^ shifted) & 0xffffffff
        block, first = plain & 0xffff, plain >> 16
        count, held = m.field(at, t, 'BlockCount', 2), m.field(at, t, 'WitheldBlockCount', 1)
        slots, bits, start = count + held, 1 if self.new else 2, m.off(t, 'BlockBitmap')
        need(block in BUCKETS and first + slots * block <= size, 'geometry of LFH %x: %x %x %d', at, block, first, slots)
        need(first >= start + (slots * bits + 63) // 64 * 8, 'first block of LFH %x', at)
        words = (slots * bits + 63) // 64
        bitmap = int.from_bytes(m.read(at + start, words * 8), 'little')
        need(bitmap >> slots * bits == (1 << words * 64 - slots * bits) - 1, 'tail of bitmap %x', at)
        free = withheld = 0
        for i in range(slots):
            state = bitmap >> i * bits & (1 << bits) - 1
            va = at + first + i * block
            crosses = block < PAGE and va // PAGE != (va + block - 1) // PAGE
            if crosses:
                need(state & 1, 'withheld block %x is free', va)
                withheld += 1
            elif state & 1:
                if bits == 2 and state & 2:
                    unused = m.u(va + block - 2, 2)
                    need(0 < (1 if unused & 0x8000 else unused & 0x3fff) < block, 'unused bytes of %x', va)
                    unused = 1 if unused & 0x8000 else unused & 0x3fff
                elif bits == 2:
                    unused = 0
                else:
                    unused = None
                self.small(va, block, unused, 'lfh')
            else:
                free += 1
        need(free == m.field(at, t, 'FreeCount', 2), 'FreeCount of %x: %d', at, free)
        need(withheld == held, 'withheld blocks of %x: %d', at, withheld)
        self.count('withheld', withheld)

    def walk_vs(self, at, size):
        m, t = self.m, '_HEAP_VS_SUBSEGMENT'
        units, mark = m.field(at, t, 'Size', 2), m.field(at, t, 'Signature', 2)
        need((units ^ mark ^ 0x2bed) & 0x7fff == 0, 'signature of VS %x', at)
        need(units * 16 in (size, size - PAGE), 'size of VS %x', at)
        self.count('spare units', units * 16 != size)
        self.vs_found.add(at)
        commit, pages = m.field(at, t, 'CommitBitmap', 8), min(64, units // 256)
        need(bool(mark & 0x8000) == (commit == (1 << pages) - 1), 'FullCommit of %x', at)
        for i in range(pages if units // 256 <= 64 else 0):
            need((commit >> i & 1) == m.there(at + i * PAGE), 'commit bit %d of %x', i, at)
            self.vs_units += 256 * (commit >> i & 1)
        c, previous, was_free, end = at + 0x30, 0, False, at + units * 16
        while c < end:
            plain = m.u(c) ^ self.heap_key ^ c
            cost, n, prev, allocated = plain & 0xffff, plain >> 16 & 0xffff, plain >> 32 & 0xffff, plain >> 48 & 0xff
            need(n >= 2 and c + n * 16 <= end and prev == previous and allocated <= 1, 'chunk %x: %x', c, plain)
            need(c % PAGE != PAGE - 16, 'chunk %x at the end of a page', c)
            if allocated:
                need(cost == 0, 'cost of chunk %x', c)
                more = m.u(c + 8, 4)
                need((more ^ self.heap_key ^ c) & 0xff == (c - at) // PAGE, 'page offset of chunk %x', c)
                b = c + 32 if (c + 32) % PAGE == 0 else c + 16
                unused = m.u(c + n * 16 - 2, 2) if more & 0x100 else 0
                hits = {c, c + 16, c + 32} & self.delayed
                self.delayed -= hits
                self.chunk(b, c + n * 16 - b, unused, hits)
                was_free = False
            else:
                need(not was_free, 'two free chunks at %x', c)
                absent = sum(not m.there(p) for p in range(c - c % PAGE, c + n * 16, PAGE))
                need(cost == absent, 'cost of free chunk %x: %x', c, cost)
                self.found_free.add(c)
                self.vs_free += n - absent * 256
                was_free = True
            previous, c = n, c + n * 16
        need(c == end, 'chunks of %x end at %x', at, c)

    def chunk(self, b, size, unused, hits):
        if b in self.big:
            need(size - unused == self.big[b][0], 'big block %x in a chunk', b)
            self.take_big(b, size - unused, 'vs')
        elif hits and b not in hits:
            self.small(b, size, unused, 'vs', 'cached')
        elif hits:
            self.emit(b, size, None, self.pool, 'vs', 'cached')
        else:
            self.small(b, size, unused, 'vs')

    def small(self, va, size, unused, kind, state='allocated'):
        m = self.m
        if va in self.cached:
            self.emit(va, size, None, self.pool, kind, 'cached')
            self.cached.discard(va)
            return
        if va in self.big:
            self.take_big(va, self.big[va][0], kind)
            return
        previous, _, units, flags = m.read(va, 4)
        tag = m.read(va + 4, 4)
        need(previous == 0, 'PreviousSize of %x', va)
        need(va // PAGE == (va + units * 16 - 1) // PAGE, 'block %x crosses a page', va)
        need(flags & 2 and bool(flags & 1) == (self.pool != 'nonpaged') and
             bool(flags & 0x20) == (self.pool == 'session'), 'PoolType %x of %x', flags, va)
        if unused is not None:
            need(units * 16 == size - unused, 'BlockSize of %x: %x of %x, unused %x', va, units * 16, size, unused)
        need(BUCKETS.index(next(x for x in BUCKETS if x >= units * 16)) == BUCKETS.index(size) if kind == 'lfh' else
             size - units * 16 in (0, 16), 'BlockSize of %x: %x of %x', va, units * 16, size)
        outer, second = None, va + ((m.line - 1) & -(va + 16))
        if second != va:
            p, _, u, f = m.read(second, 4)
            if f & 4 and p * 16 == second - va and m.read(second + 4, 4) == tag and u + p == units:
                outer, va = va, second
                self.count('double header')
        self.emit(va, units * 16, tag.hex(), self.pool, kind, state, outer)


def compare_sums(found, truth):
    """Per tag and pool."""
    sums = {}
    for f in found.values():
        if f['tag'] and f['state'] == 'allocated':
            key = ('%s%02x' % (f['tag'][:6], int(f['tag'][6:], 16) & 0x7f), f['pool'])
            n, size = sums.get(key, (0, 0))
            sums[key] = n + 1, size + f['size']
    for row in truth['tags']['rows']:
        if row['walk'] is None or row['walk'] == '*':
            continue
        got = sums.pop((row['tag_hex'], row['pool']), (0, 0))
        need(got == (row['walk']['live'], row['walk']['live_bytes']), 'sums of %s %s: %s, truth %s', row['tag_hex'],
             row['pool'], got, row['walk'])
    need(not sums, 'tags that the truth does not have: %s', sums)


def compare(found, truth):
    expected = {int(b['va'], 16): b for b in truth['blocks']}
    # The truth names data, this reader headers.
    found = {va if f['big'] else va + 16: f for va, f in found.items()}
    for va, b in sorted(expected.items()):
        need(va in found, 'block %x of the truth was not found: %s', va, b)
        f = found[va]
        tag = f['tag'] and '%s%02x' % (f['tag'][:6], int(f['tag'][6:], 16) & 0x7f)
        need(b['tag_hex'] in ('*', tag), 'tag of %x: %s, truth %s', va, tag, b['tag_hex'])
        for key, name in (('size', 'block_bytes'), ('pool', 'pool'), ('kind', 'kind'), ('state', 'state')):
            need(b[name] in ('*', f[key]), '%s of %x: %s, truth %s', name, va, f[key], b)
        need((f['outer'] and '0x%016x' % f['outer']) == b.get('outer_va'), 'outer header of %x', va)
    for va in found:
        need(va in expected, 'block %x is not in the truth: %s', va, found[va])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--build')
    ap.add_argument('--case', default='healthy')
    ap.add_argument('--random')
    ap.add_argument('--keep')
    ap.add_argument('more', nargs='*')
    a = ap.parse_args()
    work = a.keep or tempfile.mkdtemp(prefix='poolscope-heap-')
    try:
        if not a.keep or not os.path.exists(os.path.join(work, 'truth.json')):
            what = ['--random', a.random] if a.random else [a.case]
            subprocess.run([a.lab, 'build'] + what + (['--build', a.build] if a.build else []) + a.more +
                           ['--containers', 'full', '-o', work], check=True, stdout=subprocess.DEVNULL)
        truth = json.load(open(os.path.join(work, 'truth.json')))
        heaps = Heaps(Machine(work, truth), truth['info']['kernel']['build'])
        heaps.walk()
        compare_sums(heaps.blocks, truth)
        if 'blocks' in truth and truth['blocks_complete']:
            compare(heaps.blocks, truth)
    finally:
        if not a.keep:
            shutil.rmtree(work, ignore_errors=True)
    print('%d blocks equal the truth; %s' % (len(heaps.blocks),
                                             ', '.join('%s %d' % x for x in sorted(heaps.counts.items()))))


main()
