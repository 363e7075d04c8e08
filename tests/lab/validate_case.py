#!/usr/bin/env python3
"""What was damaged on purpose is found, at its address and by its name, with the block before it; and nothing else.

validate_case.py --lab LAB --poolscope POOLSCOPE CASE BUILD
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

from defects import difference, found, kinds, planted

ap = argparse.ArgumentParser()
ap.add_argument('--lab', required=True)
ap.add_argument('--poolscope', required=True)
ap.add_argument('case')
ap.add_argument('build')
a = ap.parse_args()
work = tempfile.mkdtemp(prefix='poolscope-validate-')


def fail(text):
    print('FAIL: ' + text, flush=True)
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(1)


subprocess.run([a.lab, 'build', a.case, '--build', a.build, '--containers', 'full', '-o', work], check=True,
               stdout=subprocess.DEVNULL)
truth = json.load(open(os.path.join(work, 'truth.json')))
dump = os.path.join(work, truth['containers']['full']['file'])
isf = os.path.join(work, truth['isf'])


def run(*args, code):
    p = subprocess.run([a.poolscope] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != code:
        fail('%s: exit %d, not %d\n%s%s' % (' '.join(args), p.returncode, code, p.stderr.decode(), p.stdout.decode()[:2000]))
    return p.stdout.decode()


want = planted(truth)
common = ['-q', '--isf', isf]
doc = json.loads(run('validate', *common, '--format', 'json', dump, code=1 if want else 0))
if want != found(doc):
    fail(difference(want, found(doc)))
if doc['total']['defects_count'] != len(want):
    fail('total: %d' % doc['total']['defects_count'])
if run('validate', *common, '--threads', '3', '--format', 'json', dump, code=1 if want else 0) != \
        run('validate', *common, '--threads', '1', '--format', 'json', dump, code=1 if want else 0):
    fail('threads differ')

# The suspect is the block below: of the classic pool, where the truth knows every block.
header = 16 if 'x64' in a.build else 8
blocks = sorted((int(b['va'], 16), b) for b in truth.get('blocks', []) if b['kind'] == 'legacy')
n_suspects = 0
for r in doc['rows']:
    if r['check'] not in ('previous size', 'block size zero', 'crosses page'):
        continue
    va = int(r['va'], 16)
    below = max((x for x in blocks if x[0] < va), key=lambda x: x[0])
    # A free header without a body, between the two, is no block of the truth.
    end = below[0] - header + below[1]['block_bytes']
    if end != va and r['suspect'] is not None and (int(r['suspect']['va'], 16), r['suspect']['block_bytes'],
                                                   r['suspect']['state']) == (va, header, 'free') and end == va - header:
        n_suspects += 1
        continue
    if r['suspect'] is None or int(r['suspect']['va'], 16) != below[0] or r['suspect']['tag_hex'] != below[1]['tag_hex']:
        fail('%s: suspect %r, not %r' % (r['va'], r['suspect'], below[1]))
    n_suspects += 1

# What lies behind a block's usable bytes is overrun by that block.
for r in doc['rows']:
    if r['check'] != 'Verifier trailer':
        continue
    s = r['suspect']
    if s is None or not int(s['va'], 16) <= int(r['va'], 16) < int(s['va'], 16) + s['block_bytes']:
        fail('%s: suspect %r does not hold it' % (r['va'], s))
    n_suspects += 1

special = {b['va']: b for b in truth.get('blocks', []) if b['kind'] == 'special'}
# What was written around a block of special pool: by that block, as far as can be told.
for r in doc['rows']:
    if r['check'] != 'special pool pattern':
        continue
    s = r['suspect']
    if s is None or int(s['va'], 16) // 4096 != int(r['va'], 16) // 4096 or s['va'] not in special:
        fail('%s: suspect %r is not on its page' % (r['va'], s))
    n_suspects += 1

# Without symbols the range of special pool is not known: pages that prove themselves are found all the same.
if a.case == 'special-pool':
    counted = [w for w in doc['warnings'] if w.startswith('special pool:')]
    block = next(b for b in special.values() if b['pool'] == 'nonpaged' and b['state'] == 'allocated')
    text = run('pool', *common, block['va'], dump, code=0)
    digits = 8 if '-x86' in a.build else 16
    for line in ('Pool page %0*x region is Special pool\n' % (digits, int(block['va'], 16)),
                 '*%0*x size: %4x non-paged special pool, Tag is Sp' % (digits, int(block['va'], 16), block['size_bytes'])):
        if line not in text:
            fail('pool: %r lacks %r' % (text, line))
    # NT 5 does not count them where symbols of the lab say.
    if 'heaps' not in truth and not a.build.startswith(('xp', '2003')) and len(counted) != 1:
        fail('the page that is paged out is not told: %r' % doc['warnings'])
    if 'heaps' not in truth and '; special pool: M' not in run('info', *common, dump, code=0):
        fail('info does not say how the range of special pool is known')
    without = json.loads(run('blocks', '-q', '--no-symbols', '--kind', 'special', '--format', 'json', dump, code=0))
    if 'heaps' not in truth and not [w for w in without['warnings'] if w.startswith('special pool is in use, and its')]:
        fail('without symbols nothing says that the range is not known: %r' % without['warnings'])
    found = {b['va']: b for b in without['rows']}
    missing = [va for va, b in special.items() if b['size_bytes'] < 0xf00 and b['state'] == 'allocated' and va not in found]
    if missing or len(special) < 60:
        fail('without symbols not found: %s' % missing)
    for va, b in found.items():
        keys = ['tag_hex', 'state', 'size_bytes']
        if 'heaps' not in truth:
            keys.append('pool')  # of heaps that nothing names it is judged by what they hold
        if va not in special or [b[k] for k in keys] != [special[va][k] for k in keys]:
            fail('without symbols: %r, not %r' % (b, special.get(va)))

# Who owns it: by the records of who allocated, which are those of `blocks`, and by a file of tags.
suspects = [r for r in doc['rows'] if r['suspect'] is not None]
n_callers = 0
for r in suspects:
    va = int(r['suspect']['va'], 16)
    at = '%x..%x' % (va - 8, va + 1)  # a block of 0 bytes has its header only
    p = json.loads(run('blocks', *common, '--callers', '--state', 'all', '--format', 'json', '--in', at, dump, code=0))
    b = [x for x in p['rows'] if x['va'] == r['suspect']['va']]
    if not b or [r['suspect_' + k] for k in ('caller', 'caller_source', 'caller_grade')] != \
            [b[0][k] for k in ('caller', 'caller_source', 'caller_grade')]:
        fail('%s: allocated by %r, blocks says %r' % (r['va'], r['suspect_caller'], b))
    n_callers += r['suspect_caller'] is not None
if a.case == 'verifier-defects' and a.build == '7-x64' and n_callers == 0:
    fail('Verifier recorded no suspect')
tagged = [r for r in suspects if r['suspect']['tag'] is not None and r['suspect']['tag'].isalnum()]
if tagged:
    path = os.path.join(work, 'tags.txt')
    with open(path, 'w') as f:
        print(tagged[0]['suspect']['tag'], '- some.sys - its owner', file=f)
    for r in json.loads(run('validate', *common, '--tag-file', path, '--format', 'json', dump, code=1))['rows']:
        is_it = r['suspect'] is not None and r['suspect']['tag'] == tagged[0]['suspect']['tag']
        if r['suspect'] is not None and (r['suspect']['owner'] is not None) != is_it:
            fail('%s: owner %r' % (r['va'], r['suspect']))

# Sessions have pages of their own at one address: `block` keeps them apart.
at = {}
for b in truth.get('blocks', []):
    if b['pool'] == 'session' and b['state'] == 'allocated' and b['kind'] == 'vs':
        at.setdefault(b['va'], []).append(b)
both = [va for va, b in at.items() if len(b) > 1]
for va in both[:1]:
    b = json.loads(run('block', *common, '--format', 'json', va, dump, code=0))
    rows = [r['va'] for r in b['page']]
    if b['other_sessions_count'] != 1 or b['block']['va'] != va or len(rows) != len(set(rows)) or rows != sorted(rows):
        fail('block %s: %r others, page %r' % (va, b['other_sessions_count'], rows))

# Of two sessions at one address, the block of that in which the defect is.
of_session = [d['va'] for d in truth['damage'] if d.get('in_session') and d['what'] == 'VS chunk header']
for r in doc['rows']:
    if r['va'] in of_session and (r['suspect'] is None or r['suspect']['tag'] != 'Susp'):
        fail('%s: suspect %r' % (r['va'], r['suspect']))
    n_suspects += r['va'] in of_session

# One page, also in the debugger's form.
if doc['rows'] and doc['rows'][0]['check'] in ('previous size', 'block size zero', 'crosses page'):
    va = doc['rows'][0]['va']
    one = json.loads(run('validate', *common, '--format', 'json', va, dump, code=1))
    if [r['va'] for r in one['rows']] != [va]:
        fail('validate %s: %r' % (va, one['rows']))
    if '__inVALID' not in run('poolval', *common, va, dump, code=1):
        fail('poolval does not call the page invalid')
if not want and blocks:
    if 'is VALID' not in run('poolval', *common, hex(blocks[0][0]), dump, code=0):
        fail('poolval does not call the page valid')
print('%d defects found, %d suspects\nkinds: %s' % (len(want), n_suspects, ', '.join(kinds(truth))))
shutil.rmtree(work)
