#!/usr/bin/env python3
"""golden.py check|regenerate --root DIR --poolscope EXE [--lab EXE] [--only NAME]

check: run every line of cases.txt and compare with the expected file, byte for byte.
regenerate: build the fixtures with the lab, hold poolscope's answers against the lab's truth, then write the expected
files. Review the diff.
"""
import argparse
import difflib
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile

ap = argparse.ArgumentParser()
ap.add_argument('mode', choices=['check', 'regenerate', 'answers'], help='answers: from the fixtures as they are')
ap.add_argument('--root', required=True)
ap.add_argument('--poolscope', required=True)
ap.add_argument('--lab')
a = ap.parse_args()
here = os.path.join(a.root, 'tests', 'golden')
a.poolscope = os.path.abspath(a.poolscope)
program = [a.poolscope]
if a.poolscope.endswith('.exe'):  # a program for Windows runs under Wine
    program.insert(0, os.environ.get('MESON_EXE_WRAPPER', 'wine'))


def table(name):
    for line in open(os.path.join(here, name)):
        line = line.strip()
        if line and not line.startswith('#'):
            yield [f.strip() for f in line.split('|')]


# Whoever runs this may have symbol files of their own.
env = {k: v for k, v in os.environ.items() if 'SYMBOL_PATH' not in k}
env['XDG_DATA_HOME'] = '/nowhere'


def run(cmd, **kw):
    return subprocess.run(cmd, env=env, cwd=a.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def build_fixture(name, lab_args, container):
    import json
    work = tempfile.mkdtemp(prefix='poolscope-fixture-')
    p = run([os.path.abspath(a.lab), 'build'] + lab_args.split() + ['--containers', container, '-o', work])
    if p.returncode != 0:
        sys.exit('lab: ' + p.stderr.decode())
    truth = json.load(open(os.path.join(work, 'truth.json')))
    dump = os.path.join(work, truth['containers'][container]['file'])
    isf = os.path.join(work, truth['isf'])
    # What these cases damage is not counted right; tests/lab/validate_case.py holds them against the truth.
    for command in ('info',) if 'defects' in lab_args.split()[0] else ('info', 'tags'):
        out = os.path.join(work, command + '.json')
        p = run(program + [command, '--format', 'json', '-q', '--isf', isf, '-o', out, dump])
        if p.returncode != 0:
            sys.exit('%s: %s' % (name, p.stderr.decode()))
        p = run([os.path.abspath(a.lab), 'compare', '--container', container, os.path.join(work, 'truth.json'), out])
        if p.returncode != 0:
            sys.exit('%s: the answer is not the truth\n%s' % (name, p.stdout.decode()))
    target = os.path.join(a.root, 'fixtures', name)
    with open(dump, 'rb') as src, open(target + '.dmp.gz', 'wb') as f:
        with gzip.GzipFile(filename='', fileobj=f, mode='wb', compresslevel=9, mtime=0) as dst:
            shutil.copyfileobj(src, dst)
    shutil.copy(isf, target + '.isf.json.xz')
    shutil.rmtree(work)
    print('%s: %d bytes' % (name, os.path.getsize(target + '.dmp.gz')))


if a.mode == 'regenerate':
    for name, lab_args, container in table('machines.txt'):
        build_fixture(name, lab_args, container)

without_sites = b'without sites' in run(program + ['--version']).stdout
n = bad = 0
for expected, args in table('cases.txt'):
    if args.startswith(('sites ', 'owner ')) and without_sites:
        continue
    p = run(program + args.split() + ['--threads', '2'])
    # Warnings belong to what a user sees; they are kept below the result, except beside JSON files.
    got = p.stdout
    if a.poolscope.endswith('.exe'):  # where Windows keeps a user's files, XDG_DATA_HOME does not count
        got = re.sub(rb'"C:\\\\users[^"]*poolscope\\\\symbols"', b'"/nowhere/poolscope/symbols"', got)
        got = re.sub(rb'C:\\users[^"\n]*poolscope\\symbols \(', b'/nowhere/poolscope/symbols (', got)
    if not expected.endswith('.json'):
        got += b'--- stderr\n' + p.stderr + b'--- exit %d\n' % p.returncode
    elif p.returncode != 0:
        got += p.stderr
    path = os.path.join(a.root, expected)
    n += 1
    if a.mode != 'check':
        open(path, 'wb').write(got)
        continue
    want = open(path, 'rb').read()
    if want != got:
        bad += 1
        diff = difflib.unified_diff(want.decode(errors='replace').splitlines(), got.decode(errors='replace').splitlines(),
                                    expected, 'now', lineterm='')
        print('\n'.join(list(diff)[:60]))
print('%d golden files, %d differ' % (n, bad))
sys.exit(1 if bad else 0)
