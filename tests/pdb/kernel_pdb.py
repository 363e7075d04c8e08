# SPDX-License-Identifier: MIT
"""A PDB as large as a kernel's: every symbol and field that poolscope uses, among as many others as a kernel has, in
scattered blocks. Where each lies is decided here."""
import os
import re

from builder import Pdb, Tpi, member, sections

N_PUBLICS, N_STRUCTS = 41000, 7000
SIMPLE = ((0x20, 1), (0x21, 2), (0x22, 4), (0x23, 8))  # unsigned types and their sizes


def names(root):
    """(symbols, {structure: fields}) of src/symbols/names.h."""
    with open(os.path.join(root, 'src', 'symbols', 'names.h'), encoding='utf-8') as f:
        symbols, fields = f.read().split('#define PSC_FIELD_LIST(X)')
    structs = {}
    for s, f in re.findall(r'\bX\((\w+), ?(\w*)\)', fields):
        structs.setdefault('_' + s, []).append(f)
    return re.findall(r'\bX\((\w+)\)[ \t]*\\?\n', symbols.split('#define PSC_SYMBOL_LIST(X)')[1]), structs


def build(root, guid):
    """(the file, {symbol: rva}, {structure.field: (offset, size, structure's size)})."""
    symbols, structs = names(root)
    p = Pdb(guid=guid)
    p.slots[5] = p.add_stream(sections(0x1000, 0x201000, 0x801000, size=0x600000))
    starts, rvas, layouts = (0x1000, 0x201000, 0x801000), {}, {}
    wanted = {i * (N_PUBLICS // len(symbols)) + 17: s for i, s in enumerate(symbols)}
    for i in range(N_PUBLICS):
        name = wanted.get(i, f'KernelFunctionOrVariableWithALongName{i * 2654435761 % 2**32:08x}')
        p.public(name, 1 + i % 3, 0x20 * i, 2 if i % 3 == 0 else 0)
        if i in wanted:
            rvas[name] = starts[i % 3] + 0x20 * i
    t = Tpi()
    every = N_STRUCTS // len(structs)
    pending = list(structs.items())
    for i in range(N_STRUCTS):
        name, fields = f'_STRUCTURE_{i}', [f'Member{k}OfTheStructure' for k in range(24)]
        if i % every == every - 1 and pending:
            name, fields = pending.pop()
        t.forward(name)
        at, items = 0, []
        for k, f in enumerate(fields):
            ti, size = SIMPLE[(i + k) % 4]
            at += -at % size
            if f:
                items.append(member(f, ti, at))
                layouts[f'{name}.{f}'] = (at, size)
            at += size if f else 0
        at += -at % 8 + 16
        for f in fields:
            layouts[f'{name}.{f}'] = (*layouts.get(f'{name}.{f}', (0, at)), at)
        t.struct(name, t.fields(*items), at, n=len(items))
    assert not pending
    p.streams[2] = t.stream()
    used = {f'{s}.{f}' for s, fields in structs.items() for f in fields}
    return p.finish(block=1024, seed=11), rvas, {k: v for k, v in layouts.items() if k in used}
