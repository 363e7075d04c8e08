#!/usr/bin/env python3
"""The comparison itself: right answers made from the truth pass, and each single wrong figure is found."""
import json
import os
import subprocess
import sys
import tempfile

lab = sys.argv[1]
work = tempfile.mkdtemp(prefix='poolscope-compare-')
subprocess.run([lab, 'build', 'fecf', '--build', '7-x64', '--containers', 'header', '-o', work], check=True,
               stdout=subprocess.DEVNULL)
truth = json.load(open(os.path.join(work, 'truth.json')))
truth['containers']['full'] = {'file': 'none', 'info': {}}
truth['callers'] = [{'caller': {'address': '0xfffff88001234567'}, 'tag_hex': '46656366', 'live': 95, 'live_bytes': 13680},
                    {'caller': {'address': '0xfffff88001234599'}, 'tag_hex': '46656366', 'live': 1, 'live_bytes': 144}]
json.dump(truth, open(os.path.join(work, 'truth.json'), 'w'))


def compare(doc):
    path = os.path.join(work, 'result.json')
    json.dump(doc, open(path, 'w'))
    p = subprocess.run([lab, 'compare', '--container', 'full', os.path.join(work, 'truth.json'), path],
                       stdout=subprocess.PIPE)
    return p.returncode, p.stdout.decode()


def must(doc, code, what):
    got, text = compare(doc)
    if got != code:
        sys.exit('%s: exit %d, expected %d\n%s' % (what, got, code, text[:500]))


n = 0
for schema, rows in (('poolscope.blocks/1', truth['blocks']), ('poolscope.callers/1', truth['callers']),
                     ('poolscope.tags/1', truth['tags']['rows'])):
    def document(changed):
        return {'schema': schema, 'rows': changed}
    must(document(rows), 0, schema + ' as the truth says')
    must(document(rows[1:]), 1, schema + ' without its first row')
    must(document(rows + [dict(rows[0], va='0x1', caller={'address': '0x1'}, tag_hex='21212121')]), 1, schema + ' with another row')
    must(document(rows + [rows[0]]), 1, schema + ' with a row twice')
    n += 4
    for key, value in rows[0].items():
        if key == 'is_big':
            continue
        if isinstance(value, dict):
            wrong = None
        elif isinstance(value, bool) or value is None:
            wrong = 1
        elif isinstance(value, (int, float)):
            wrong = value + 1
        else:
            wrong = value + 'x'
        must(document([dict(rows[0], **{key: wrong})] + rows[1:]), 1, '%s with another %s' % (schema, key))
        n += 1
print('%d comparisons' % n)
