#!/usr/bin/env python3
"""callers_case.py --lab LAB --poolscope POOLSCOPE --build KEY CASE: every live block by tag and caller.

By tag and pool the rows must add up to the truth's live blocks; by return address to what the truth says of each caller;
blocks that nobody recorded are in rows of their own. All keys, formats and numbers of threads must tell the same.
"""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

ap = argparse.ArgumentParser()
ap.add_argument('--lab', required=True)
ap.add_argument('--poolscope', required=True)
ap.add_argument('--build', required=True)
ap.add_argument('case')
a = ap.parse_args()
work = tempfile.mkdtemp(prefix='poolscope-callers-')
bad = []


def run(*cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != 0:
        sys.exit('%s: exit %d\n%s' % (' '.join(cmd), p.returncode, p.stderr.decode(errors='replace')))
    return p.stdout


def expect(what, got, want):
    for k in sorted(set(got) | set(want), key=str):
        if got.get(k) != want.get(k):
            bad.append('%s: %s: %s, the truth is %s' % (what, k, got.get(k), want.get(k)))


def sums(rows, key):
    out = collections.defaultdict(lambda: (0, 0))
    for r in rows:
        k = key(r)
        if k is not None:
            out[k] = (out[k][0] + r['live_count'], out[k][1] + r['live_bytes'])
    return dict(out)


try:
    run(a.lab, 'build', a.case, '--build', a.build, '--containers', 'full', '-o', work)
    truth = json.load(open(os.path.join(work, 'truth.json')))
    dump = os.path.join(work, truth['containers']['full']['file'])
    tags = [a.poolscope, 'tags', '-q', '--isf', os.path.join(work, truth['isf'])]
    header = 8 if truth['callers'] and len(truth['callers'][0]['caller']['address']) == 10 else 16

    def rows_by(keys, *options):
        return json.loads(run(*tags, '--by', keys, '--format', 'json', *options, dump))

    doc = rows_by('tag,caller', '--threads', '1')
    rows = doc['rows']
    if rows_by('tag,caller', '--threads', '4') != doc:
        bad.append('four threads say something else than one')
    # Each live block once.
    want = {(r['tag_hex'], r['pool']): (r['walk']['live'], r['walk']['live_bytes'])
            for r in truth['tags']['rows'] if r.get('walk') and r['walk']['live']}
    expect('by tag and pool', sums(rows, lambda r: (r['tag_hex'], r['pool'])), want)
    # Those of a caller, with their headers.
    exact = {r['caller']['address']: (r['live_count'], r['live_bytes'] + header * r['live_count'])
             for r in truth['callers'] if r['grade'] == 'exact'}
    inferred = {r['caller']['address']: (r['live_count'], r['live_bytes'] + header * r['live_count'])
                for r in truth['callers'] if r['grade'] == 'inferred'}
    for grade, callers in ('exact', exact), ('inferred', inferred):
        expect('by caller, ' + grade,
               sums(rows, lambda r: r['caller']['address'] if r['grade'] == grade else None), callers)
    for r in rows:
        if (r['source'] is None) != (r['caller'] is None) or (r['source'] is None) != (r['grade'] is None):
            bad.append('a row without a caller that has a source: %s' % r)
    # The other keys and the folded form are sums of these.
    expect('by tag and module', sums(rows_by('tag,module')['rows'], lambda r: (
        r['tag_hex'], r['pool'], (r['caller'] or {}).get('module'), r['grade'])), sums(rows, lambda r: (
            r['tag_hex'], r['pool'], (r['caller'] or {}).get('module'), r['grade'])))
    expect('by module', sums(rows_by('module')['rows'], lambda r: (
        r['pool'], (r['caller'] or {}).get('module'), r['source'], r['grade'])), sums(rows, lambda r: (
            r['pool'], (r['caller'] or {}).get('module'), r['source'], r['grade'])))
    totals = {t['grade']: (t['live_count'], t['live_bytes']) for t in doc['totals']}
    expect('totals', {k: v for k, v in totals.items() if v != (0, 0)},
           {g: sums(rows, lambda r: 1 if r['grade'] == g else None)[1] for g in {r['grade'] for r in rows}})
    folded = collections.Counter()
    for line in run(*tags, '--by', 'tag,caller', '--format', 'folded', dump).decode().splitlines():
        path, size = line.rsplit(' ', 1)
        if path.count(';') != 3 or int(size) % int(path.rsplit(';', 1)[1]) != 0:
            bad.append('folded: ' + line)
        folded[path.split(';')[0]] += int(size)
    expect('folded', folded, {p: sum(r['live_bytes'] for r in rows if r['pool'] == p) for p in {r['pool'] for r in rows}})
    only = rows_by('tag,caller', '--tag', 'V*', '--pool', 'paged')['rows']
    if only != [r for r in rows if r['pool'] == 'paged' and r['tag_hex'].startswith('56')]:
        bad.append('--tag and --pool choose other rows')
    # One by one: each block names the caller that the sums have it under.
    blocks = [a.poolscope, 'blocks', '-q', '--format', 'json', '--isf', os.path.join(work, truth['isf'])]

    def listed(*options):
        return json.loads(run(*blocks, *options, dump))['rows']

    each = listed('--callers')
    for r in each:
        r['live_count'], r['live_bytes'] = 1, r['block_bytes']
        if r['caller_grade'] != (r['caller'] and r['caller_grade']) or (r['caller'] is None) != (r['caller_source'] is None):
            bad.append('a block with half a caller: %s' % r)
    for grade, callers in ('exact', exact), ('inferred', inferred):
        expect('blocks by caller, ' + grade,
               sums(each, lambda r: r['caller']['address'] if r['caller_grade'] == grade else None), callers)
    if listed('--callers', '--threads', '4') != listed('--callers', '--threads', '1'):
        bad.append('blocks: four threads say something else than one')
    some = sorted({(r['caller']['module'], r['caller']['offset'], r['caller']['address']) for r in each if r['caller']})

    def addresses(rows):
        return [r['va'] for r in rows]

    for module, offset, address in some[:3]:
        want_va = addresses(r for r in each if r['caller'] and r['caller']['address'] == address)
        for text in address, address[2:], module.upper() + '+' + offset[2:], module.split('.')[0] + '+' + offset:
            if module == 'ntoskrnl.exe' or not want_va:
                continue
            if addresses(listed('--caller', text)) != want_va:
                bad.append('blocks --caller %s finds others' % text)
        want_va = addresses(r for r in each if r['caller'] and r['caller']['module'] == module and r['pool'] == 'paged')
        if addresses(listed('--module', module, '--pool', 'paged', '--threads', '3')) != want_va:
            bad.append('blocks --module %s finds others' % module)
    # By symbol: LabUse1 and the like, of the drivers' own PDBs.
    named = [r for r in listed('--callers', '--symbols', work) if r['caller'] and r['caller']['symbol']]
    for module, symbol, offset in sorted({(r['caller']['module'], r['caller']['symbol'], r['caller']['symbol_offset'])
                                          for r in named})[:2]:
        same = [r for r in named if (r['caller']['module'], r['caller']['symbol']) == (module, symbol)]
        for text, want_rows in ((module.split('.')[0].upper() + '!' + symbol, same),
                                (symbol, [r for r in named if r['caller']['symbol'] == symbol]),
                                ('%s!%s+0x%x' % (module, symbol, offset),
                                 [r for r in same if r['caller']['symbol_offset'] == offset])):
            if addresses(listed('--caller', text, '--symbols', work)) != addresses(want_rows):
                bad.append('blocks --caller %s finds others' % text)
    if a.case == 'verifier' and a.build != 'xp-x86' and len(named) < 100:
        bad.append('only %d blocks of callers with symbols' % len(named))
    # A block alone says the same of its caller.
    for r in [r for r in each if r['caller']][::97] + [r for r in each if not r['caller']][:1]:
        b = json.loads(run(a.poolscope, 'block', '-q', '--format', 'json', '--isf', os.path.join(work, truth['isf']), r['va'],
                           dump))['block']
        if [b[k] for k in ('va', 'caller', 'caller_source', 'caller_grade')] != \
                [r[k] for k in ('va', 'caller', 'caller_source', 'caller_grade')]:
            bad.append('block %s: %s, blocks says %s' % (r['va'], b, r))
    # A module by file, by that without its extension, by the debuggers' name, and by a pattern.
    for module in {r['caller']['module'] for r in each if r['caller']}:
        stem = module.rsplit('.', 1)[0]
        want_rows = [r['va'] for r in each if r['caller'] and r['caller']['module'] == module]
        for text in (module, stem, stem.upper(), stem[:-1] + '?.*') + (('nt',) if module == 'ntoskrnl.exe' else ()):
            if [r['va'] for r in listed('--module', text)] != want_rows:
                bad.append('blocks --module %s finds others' % text)
    if doc['coverage']['unmet_count'] != 0 or doc['coverage']['ratio'] != 1:
        bad.append('coverage: %s' % doc['coverage'])
finally:
    shutil.rmtree(work, ignore_errors=True)
print('%d rows, %d differences' % (len(rows), len(bad)))
for b in bad[:20]:
    print(b)
sys.exit(1 if bad or len(rows) < 20 else 0)
