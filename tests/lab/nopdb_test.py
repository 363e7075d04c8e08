#!/usr/bin/env python3
"""A machine like one of ReactOS: an x86 kernel of the NT 5.2 family without PAE and without a PDB, of whose page
directories some lack kernel entries, whose free lists have marks in their links, saved without a Windows header.

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


def break_link(data, system):
    """Takes the mark from an empty free list's first link; returns the list's address."""
    base = 0x80800000
    entry = directory(data, system)[base >> 22]
    table = directory(data, entry >> 12)
    for page, pte in enumerate(table):
        if not pte & 1:
            continue
        words = directory(data, pte >> 12)
        for i in range(1023):
            va = base + page * PAGE + 4 * i
            if words[i] == words[i + 1] == va + 1:
                struct.pack_into('<I', data, (pte >> 12) * PAGE + 4 * i, va)
                return va
    fail('no empty free list')


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
        print('poor directories and no PDB: the rows of the full dump')
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
