#!/usr/bin/env python3
"""Paged pool moved to a page file: with it the rows are those of the machine before, without it they are not.

pagefile_test.py --lab LAB --poolscope POOLSCOPE BUILD
"""
import argparse
import os
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_test import Machine, fail, run  # noqa: E402
import json  # noqa: E402

PAGE, FRAME = 4096, 0x000ffffffffff000
ARM64_FRAME = 0x0000fffffffff000  # Windows' own bits stand above
# Paged pool of the lab's builds, and how the build writes a non-valid entry: from reference/paging.md 4 and 4.1.
BUILDS = {'7-x64': (0xfffff8a000000000, 0xfffff8d000000000, 'new'), '2016-x64': (0xffffc08000000000, 0xffffc18000000000, 'new'),
          '10240-x64': (0xffffc00000000000, 0xffffc06000000000, 'old'), '7-x86': (0x8e000000, 0x98000000, 'pae'),
          'xp-x86': (0xe1000000, 0xec800000, 'x86'), '11-24h2-arm64': (0xffffc08000000000, 0xffffc18000000000, 'arm64')}
MASK = 1 << 45


def frame(e, kind):
    return e & (ARM64_FRAME if kind == 'arm64' else FRAME)


def is_block(e, levels, kind):
    """A valid entry above the last level that maps memory itself."""
    if kind == 'arm64':
        return not e & 2
    return e & 0x80 and levels != 3


def leaves(data, table, va, levels, size, lo, hi, kind):
    """(va, offset of the entry, entry) of every valid 4 KiB leaf in [lo, hi)."""
    n = {3: 512, 2: 1024 if size == 4 else 512, 1: 1024 if size == 4 else 512, 4: 512}[levels]
    if levels == 3 and size == 32:
        n = 4
    entry = 4 if size == 4 else 8
    span = PAGE * (1024 if size == 4 else 512) ** (levels - 1)
    for i in range(n):
        at = va + i * span
        if size == 8 and levels == 4 and i >= 256:
            at |= 0xffff000000000000
        if at + span <= lo or at >= hi:
            continue
        off = table + i * entry
        e = struct.unpack_from('<I' if entry == 4 else '<Q', data, off)[0]
        if not e & 1 or (levels > 1 and is_block(e, levels, kind)):
            continue
        if levels == 1:
            yield at, off, e
        else:
            yield from leaves(data, frame(e, kind), at, levels - 1, size, lo, hi, kind)


def software(kind, slot, swizzle):
    """A page-file entry: page file 1, page `slot`, protection read-write."""
    if kind == 'arm64':
        return slot << 32 | 1 << 6 | 4 << 1
    if kind == 'x86':
        return slot << 12 | 4 << 5 | 1 << 1
    if kind in ('old', 'pae'):
        return slot << 32 | 4 << 5 | 1 << 1
    e = slot << 32 | 1 << 12 | 4 << 5
    return e | 0x10 if swizzle else e ^ MASK


def answer(m, path, options):
    out = os.path.join(m.work, 'tags.json')
    run(m.exe + ['tags', '--format', 'json', '--isf', m.isf, '-o', out] + options + [path])
    return json.load(open(out))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    ap.add_argument('build')
    a = ap.parse_args()
    a.case = 'healthy'
    work = tempfile.mkdtemp(prefix='poolscope-pagefile-')
    try:
        m = Machine(a, work)
        raw = os.path.join(work, m.truth['containers']['raw']['file'])
        want = answer(m, raw, [])
        dtb = int(m.info(raw, ['--isf', m.isf], 'raw')['kernel']['directory_table_base'], 16)
        with open(raw, 'rb') as f:
            data = bytearray(f.read())
        lo, hi, kind = BUILDS[a.build]
        size, levels = {'x86': (4, 2), 'pae': (32, 3)}.get(kind, (8, 4))
        found = [x for x in leaves(data, dtb, 0, levels, size, lo, hi, kind)][::2]
        slots = {}
        for n, (_, off, e) in enumerate(found):
            slot = (n * 7919) % 16384 + 1
            while slot in slots:
                slot += 1
            pa = frame(e, kind)
            slots[slot] = bytes(data[pa:pa + PAGE])
            data[pa:pa + PAGE] = bytes([0xcc]) * PAGE
            struct.pack_into('<I' if size == 4 else '<Q', data, off, software(kind, slot, n % 2))
        with open(raw, 'wb') as f:
            f.write(data)
        pagefile = os.path.join(work, 'pagefile.sys')
        with open(pagefile, 'wb') as f:
            for slot, page in slots.items():
                f.seek(slot * PAGE)
                f.write(page)
        with_it, without = answer(m, raw, ['--pagefile', '1=' + pagefile]), answer(m, raw, [])
        wrong = answer(m, raw, ['--pagefile', '0=' + pagefile])
        if len(found) < 10 or with_it['rows'] != want['rows']:
            fail('%d pages moved: rows with the page file differ' % len(found))
        if without['rows'] == want['rows'] or wrong['rows'] == want['rows']:
            fail('rows without the page file are the same: nothing was tested')
        p = run([a.poolscope, 'tags', '--pagefile', '1=' + os.path.join(work, 'none'), raw], ok=(3,))
        if b'page file 1' not in p.stderr:
            fail(p.stderr.decode())
        print('%d pages of paged pool read from a page file' % len(found))
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
