#!/usr/bin/env python3
"""A lab machine's memory put into a real QEMU, and saved by it: ELF, kdump-compressed (flattened), pmemsave.

qemu_test.py --lab LAB --poolscope POOLSCOPE BUILD. Skipped (77) without qemu-system-x86_64 or qemu-system-aarch64.
"""
import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_test import Machine, expect, fail, run  # noqa: E402

# The lab's ARM64 machine has its memory from 128 MiB on; this board of QEMU's has it from 0 on.
QEMU = {'x86': ('qemu-system-x86_64', 'pc', 80), 'x64': ('qemu-system-x86_64', 'pc', 80),
        'arm64': ('qemu-system-aarch64', 'xlnx-zcu102', 208)}


class Qemu:
    """A stopped machine: nothing runs in it, so its memory stays what the file holds, except for the PC's ROMs."""

    def __init__(self, machine, ram):
        program, board, mib = QEMU[machine]
        self.p = subprocess.Popen(
            [program, '-audiodev', 'none,id=a', '-M', board + ',memory-backend=m', '-m', '%dM' % mib, '-object',
             'memory-backend-file,id=m,size=%dM,mem-path=%s,share=off' % (mib, ram), '-S', '-nodefaults', '-display',
             'none', '-accel', 'tcg', '-qmp', 'stdio'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()
        self.command('qmp_capabilities')

    def command(self, name, **arguments):
        self.p.stdin.write(json.dumps({'execute': name, 'arguments': arguments}) + '\n')
        self.p.stdin.flush()
        while True:
            answer = json.loads(self.p.stdout.readline())
            if 'error' in answer:
                fail('qemu: %s: %s' % (name, answer['error']['desc']))
            if 'return' in answer:
                return answer['return']

    def quit(self):
        self.command('quit')
        self.p.wait(60)


def check_elf(path, machine):
    """The forms that the issue is about: ELF64 also of 32-bit processors, with ROMs below 4 GiB beside the memory."""
    with open(path, 'rb') as f:
        head = f.read(4096)
    kind, phoff, n = struct.unpack_from('<H', head, 18)[0], struct.unpack_from('<Q', head, 32)[0], struct.unpack_from('<H', head, 56)[0]
    loads = [struct.unpack_from('<QQQQ', head, phoff + 56 * i + 8) for i in range(n) if head[phoff + 56 * i] == 1]
    ends = [pa + size for _, _, pa, size in loads]
    if head[4] != 2 or kind != (183 if machine == 'arm64' else 3) or max(ends) != 1 << 32 or len(loads) < 2:
        fail('QEMU wrote another form of ELF: class %d, machine %d, up to %x' % (head[4], kind, max(ends)))


def check(m, machine, has_kdump):
    raw = os.path.join(m.work, m.truth['containers']['raw']['file'])
    full = os.path.join(m.work, m.truth['containers']['full']['file'])
    isf = ['--isf', m.isf]
    want, bare = m.tags(full, isf, 'full'), m.tags(full, [])
    m.want, m.want_lists = want, m.lists(full, isf)
    ram = os.path.join(m.work, 'ram')
    shutil.copy(raw, ram)
    size = QEMU[machine][2] << 20
    os.truncate(ram, size)
    q = Qemu(machine, ram)
    try:
        formats = [f for f in q.command('query-dump-guest-memory-capability')['formats'] if f != 'win-dmp']
        saved = {}
        for f in formats:
            saved[f] = os.path.join(m.work, 'qemu.' + f)
            q.command('dump-guest-memory', paging=False, protocol='file:' + saved[f], format=f)
        saved['pmemsave'] = os.path.join(m.work, 'qemu.raw')
        q.command('pmemsave', val=0, size=size, filename=saved['pmemsave'])
    finally:
        q.quit()
    check_elf(saved['elf'], machine)
    for name, path in saved.items():
        if name in ('kdump-lzo', 'kdump-snappy') and not has_kdump:
            p = run(m.exe + ['info', path], ok=(3,))
            if b'libkdumpfile' not in p.stderr:
                fail('%s: %s' % (name, p.stderr.decode()))
            continue
        m.tags(path, isf, 'raw')
        m.same('qemu ' + name, path, isf)
        expect('qemu ' + name + ' without symbols', m.tags(path, []), bare)
        expect('qemu ' + name + ', threads', m.tags(path, isf + ['--threads', '4']), want)
    print('saved by QEMU as %s: the rows of the full dump' % ', '.join(saved))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    ap.add_argument('--case', default='holes')
    ap.add_argument('--kdumpfile', action='store_true')
    ap.add_argument('build')
    a = ap.parse_args()
    machine = next(x for x in a.build.split('-') if x in QEMU)
    if not shutil.which(QEMU[machine][0]):
        print('skipped: no ' + QEMU[machine][0])
        sys.exit(77)
    work = tempfile.mkdtemp(prefix='poolscope-qemu-')
    try:
        check(Machine(a, work), machine, a.kdumpfile)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
