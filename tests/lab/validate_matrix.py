#!/usr/bin/env python3
"""Every kind of defect that a build can have is planted on it, and found.

validate_matrix.py --lab LAB --poolscope POOLSCOPE --source SOURCE_DIR BUILD

Runs validate_case.py on the machines of a build, and holds what was planted on them against the list of all kinds
(src/pool/defect.c, src/report/validate.c): a kind that nobody plants, and that is not told below why, is a failure; so is a
reason for one that is planted. BUILD `x86-heap`: there is no such machine, its kinds are those of the unit test.
"""
import argparse
import os
import re
import subprocess
import sys

ap = argparse.ArgumentParser()
ap.add_argument('--lab')
ap.add_argument('--poolscope')
ap.add_argument('--source', required=True)
ap.add_argument('build')
a = ap.parse_args()

CLASSIC = ['xp-x86', '2003-x86', '2003-x64', 'vista-x64', '7-x86', '7-x64', '8.1-x64', '10240-x64', '2016-x64', '1709-x64',
           '17763-x64']
HEAPS = ['17763-heap-x64', '1903-x64', '2004-x64', '2022-x64', '11-x64', '11-22h2-x64', '11-24h2-x64', '11-24h2b-x64',
         '11-24h2-arm64']
X86_HEAP = ['x86-heap']
NT5 = ['xp-x86', '2003-x86', '2003-x64']
X86 = ['xp-x86', '2003-x86', '7-x86']
# Sessions have tables that the lab knows: of tags from 7 on, of big allocations too; 22621 is not seen, later ones have none.
SESSIONS = CLASSIC[4:] + HEAPS[:5]

PAGES = ['bad first header', 'previous size', 'block size zero', 'crosses page', 'block size', 'invalid pool type',
         'wrong pool index', 'free list link', 'free list block in use', 'free list block size']
OF_HEAPS = ['segment signature', 'segment list link', 'range descriptor', 'VS subsegment signature', 'VS chunk header',
            'VS previous size', 'LFH geometry', 'LFH bitmap', 'LFH withheld count', 'header size against chunk size',
            'large allocation tree link']
OF_SESSIONS = ['big page entry', 'big page overlap', 'big page duplicate', 'big page slot', 'big page not mapped', 'tag slot',
               'duplicate tag']

# Kinds, builds, why they are not planted there.
WITHOUT = [
    (OF_HEAPS, CLASSIC, 'another allocator'),
    (PAGES, HEAPS + X86_HEAP, 'another allocator'),
    (['special pool guard page'], HEAPS, 'the page behind is a unit of its range that is not committed: nothing to compare'),
    (['bad first header'], ['8.1-x64', '10240-x64'], 'the range is known to nobody: a page without a first header is none'),
    (['bad billed process'], X86, 'where x86 has it has one source: not checked'),
    (['tag of another slot'], NT5, 'one table for all processors'),
    (['Verifier trailer', 'Verifier count', 'Verifier bytes'], ['xp-x86'], 'there is no pointer back; its records are not all'),
    (['segment signature', 'segment list link', 'range descriptor', 'header size against chunk size', 'large allocation tree link'],
     X86_HEAP, 'no machine'),
]

CASES = ['sessions', 'expanded', 'defects', 'corrupt-headers', 'expanded-defects', 'verifier-defects', 'miscounted']
if a.build in CLASSIC:
    CASES += ['special-pool-defects', 'verifier-special-defects']


def fail(text):
    print('FAIL: ' + text)
    sys.exit(1)


def read(path):
    return open(os.path.join(a.source, path), encoding='utf-8').read()


def all_kinds():
    names = dict(re.findall(r'\[(PSC_DEFECT_\w+)\] = "([^"]+)"', read('src/pool/defect.c')))
    declared = re.findall(r'^\t(PSC_DEFECT_\w+),', read('src/pool/defect.h'), re.M)
    if set(declared) != set(names) or len(names) < 30:
        fail('kinds without a name: %s' % sorted(set(declared) ^ set(names)))
    counts = re.findall(r'"([^"]* of a tag[^"]*)"', read('src/report/validate.c'))
    if len(set(counts)) != 4:
        fail('checks of counts: %s' % counts)
    return names, list(names.values()) + counts


def planted_in_unit_test(names):
    body = re.search(r'START_TEST\(defects_32\)(.*?)END_TEST', read('tests/unit/test_seg_range.c'), re.S).group(1)
    return {names[k] for k in re.findall(r'PSC_DEFECT_\w+', body)}


def planted_on_machines():
    have = set()
    for case in CASES:
        p = subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'validate_case.py'),
                            '--lab', a.lab, '--poolscope', a.poolscope, case, a.build], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        out = p.stdout.decode()
        if p.returncode != 0:
            fail('%s on %s:\n%s' % (case, a.build, out))
        have |= set(re.search(r'^kinds: (.*)$', out, re.M).group(1).split(', ')) - {''}
    return have


names, kinds = all_kinds()
unknown = {k for row in WITHOUT for k in row[0]} - set(kinds)
if unknown or a.build not in CLASSIC + HEAPS + X86_HEAP:
    fail('no such kind or build: %s' % (sorted(unknown) or a.build))
if a.build in X86_HEAP:
    have = planted_in_unit_test(names)
    # What no allocator has to do with is planted on x86 machines of the other one.
    kinds = OF_HEAPS
else:
    have = planted_on_machines()
    of_session = OF_SESSIONS + (['VS chunk header'] if a.build in HEAPS else [])
    kinds = kinds + [k + ' (session)' for k in of_session if a.build in SESSIONS]
reasons = {k: why for ks, builds, why in WITHOUT if a.build in builds for k in ks}
missing = sorted(k for k in set(kinds) if k not in have and k not in reasons)
wrong = sorted(k for k in have if k in reasons or k not in kinds)
if missing or wrong:
    fail('%s: nobody plants %s; planted against what is said here: %s' % (a.build, missing, wrong))
print('%s: %d kinds planted and found, %d not there' % (a.build, len(have), len([k for k in set(kinds) if k in reasons])))
