#!/usr/bin/env python3
"""A machine like one of ReactOS: an x86 kernel of the NT 5.2 family without PAE and without a PDB, saved without a
Windows header. The lab knows the build as one like_reactos: its free lists have marks in their links, its threads do
not name their process. Here some page directories lack kernel entries, zeros in the kernel's data could pass for a
big-page table, and pages of the pool are mapped once more among the system PTEs.

nopdb_test.py --lab LAB --poolscope POOLSCOPE
"""
import argparse
import json
import os
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_test import Machine, expect, fail, run  # noqa: E402

PAGE = 4096
SELF = 0x300


def directory(data, pfn):
    return struct.unpack_from('<1024I', data, pfn * PAGE)


def add_directories(data, system):
    """Copies of the System process' directory below it, without most of the kernel's entries; one has user memory."""
    free = [p for p in range(0x110, system) if not any(data[p * PAGE:(p + 1) * PAGE])][:3]
    if len(free) != 3:
        fail('no room for further page directories')
    for n, pfn in enumerate(free):
        entries = list(directory(data, system))
        for i in range(0x200, 0x400):
            # The kernel's image, the self-map and the shared page stay; pool, drivers and lists go.
            if i not in (0x80800000 >> 22, SELF, 0xffdf0000 >> 22) and i % (n + 2):
                entries[i] = 0
        entries[SELF] = entries[SELF] & 0xfff | pfn << 12
        if n == 1:
            entries[1] = entries[0x80800000 >> 22]
        struct.pack_into('<1024I', data, pfn * PAGE, *entries)


def kernel_pages(data, system):
    """Address, page number and words of each mapped page of the kernel's image."""
    base = 0x80800000
    table = directory(data, directory(data, system)[base >> 22] >> 12)
    return [(base + i * PAGE, pte >> 12, directory(data, pte >> 12)) for i, pte in enumerate(table) if pte & 1]


def break_link(data, system):
    """Takes the mark from an empty free list's first link; returns the list's address."""
    for va, pfn, words in kernel_pages(data, system):
        for i in range(1023):
            at = va + 4 * i
            if words[i] == words[i + 1] == at + 1:
                struct.pack_into('<I', data, pfn * PAGE + 4 * i, at)
                return at
    fail('no empty free list')


def add_zeros(data, system, table):
    """Below the variable that holds the tracker table: a pointer to a page of zeros and numbers of entries."""
    pages = kernel_pages(data, system)
    zeros = [va for va, _, words in pages if not any(words)]
    for va, pfn, words in pages:
        for i in range(4, 1024):
            if words[i] != table or not zeros:
                continue
            free = [j for j in range(i) if words[j] == 0][:3]
            if len(free) == 3:
                for j, word in zip(free, (zeros[0], 0x800000, 0x2000000)):
                    struct.pack_into('<I', data, pfn * PAGE + 4 * j, word)
                return
    fail('no room near PoolTrackTable')


