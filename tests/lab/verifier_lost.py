#!/usr/bin/env python3
"""verifier_lost.py --lab LAB --poolscope POOLSCOPE BUILD: pages of Driver Verifier's records that a kernel dump lacks.

They are counted, the drivers they belong to are not called complete, what is left is true, and a warning says that
Verifier's counters show more. From Server 2022 on its tree of live blocks fills the gap: then nothing is missing. Every
block by tag and caller still adds up to what the pool holds.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

ap = argparse.ArgumentParser()
ap.add_argument('--lab', required=True)
ap.add_argument('--poolscope', required=True)
ap.add_argument('build')
a = ap.parse_args()
work = tempfile.mkdtemp(prefix='poolscope-lost-')
bad = []
# A summary dump up to 8.1, then the bitmap form.
kernel = 'summary' if a.build.split('-')[0] in ('xp', '2003', 'vista', '7') else 'bitmap-kernel'


def run(*cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != 0:
        sys.exit('%s: exit %d\n%s' % (' '.join(cmd), p.returncode, p.stderr.decode(errors='replace')))
    return p.stdout


try:
    run(a.lab, 'build', 'verifier-lost', '--build', a.build, '--containers', 'full,' + kernel, '-o', work)
    truth = json.load(open(os.path.join(work, 'truth.json')))
    isf = os.path.join(work, truth['isf'])
    want = {r['caller']['address']: (r['live_count'], r['live_bytes']) for r in truth['callers']}
    has_tree = 'allocs_count' in truth['callers'][0]
    for container in 'full', kernel:
        dump = os.path.join(work, truth['containers'][container]['file'])
        doc = json.loads(run(a.poolscope, 'callers', '-q', '--format', 'json', '--isf', isf, dump))
        coverage = doc['coverage']['verifier']
        rows = {r['caller']['address']: (r['live_count'], r['live_bytes']) for r in doc['rows'] if r['source'] == 'verifier'}
        traced = [r for r in doc['rows'] if r['source'] == 'trace']
        warned = any('counts' in w and 'its records show' in w for w in doc['warnings'])
        incomplete = [d['name'] for d in doc['drivers'] if not d['complete']]
        if container == 'full':
            if rows != want or warned or incomplete or coverage['record_pages_missing'] != 0 or doc['coverage']['ratio'] != 1:
                bad.append('full: %s' % doc)
            continue
        if coverage['record_pages_missing'] != 2 or len(incomplete) != 2 or not warned:
            bad.append('%s, incomplete %s, warned %s' % (coverage, incomplete, warned))
        # No more was read than pages of records, nor than blocks of those that Verifier counts.
        part = doc['coverage']['ratio']
        of_blocks = sum(d['records_count'] for d in doc['drivers']) / sum(
            d['paged_count'] + d['nonpaged_count'] for d in doc['drivers'])
        of_pages = coverage['record_pages_read'] / (coverage['record_pages_read'] + coverage['record_pages_missing'])
        if abs(part - min(of_blocks, of_pages)) > 1e-4 or not 0 < part < 1:
            bad.append('coverage of callers: %s, not the least of %s and %s' % (part, of_blocks, of_pages))
        for command in ['tags', '--by', 'module'], ['blocks', '-n', '1', '--callers'], ['diff', '--by', 'caller', dump]:
            of_all = json.loads(run(a.poolscope, *command, '-q', '--format', 'json', '--isf', isf, dump))['coverage']['ratio']
            if of_all > part:
                bad.append('%s covers more than its callers: %s, %s' % (command, of_all, part))
        if has_tree and rows != want:
            bad.append('with the tree of live blocks: %s, not %s' % (rows, want))
        for address, (n, size) in rows.items():
            if n > want[address][0] or size > want[address][1]:
                bad.append('%s: %s of %s' % (address, (n, size), want[address]))
        lost = sum(n for n, _ in want.values()) - sum(n for n, _ in rows.values())
        if not has_tree and not 0 < lost:
            bad.append('nothing was lost')
        # Of the lost ones the log shows some, and their callers are the true ones.
        if a.build != 'xp-x86' and a.build[:4] != '2003' and not has_tree:
            if not traced or sum(r['live_count'] for r in traced) > lost or {r['grade'] for r in traced} != {'inferred'}:
                bad.append('of the log: %s, lost %d' % (traced, lost))
        for r in traced:
            if r['caller']['address'] not in want:
                bad.append('the log names %s' % r['caller'])
        by = json.loads(run(a.poolscope, 'tags', '--by', 'tag,caller', '-q', '--format', 'json', '--isf', isf, dump))
        tags = json.loads(run(a.poolscope, 'tags', '-q', '--format', 'json', '--isf', isf, dump))
        held = sum(r['walk']['live_bytes'] for r in tags['rows'] if r['walk'])
        if sum(r['live_bytes'] for r in by['rows']) != held or by['coverage']['unmet_count'] != 0:
            bad.append('by tag and caller: not %d bytes; %s' % (held, by['coverage']))
finally:
    shutil.rmtree(work, ignore_errors=True)
print('%d differences' % len(bad))
for b in bad[:10]:
    print(str(b)[:1500])
sys.exit(1 if bad else 0)
