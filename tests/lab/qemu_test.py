#!/usr/bin/env python3
"""A lab machine's memory put into a real QEMU, and saved by it: ELF, kdump-compressed (flattened), pmemsave.

qemu_test.py --lab LAB --poolscope POOLSCOPE BUILD. Skipped (77) without qemu-system-x86_64.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_test import Machine, expect, fail, run  # noqa: E402

RAM_MIB = 80


class Qemu:
    """A stopped machine: nothing runs in it, so its memory stays what the file holds, except for the PC's ROMs."""

    def __init__(self, ram):
        self.p = subprocess.Popen(
            ['qemu-system-x86_64', '-M', 'pc,memory-backend=m', '-m', '%dM' % RAM_MIB, '-object',
             'memory-backend-file,id=m,size=%dM,mem-path=%s,share=off' % (RAM_MIB, ram), '-S', '-nodefaults', '-display',
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


def check(m, has_kdump):
    raw = os.path.join(m.work, m.truth['containers']['raw']['file'])
    full = os.path.join(m.work, m.truth['containers']['full']['file'])
    isf = ['--isf', m.isf]
    want, bare = m.tags(full, isf, 'full'), m.tags(full, [])
    m.want, m.want_lists = want, m.lists(full, isf)
    ram = os.path.join(m.work, 'ram')
    shutil.copy(raw, ram)
    os.truncate(ram, RAM_MIB << 20)
    q = Qemu(ram)
    try:
        formats = [f for f in q.command('query-dump-guest-memory-capability')['formats'] if f != 'win-dmp']
        saved = {}
        for f in formats:
            saved[f] = os.path.join(m.work, 'qemu.' + f)
            q.command('dump-guest-memory', paging=False, protocol='file:' + saved[f], format=f)
        saved['pmemsave'] = os.path.join(m.work, 'qemu.raw')
        q.command('pmemsave', val=0, size=RAM_MIB << 20, filename=saved['pmemsave'])
    finally:
        q.quit()
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
    if not shutil.which('qemu-system-x86_64'):
        print('skipped: no qemu-system-x86_64')
        sys.exit(77)
    work = tempfile.mkdtemp(prefix='poolscope-qemu-')
    try:
        check(Machine(a, work), a.kdumpfile)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
