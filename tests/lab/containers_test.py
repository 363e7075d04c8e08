#!/usr/bin/env python3
"""The same lab machine in every container that holds all of its memory gives the same rows.

containers_test.py --lab LAB --poolscope POOLSCOPE BUILD

`info` and `tags` of each container must equal the truth, and the rows of `tags`, `blocks` and `callers` must be
byte-identical to those of the full dump. Without symbols (built-in tables and the dump itself) the containers must agree as well.
"""
import argparse
import json
import os
import re
import shutil
import struct
import tempfile
import zipfile

import convert
from running import fail, rows, run


class Machine:
    def __init__(self, a, work, more=()):
        # A program for Windows runs under Wine.
        self.exe = [os.environ.get('MESON_EXE_WRAPPER', 'wine')] if a.poolscope.endswith('.exe') else []
        self.exe += [a.poolscope]
        self.lab, self.work = a.lab, work
        run([a.lab, 'build', a.case, '--build', a.build, '--containers', 'memory', '-o', work] + list(more))
        self.truth_path = os.path.join(work, 'truth.json')
        self.truth = json.load(open(self.truth_path))
        self.isf = os.path.join(work, self.truth['isf'])
        self.n = 0

    def tags(self, path, options, name=None):
        out = os.path.join(self.work, 'tags.json')
        run(self.exe + ['tags', '--format', 'json', '-o', out, '-q'] + options + [path])
        if name:
            self.compare(name, out)
        return rows(json.load(open(out)))

    def lists(self, path, options):
        """The rows of `blocks` and of `callers`, as bytes."""
        return [run(self.exe + [command, '--format', 'csv', '-q'] + options + [path]).stdout
                for command in ('blocks', 'callers')]

    def same(self, what, path, options):
        """Every command's rows."""
        expect(what, self.tags(path, options), self.want)
        if self.lists(path, options) != self.want_lists:
            fail('%s: blocks or callers differ from those of the full dump' % what)

    def compare(self, name, out):
        p = run([self.lab, 'compare', '--container', name, self.truth_path, out], ok=(0, 1))
        if p.returncode != 0:
            fail('%s:\n%s%s' % (name, p.stdout.decode(), p.stderr.decode()))
        self.n += 1

    def info(self, path, options, name):
        out = os.path.join(self.work, 'info.json')
        run(self.exe + ['info', '--format', 'json', '-o', out, '-q'] + options + [path])
        self.compare(name, out)
        return json.load(open(out))


def expect(what, got, want):
    if got != want:
        fail('%s: rows differ from those of the full dump' % what)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    ap.add_argument('--keep')
    ap.add_argument('--case', default='holes')
    ap.add_argument('--basic', action='store_true', help='only what the lab itself writes')
    ap.add_argument('--archive', action='store_true', help='built with libarchive')
    ap.add_argument('--kdumpfile', action='store_true', help='built with libkdumpfile')
    ap.add_argument('build')
    a = ap.parse_args()
    work = a.keep or tempfile.mkdtemp(prefix='poolscope-containers-')
    try:
        m = Machine(a, work)
        check(m, a)
        print('%d answers equal the truth' % m.n)
    finally:
        if not a.keep:
            shutil.rmtree(work, ignore_errors=True)


def check(m, a):
    files = {name: os.path.join(m.work, e['file']) for name, e in m.truth['containers'].items()}
    isf = ['--isf', m.isf]
    want = m.want = m.tags(files['full'], isf, 'full')
    m.want_lists = m.lists(files['full'], isf)
    if m.want_lists[0].count(b'\n') < 100 or (a.case == 'verifier') != (m.want_lists[1].count(b'\n') > 1):
        fail('the full dump has not the rows that this case is for')
    bare = m.tags(files['full'], [])
    for name, path in files.items():
        if name == 'full':
            continue
        m.info(path, isf, name)
        m.tags(path, isf, name)
        m.same(name, path, isf)
        expect(name + ' without symbols', m.tags(path, []), bare)
        expect(name + ' without mapping', m.tags(path, isf + ['--no-mmap', '--threads', '3']), want)
    moved(m, files['raw'], isf, want)
    if a.basic:
        return
    machine = m.truth['info']['dump']['machine']
    dtb = int(m.info(files['raw'], isf, 'raw')['kernel']['directory_table_base'], 16)
    if machine == 'x64':
        low_stub(m, files['raw'], dtb, isf)
    if machine == 'arm64':
        dtb = None  # no container says where the tables of an ARM64 machine are
    kdump(m, files['raw'], isf, want, dtb, a.kdumpfile)
    vmware(m, files['raw'], isf, want, dtb)
    zipped(m, files['full'], isf)
    packed(m, files['full'], isf, a.archive)
    hibernation(m, files['raw'], isf, want)


