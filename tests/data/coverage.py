#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py ROOT: what the reference data say of kernels is in data/, row by row: every kernel of pool_symbols_rva.tsv with
every address that poolscope uses, every row of layouts.tsv for a field that it uses, every symbol table (ISF) present.
What is not carried over is counted with the reason. Reads the files itself, without data/*.py. Needs POOLSCOPE_SHARED."""
import collections
import filecmp
import glob
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT, SHARED = sys.argv[1], os.environ.get('POOLSCOPE_SHARED', '')
if not os.path.exists(os.path.join(SHARED, 'reference', 'layouts.tsv')):
    print('skipped: POOLSCOPE_SHARED names no directory with the reference data')
    sys.exit(77)
failures = 0


def fail(text):
    global failures
    failures += 1
    if failures <= 40:
        print('FAIL: ' + text)


def rows(path):
    with open(path, encoding='utf-8') as f:
        lines = [line.rstrip('\n').split('\t') for line in f if not line.startswith('#') and line.strip()]
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def names():
    with open(os.path.join(ROOT, 'src', 'symbols', 'names.h'), encoding='utf-8') as f:
        symbols, fields = f.read().split('#define PSC_FIELD_LIST(X)')
    return (set(re.findall(r'\bX\((\w+)\)[ \t]*\\?\n', symbols.split('#define PSC_SYMBOL_LIST(X)')[1])),
            {('_' + s, f) for s, f in re.findall(r'\bX\((\w+), ?(\w*)\)', fields)})


def check_kernels(symbols):
    have = {r['pdb_guid_age']: r for r in rows(os.path.join(ROOT, 'data', 'kernels.tsv'))}
    listed = rows(os.path.join(SHARED, 'reference', 'pool_symbols_rva.tsv'))
    n, unused, arches = 0, set(), collections.Counter()
    for r in listed:
        own = have.get(r['pdb_guid_age'])
        if own is None:
            fail('%s %s is not in kernels.tsv' % (r['pdb_guid_age'], r['version']))
            continue
        arches[r['arch']] += 1
        if (own['version'], own['arch']) != (r['version'], r['arch']):
            fail('%s is %s %s, listed as %s %s' % (r['pdb_guid_age'], own['version'], own['arch'], r['version'], r['arch']))
        if not own['source']:
            fail('%s has no source' % r['pdb_guid_age'])
        for s, rva in r.items():
            if s in ('pdb_guid_age', 'version', 'arch'):
                continue
            if s not in symbols:
                unused.add(s)
            elif own.get(s, '') != rva:
                fail('%s: %s is %s, listed as %s' % (r['pdb_guid_age'], s, own.get(s), rva))
            else:
                n += bool(rva)
    for path in glob.glob(os.path.join(SHARED, 'data', 'isf', '*.json.xz')):
        guid = os.path.basename(path).split('.')[0]
        with lzma.open(path) as f:
            table = json.load(f)['symbols']
        if guid not in have:
            fail('%s: a symbol table, but no row' % guid)
            continue
        for s in symbols:
            want = '0x%x' % table[s]['address'] if s in table else ''
            if have[guid].get(s, '') != want:
                fail('%s: %s is %s, the symbol table says %s' % (guid, s, have[guid].get(s), want))
    print('%d kernels (%s), %d addresses equal' % (
        len(listed), ', '.join('%d %s' % (v, k) for k, v in sorted(arches.items())), n))
    print('addresses of %d symbols are not carried over, because poolscope does not use them: %s' % (
        len(unused), ' '.join(sorted(unused))))
    for guid in set(have) - {r['pdb_guid_age'] for r in listed}:
        fail('%s is in kernels.tsv alone' % guid)


def check_layouts(fields):
    have = collections.defaultdict(list)
    own = rows(os.path.join(ROOT, 'data', 'fields.tsv'))
    for r in own:
        if not r['source']:
            fail('%s.%s %s %s has no source' % (r['struct'], r['field'], r['arch'], r['build_from']))
        have[r['struct'], r['field'], r['arch'], r['build_from'], r['build_to']].append(r)
    carried, reasons = collections.Counter(), collections.Counter()
    structs = {s for s, _ in fields}
    for r in rows(os.path.join(SHARED, 'reference', 'layouts.tsv')):
        where = (r['arch'], r['build_from'], r['build_to'])
        used = (r['struct'], r['field']) in fields
        marks = {'(absent)': '-', '(unknown)': '?'}
        if r['struct'] not in structs:
            reasons['its structure is not used', r['arch']] += 1
            continue
        if not re.match(r'\d+\.\d+\.\d+', r['build_from']):
            reasons['its builds have no numbers', r['arch']] += 1
            continue
        if r['field'] in marks:
            for s, f in fields:
                if s == r['struct'] and not any(x['offset'] == marks[r['field']] for x in have[(s, f) + where]):
                    fail('%s.%s %s: %s is not in fields.tsv' % (s, f, where, r['field']))
            carried[r['arch']] += 1
            continue
        if (r['struct'], '') in fields and r['struct_size'].startswith('0x') and not have[(r['struct'], '') + where]:
            fail('%s %s: its size is not in fields.tsv' % (r['struct'], where))
        if not used:
            reasons['its field is not used', r['arch']] += 1
            continue
        if not r['offset'].startswith('0x'):
            reasons['it gives no offset', r['arch']] += 1
            continue
        cells = ('offset', 'size', 'bitpos', 'bitlen', 'source')
        if not any(all(x[c] == r[c] for c in cells) and x['struct_size'] in (r['struct_size'], '')
                   for x in have[(r['struct'], r['field']) + where]):
            fail('%s.%s %s is not in fields.tsv as it is listed' % (r['struct'], r['field'], where))
        carried[r['arch']] += 1
    print('rows of layouts.tsv in fields.tsv: %s' % ', '.join('%d %s' % (v, k) for k, v in sorted(carried.items())))
    for (why, arch), n in sorted(reasons.items()):
        print('  not carried over: %d %s, %s' % (n, arch, why))
    for f in sorted(fields - {(r['struct'], r['field']) for r in own}):
        print('  no row of %s.%s, in none of the references' % f)
    if min(carried[a] for a in ('x64', 'x86', 'arm64')) < 30:
        fail('an architecture is nearly empty: %s' % dict(carried))


def check_generated():
    """The tables are what update.py makes of the reference: nothing was changed by hand, no name forgotten."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(os.path.join(ROOT, 'data'), os.path.join(work, 'data'), ignore=shutil.ignore_patterns('*.tsv', '__pycache__'))
        os.makedirs(os.path.join(work, 'src', 'symbols'))
        shutil.copy(os.path.join(ROOT, 'src', 'symbols', 'names.h'), os.path.join(work, 'src', 'symbols'))
        p = subprocess.run([sys.executable, os.path.join(work, 'data', 'update.py'), SHARED], capture_output=True, text=True)
        if p.returncode != 0:
            return fail(p.stderr)
        for name in 'fields.tsv', 'kernels.tsv', 'builds.tsv':
            if not filecmp.cmp(os.path.join(work, 'data', name), os.path.join(ROOT, 'data', name), shallow=False):
                fail('%s is not what data/update.py makes' % name)


symbols, fields = names()
check_kernels(symbols)
check_layouts(fields)
check_generated()
print('%d failed' % failures)
sys.exit(1 if failures else 0)
