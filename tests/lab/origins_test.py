#!/usr/bin/env python3
"""One machine, asked with every origin of symbols: PDB, ISF, built-in tables, and nothing at all.

origins_test.py --lab LAB --poolscope POOLSCOPE [--real-kernel] [--builtin-exact] [--build KEY] CASE

The ISF answer must equal the truth. PDB and, for machines that carry a real kernel's GUID, built-in tables must give the
same rows. With nothing at all every figure must be the same or absent, and absence must be said.
"""
import argparse
import csv
import json
import os
import shutil
import subprocess
import tempfile

from running import fail, run

COUNTS = ('allocs', 'frees', 'live', 'live_bytes', 'bytes_per_alloc')


class Machine:
    def __init__(self, a, work):
        self.a, self.work = a, work
        run([a.lab, 'build', a.case, '--containers', a.containers, '-o', work] +
            (['--build', a.build] if a.build else []) + (['--real-kernel'] if a.real_kernel else []))
        self.truth_path = os.path.join(work, 'truth.json')
        self.truth = json.load(open(self.truth_path))
        self.isf = os.path.join(work, self.truth['isf'])

    def dump(self, container):
        return os.path.join(self.work, self.truth['containers'][container]['file'])

    def ask(self, command, container, options):
        out = os.path.join(self.work, 'out.json')
        run([self.a.poolscope, command, '--format', 'json', '-q', '-o', out] + options + [self.dump(container)])
        return json.load(open(out))

    def charged(self, container, options):
        out = os.path.join(self.work, 'out.csv')
        run([self.a.poolscope, 'blocks', '--format', 'csv', '-q', '-o', out] + options + [self.dump(container)])
        return {r['va']: r['process_eprocess'] for r in csv.DictReader(open(out))}

    def equals_truth(self, container, doc):
        path = os.path.join(self.work, 'compare.json')
        json.dump(doc, open(path, 'w'))
        p = subprocess.run([self.a.lab, 'compare', '--container', container, self.truth_path, path],
                           stdout=subprocess.PIPE)
        if p.returncode != 0:
            fail('%s: %s' % (container, p.stdout.decode()))


def by_tag(doc):
    return {(r['tag_hex'], r['pool']): r for r in doc['rows']}


def must_equal(what, doc, reference):
    got, want = by_tag(doc), by_tag(reference)
    for key in sorted(set(got) | set(want)):
        if got.get(key) != want.get(key):
            fail('%s: %s differs\n  got  %s\n  want %s' % (what, key, got.get(key), want.get(key)))
    for member in ('totals', 'coverage'):
        a, b = json.loads(json.dumps(doc[member])), json.loads(json.dumps(reference[member]))
        strip_sources(a)
        strip_sources(b)
        if a != b:
            fail('%s: %s differs\n  got  %s\n  want %s' % (what, member, a, b))


def strip_sources(x):
    """Which variable gave a figure may differ; the figure may not."""
    if isinstance(x, list):
        for i in x:
            strip_sources(i)
    elif isinstance(x, dict):
        for k in ('range_source', 'kernel_source'):
            x.pop(k, None)
        for i in x.values():
            strip_sources(i)


def must_be_honest(what, doc, reference, info):
    """The same, or less and said so. Returns how many rows are whole."""
    got, want = by_tag(doc), by_tag(reference)
    sources = {s['name']: s['available'] for s in info['pool_sources']}
    coverage = doc['coverage']
    cached_known = all(c['cached_known'] or c['big_only'] for c in coverage['walk'] or [])
    # Pages that had to prove themselves, or none: what the walk finds is a part.
    partly = {c['pool'] for c in coverage['walk'] or []
              if c['range_source'] is None or 'block chains' in c['range_source']}
    tables_whole = coverage['trackers'] is not None and coverage['trackers']['missing_bytes'] == 0
    whole = 0
    for key, row in got.items():
        unproven = not sources['big_page_table'] and row['walk'] is not None and row['walk']['proven'] == 0
        if key not in want:
            if unproven and row['source'] == 'walk':
                continue
            fail('%s: invented row %s' % (what, row))
        ref = want[key]
        for member in COUNTS:
            if row[member] is not None and row[member] != ref[member]:
                if row['source'] == 'tracker_partial' and member in ('allocs', 'frees') and row[member] <= ref[member]:
                    continue
                fail('%s: %s.%s is %s, not %s' % (what, key, member, row[member], ref[member]))
        if unproven:  # what multi-page allocations hold may read as blocks; the row says that none is proven
            continue
        if row['walk'] is None:
            if ref['walk'] is not None and sources['classic_walk']:
                fail('%s: %s has no walk' % (what, key))
        elif ref['walk'] is None:
            fail('%s: %s has a walk that the symbols do not give' % (what, key))
        else:
            for member, value in row['walk'].items():
                if value is None or value == ref['walk'][member]:
                    continue
                # Blocks on lists that were not found read as live ones: then the row says that it does not know.
                if key[1] in partly and value <= ref['walk'][member]:
                    continue
                if not cached_known and row['walk']['cached'] is None and value >= ref['walk'][member]:
                    continue
                fail('%s: %s.walk.%s is %s, not %s' % (what, key, member, value, ref['walk'][member]))
        whole += row == ref
    for key in set(want) - set(got):
        if key[1] == 'session' and not sources['session_trackers']:
            continue
        if not sources['tag_trackers'] or not tables_whole:
            continue
        fail('%s: row %s is missing and nothing says why' % (what, key))
    return whole