def hibernation(m, raw, isf, want):
    path = os.path.join(m.work, 'hiberfil.sys')
    machine = m.truth['info']['dump']['machine']
    for name, layout in list(convert.HIBER8.items()) + list(convert.HIBER7.items()):
        if not name.endswith(' ' + machine):
            continue
        if name in convert.HIBER8:
            convert.hiber8(raw, path, *layout)
        else:
            convert.hiber7(raw, path, layout)
        m.same('hibernation file of ' + name, path, isf + ['--threads', '3'])
    expect('hibernation file without mapping', m.tags(path, isf + ['--no-mmap']), want)
    convert.remove(path)


def packed(m, full, isf, has_lib):
    """What libarchive reads, each made by a program of its own."""
    path, other = os.path.join(m.work, 'packed'), os.path.join(m.work, 'readme.txt')
    with open(other, 'w') as f:
        f.write('not the dump\n')
    name, work = os.path.basename(full), ['-C', m.work]
    for kind, make in (('7z', ['bsdtar', '--format', '7zip', '-cf', path] + work + ['readme.txt', name]),
                       ('cabinet', ['gcab', '-c', '-z', '-n', path, full]),
                       ('xz', ['sh', '-c', 'xz -1 -c "$0" >"$1"', full, path]),
                       ('bzip2', ['sh', '-c', 'bzip2 -1 -c "$0" >"$1"', full, path]),
                       ('zstd', ['bsdtar', '--zstd', '-cf', path] + work + [name]),
                       ('tar in gzip', ['bsdtar', '-czf', path] + work + ['readme.txt', name])):
        run(make)
        if not has_lib:
            p = run(m.exe + ['tags', path], ok=(3,))
            if b'unpack it' not in p.stderr:
                fail('%s: %s' % (kind, p.stderr.decode()))
            continue
        m.same(kind, path, isf + ['--tmpdir', m.work])
    convert.remove(path, other)


def zipped(m, full, isf):
    path = os.path.join(m.work, 'case.zip')
    for how, names, zip64 in ((zipfile.ZIP_DEFLATED, ['MEMORY.DMP'], True),
                              (zipfile.ZIP_STORED, ['readme.txt', 'x/machine.dmp', 'log'], False)):
        with zipfile.ZipFile(path, 'w', how) as z:
            for name in names:
                with z.open(name, 'w', force_zip64=zip64) as o:
                    if name.lower().endswith('.dmp'):
                        with open(full, 'rb') as f:
                            shutil.copyfileobj(f, o)
        m.same('zip of ' + ', '.join(names), path, isf + ['--tmpdir', m.work])
    convert.remove(path)


def tables_found(m, path):
    """Page tables that were tried with success: {address: where from}."""
    p = run(m.exe + ['info', '-v', path])
    return {int(at, 16): how for at, how in re.findall(r'page tables ([0-9a-f]+) \(.*?, from ([^)]*)\)', p.stderr.decode())}


def elsewhere(m, raw, path, isf, dtb):
    """The processor was in a process, not in the system's page tables; the rest of memory need not be searched."""
    others = [at for at in tables_found(m, raw) if at != dtb]
    if others:
        convert.kdump(raw, [path], 'zlib', others[0])
        found = tables_found(m, path)
        if found != {others[0]: 'registers of a processor', dtb: 'the System process'}:
            fail('page tables of %x, and of the System process at %x: found %s' % (others[0], dtb, found))
        m.same('kdump in another process', path, isf)


