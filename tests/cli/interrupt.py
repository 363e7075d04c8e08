#!/usr/bin/env python3
"""interrupt.py POOLSCOPE LAB [sanitized]: Ctrl-C, SIGTERM, --timeout and --max-memory end a command as they should."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

exe, lab = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sanitized = len(sys.argv) > 3
failed = False
work = tempfile.TemporaryDirectory()
subprocess.run([lab, 'build', 'bench', '--build', '2016-x64', '--size', '192M', '--pool-bytes', '120M', '--containers',
                'full', '-o', work.name], check=True, stdout=subprocess.DEVNULL)
truth = json.load(open(os.path.join(work.name, 'truth.json')))
dump = os.path.join(work.name, truth['containers']['full']['file'])
isf = ['--isf', os.path.join(work.name, truth['isf'])]
whole = {}  # blocks of each (tag, pool) that the lab planted, as the whole answer gives them


def fail(text):
    global failed
    failed = True
    print('FAIL: ' + text)


def run(args, timeout=300):
    p = subprocess.run([exe] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def check_partial(what, doc):
    """A partial table of tags: it says so, and no figure of the walk is more than the truth."""
    if not doc['coverage']['interrupted'] or not any('interrupted' in w for w in doc['warnings']):
        fail('%s: it does not say that it was interrupted' % what)
    if doc['coverage']['ratio'] >= 1.0:
        fail('%s: coverage %s' % (what, doc['coverage']['ratio']))
    for r in doc['rows']:
        if r['walk'] is not None and r['walk']['live'] > whole.get((r['tag'], r['pool']), 0):
            fail('%s: more %s than there are' % (what, r['tag']))


code, out, err = run(['tags', '--format', 'json'] + isf + [dump])
doc = json.loads(out)
if code != 0 or doc['coverage']['interrupted']:
    fail('tags: exit code %d, or interrupted by nobody' % code)
whole = {(r['tag'], r['pool']): r['walk']['live'] for r in doc['rows'] if r['walk']}

# ---- signals: to a process that cannot go on, because nobody reads what it writes ----


def start(args):
    p = subprocess.Popen([exe] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = os.read(p.stdout.fileno(), 100)
    time.sleep(0.3)  # until the pipe is full
    return p, first


n_all = None
for name, number in ('SIGINT', signal.SIGINT), ('SIGTERM', signal.SIGTERM):
    p, first = start(['blocks', '--format', 'json', '--threads', '3'] + isf + [dump])
    p.send_signal(number)
    rest, err = p.communicate(timeout=60)
    if p.returncode != 4:
        fail('%s: exit code %d, not 4' % (name, p.returncode))
    try:
        doc = json.loads(first + rest)
    except ValueError as e:
        fail('%s: no JSON: %s' % (name, e))
        continue
    if not doc['coverage']['interrupted'] or doc['total']['blocks_count'] != len(doc['rows']) or not doc['rows']:
        fail('%s: %s, %d rows' % (name, doc['total'], len(doc['rows'])))
    if len(doc['rows']) >= sum(whole.values()):
        fail('%s: all %d blocks are there' % (name, len(doc['rows'])))
    va = [r['va'] for r in doc['rows']]
    if va != sorted(va):
        fail('%s: rows are not in order' % name)
    lines = err.decode().strip().split('\n')
    if not re.fullmatch(r'poolscope: interrupted: the result is not complete', lines[-1]):
        fail('%s: stderr ends in %r' % (name, lines[-1]))
# A second one ends it at once.
p, first = start(['blocks', '--format', 'json'] + isf + [dump])
p.send_signal(signal.SIGINT)
time.sleep(0.2)
p.send_signal(signal.SIGINT)
p.communicate(timeout=60)
if p.returncode != -signal.SIGINT:
    fail('a second SIGINT: exit code %d' % p.returncode)
# Who runs it in the background does not want it to end by Ctrl-C.
p = subprocess.Popen(['sh', '-c', 'trap "" INT; exec "$@"', 'sh', exe, 'blocks', '--format', 'json'] + isf + [dump],
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
first = os.read(p.stdout.fileno(), 100)
p.send_signal(signal.SIGINT)
rest, err = p.communicate(timeout=300)
if p.returncode != 0 or json.loads(first + rest)['coverage']['interrupted']:
    fail('SIGINT that is ignored: exit code %d' % p.returncode)

# ---- time ----

# So early that there is nothing yet: no result, one line, and no file.
target = os.path.join(work.name, 'out')
for args in (['tags', dump], ['info', dump], ['symbols', dump], ['diff', dump, dump], ['sites', dump],
             ['validate', dump], ['owner', 'Irp ', dump]):
    code, out, err = run(args[:1] + ['--timeout', '0.000001', '-o', target] + args[1:])
    if code != 4 or out or os.path.exists(target) or os.path.exists(target + '.partial'):
        fail('%s --timeout 0.000001: exit code %d, %r' % (args[0], code, out[:100]))
    if not re.fullmatch(r'poolscope: (?:.*: )?the time of --timeout is over before there was a result\n', err):
        fail('%s --timeout 0.000001: %r' % (args[0], err))
# Somewhere in the walk. When that is depends on the machine.
t = time.monotonic()
run(['tags', '--threads', '1', '-o', target] + isf + [dump])
seconds = time.monotonic() - t
n_partial = 0
for tenth in (9, 8, 7, 6, 5, 4, 3, 2, 1, 9, 7, 5, 3):
    if os.path.exists(target):
        os.remove(target)
    args = ['tags', '--threads', '1', '--format', 'json', '--timeout', '%.4f' % (seconds * tenth / 10), '-o', target]
    code, out, err = run(args + isf + [dump])
    if not os.path.exists(target):
        if code != 4:
            fail('tags --timeout: exit code %d and no result' % code)
        continue
    doc = json.load(open(target))
    if (code == 4) != doc['coverage']['interrupted'] or code not in (0, 4):
        fail('tags --timeout: exit code %d, interrupted is %s' % (code, doc['coverage']['interrupted']))
    if code == 4:
        n_partial += 1
        check_partial('tags --timeout', doc)
    if n_partial == 2:
        break
if n_partial == 0:
    fail('tags --timeout: never in the walk')
# Enough time changes nothing.
code, out, err = run(['tags', '--timeout', '1000', '--format', 'json'] + isf + [dump])
if code != 0 or json.loads(out)['coverage']['interrupted']:
    fail('tags --timeout 1000: exit code %d' % code)

# ---- memory: not under sanitizers, whose shadow is many times any limit ----

if not sanitized:
    code, out, err = run(['blocks', '--sort', 'size', '--format', 'csv', '--threads', '2', '--max-memory', '16M', '-o',
                          target + '.csv'] + isf + [dump])
    if code != 3 or err != 'poolscope: out of memory: --max-memory allows no more\n' or os.path.exists(target + '.csv'):
        fail('--max-memory 16M: exit code %d, %r' % (code, err))
    code, out, err = run(['tags', '--threads', '2', '--format', 'json', '--max-memory', '1G'] + isf + [dump])
    if code != 0 or {(r['tag'], r['pool']): r['walk']['live'] for r in json.loads(out)['rows'] if r['walk']} != whole:
        fail('--max-memory 1G: exit code %d, %r' % (code, err))
    # Where no thread can be had any more, the work is done without: what ends it is said to be memory.
    for limit in range(16, 33, 2):
        code, out, err = run(['diff', '-q', '--pinned', '--threads', '2', '--max-memory', '%dM' % limit] + isf + [dump, dump])
        if code != 0 and err != 'poolscope: out of memory: --max-memory allows no more\n':
            fail('diff --max-memory %dM: exit code %d, %r' % (limit, code, err))
sys.exit(1 if failed else 0)