def make_bss(data, system):
    """Writable sections as a GNU linker marks those that it does not initialise."""
    va, pfn, words = kernel_pages(data, system)[0]
    pe = words[0x3c // 4]
    at = pe + 24 + struct.unpack_from('<H', data, pfn * PAGE + pe + 20)[0]
    n = 0
    for i in range(struct.unpack_from('<H', data, pfn * PAGE + pe + 6)[0]):
        flags = pfn * PAGE + at + 40 * i + 36
        value, = struct.unpack_from('<I', data, flags)
        if value & 0xa0000040 == 0x80000040:
            struct.pack_into('<I', data, flags, value ^ 0xc0)
            n += 1
    if n == 0:
        fail('no writable section')


def entry_at(data, system, va):
    """Where in the file the page table entry of an address is."""
    return (directory(data, system)[va >> 22] >> 12) * PAGE + (va >> 12 & 0x3ff) * 4


def add_mappings(data, system, blocks):
    """Pages of the pool mapped once more, between the drivers' stacks; and free entries of the pool's expansion."""
    for va in blocks:
        entry, = struct.unpack_from('<I', data, entry_at(data, system, va))
        free = next(x for x in range(0xf8800000, 0xf8c00000, PAGE)
                    if struct.unpack_from('<I', data, entry_at(data, system, x))[0] == 0)
        struct.pack_into('<I', data, entry_at(data, system, free), entry)
    for va in range(0xf9bfe000, 0xf9c00000, PAGE):
        if struct.unpack_from('<I', data, entry_at(data, system, va))[0] != 0:
            fail('the expansion is larger than expected')
        struct.pack_into('<I', data, entry_at(data, system, va), 0xfffff000)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    a = ap.parse_args()
    a.case, a.build = 'healthy', '2003-x86-nopae'
    work = tempfile.mkdtemp(prefix='poolscope-nopdb-')
    try:
        m = Machine(a, work)
        raw = os.path.join(work, m.truth['containers']['raw']['file'])
        bare = m.tags(os.path.join(work, m.truth['containers']['full']['file']), [])
        full = m.tags(os.path.join(work, m.truth['containers']['full']['file']), ['--isf', m.isf], 'full')
        with open(raw, 'rb') as f:
            data = bytearray(f.read())
        system = int(m.info(raw, ['--isf', m.isf], 'raw')['kernel']['directory_table_base'], 16) // PAGE
        add_directories(data, system)
        with open(raw, 'wb') as f:
            f.write(data)
        expect('poor page directories, with symbols', m.tags(raw, ['--isf', m.isf], 'raw'), full)
        expect('poor page directories', m.tags(raw, []), bare)
        at, n = data.find(b'RSDS'), 0
        while at >= 0:
            data[at:at + 4] = b'\0\0\0\0'
            at, n = data.find(b'RSDS', at), n + 1
        with open(raw, 'wb') as f:
            f.write(data)
        expect('%d debug records gone' % n, m.tags(raw, []), bare)
        info = json.loads(run([a.poolscope, 'info', '-q', '--format', 'json', raw]).stdout)
        sources = {x['name']: x['detail'] for x in info['pool_sources']}
        add_zeros(data, system, int(sources['tag_trackers'].split()[1].rstrip(','), 16))
        with open(raw, 'wb') as f:
            f.write(data)
        expect('zeros', m.tags(raw, []), bare)
        own = m.tags(raw, ['--no-builtin'])
        make_bss(data, system)
        with open(raw, 'wb') as f:
            f.write(data)
        expect('variables in .bss', m.tags(raw, ['--no-builtin']), own)
        listed = run([a.poolscope, 'blocks', '-q', '--format', 'csv', '--kind', 'legacy', raw]).stdout.decode()
        vas = [int(row.split(',')[0], 16) for row in listed.splitlines()[1:]]
        add_mappings(data, system, [vas[0], vas[-1]])
        with open(raw, 'wb') as f:
            f.write(data)
        expect('pages mapped twice', m.tags(raw, []), bare)
        # Threads, whose KTHREAD.Process is 0.
        c = json.loads(run([a.poolscope, 'stacks', '-q', '--format', 'json', raw]).stdout)['coverage']
        if c['threads_count'] != m.truth['info']['system']['processors'] or c['broken_lists_count'] != 0:
            fail('stacks: %r' % c)
        # Marks in the links of free lists are no damage; a link without one among them is.
        run([a.poolscope, 'validate', '-q', raw])
        va = break_link(data, system)
        with open(raw, 'wb') as f:
            f.write(data)
        p = run([a.poolscope, 'validate', '-q', '--format', 'json', raw], ok=(1,))
        found = [(r['va'], r['check']) for r in json.loads(p.stdout)['rows']]
        if found != [('0x%08x' % va, 'free list link')]:
            fail('validate: %r' % found)
        p = run([a.poolscope, 'info', '-v', raw])
        if b'ntoskrnl' in p.stdout or b'Page tables:    0x%08x' % (system * PAGE) not in p.stdout:
            fail('info:\n%s%s' % (p.stdout.decode(), p.stderr.decode()))
        if b'; paged: MmPagedPoolStart' not in p.stdout:
            fail('info names another source of the paged range:\n%s' % p.stdout.decode())
        print('poor directories and no PDB: the rows of the full dump')
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