def low_stub(m, raw, dtb, isf):
    """What starts processors on x64, in a free page of the first MiB."""
    path = os.path.join(m.work, 'stub.raw')
    base = int(m.truth['info']['kernel']['base'], 16)
    shutil.copy(raw, path)
    with open(path, 'r+b') as f:
        first = f.read(256 * 4096)
        at = next(i for i in range(4096, len(first), 4096) if not any(first[i:i + 4096]))
        for off, value in ((0, 0x00000001000600e9), (0x70, base + 0x1000), (0xa0, dtb)):
            f.seek(at + off)
            f.write(struct.pack('<Q', value))
    if tables_found(m, path).get(dtb) != 'processor start block':
        fail('processor start block: found %s' % tables_found(m, path))
    m.same('raw with a processor start block', path, isf)
    os.remove(path)


def kdump(m, raw, isf, want, dtb, has_lib):
    path = os.path.join(m.work, 'kdump')
    for method in convert.METHODS:
        if not convert.has_method(method):
            print('no library for %s: not tested' % method)
            continue
        convert.kdump(raw, [path], method, dtb)
        if method != 'zlib' and not has_lib:
            p = run(m.exe + ['tags', path], ok=(3,))
            if b'libkdumpfile' not in p.stderr:
                fail('kdump %s: %s' % (method, p.stderr.decode()))
            continue
        m.same('kdump ' + method, path, isf)
        for what, extra in ((' on 5 threads', ['--threads', '5']), (' without mapping', ['--no-mmap'])):
            expect('kdump ' + method + what, m.tags(path, isf + extra), want)
    if dtb is not None:
        elsewhere(m, raw, path, isf, dtb)
    if m.truth['info']['dump']['machine'] == 'x86':
        convert.kdump(raw, [path], 'zlib', dtb, narrow=True)
        m.same('kdump of a 32-bit program', path, isf)
    convert.kdump(raw, [path], 'zlib', dtb)
    convert.flatten(path, path + '.flat')
    m.same('flattened kdump', path + '.flat', isf)
    run(['gzip', '-1', path + '.flat'])
    expect('flattened kdump in gzip', m.tags(path + '.flat.gz', isf), want)
    parts = [path + str(i) for i in range(3)]
    convert.kdump(raw, parts, 'zlib', dtb)
    m.same('split kdump', parts[0], isf + ['--with', parts[1], '--with', parts[2]])
    convert.remove(path, path + '.flat.gz', *parts)


def vmware(m, raw, isf, want, dtb):
    stem = os.path.join(m.work, 'vm')
    path = convert.vmware(raw, stem, dtb, False)
    m.same('.vmem beside .vmss', path, isf)
    expect('.vmss beside .vmem', m.tags(stem + '.vmss', isf), want)
    os.rename(stem + '.vmss', stem + '-state')
    expect('.vmem with a state named', m.tags(path, isf + ['--with', stem + '-state']), want)
    p = run(m.exe + ['tags', stem + '-state'], ok=(3,))
    if b'--with' not in p.stderr:
        fail('state without memory: %s' % p.stderr.decode())
    convert.remove(path, stem + '-state')
    path = convert.vmware(raw, stem, dtb, True)
    m.same('.vmsn with memory inside', path, isf)
    convert.remove(path)


def moved(m, raw, isf, want):
    """A raw image whose parts are moved, and what says so."""
    size = os.path.getsize(raw)
    half = size // 8192 * 4096
    path = os.path.join(m.work, 'moved.raw')
    with open(raw, 'rb') as f, open(path, 'wb') as o:
        first, second = f.read(half), f.read()
        o.write(b'PAGEDU64 is no header here'.ljust(4096) + second + first)
    run_map = '0-%x@%x,%x-%x@1000' % (half, 4096 + size - half, half, size)
    expect('--run-map', m.tags(path, isf + ['--run-map', run_map]), want)
    os.remove(path)
    dtb = m.info(raw, isf, 'raw')['kernel']['directory_table_base']
    base = m.truth['info']['kernel']['base']
    expect('--dtb', m.tags(raw, isf + ['--image-format', 'raw', '--dtb', dtb, '--kernel-base', base]), want)
    p = run(m.exe + ['tags', '--dtb', '0x1000', raw], ok=(3,))
    if b'page tables at 0x1000' not in p.stderr or p.stdout:
        fail('--dtb 1000: %s' % p.stderr.decode())


if __name__ == '__main__':
    main()
