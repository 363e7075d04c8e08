"""What the lab's tests share: to run a program, to fail, and the part of a `tags` document that must never differ."""
import json
import subprocess
import sys


def fail(text):
    print('FAIL: ' + text, flush=True)
    sys.exit(1)


def run(cmd, ok=(0,)):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode not in ok:
        fail('%s: exit %d\n%s%s' % (' '.join(cmd), p.returncode, p.stdout.decode(errors='replace')[-2000:],
                                    p.stderr.decode(errors='replace')[-2000:]))
    return p


def rows(doc):
    return json.dumps([doc['rows'], doc['totals'], doc['coverage']], indent=0)
