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
        if path.count(';') != 2:
            bad.append('folded: ' + line)
        folded[path.split(';')[0]] += int(size)
    expect('folded', folded, {p: sum(r['live_bytes'] for r in rows if r['pool'] == p) for p in {r['pool'] for r in rows}})
    only = rows_by('tag,caller', '--tag', 'V*', '--pool', 'paged')['rows']
    if only != [r for r in rows if r['pool'] == 'paged' and r['tag_hex'].startswith('56')]:
        bad.append('--tag and --pool choose other rows')
    if doc['coverage']['unmet_count'] != 0 or doc['coverage']['ratio'] != 1:
        bad.append('coverage: %s' % doc['coverage'])
finally:
    shutil.rmtree(work, ignore_errors=True)
print('%d rows, %d differences' % (len(rows), len(bad)))
for b in bad[:20]:
    print(b)
sys.exit(1 if bad or len(rows) < 20 else 0)
