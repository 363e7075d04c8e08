#!/usr/bin/env python3
"""Two kernels in one image: that of the machine, and one that an earlier start or a guest left behind.

kernels_test.py --lab LAB --poolscope POOLSCOPE

Both are named; the one in use is read; --dtb, --kernel-base and --kdbg lead to the other.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_test import Machine, expect, fail, run  # noqa: E402

BASE = 96 << 20  # above the memory of a machine that begins at 0


class Kernel(Machine):
    def __init__(self, a, work, build, *more):
        a.case, a.build = 'healthy', build
        super().__init__(a, os.path.join(work, '-'.join((build,) + more)), more)
        self.raw = os.path.join(self.work, self.truth['containers']['raw']['file'])
        self.options = ['--isf', self.isf]
        kernel = self.info(self.raw, self.options, 'raw')['kernel']
        self.dtb, self.base = int(kernel['directory_table_base'], 16), int(kernel['base'], 16)
        self.want = self.tags(self.raw, self.options, 'raw')

    def kdbg(self):
        """The debugger data block's address, from a dump header (dumps.md 3)."""
        with open(os.path.join(self.work, self.truth['containers']['full']['file']), 'rb') as f:
            return hex(int.from_bytes(f.read(0x88)[0x80:], 'little'))


def together(path, first, second):
    """Images of disjoint memory as one."""
    shutil.copy(first, path)
    with open(second, 'rb') as f, open(path, 'r+b') as o:
        f.seek(BASE)
        o.seek(BASE)
        shutil.copyfileobj(f, o)


def check(first, second, path, name_it):
    """The machine with the lower tables is taken unless something names the other."""
    together(path, first.raw, second.raw)
    p = run(first.exe + ['info', '-v', path])
    text = p.stderr.decode()
    named = re.findall(r'Another kernel is in this memory, at ([0-9a-f]{16}) .*; --dtb (0x[0-9a-f]+) would take it', text)
    if len(named) != 1 or int(named[0][0], 16) != second.base:
        fail('the second kernel is not named, or not once:\n' + text)
    for m in (first, second):
        if 'page tables %x (' % m.dtb not in text:
            fail('page tables at %x are not named:\n%s' % (m.dtb, text))
    expect('the first of two kernels', first.tags(path, first.options), first.want)
    for options in [['--dtb', hex(second.dtb)], ['--dtb', named[0][1]]] + name_it:
        expect(' '.join(options), second.tags(path, second.options + options), second.want)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    a = ap.parse_args()
    work = tempfile.mkdtemp(prefix='poolscope-kernels-')
    try:
        path = os.path.join(work, 'both.raw')
        old, new = Kernel(a, work, '7-x64'), Kernel(a, work, '11-x64', '--ram-base', '96M')
        check(old, new, path, [['--kernel-base', hex(new.base)], ['--kdbg', new.kdbg()]])
        check(old, Kernel(a, work, '7-x64', '--ram-base', '96M', '--seed', '2'), path, [])
        # A guest's physical addresses are offsets in the memory that its host gave it.
        guest = Kernel(a, work, '2003-x86')
        with open(guest.raw, 'rb') as f, open(path, 'r+b') as o:
            o.seek(256 << 20)
            shutil.copyfileobj(f, o)
        run_map = '0-%x@%x' % (os.path.getsize(guest.raw), 256 << 20)
        expect('a guest', guest.tags(path, guest.options + ['--run-map', run_map]), guest.want)
        print('two kernels in one image: each is read when it is named')
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
