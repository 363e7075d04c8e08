#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""built.py PDBDUMP mspack|no-mspack: the PDB reader on files that builder.py writes, each with one feature of the format, or broken in
one way. What must come out is written beside what goes in."""
import gzip
import os
import random
import struct
import subprocess
import sys
import tempfile

from builder import (ABSENT, GUID_TEXT, Pdb, Tpi, base, cabinet, counted, data32, dbi, end, enumerate_, index, info,
                     lzx_cabinet, member, msf, mszip_cabinet, number, proc32, procref, public, sections, stored_cabinet,
                     symbol, szdd, text, u16, u32)

PDBDUMP, HAS_MSPACK = sys.argv[1], sys.argv[2] == 'mspack'
WORK = tempfile.TemporaryDirectory()
failures = 0
checks = 0


def check(what, condition, detail=''):
    global failures, checks
    checks += 1
    if not condition:
        failures += 1
        print(f'FAIL: {what} {str(detail)[:400]}')


def run(data, *args, name='t.pdb', before=()):
    path = os.path.join(WORK.name, name)
    with open(path, 'wb') as f:
        f.write(data)
    r = subprocess.run([PDBDUMP, *before, path, *args], capture_output=True)
    out, err = r.stdout.decode('latin-1').split('\n')[:-1], r.stderr.decode('latin-1')
    check(f'{name}: exit', r.returncode in (0, 1), f'{r.returncode} {err}')
    check(f'{name}: one error line', (r.returncode == 1) == (err.count('\n') == 1 and len(err) < 260), err)
    return r.returncode, out, err


def answers(what, data, expected, **options):
    """expected: query -> answer."""
    code, out, err = run(data, *expected, **options)
    got = dict(line.split(': ', 1) for line in out)
    check(what, code == 0, err)
    for query, answer in expected.items():
        check(f'{what}: {query}', got.get(query) == answer, f'got {got.get(query)}, expected {answer}')


def refused(what, data, part, *queries):
    code, out, err = run(data, *queries)
    check(what, code == 1 and part in err, f'exit {code}: {err or out}')


def basic(machine=0x8664, **options):
    p = Pdb(machine, **options)
    p.slots[5] = p.add_stream(sections(0x1000, 0x3000, 0x5000))
    return p


def small():
    p = basic()
    for i in range(300):
        p.public(f'Public{i}' + 'x' * (i % 7), 1 + i % 3, 4 * i, 2 if i % 3 == 0 else 0)
    t = Tpi()
    for i in range(200):
        t.struct(f'_S{i}', t.fields(member('a', 0x22, 0), member('b', 0x23, 8 + i)), 16 + i)
    p.streams[2] = t.stream()
    return p


def containers():
    expected = {f'name=Public{i}' + 'x' * (i % 7): f'{(0x1000, 0x3000, 0x5000)[i % 3] + 4 * i:x}' for i in range(0, 300, 7)}
    expected |= {f'field=_S{i}.b': f'{8 + i} size 8 of {16 + i} bits 0 0' for i in range(0, 200, 9)}
    for block in (512, 1024, 2048, 4096, 8192, 16384, 32768):
        for seed in (None, 1, 2):
            answers(f'blocks of {block}, scattered {seed}', small().finish(block=block, seed=seed), expected)
    # The directory takes several blocks, and the list of those blocks too.
    p = small()
    p.streams += [ABSENT] * 20000
    answers('a long directory', p.finish(block=512, seed=4), expected)
    whole = small().finish(block=1024)
    cut = whole.rstrip(b'\0') + bytes(4)
    check('the last block can be cut', len(cut) % 1024 != 0)
    answers('a short last block', cut, expected)
    filled = small()
    filled.streams[4] = random.Random(1).randbytes(100000)
    good = filled.finish(block=1024, seed=5)
    few = small()
    few.streams.append(b'x' * 10)
    answers('NumBlocks larger than the file', few.finish(block=1024, n_blocks=100000), expected)
    for name, pack in (('t.pd_', mszip_cabinet), ('l.pd_', lzx_cabinet), ('s.pd_', stored_cabinet)):
        data = pack('t.pdb', good)
        if not HAS_MSPACK:
            refused(f'{name} without libmspack', data, 'libmspack')
            continue
        check(f'{name} has several blocks', len(good) > 65536)
        answers(name, data, expected, name=name)
        for n in (3, 20, 40, len(data) // 2, len(data) - 1):
            refused(f'{name} cut at {n}', data[:n], 'symbol file')
        broken = bytearray(data)
        broken[len(data) // 2] ^= 0x55
        refused(f'{name} damaged', bytes(broken), 'checksum')
    old = szdd(small().finish(block=1024))
    if HAS_MSPACK:
        check('szdd is smaller', len(old) < len(small().finish(block=1024)))
        answers('szdd', old, expected, name='z.pd_')
        refused('szdd cut', old[:len(old) // 2], 'symbol file')
        refused('szdd that promises too much', old[:10] + u32(0x7fffffff) + old[14:], 'more than')
        refused('szdd that promises more', old[:10] + u32(len(small().finish(block=1024)) + 1) + old[14:], 'too few')
    else:
        refused('szdd without libmspack', old, 'libmspack')
    answers('gzip', gzip.compress(good), expected, name='t.pdb.gz')
    if not HAS_MSPACK:
        return
    refused('a cabinet that promises too much', cabinet('t.pdb', 0x7fffffff, 0, [(good[:100], 100)]), 'more than')
    refused('a cabinet with too little', cabinet('t.pdb', 1000, 0, [(good[:100], 100)]), 'cabinet')
    refused('an empty cabinet', cabinet('t.pdb', 0, 0, [(b'', 0)]), 'symbol file')


def broken_containers():
    good = small().finish(block=1024, seed=6)

    def patched(off, value):
        return good[:off] + u32(value) + good[off + 4:]

    refused('other magic', b'x' + good[1:], 'not a PDB')
    refused('old', b'Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0' + bytes(100), 'PDB 2.00')
    refused('MSFZ', b'Microsoft MSFZ Container\r\n\x1aALD\0\0' + bytes(100), 'MSFZ')
    refused('.NET', b'BSJB' + bytes(100), '.NET')
    refused('short', good[:40], 'ends inside its header')
    refused('empty directory', patched(0x2c, 0), 'directory')
    refused('huge directory', patched(0x2c, 0xfffffff0), 'directory')
    for block in (0, 1, 256, 1000, 65536):
        refused(f'blocks of {block}', patched(0x20, block), 'blocks of')
    refused('map outside', patched(0x34, 0x7fffffff), 'block 2147483647')
    refused('no blocks', patched(0x28, 0), 'of 0')
    refused('many streams', msf([b''] * 5 + [b'x']).replace(u32(6) + u32(0) * 5, u32(0xffff) + u32(0) * 5), 'streams')
    p = small()
    p.streams[1] = ABSENT
    refused('no identity', p.finish(), 'PDB identity')
    p = small()
    p.streams[1] = info(version=19990604)
    refused('old version', p.finish(), '19990604')
    for n in list(range(0, 3000, 97)) + list(range(3000, len(good), 4001)):
        run(good[:n], name='cut.pdb')
    # A stream whose block does not exist harms only those who ask for it.
    p = small()
    p.streams[4] = b'IPI' * 400
    data = bytearray(p.finish(block=1024))
    at = struct.unpack_from('<I', data, 0x34)[0] * 1024
    directory = struct.unpack_from('<I', data, at)[0] * 1024
    n = struct.unpack_from('<I', data, directory)[0]
    sizes = struct.unpack_from(f'<{n}I', data, directory + 4)
    blocks_before = sum(-(-s // 1024) for s in sizes[:2])
    struct.pack_into('<I', data, directory + 4 + 4 * n + 4 * blocks_before, 0x12345678)
    answers('types in a bad block', bytes(data), {
        'name=Public0': '1000',
        'field=_S1.a': 'types: stream 2: a stream is in block 305419896 of %d' % struct.unpack_from('<I', data, 0x28)[0]})


def debug_information():
    p = basic()
    p.streams[3] = b''
    answers('no DBI', msf(p.streams), {'name=Foo': 'the PDB holds types only, no symbols',
                                      'at=1000': 'the PDB holds types only, no symbols'})
    p = basic()
    p.public('Foo', 1, 0x10)
    p.slots = []
    answers('no optional header', p.finish(), {
        'name=Foo': 'the PDB holds no section headers, so its symbols have no addresses'})
    p = basic()
    p.public('Foo', 1, 0x10)
    p.slots = p.slots[:6]
    answers('a short optional header', p.finish(), {'name=Foo': '1010'})
    p = basic()
    p.streams[3] = dbi(version=930803)
    refused('old DBI', msf(p.streams), '930803')
    p = basic()
    p.streams[3] = dbi()[:50]
    refused('cut DBI', msf(p.streams), 'debug information')
    p = basic()
    p.streams[3] = dbi()[:24] + u32(0x7fffffff) + dbi()[28:]
    refused('DBI parts too large', msf(p.streams), 'do not fit')
    p = basic()
    p.public('Foo', 1, 0x10)
    data = p.finish()
    answers('publics', data, {'name=Foo': '1010', 'name=foo': 'no symbol foo with an address', 'at=fff':
                              'no symbol at or below 0xfff', 'at=1010': 'Foo+0x0 size 0', 'at=100f':
                              'no symbol at or below 0x100f'})


def without_omap_and_with():
    for slots, expected in (
            # original sections at 0x1000 and 0x2000; moved apart, one piece removed
            ((), {'name=A': '1010', 'name=B': '2020'}),
            (((0x1000, 0x9000), (0x1020, 0), (0x1030, 0x9020), (0x2000, 0x5000)),
             {'name=A': '9010', 'name=Gone': 'no symbol Gone with an address', 'name=Kept': '9028', 'name=B': '5020',
              'at=9027': 'A+0x17 size 0', 'at=5021': 'B+0x1 size 0'}),
            (((0x1800, 0x9000),), {'name=A': 'no symbol A with an address', 'name=B': '9820'}),
            (((0x1000, 0xfffffff8),), {'name=A': 'no symbol A with an address'}),
            (((0x2000, 0x5000), (0x1000, 0x9000)), {'name=A': 'the map of addresses (OMAP) is not in order'})):
        p = Pdb(0x14c)
        if slots:
            p.slots[4] = p.add_stream(b''.join(u32(a) + u32(b) for a, b in slots))
            p.slots[10] = p.add_stream(sections(0x1000, 0x2000))
            p.slots[5] = p.add_stream(sections(0x5000, 0x9000))
        else:
            p.slots[5] = p.add_stream(sections(0x1000, 0x2000))
        for name, segment, off in (('_A', 1, 0x10), ('_Gone', 1, 0x24), ('_Kept', 1, 0x38), ('_B', 2, 0x20)):
            p.public(name, segment, off)
        answers(f'OMAP {slots}', p.finish(seed=1), expected)
    p = Pdb(0x14c)
    p.slots[4] = p.add_stream(u32(0x1000) + u32(0x1000))
    p.slots[5] = p.add_stream(sections(0x1000))
    p.public('_A', 1, 0x10)
    answers('OMAP without the original sections', p.finish(), {
        'name=A': 'the image was reordered, and its original section headers are not in the PDB'})


def names():
    for has_hash in (True, False, 'broken'):
        p = basic(0x14c)
        p.has_hash = bool(has_hash)
        p.public('_Variable', 2, 0x10)
        p.public('_Function@8', 1, 0x20, 2)
        p.public('@Fast@4', 1, 0x30, 2)
        p.public('Vector@@16', 1, 0x40, 2)
        p.public('Exact', 1, 0x50)
        p.public('_Exact', 1, 0x60)
        p.public('?Counter@@3HA', 2, 0x70)
        p.public('?Inner@Space@@3HA', 2, 0x80)
        p.public('?Call@@YAXXZ', 1, 0x90, 2)
        p.public('Absolute', 4, 0x10)
        p.public('Nowhere', 0, 0x10)
        p.public('_', 1, 0xa8)
        p.public('@at', 1, 0xb0)
        for n in range(1, 13):
            p.public('abcdefghijkl'[:n], 3, 0x100 * n)
        p.globl('Global', data32('Global', 3, 0x20))
        p.globl('Static', data32('Static', 3, 0x28, is_global=False))
        p.globl('Twice', data32('Twice', 3, 0x30, is_global=False))
        p.globl('Twice', data32('Twice', 3, 0x38, is_global=False))
        p.globl('Same', data32('Same', 3, 0x40, is_global=False))
        p.globl('Same', data32('Same', 3, 0x40, is_global=False))
        p.globl('constant', symbol(0x1107, u32(0x74) + number(7) + text('constant')))
        p.globl('float', symbol(0x1107, u32(0x41) + u16(0x8006) + bytes(8) + text('float')))
        m = p.module(proc32('Proc', 1, 0x200, 0x40), symbol(0x110c, u32(0x22) + u32(0x44) + u16(3) + text('InProc')), end(),
                     data32('OnlyInModule', 3, 0x48, is_global=False))
        p.globl('Proc', procref('Proc', m, 4))
        p.globl('NoModule', procref('NoModule', m + 1, 4))
        p.globl('NoRecord', procref('NoRecord', m, 0x10000))
        data = p.finish()
        if has_hash == 'broken':
            data = data.replace(u32(0xf12f091a), u32(0xf12f091b))
        none = lambda n: f'no symbol {n} with an address'
        answers(f'names, hash {has_hash}', data, {
            'name=Variable': '3010', 'name=_Variable': '3010', 'name=Function': '1020', 'name=_Function@8': '1020',
            'name=Fast': '1030', 'name=Vector': '1040', 'name=Exact': '1050', 'name=_Exact': '1060',
            'name=Counter': '3070', 'name=Inner': none('Inner'), 'name=Call': none('Call'),
            'name=?Call@@YAXXZ': '1090', 'name=Absolute': none('Absolute'), 'name=Nowhere': none('Nowhere'),
            'name=_': '10a8', 'name=@at': '10b0', 'name=at': none('at'),
            **{f'name={"abcdefghijkl"[:n]}': f'{0x5000 + 0x100 * n:x}' for n in range(1, 13)},
            'name=Global': '5020', 'name=Static': '5028', 'name=Twice':
            'several files have a symbol Twice of their own', 'name=Same': '5040', 'name=constant': none('constant'),
            'name=Proc': '1200', 'name=NoModule': none('NoModule'), 'name=NoRecord': none('NoRecord'),
            'name=InProc': '5044', 'name=OnlyInModule': '5048', 'name=ABC': none('ABC'),
        })
    # A record that the tables do not list is dead.
    p = basic()
    p.records += public('Dead', 1, 0x10)
    p.public('Live', 1, 0x20)
    answers('dead records', p.finish(), {'name=Dead': 'no symbol Dead with an address', 'name=Live': '1020',
                                         'at=1018': 'no symbol at or below 0x1018'})
    # Records of old compilers: counted names.
    p = basic(0x14c)
    p.has_hash = False
    p.records += symbol(0x1009, u32(0) + u32(0x10) + u16(1) + counted('_Old'))
    p.records += symbol(0x1008, u32(0x22) + u32(0x20) + u16(1) + counted('OldGlobal'))
    answers('counted names', p.finish(), {'name=Old': '1010', 'name=OldGlobal': '1020'})


def addresses():
    p = basic()
    p.public('LongName', 1, 0x100, 2)
    p.public('Short', 1, 0x100, 2)
    p.public('Shoru', 1, 0x100, 2)
    p.public('S', 1, 0x100, 0)
    p.public('?f@@YAXXZ', 1, 0x200, 2)
    p.public('data', 2, 0x10)
    p.public('beyond', 2, 0x1fff)
    p.public('last', 3, 0xff0)
    p.module(proc32('f', 1, 0x200, 0x20), end(), proc32('g', 1, 0x240, 0x10, False), end(),
             symbol(0x1102, bytes(12) + u32(0x300) + u16(1) + u16(6) + b'\0' + text('thunk')),
             data32('variable', 2, 0x10, is_global=False))
    answers('addresses', p.finish(), {
        'at=1100': 'Short+0x0 function size 0', 'at=11ff': 'Short+0xff function size 0',
        'at=1200': 'f+0x0 function private size 32', 'at=1220': 'f+0x20 function private size 32',
        'at=1221': 'f+0x21 function private far size 32', 'at=1245': 'g+0x5 function private size 16',
        'at=1303': 'thunk+0x3 function private size 6', 'at=3010': 'variable+0x0 private size 0',
        'at=4fff': 'beyond+0x0 size 0', 'at=5000': 'no symbol at or below 0x5000', 'at=5fff': 'last+0xf size 0',
        'at=6000': 'no symbol at or below 0x6000', 'at=10ff': 'no symbol at or below 0x10ff',
        'at=0': 'no symbol at or below 0x0', 'at=ffffffff': 'no symbol at or below 0xffffffff'})
    p = Pdb()
    p.slots[5] = p.add_stream(sections(0x1000, size=0x40000))
    p.public('far', 1, 0, 2)
    answers('far', p.finish(), {'at=11000': 'far+0x10000 function size 0', 'at=11001': 'far+0x10001 function far size 0'})
    # Many modules that share one stream must not multiply the work.
    p = basic()
    p.public('Foo', 1, 0x10)
    p.module(*[proc32('f%d' % i, 1, 0x20 + i, 1) for i in range(2000)])
    p.modules *= 3000
    answers('modules that share a stream', p.finish(), {'at=1010': 'Foo+0x0 size 0', 'name=Foo': '1010'})


def types():
    t = Tpi()
    t.forward('_LATER')
    later = t.next - 1
    numbers = (0, 1, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0)
    leaves = [member(f'm{i}', 0x20, n) for i, n in enumerate(numbers)]
    leaves += [member('quad', 0x20, u16(0x8009) + struct.pack('<q', 5)),
               member('uquad', 0x20, u16(0x800a) + struct.pack('<Q', 6)), member('char', 0x20, u16(0x8000) + b'\x07')]
    t.struct('_NUMBERS', t.fields(*leaves), 0xfffffffe)
    t.struct('_NEGATIVE', t.fields(member('n', 0x20, u16(0x8000) + b'\xff')), 16)
    t.struct('_REAL', t.fields(member('n', 0x20, u16(0x8005) + bytes(4))), 16)
    values = t.enum('_VALUES', 0x23, t.fields(*[enumerate_(f'e{i}', v) for i, v in enumerate(
        (-1, -128, -129, -32769, -2**31 - 1, 0, 0xffffffff, 2**63, -2**63))],
        enumerate_('big', u16(0x8017) + bytes(16)), enumerate_('after', 3)))
    t.struct('_ENUMS', t.fields(member('e', values, 8)), 16)
    tail2 = t.fields(member('c', 0x22, 8))
    tail = t.fields(member('b', 0x22, 4), index(tail2))
    t.struct('_CHAINED', t.fields(member('a', 0x22, 0), index(tail)), 12)
    loop = t.next
    t.fields(member('x', 0x22, 0), index(loop))
    t.struct('_LOOP', loop, 8)
    t.struct('_NOLIST', t.fields(member('a', 0x22, 0), index(0x1fff)), 8)
    b1, b2 = t.bits(0x22, 3, 5), t.bits(0x23, 40, 20)
    bad = t.bits(0x20, 5, 4)
    t.struct('_BITS', t.fields(member('x', b1, 4), member('y', b2, 8)), 16)
    t.struct('_BADBITS', t.fields(member('x', bad, 0)), 16)
    inner = t.struct('<unnamed-tag>', t.fields(member('deep', 0x22, 4), member('u9', 0x22, 0)), 8)
    union = t.union('__unnamed', t.fields(member('', inner, 8), member('flat', 0x23, 0)), 16)
    t.struct('_NESTED', t.fields(member('first', 0x22, 0), member('u1', union, 16)), 32)
    other = t.struct('<anonymous-tag>', t.fields(member('deep', 0x22, 4)), 8)
    t.struct('_AMBIGUOUS', t.fields(member('u1', other, 0), member('u2', other, 8)), 16)
    t.struct('_OWN', t.fields(member('u1', other, 8), member('deep', 0x22, 0)), 16)
    t.struct('_PLAIN', t.fields(member('named', other, 8)), 16)
    bases = t.struct('Base', t.fields(member('inherited', 0x22, 4)), 8)
    t.struct('Derived', t.fields(base(bases, 16), u16(0x1409) + u16(0) + u32(0x603),
                                 u16(0x1511) + u16(4 << 2) + u32(0x1000) + u32(8) + text('virtual'),
                                 u16(0x1511) + u16(3) + u32(0x1000) + text('method'),
                                 u16(0x150f) + u16(2) + u32(0x1000) + text('overloaded'),
                                 u16(0x1510) + u16(0) + u32(0x1000) + text('Nested'),
                                 u16(0x150e) + u16(3) + u32(0x22) + text('shared'),
                                 u16(0x1401) + u16(3) + u32(0x1000) + u32(0x1000) + number(0x9000) + number(4),
                                 u16(0x140a) + u16(0) + u32(0x1000),
                                 member('own', 0x22, 24)), 32, leaf=0x1504)
    row = t.array(0x21, 12)
    table = t.array(row, 60)
    pointer, near = t.pointer(later), t.pointer(later, 4)
    volatile = t.modifier(t.modifier(pointer))
    t.struct('_MIXED', t.fields(member('table', table, 0), member('p', pointer, 64), member('n', near, 72),
                                member('v', volatile, 80), member('later', later, 88), member('empty', t.array(0x22, 0), 96),
                                member('func', t.add(0x1008, bytes(12)), 96), member('pp', 0x0603, 88),
                                member('w', 0x71, 88)), 96)
    t.struct('_LATER', t.fields(member('x', 0x23, 0)), 8)
    t.struct('_LATER', t.fields(member('y', 0x23, 0)), 24)
    t.forward('_NEVER')
    t.struct('_HASNEVER', t.fields(member('n', t.next - 1, 4)), 8)
    # Two types of one name, told apart by their unique names only.
    t.struct('Same', t.fields(member('a', 0x22, 0)), 4, unique='.?AUSame@A@@')
    t.struct('Same', t.fields(member('a', 0x22, 0)), 8, unique='.?AUSame@B@@')
    t.struct('_UNIQUE', t.fields(member('b', t.forward('Same', unique='.?AUSame@B@@'), 0),
                                 member('a', t.forward('Same', unique='.?AUSame@A@@'), 8),
                                 member('c', t.forward('Same', unique='.?AUSame@C@@'), 12)), 16)
    t.long_struct('_LONG', t.fields(member('x', 0x22, 0x8000)), 0x9000, unique='.?AU_LONG@@')
    old_list = t.fields(u16(0x1405) + u16(3) + u32(0x22) + number(4) + counted('old'))
    t.add(0x1005, u16(1) + u16(0) + u32(old_list) + u32(0) + u32(0) + number(8) + counted('_OLD2'))
    t.struct('_OUTSIDE', t.fields(member('x', 0x23, 4)), 8)
    t.struct('_EMPTY', 0, 0)
    t.add(0x1505, u16(1) + u16(0) + u32(0))  # damaged
    t.struct('_UNKNOWN', t.fields(member('x', 0x22, 0), u16(0x1777) + bytes(8)), 8)
    t.struct('_SELF', t.fields(member('u', t.next + 1, 0)), 8)
    expected = {f'field=_NUMBERS.m{i}': f'{n} size 1 of 4294967294 bits 0 0' for i, n in enumerate(numbers)}
    expected |= {
        'field=_NUMBERS.quad': '5 size 1 of 4294967294 bits 0 0', 'field=_NUMBERS.uquad': '6 size 1 of 4294967294 bits 0 0',
        'field=_NUMBERS.char': '7 size 1 of 4294967294 bits 0 0', 'field=_NUMBERS.none': 'none',
        'field=_NEGATIVE.n': '_NEGATIVE.n: its list of members is damaged',
        'field=_REAL.n': '_REAL.n: its list of members is damaged',
        'field=_ENUMS.e': '8 size 8 of 16 bits 0 0', 'field=_CHAINED.a': '0 size 4 of 12 bits 0 0',
        'field=_CHAINED.b': '4 size 4 of 12 bits 0 0', 'field=_CHAINED.c': '8 size 4 of 12 bits 0 0',
        'field=_CHAINED.d': 'none', 'field=_LOOP.x': '0 size 4 of 8 bits 0 0',
        'field=_LOOP.y': '_LOOP.y: its list of members is damaged', 'field=_NOLIST.a': '0 size 4 of 8 bits 0 0',
        'field=_NOLIST.b': '_NOLIST.b: its list of members is damaged',
        'field=_BITS.x': '4 size 4 of 16 bits 5 3', 'field=_BITS.y': '8 size 8 of 16 bits 20 40',
        'field=_BADBITS.x': '_BADBITS.x: it does not fit into its storage',
        'field=_NESTED.first': '0 size 4 of 32 bits 0 0', 'field=_NESTED.flat': '16 size 8 of 32 bits 0 0',
        'field=_NESTED.deep': '28 size 4 of 32 bits 0 0', 'field=_NESTED.u1': '16 size 16 of 32 bits 0 0',
        'field=_AMBIGUOUS.deep': 'none', 'field=_OWN.deep': '0 size 4 of 16 bits 0 0', 'field=_PLAIN.deep': 'none',
        'field=Derived.inherited': '20 size 4 of 32 bits 0 0', 'field=Derived.own': '24 size 4 of 32 bits 0 0',
        'field=Derived.shared': 'none', 'field=Derived.method': 'none', 'field=Derived.': '0 size 32 of 32 bits 0 0',
        'field=_MIXED.table': '0 size 60 of 96 bits 0 0', 'field=_MIXED.p': '64 size 8 of 96 bits 0 0',
        'field=_MIXED.n': '72 size 4 of 96 bits 0 0', 'field=_MIXED.v': '80 size 8 of 96 bits 0 0',
        'field=_MIXED.later': '88 size 8 of 96 bits 0 0', 'field=_MIXED.empty': '96 size 0 of 96 bits 0 0',
        'field=_MIXED.func': '96 size 0 of 96 bits 0 0', 'field=_MIXED.pp': '88 size 8 of 96 bits 0 0',
        'field=_MIXED.w': '88 size 2 of 96 bits 0 0', 'field=_LATER.x': '0 size 8 of 8 bits 0 0', 'field=_LATER.y': 'none',
        'field=_NEVER.x': 'none', 'field=_HASNEVER.n': '4 size 0 of 8 bits 0 0',
        'field=_UNIQUE.b': '0 size 8 of 16 bits 0 0', 'field=_UNIQUE.a': '8 size 4 of 16 bits 0 0',
        'field=_UNIQUE.c': '12 size 4 of 16 bits 0 0',
        'field=_LONG.x': '32768 size 4 of 36864 bits 0 0', 'field=_OLD2.old': '4 size 4 of 8 bits 0 0',
        'field=_OUTSIDE.x': '_OUTSIDE.x: it ends behind its structure', 'field=_EMPTY.': 'none',
        'field=_UNKNOWN.x': '0 size 4 of 8 bits 0 0', 'field=_UNKNOWN.y': '_UNKNOWN.y: its list of members is damaged',
        'field=_SELF.x': 'none', 'field=_NOSUCH.x': 'none'}
    p = basic()
    p.streams[2] = t.stream()
    data = p.finish(seed=7)
    answers('types', data, expected)
    _, out, _ = run(data)
    found = {line.split('\t')[3]: int(line.split('\t')[2]) for line in out if line.startswith('enumerate')}
    check('enumerators', found == {f'e{i}': v if v < 2**63 else v - 2**64 for i, v in enumerate(
        (-1, -128, -129, -32769, -2**31 - 1, 0, 0xffffffff, 2**63, -2**63))} | {'big': 0, 'after': 3}, str(found))
    p.streams[2] = t.stream(n_promised=0x7fffffff)
    answers('a header that promises too many types', msf(p.streams), {'field=_CHAINED.c': '8 size 4 of 12 bits 0 0'})
    p.streams[2] = t.stream(n_promised=8)
    answers('a header that promises few types', msf(p.streams), {'field=_CHAINED.c': 'none'})
    for what, stream, error in (
            ('old types', Tpi(version=19951122).stream(), 'types: types of version 19951122'),
            ('types cut off', t.stream()[:1000], 'types: the type records do not fit into their stream'),
            ('bad first index', t.stream()[:8] + u32(0x10) + t.stream()[12:], 'types: types from index 0x10')):
        p.streams[2] = stream
        _, out, _ = run(msf(p.streams), 'field=_CHAINED.c') if what != 'old types' else (0, ['field=_CHAINED.c: none'], '')
        if what != 'old types':
            check(what, out and out[0].startswith('field=_CHAINED.c: ' + error), str(out))
    p.streams[2] = b''
    answers('no types', msf(p.streams), {'field=_CHAINED.c': 'the PDB holds no types'})


def profiles():
    def build(machine=0x8664, age=3, info_age=9, has_dbi=True, has_types=True, features=()):
        p = basic(machine, age=age)
        p.streams[1] = info(info_age, features=features)
        p.public('_PoolTrackTable' if machine == 0x14c else 'PoolTrackTable', 2, 0x20)
        p.public('?PoolHitTag@@3KA', 2, 0x40)
        t = Tpi()
        t.struct('_POOL_TRACKER_TABLE', t.fields(member('Key', 0x22, 0), member('PagedBytes', 0x23, 0x20)), 0x28)
        if has_types:
            p.streams[2] = t.stream()
        data = p.finish()
        if not has_dbi:
            p.streams[3] = b''
            data = msf(p.streams)
        return data

    def load(data, guid, age, machine='8664'):
        return run(data, guid, str(age), machine, before=('--profile',))

    symbols = ['symbol\tPoolHitTag\t3040', 'symbol\tPoolTrackTable\t3020']
    fields = ['field\t_POOL_TRACKER_TABLE.Key\t0\t4\t40\t0\t0', 'field\t_POOL_TRACKER_TABLE.PagedBytes\t32\t8\t40\t0\t0']
    code, out, err = load(build(), GUID_TEXT, 3)
    check('profile', code == 0 and out == symbols + fields, f'{out} {err}')
    code, out, err = load(build(0x14c), GUID_TEXT.lower(), 3, '14c')
    check('profile of x86', code == 0 and out == symbols + fields, f'{out} {err}')
    code, out, err = load(build(), GUID_TEXT, 4)
    check('other age', code == 0 and out[1:] == symbols + fields and 'age 3' in out[0] and 'age 4' in out[0], f'{out} {err}')
    other = 'F' + GUID_TEXT[1:]
    code, out, err = load(build(), other, 3)
    check('other GUID', code == 1 and not out and GUID_TEXT in err and other in err, f'{out} {err}')
    code, out, err = load(build(), GUID_TEXT, 3, '14c')
    check('other machine', code == 1 and '0x8664' in err and '0x14c' in err, f'{out} {err}')
    code, out, err = load(build(), '', 3)
    check('unknown GUID', code == 0 and out[1:] == symbols + fields and 'not known' in out[0], f'{out} {err}')
    code, out, err = load(build(has_dbi=False), GUID_TEXT, 9)
    check('types only', code == 0 and out[1:] == fields and 'no symbols' in out[0], f'{out} {err}')
    code, out, err = load(build(has_types=False), GUID_TEXT, 3)
    check('symbols only', code == 0 and out[1:] == symbols and 'no types' in out[0], f'{out} {err}')
    code, out, err = load(build(features=(20140508, 0x494e494d)), GUID_TEXT, 3)
    check('fastlink', code == 0 and out[1:] == symbols + fields and 'FASTLINK' in out[0], f'{out} {err}')


def main():
    containers()
    broken_containers()
    debug_information()
    without_omap_and_with()
    names()
    addresses()
    types()
    profiles()
    print(f'{checks} checks, {failures} failed')
    return 1 if failures else 0


sys.exit(main())
