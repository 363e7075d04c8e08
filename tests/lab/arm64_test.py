#!/usr/bin/env python3
"""Where the page tables of an ARM64 machine are, told in other ways than by a right header.

arm64_test.py --lab LAB --poolscope POOLSCOPE

A header with a wrong table, a table as TTBR1 holds it, a wrong one on the command line, and a processor that says that the
kernel's half has 48 bits (paging.md 3.5).
"""
import argparse
import json
import os
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_test import Machine, fail, run  # noqa: E402

TCR, TCR_48 = 0x95b5513511, 0x95b5503511  # T1SZ 17, 16


def patched(m, name, source, change):
    data = bytearray(open(source, 'rb').read())
    change(data)
    path = os.path.join(m.work, name)
    open(path, 'wb').write(data)
    return path


def kernel(m, path, options=()):
    out = os.path.join(m.work, 'info.json')
    run(m.exe + ['info', '--format', 'json', '-q', '-o', out] + list(options) + [path])
    return json.load(open(out))['kernel']


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    a = ap.parse_args()
    a.case, a.build = 'healthy', '11-24h2-arm64'
    work = tempfile.mkdtemp(prefix='poolscope-arm64-')
    try:
        check(Machine(a, work))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check(m):
    files = {n: os.path.join(m.work, e['file']) for n, e in m.truth['containers'].items()}
    right = m.truth['info']['kernel']['directory_table_base']
    dtb = int(right, 16)

    wrong = patched(m, 'wrong.dmp', files['full'], lambda d: struct.pack_into('<Q', d, 0x10, 0x8001000))
    if kernel(m, wrong)['directory_table_base'] != right:
        fail('a wrong table in the header was not replaced by the one that memory holds')
    m.tags(wrong, ['--isf', m.isf], 'full')

    ttbr1 = 0x0042 << 48 | dtb | 0x800
    if kernel(m, files['raw'], ['--dtb', hex(ttbr1)])['directory_table_base'] != right:
        fail('--dtb as TTBR1 holds it was not understood')
    p = run(m.exe + ['tags', '--dtb', hex(dtb + 0x1000), files['raw']], ok=(3,))
    if b'page tables' not in p.stderr:
        fail('a wrong --dtb: ' + p.stderr.decode())

    def widen(d):
        n = d.count(struct.pack('<Q', TCR))
        if n != m.truth['info']['system']['processors']:
            fail('%d processors have a TCR_EL1' % n)
        d[:] = bytes(d).replace(struct.pack('<Q', TCR), struct.pack('<Q', TCR_48))
    wide = patched(m, 'wide.dmp', files['full'], widen)
    for path, want in ((files['full'], 'arm64'), (files['raw'], 'arm64'), (wide, 'arm64_48')):
        if kernel(m, path)['paging'] != want:
            fail('%s is not read as %s' % (path, want))
    m.tags(wide, ['--isf', m.isf], 'full')
    print('%d answers equal the truth' % m.n)


main()
