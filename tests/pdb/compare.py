#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py PDBDUMP FILE...: what the PDB reader says of each file must be what llvm-pdbutil says of it: every type
with its members, every public, global and module symbol, sections, identity. Addresses are worked out anew here from
the section headers. A cabinet is unpacked with zlib first, for llvm-pdbutil.
"""
import collections
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

SIMPLE_SIZES = {
    0x03: 0, 0x08: 4, 0x10: 1, 0x20: 1, 0x68: 1, 0x69: 1, 0x70: 1, 0x7c: 1, 0x30: 1, 0x11: 2, 0x21: 2, 0x31: 2, 0x46: 2,
    0x71: 2, 0x72: 2, 0x73: 2, 0x7a: 2, 0x12: 4, 0x22: 4, 0x32: 4, 0x40: 4, 0x74: 4, 0x75: 4, 0x7b: 4, 0x13: 8,
    0x23: 8, 0x33: 8, 0x41: 8, 0x76: 8, 0x77: 8, 0x42: 10, 0x14: 16, 0x24: 16, 0x78: 16, 0x79: 16,
}
POINTER_SIZES = {1: 2, 2: 4, 3: 4, 4: 4, 5: 6, 6: 8, 7: 16}
UDT = {'LF_STRUCTURE': 'struct', 'LF_CLASS': 'class', 'LF_INTERFACE': 'interface', 'LF_UNION': 'union'}


def llvm(path, *options):
    r = subprocess.run(['llvm-pdbutil', 'dump', *options, path], capture_output=True)
    return r.stdout.decode('latin-1') if r.returncode == 0 else None


def records(text):
    """(index or offset, kind, text of all its lines) of each record of a dump."""
    current = None
    for line in text.split('\n'):
        m = re.match(r' *(0x[0-9A-F]+|\d+) \| ([LS]F?_\w+|UNKNOWN RECORD \(0x\w+\)) \[size = \d+\](.*)$', line)
        if m:
            if current:
                yield current
            current = (int(m[1], 0), m[2], [m[3]])
        elif current and not re.match(r' *Mod \d+ \| |^$', line):
            current[2].append(line)
        elif current:
            yield current
            current = None
    if current:
        yield current


def quoted(text):
    m = re.search(r'`(.*)`', text)
    return m[1] if m else None


def number(pattern, text, base=10):
    m = re.search(pattern, text)
    return int(m[1], base) if m else 0


def decode_long_structure(kind, lines):
    """LF_CLASS2 and LF_STRUCTURE2, which llvm-pdbutil 14 knows only as bytes, in the form of their older relatives."""
    rows = [re.match(r' +[0-9A-F]{4}: ((?:[0-9A-F]+ )+) *\|', line) for line in lines]
    data = bytes.fromhex(''.join(row[1] for row in rows if row))
    leaf, prop, fields, _, _, _ = struct.unpack_from('<HIIIIH', data, 2)
    assert kind == f'UNKNOWN RECORD (0x{leaf:X})' and leaf in (0x1608, 0x1609)
    size, at = struct.unpack_from('<H', data, 22)[0], 24
    if size >= 0x8000:
        form = {0x8000: '<b', 0x8001: '<h', 0x8002: '<H', 0x8003: '<i', 0x8004: '<I'}[size]
        size, at = struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    name, unique = data[at:].split(b'\0')[:2]
    out = [f' `{name.decode("latin-1")}`', f'field list: 0x{fields:X}',
           'options: ' + ('forward ref (unresolved)' if prop & 0x80 else '') + f', sizeof {size}']
    if prop & 0x200:
        out.append(f'unique name: `{unique.decode("latin-1")}`')
    return 'LF_STRUCTURE' if leaf == 0x1609 else 'LF_CLASS', out


class Types:
    """The type records as llvm-pdbutil prints them."""

    def __init__(self, text):
        self.types = {}
        for index, kind, lines in records(text):
            if kind in ('UNKNOWN RECORD (0x1608)', 'UNKNOWN RECORD (0x1609)'):
                kind, lines = decode_long_structure(kind, lines)
            self.types[index] = (kind, lines)
        self.defined, self.unique = {}, {}
        for index, (kind, lines) in self.types.items():
            body = '\n'.join(lines)
            if kind in UDT or kind == 'LF_ENUM':
                if not re.search(r'options:.*forward ref', body):
                    name = lines[0].strip()[1:-1]
                    self.defined.setdefault((kind == 'LF_ENUM', name), index)
                    unique = re.search(r'unique name: `(.*)`', body)
                    if unique:
                        self.unique.setdefault(unique[1], index)

    def body(self, index):
        return '\n'.join(self.types[index][1])

    def resolve(self, index):
        if index not in self.types or not self.is_declaration(index):
            return index
        m = re.search(r'forward ref \((?:->|<-) 0x([0-9A-F]+)\)', self.body(index))
        if m:
            return int(m[1], 16)
        # llvm-pdbutil found none: it does not look among the records that it does not know
        unique = re.search(r'unique name: `(.*)`', self.body(index))
        return self.unique.get(unique[1], index) if unique else index

    def is_declaration(self, index):
        return bool(re.search(r'options:.*forward ref', self.body(index)))

    def size(self, index, hops=0):
        if index < 0x1000:
            mode = index >> 8 & 7
            return POINTER_SIZES[mode] if mode else SIMPLE_SIZES.get(index & 0xff, 0)
        index = self.resolve(index)
        if index not in self.types or hops > 30:
            return 0
        kind, body = self.types[index][0], self.body(index)
        if kind in UDT:
            return number(r'sizeof (\d+)', body)
        if kind == 'LF_ENUM':
            return self.size(number(r'underlying type: 0x([0-9A-F]+)', body, 16), hops + 1)
        if kind == 'LF_ARRAY':
            return number(r'size: (\d+)', body)
        if kind == 'LF_POINTER':
            if 'mode = pointer to' in body:
                return None  # to a member: the size is not printed
            return 8 if 'ptr64' in body else 4
        if kind == 'LF_BITFIELD':
            return self.size(number(r'type = 0x([0-9A-F]+)', body, 16), hops + 1)
        if kind == 'LF_MODIFIER':
            return self.size(number(r'referent = 0x([0-9A-F]+)', body, 16), hops + 1)
        return 0

    def fields(self, index):
        """Lines of a list of members and of those that continue it."""
        seen = set()
        while index and index not in seen and self.types.get(index, ('',))[0] == 'LF_FIELDLIST':
            seen.add(index)
            following = 0
            for line in self.types[index][1]:
                m = re.match(r' *- (LF_\w+)(.*)$', line)
                if not m:
                    continue
                if m[1] == 'LF_INDEX':
                    following = number(r'0x([0-9A-F]+)', m[2], 16)
                else:
                    yield m[1], m[2]
            index = following


def expected_types(text):
    """The lines that pdbdump must print for types; field searches are answered apart."""
    t = Types(text)
    out, fields = [], []
    for index, (kind, lines) in t.types.items():
        body = t.body(index)
        if kind not in UDT and kind != 'LF_ENUM':
            continue
        name, unique = lines[0].strip()[1:-1], re.search(r'unique name: `(.*)`', body)
        list_index = number(r'field list: 0x([0-9A-F]+)', body, 16)
        size = t.size(index) if t.is_declaration(index) else number(r'sizeof (\d+)', body)
        if kind == 'LF_ENUM':
            size = t.size(index)
        out.append(('type', index, UDT.get(kind, 'enum'), name, unique[1] if unique else '', size,
                    t.is_declaration(index), t.resolve(index)))
        is_first = kind in UDT and t.defined.get((False, name)) == index
        members = []
        for leaf, rest in t.fields(list_index):
            if leaf == 'LF_MEMBER':
                m = re.match(r' \[name = `(.*)`, Type = 0x([0-9A-F]+).*, offset = (\d+), attrs', rest)
                if not m:
                    sys.exit(f'cannot parse: {rest}')
                ti, offset = int(m[2], 16), int(m[3])
                bits = ()
                if t.types.get(ti, ('',))[0] == 'LF_BITFIELD':
                    b = t.body(ti)
                    bits = (number(r'bit offset = (\d+)', b), number(r'# bits = (\d+)', b))
                members.append((m[1], offset, ti, t.size(ti), bits))
                out.append(('member', index, offset, ti, m[1], t.size(ti), bits))
            elif leaf == 'LF_ENUMERATE':
                m = re.match(r' \[(.*) = (-?\d+)\]', rest)
                out.append(('enumerate', index, int(m[2]), m[1]))
            elif leaf == 'LF_STMEMBER':
                m = re.match(r' \[name = `(.*)`, type = 0x([0-9A-F]+)', rest)
                out.append(('static', index, int(m[2], 16), m[1]))
        if is_first:
            own = {}
            for m in members:
                own.setdefault(m[0], m)
            for field, offset, ti, field_size, bits in own.values():
                if field:
                    fields.append((name, field, offset, field_size, size, *(bits or (0, 0))))
    return out, fields, t


def actual_types(lines, t):
    out, fields = [], []
    for f in lines:
        if f[0] == 'type' and f[3] in ('struct', 'class', 'interface', 'union', 'enum'):
            declared = f[12] == 'forward'
            size = int(f[14]) if f[3] == 'enum' or declared else int(f[6])
            out.append(('type', int(f[1], 16), f[3], f[4], f[5], size, declared, int(f[13], 16)))
        elif f[0] == 'member':
            bits = tuple(int(x) for x in f[6].split()[1:]) if len(f) > 6 else ()
            ti, size = int(f[3], 16), int(f[5])
            if t.size(ti) is None:
                size = None
            out.append(('member', int(f[1], 16), int(f[2]), ti, f[4], size, bits))
        elif f[0] == 'enumerate':
            out.append(('enumerate', int(f[1], 16), int(f[2]), f[3]))
        elif f[0] == 'static':
            out.append(('static', int(f[1], 16), int(f[2], 16), f[3]))
        elif f[0] == 'field':
            fields.append((f[1], f[2], *(int(x) for x in f[3:8])))
        elif f[0] == 'damaged':
            out.append(('damaged', f[1]))
    return out, fields


def address(text):
    m = re.search(r'addr = (\d+):(\d+)', text)
    return int(m[1]), int(m[2])


def type_index(text):
    m = re.search(r'type = `?(?:0x([0-9A-F]+)|<no type>)', text)
    return int(m[1], 16) if m[1] else 0


def expected_symbols(text, kinds):
    out = []
    for _, kind, lines in records(text):
        body = '\n'.join(lines)
        name = quoted(lines[0])
        if kind not in kinds:
            continue
        if kind == 'S_PUB32':
            words = re.search(r'flags = ([\w| ]+),', body)[1].split(' | ')
            flags = sum({'none': 0, 'code': 1, 'function': 2, 'managed': 4, 'msil': 8}[w] for w in words)
            out.append((kind, name, flags, *address(body)))
        elif kind in ('S_GDATA32', 'S_LDATA32'):
            out.append((kind, name, type_index(body), *address(body)))
        elif 'PROC32' in kind:
            out.append((kind, name, type_index(body), *address(body), number(r'code size = (\d+)', body)))
        elif kind == 'S_THUNK32':
            out.append((kind, name, *address(body), number(r', size = (\d+)', body)))
        elif kind in ('S_PROCREF', 'S_LPROCREF'):
            out.append((kind, name, number(r'module = (\d+)', body), number(r', offset = (\d+)', body)))
        elif kind == 'S_CONSTANT':
            out.append((kind, name, type_index(body), number(r'value = (-?\d+)', body) % 2**64))
        elif kind == 'S_UDT':
            m = re.search(r'original type = (?:0x([0-9A-F]+)|<no type>)', body)
            out.append((kind, name, int(m[1], 16) if m[1] else 0))
    return out


KINDS = {
    0x1102: 'S_THUNK32', 0x1107: 'S_CONSTANT', 0x1108: 'S_UDT', 0x110c: 'S_LDATA32', 0x110d: 'S_GDATA32', 0x110e: 'S_PUB32',
    0x110f: 'S_LPROC32', 0x1110: 'S_GPROC32', 0x1125: 'S_PROCREF', 0x1127: 'S_LPROCREF', 0x1146: 'S_LPROC32_ID',
    0x1147: 'S_GPROC32_ID',
}
ADDRESSED = {'S_PUB32', 'S_GDATA32', 'S_LDATA32', 'S_THUNK32', 'S_LPROC32', 'S_GPROC32', 'S_LPROC32_ID', 'S_GPROC32_ID'}


def rva_of(sections, segment, offset):
    return sections[segment - 1] + offset if 1 <= segment <= len(sections) else None


def actual_symbols(lines, what, sections, errors):
    out = []
    for f in lines:
        if f[0] != what:
            continue
        kind, rva = KINDS[int(f[1], 16)], None
        if f[-1].startswith('rva '):
            rva = int(f[-1][4:], 16)
            f = f[:-1]
        if kind in ('S_GDATA32', 'S_LDATA32', 'S_UDT', 'S_CONSTANT') or 'PROC32' in kind:
            numbers = [int(f[3], 16)] + [int(x) for x in f[4:]]
        else:
            numbers = [int(x) for x in f[3:]]
        out.append((kind, f[2], *numbers))
        if kind in ADDRESSED:
            segment, offset = numbers[:2] if kind == 'S_THUNK32' else numbers[1:3]
            if rva != rva_of(sections, segment, offset):
                errors.append(f'{kind} {f[2]}: rva {rva}, expected {rva_of(sections, segment, offset)}')
    return out


def plain(machine, name):
    if len(name) < 2 or name[0] == '?':
        return name
    m = re.fullmatch(r'(.+)@@\d+', name)
    if m:
        return m[1]
    if machine != 0x14c:
        return name
    m = re.fullmatch(r'@(.+)@\d+', name) or re.fullmatch(r'_(.+)@\d+', name) or re.fullmatch(r'_(.*)', name)
    return m[1] if m else name


def expected_names(machine, sections, publics, modules):
    """The name of each address: private before public, code before data, the shortest, the first in the alphabet."""
    best = {}
    for s in publics + modules:
        kind, name = s[0], s[1]
        if kind not in ADDRESSED:
            continue
        segment, offset = s[2:4] if kind == 'S_THUNK32' else s[3:5]
        rva = rva_of(sections, segment, offset)
        if kind == 'S_PUB32':
            rank, name = (1 if s[2] & 3 else 0), plain(machine, name)
        else:
            rank = {'S_THUNK32': 2, 'S_GDATA32': 3, 'S_LDATA32': 3}.get(kind, 4)
        if rva and name:
            key = (-rank, len(name), name)
            best[rva] = min(best.get(rva, key), key)
    return best


def difference(what, expected, actual, errors):
    e, a = collections.Counter(expected), collections.Counter(actual)
    for item in list((e - a).elements())[:5]:
        errors.append(f'{what}: missing {item}')
    for item in list((a - e).elements())[:5]:
        errors.append(f'{what}: too much {item}')


def unpack_cabinet(data):
    """The one MSZIP file of a cabinet without reserved areas."""
    first, n_blocks, _ = struct.unpack_from('<IHH', data, 36)
    out = bytearray()
    for _ in range(n_blocks):
        _, packed, plain_bytes = struct.unpack_from('<IHH', data, first)
        block = data[first + 8:first + 8 + packed]
        d = zlib.decompressobj(-15, zdict=bytes(out[-32768:])) if out else zlib.decompressobj(-15)
        piece = d.decompress(block[2:])
        assert block[:2] == b'CK' and len(piece) == plain_bytes
        out += piece
        first += 8 + packed
    return bytes(out)


def compare(pdbdump, path, name):
    r = subprocess.run([pdbdump, path], capture_output=True)
    if r.returncode not in (0, 1):
        return [f'pdbdump died: {r.returncode} {r.stderr.decode()}']
    with open(path, 'rb') as f:
        data = f.read()
    with tempfile.TemporaryDirectory() as tmp:
        plain_path = path
        if data[:4] == b'MSCF':
            plain_path = os.path.join(tmp, 'plain.pdb')
            with open(plain_path, 'wb') as f:
                f.write(unpack_cabinet(data))
        summary = llvm(plain_path, '--summary')
        if summary is None or r.returncode == 1:
            lines = r.stderr.decode().strip().split('\n')
            if r.returncode == 1 and len(lines) == 1 and lines[0].startswith('pdbdump: symbol file '):
                return [] if summary is None else [f'only llvm-pdbutil reads it: {lines[0]}']
            return [] if r.returncode == 0 else [f'not one error line: {lines}']
        dumps = {o: llvm(plain_path, '--' + o) for o in ('types', 'publics', 'globals', 'symbols', 'section-headers')}
        if 'UNKNOWN RECORD' in dumps['types']:
            dumps['types'] = llvm(plain_path, '--types', '--type-data')
    errors = []
    lines = [line.split('\t') for line in r.stdout.decode('latin-1').split('\n') if line]
    identity = next(f for f in lines if f[0] == 'identity')
    guid = re.search(r'GUID: \{(.*)\}', summary)[1].replace('-', '')
    if identity[1] != guid or int(identity[3]) != number(r'Age: (\d+)', summary):
        errors.append(f'identity {identity}, expected {guid}')
    machine = int(identity[4], 16)

    sections = [int(x, 16) for x in re.findall(r'([0-9A-F]+) virtual address', dumps['section-headers'])]
    if sections != [int(f[1], 16) for f in lines if f[0] == 'section']:
        errors.append('sections differ')
    publics = expected_symbols(dumps['publics'], {'S_PUB32'})
    globals_ = expected_symbols(dumps['globals'],
                                {'S_GDATA32', 'S_LDATA32', 'S_PROCREF', 'S_LPROCREF', 'S_CONSTANT', 'S_UDT'})
    actual = actual_symbols(lines, 'global', sections, errors)
    difference('publics and globals', publics + globals_, actual, errors)
    modules = expected_symbols(dumps['symbols'], set(KINDS.values()) - {'S_PUB32'})
    difference('module symbols', modules, actual_symbols(lines, 'module', sections, errors), errors)

    expected, expected_fields, t = expected_types(dumps['types'])
    actual, actual_fields = actual_types(lines, t)
    difference('types', expected, actual, errors)
    expected_fields = [f if f[3] is not None else None for f in expected_fields]
    skip = {f[:2] for f, g in zip(expected_types(dumps['types'])[1], expected_fields) if g is None}
    difference('fields', [f for f in expected_fields if f], sorted({f for f in actual_fields if f[:2] not in skip}),
               errors)

    names = expected_names(machine, sections, publics + globals_, modules)
    by_name = {}
    for s in publics:
        by_name.setdefault(s[1], rva_of(sections, *s[3:5]))
    n_lookups = 0
    for f in lines:
        if f[0] != 'lookup':
            continue
        n_lookups += 1
        rva = int(f[2], 16)
        if f[3] != f'found {by_name[f[1]]:x}':
            errors.append(f'{f[1]}: looked up by name: {f[3]}, expected {by_name[f[1]]:x}')
        rank, _, best = names[rva]
        if (f[4], int(f[5], 16)) != (best, rva) or (f[7] == 'private') != (-rank >= 2):
            errors.append(f'{rva:x}: named {f[4:]}, expected {best} at {rva:x}')
    if n_lookups != sum(rva_of(sections, *s[3:5]) is not None for s in publics):
        errors.append(f'{n_lookups} lookups')
    print(f'{name}: {len(publics)} publics, {len(globals_)} globals, {len(modules)} module symbols, '
          f'{len(expected)} types and members, {len(expected_fields)} fields')
    return errors


def main():
    pdbdump, *paths = sys.argv[1:]
    if not shutil.which('llvm-pdbutil'):
        print('skipped: llvm-pdbutil is not here')
        return 77
    if not paths:
        shared = os.environ.get('POOLSCOPE_SHARED', '')
        folder = os.path.join(shared, 'data', 'pdb')
        if not shared or not os.path.isdir(folder):
            print('skipped: POOLSCOPE_SHARED names no directory with data/pdb')
            return 77
        paths = [os.path.join(folder, f) for f in sorted(os.listdir(folder))]
    bad = 0
    for path in paths:
        errors = compare(pdbdump, path, os.path.basename(path))
        for e in errors[:20]:
            print(f'{os.path.basename(path)}: {e}')
        bad += len(errors)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