def must_charge_alike(what, m, container, options, reference, info):
    """The process that each block is charged to: the same or not known. From 8 on it takes the quota cookie."""
    got, n_unknown = m.charged(container, options), 0
    for va, process in got.items():
        if va not in reference:
            continue
        if process and process != reference[va]:
            fail('%s: the block at %s is charged to %s, not %s' % (what, va, process, reference[va]))
        n_unknown += not process and bool(reference[va])
    solved = [i for i in info['inferred'] if i['name'] == 'ExpPoolQuotaCookie' and i['value'] is not None]
    has_cookie = m.truth['info']['kernel']['build'] < 9200 or solved or 'ExpPoolQuotaCookie' in info['origins']
    if has_cookie and n_unknown:
        fail('%s: %d blocks are charged to nobody' % (what, n_unknown))
    return sum(1 for p in got.values() if p)


def check_info(what, info, nothing):
    for item in info['inferred']:
        good = item['confidence'] in ('weak', 'likely', 'proven')
        if (item['value'] is None) == good:
            fail('%s: %s' % (what, item))
        if good and not item['evidence']:
            fail('%s: no evidence: %s' % (what, item))
    listed = {i['name'] for i in info['inferred'] if i['value'] is not None}
    for name, origin in info['origins'].items():
        if nothing and origin in ('isf', 'pdb', 'builtin', 'builtin_range'):
            fail('%s: %s is from %s' % (what, name, origin))
        # Every inferred address has its evidence; members stand for their structure.
        if origin == 'inferred' and name not in listed and name.split('.')[0] not in listed:
            fail('%s: %s is inferred, but without evidence' % (what, name))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    ap.add_argument('--containers', default='full,bitmap-kernel')
    ap.add_argument('--build')
    ap.add_argument('--real-kernel', action='store_true')
    ap.add_argument('--expect', action='append', default=[], help='NAME=CONFIDENCE of an inferred item with nothing')
    ap.add_argument('--rejected', action='append', default=[], help='NAME of a built-in layout that must be rejected')
    ap.add_argument('--keep')
    ap.add_argument('case')
    a = ap.parse_args()
    work = a.keep or tempfile.mkdtemp(prefix='poolscope-origins-')
    try:
        check(a, Machine(a, work))
    finally:
        if not a.keep:
            shutil.rmtree(work, ignore_errors=True)


def check(a, m):
    pdb_dir = os.path.join(m.work, 'store')
    store = os.path.join(pdb_dir, m.truth['kernel_pdb'],
                         m.truth['info']['kernel']['pdb_guid'] + '%X' % m.truth['info']['kernel']['pdb_age'])
    os.makedirs(store)
    shutil.copy(os.path.join(m.work, m.truth['kernel_pdb']), store)
    for container in m.truth['containers']:
        isf = m.ask('tags', container, ['--isf', m.isf])
        m.equals_truth(container, isf)
        charged = m.charged(container, ['--isf', m.isf])
        said = []
        info = m.ask('info', container, ['--symbols', pdb_dir])
        if info['kernel']['symbols'] == 'pdb':
            must_equal('%s, PDB' % container, m.ask('tags', container, ['--symbols', pdb_dir]), isf)
            said.append('PDB')
        builtin = m.ask('tags', container, ['--no-symbols'])
        info = m.ask('info', container, ['--no-symbols'])
        check_info('%s, built-in' % container, info, False)
        for name in a.rejected:
            if not any(i['name'] == name and i['confidence'] == 'rejected' for i in info['inferred']):
                fail('%s: %s is not rejected: %s' % (container, name, json.dumps(info['inferred'], indent=1)))
        if a.real_kernel:
            if info['kernel']['symbols'] != 'builtin':
                fail('%s: symbols are from %s' % (container, info['kernel']['symbols']))
            if a.rejected:
                must_be_honest('%s, built-in' % container, builtin, isf, info)
            else:
                must_equal('%s, built-in' % container, builtin, isf)
        else:
            must_be_honest('%s, built-in' % container, builtin, isf, info)
        options = ['--no-symbols', '--no-builtin']
        info = m.ask('info', container, options)
        check_info('%s, nothing' % container, info, True)
        whole = must_be_honest('%s, nothing' % container, m.ask('tags', container, options), isf, info)
        n_charged = must_charge_alike('%s, nothing' % container, m, container, options, charged, info)
        if a.case == 'healthy' and not n_charged:
            fail('%s, nothing: no block is charged to a process' % container)
        for e in a.expect:
            name, confidence = e.split('=')
            if not any(i['name'] == name and i['confidence'] == confidence for i in info['inferred']):
                fail('%s: %s is not %s: %s' % (container, name, confidence, json.dumps(info['inferred'], indent=1)))
        print('%s: ISF, %s%s equal; with nothing %d of %d rows whole, %d findings' % (
            container, ', '.join(said + (['built-in'] if a.real_kernel else [])), '' if said or a.real_kernel else 'truth',
            whole, len(isf['rows']), len(info['inferred'])))


main()
