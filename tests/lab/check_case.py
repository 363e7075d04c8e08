#!/usr/bin/env python3
"""Build one lab machine and hold poolscope's answers against the truth.

check_case.py --lab LAB --poolscope POOLSCOPE [--containers a,b] [--threads 1,2,4] [--random SEED] [--build KEY] [CASE]

For every container of the machine: `info` and `tags` must equal the truth, and where no page is missing so must `blocks`,
whose rows come in address order; for every thread count, for the gzip form (of healthy machines) and
without memory mapping the rows must be byte-identical to those of one thread.
"""
import argparse
import json
import os
import shutil
import tempfile

from defects import difference, found, planted
from running import fail, rows, run


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--lab', required=True)
    ap.add_argument('--poolscope', required=True)
    ap.add_argument('--containers', default='all')
    ap.add_argument('--threads', default='1,2,5')
    ap.add_argument('--build')
    ap.add_argument('--random')
    ap.add_argument('--keep')
    ap.add_argument('case', nargs='?')
    a = ap.parse_args()
    work = a.keep or tempfile.mkdtemp(prefix='poolscope-lab-')
    try:
        cmd = [a.lab, 'build'] + (['--random', a.random] if a.random else [a.case])
        if a.build:
            cmd += ['--build', a.build]
        run(cmd + ['--containers', a.containers, '-o', work])
        check(a, work)
    finally:
        if not a.keep:
            shutil.rmtree(work, ignore_errors=True)


# Containers that hold every page of the machine.
COMPLETE = ('full', 'bitmap-full', 'range-full')


def check_blocks(a, work, name, dump, isf, truth_path):
    command = [a.poolscope, 'blocks', '--isf', isf, '--state', 'all', '-q']
    out = os.path.join(work, 'blocks.json')
    run(command + ['--format', 'json', '--threads', '1', '-o', out, dump])
    p = run([a.lab, 'compare', '--container', name, truth_path, out], ok=(0, 1))
    if p.returncode != 0:
        fail('%s blocks:\n%s%s' % (name, p.stdout.decode(), p.stderr.decode()))
    if name == 'full' and a.case in ('healthy', 'special-pool'):
        run(command + ['--format', 'json', '--pool', 'session', '--dump-bytes', '4', '-o', out + '.session', dump])
        for r in json.load(open(out + '.session'))['rows']:
            if r['contents_hex'] is None:
                fail('%s blocks: no contents of session pool at %s' % (name, r['va']))
        gh = [r for r in json.load(open(out + '.session'))['rows'] if r['tag'] == 'Gh05' and r['state'] == 'allocated']
        if gh:
            run([a.poolscope, 'owner', '--isf', isf, '-q', '--no-sites', '--format', 'json', '-o', out + '.owner', 'Gh05', dump])
            if json.load(open(out + '.owner'))['coverage']['contents']['blocks_sampled_count'] != min(len(gh), 4096):
                fail('%s owner: not all contents of session pool were read' % name)
    addresses = [r['va'] for r in json.load(open(out))['rows']]
    if addresses != sorted(addresses):
        fail('%s blocks: not in address order' % name)
    one = open(out, 'rb').read()
    run(command + ['--format', 'json', '--threads', '4', '-o', out, dump])
    if open(out, 'rb').read() != one:
        fail('%s blocks: rows of four threads differ from those of one' % name)


def check_callers(a, work, name, dump, isf, truth_path):
    """With symbols, and with nothing: then the records are found through their pages, and must be the same."""
    out = os.path.join(work, 'callers.json')
    for symbols in (['--isf', isf], ['--no-symbols', '--no-builtin']):
        run([a.poolscope, 'callers', '-q', '--format', 'json', '-o', out] + symbols + [dump])
        doc = json.load(open(out))
        if symbols[0] != '--isf' and not doc['coverage']['verifier']['available']:
            if doc['rows']:
                fail('%s callers: rows without a source' % name)
            continue
        p = run([a.lab, 'compare', '--container', name, truth_path, out], ok=(0, 1))
        if p.returncode != 0 and symbols[0] == '--isf':
            fail('%s callers:\n%s%s' % (name, p.stdout.decode(), p.stderr.decode()))
        for d in doc['drivers']:
            if d['complete'] and d['paged_count'] is not None and \
                    d['records_bytes'] != d['paged_bytes'] + d['nonpaged_bytes']:
                fail('%s callers: records and counters of %s differ' % (name, d['name']))


def check_defects(a, name, dump, isf, truth):
    """No defect but what was planted. Pages lost on purpose are there in full dumps."""
    p = run([a.poolscope, 'validate', '--isf', isf, '-q', '--format', 'json', dump], ok=(0, 1))
    lost = ('lfh header page', 'vs header page', 'lfh page', 'vs page', 'segment header page', 'keys page', 'pool state page',
            'special page')
    want = [x for x in planted(truth) if x[1] not in lost]
    have = found(json.loads(p.stdout))
    if want != have or p.returncode != (1 if want else 0):
        fail('%s validate: exit %d, %s' % (name, p.returncode, difference(want, have)))


def check(a, work):
    truth_path = os.path.join(work, 'truth.json')
    truth = json.load(open(truth_path))
    isf = os.path.join(work, truth['isf'])
    n = 0
    for name, entry in truth['containers'].items():
        dump = os.path.join(work, entry['file'])
        for command, extra in (('info', []), ('tags', ['--threads', '1'])):
            out = os.path.join(work, '%s-%s.json' % (name, command))
            run([a.poolscope, command, '--isf', isf, '--format', 'json', '-o', out, '-q'] + extra + [dump])
            p = run([a.lab, 'compare', '--container', name, truth_path, out], ok=(0, 1))
            if p.returncode != 0:
                fail('%s %s:\n%s%s' % (name, command, p.stdout.decode(), p.stderr.decode()))
            n += 1
        if (name in COMPLETE and 'blocks' in truth) or name in truth['blocks_by_container']:
            check_blocks(a, work, name, dump, isf, truth_path)
            n += 1
        if name == 'full':
            check_defects(a, name, dump, isf, truth)
            n += 1
        if name in COMPLETE and 'callers' in truth:
            check_callers(a, work, name, dump, isf, truth_path)
            n += 1
        one = rows(json.load(open(os.path.join(work, name + '-tags.json'))))
        variants = [(t, dump, ['--threads', t]) for t in a.threads.split(',') if t != '1']
        variants.append(('--no-mmap', dump, ['--no-mmap']))
        if name == 'full' and a.case == 'healthy':
            run(['gzip', '-k', '-f', '-1', dump])
            variants.append(('gzip', dump + '.gz', []))
        for what, path, extra in variants:
            out = os.path.join(work, 'variant.json')
            run([a.poolscope, 'tags', '--isf', isf, '--format', 'json', '-o', out, '-q'] + extra + [path])
            if rows(json.load(open(out))) != one:
                fail('%s: rows with %s differ from those of one thread' % (name, what))
            n += 1
        os.remove(dump)
    print('%d answers equal the truth in %d containers' % (n, len(truth['containers'])))


main()
