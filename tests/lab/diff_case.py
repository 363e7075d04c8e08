#!/usr/bin/env python3
"""Two machines, one later than the other: every figure of `diff` must follow from the truth about both.

diff_case.py --lab LAB --poolscope POOLSCOPE --build KEY
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
ap.add_argument('--build', required=True)
a = ap.parse_args()
work = tempfile.mkdtemp(prefix='poolscope-diff-')
n_checks = 0


def fail(text):
    print('FAIL: ' + text, flush=True)
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(1)


def expect(what, got, want):
    global n_checks
    n_checks += 1
    if got != want:
        fail('%s: %r, expected %r' % (what, got, want))


class Machine:
    def __init__(self, case):
        self.dir = os.path.join(work, case)
        os.mkdir(self.dir)
        subprocess.run([a.lab, 'build', case, '--build', a.build, '--containers', 'full', '-o', self.dir], check=True,
                       stdout=subprocess.DEVNULL)
        self.truth = json.load(open(os.path.join(self.dir, 'truth.json')))
        self.dump = os.path.join(self.dir, self.truth['containers']['full']['file'])
        self.isf = os.path.join(self.dir, self.truth['isf'])
        self.isf_key = os.path.basename(self.isf)
        self.tags = {(r['tag_hex'], r['pool']): r for r in self.truth['tags']['rows'] if r['source'] == 'tracker'}


def run(machines, *options, code=0):
    # A machine of another build of the lab has another kernel.
    symbols = [x for m in machines for x in ('--symbols', m.dir)] if len({m.isf_key for m in machines}) > 1 else \
        ['--isf', machines[0].isf]
    p = subprocess.run([a.poolscope, 'diff', '-q', '--format', 'json'] + symbols + list(options) +
                       [m.dump for m in machines], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != code:
        fail('diff %s: exit %d, expected %d\n%s' % (' '.join(options), p.returncode, code, p.stderr.decode()))
    return json.loads(p.stdout)


def check_rows(first, last, doc, hours):
    """All rows, by subtraction of the truths."""
    rows = {(r['tag_hex'], r['pool']): r for r in doc['rows']}
    expect('rows', sorted(rows), sorted(set(first.tags) | set(last.tags)))
    zero = {'live': 0, 'live_bytes': 0, 'allocs': 0, 'frees': 0}
    for key, r in rows.items():
        x, y = first.tags.get(key, zero), last.tags.get(key, zero)
        name = '%s %s ' % key
        for part, truth in (('first', x), ('last', y)):
            expect(name + part, r[part], {k: truth[k] for k in ('live', 'live_bytes', 'allocs', 'frees')})
        growth, growth_bytes = y['live'] - x['live'], y['live_bytes'] - x['live_bytes']
        expect(name + 'growth', r['growth']['live'], growth)
        expect(name + 'growth bytes', r['growth']['live_bytes'], growth_bytes)
        if hours is None:
            expect(name + 'rate', r['growth']['live_bytes_per_hour'], None)
            expect(name + 'turnover', r['turnover'], None)
        else:
            rate = r['growth']['live_bytes_per_hour']
            expect(name + 'rate', abs(rate - growth_bytes / hours) <= 0.006 + abs(rate) * 1e-9, True)
            expect(name + 'new allocs', r['turnover']['allocs'], y['allocs'] - x['allocs'])
            expect(name + 'new frees', r['turnover']['frees'], y['frees'] - x['frees'])
        empty = [t['live'] == 0 and t['live_bytes'] == 0 for t in (x, y)]
        trend = ('new' if empty[0] and not empty[1] else 'gone' if empty[1] and not empty[0] else
                 'grows' if growth_bytes > 0 else 'shrinks' if growth_bytes < 0 else 'level')
        expect(name + 'trend', r['trend'], trend)
    return rows


def check_callers(first, last):
    """Growth per recorded caller: from none to what the truth lists, and back."""
    header = 16 if 'x64' in a.build else 8
    module = {c['caller']['address']: c['caller'].get('module') for c in last.truth['callers']}
    want = {c['caller']['address']: (c['live_count'], c['live_bytes'] + header * c['live_count'])
            for c in last.truth['callers'] if c['grade'] == 'exact'}
    if not want:
        fail('the machine has no callers')
    for machines, sign, trend in (((first, last), 1, 'new'), ((last, first), -1, 'gone'), ((last, last), 0, 'level'),
                                  ((first, last, last), 1, 'new'), ((last, first, last), 0, 'varies')):
        doc = run(machines, '--by', 'caller')
        rows = {r['caller']['address']: r for r in doc['rows'] if r['caller']}
        expect('callers', sorted(rows), sorted(want))
        for va, (live, live_bytes) in want.items():
            r = rows[va]
            expect('caller', r['grade'], 'exact')
            expect('growth of ' + va, (r['growth']['live'], r['growth']['live_bytes']), (sign * live, sign * live_bytes))
            expect('trend of ' + va, r['trend'], trend)
            expect('points of ' + va, [(p['live'], p['live_bytes']) for p in r['points']],
                   [(live, live_bytes) if m is last else (0, 0) for m in machines])
        # The others, in one row; with them every block is there.
        none = [r for r in doc['rows'] if r['caller'] is None]
        expect('one row of blocks that nobody recorded', len(none), 1)
        expect('all blocks', sum(r['last']['live'] for r in doc['rows']),
               sum(t['walk']['live'] for t in machines[-1].truth['tags']['rows'] if t.get('walk')))
        by_tag = run(machines, '--by', 'tag,caller')['rows']
        for va, (live, live_bytes) in want.items():
            expect('by tag, caller', sum(r['growth']['live_bytes'] for r in by_tag if r['caller'] and r['caller']['address'] == va),
                   sign * live_bytes)
        expect('by tag', [r['tag'][0] for r in run(machines, '--by', 'tag,caller', '--tag', 'V*', '--pool', 'paged')['rows']],
               ['V'] * len({(r['tag'], r['caller'] and r['caller']['address']) for r in by_tag
                            if r['tag'][0] == 'V' and r['pool'] == 'paged'}))
    some = next(r for r in by_tag if r['caller'] and r['last']['live_bytes'])
    budget = sum(r['last']['live_bytes'] for r in by_tag if r['tag'] == some['tag'])
    run((first, last), '--by', 'tag,caller', '--budget', '%s=%d' % (some['tag'].ljust(4), budget))
    doc = run((first, last), '--by', 'tag,caller', '--budget', '%s=%d' % (some['tag'].ljust(4), budget - 1), code=1)
    expect('rows over the budget', {r['tag'] for r in doc['rows']}, {some['tag']})


def tag(text):
    return text.encode().hex()


# users.md case 1: one refresh.
first, last = Machine('ntfc'), Machine('ntfc-later')
doc = run([first, last])
expect('relation', doc['relation'], {'boot': 'same', 'same_kernel': True, 'uptime_hours': 0})
rows = check_rows(first, last, doc, 5 / 3600)
r = rows[tag('NtFC'), 'nonpaged']
expect('NtFC growth', (r['growth']['live'], r['growth']['live_bytes']), (70999, 10223856))
expect('NtFC turnover', (r['turnover']['allocs'], r['turnover']['frees']), (71040, 41))
expect('NtFC freed', r['turnover']['freed_ratio'], round(41 / 71040, 6))
expect('the largest growth first', doc['rows'][0]['tag'], 'NtFC')
expect('nobody else grew', [r['tag'] for r in run([first, last], '--changed')['rows']], ['NtFC'])
expect('budget', [r['tag'] for r in run([first, last], '--budget', 'NtFC=10223855', code=1)['rows']], ['NtFC'])
expect('budget kept', run([first, last], '--budget', 'NtFC=10223856', '--no-walk')['rows'], [])
back = run([last, first], '--tag', 'NtFC')
expect('backwards', back['rows'][0]['growth']['live'], -70999)
expect('backwards is said', any('older' in w for w in back['warnings']), True)
expect('backwards has no rate', back['rows'][0]['growth']['live_bytes_per_hour'], None)

for r in doc['rows']:
    expect('points', r['points'], [r['first'], r['last']])

# users.md case 4: what moves together.
first, last, other = Machine('lockstep'), Machine('lockstep-later'), Machine('lockstep-rebooted')
doc = run([first, last])
rows = check_rows(first, last, doc, 424224 / 3600)
groups = {}
for r in doc['rows']:
    if r['group'] is not None:
        groups.setdefault(r['group'], set()).add(r['tag'])
expect('groups', list(groups.values()), [{'WCsc', 'NtfC', 'IoNm', 'FOCX', 'FMfc', 'FMwi', 'IoFE'}])
expect('File grew', rows[tag('File'), 'nonpaged']['growth']['live'], 514826)
expect('WCfn is freed', (rows[tag('WCfn'), 'nonpaged']['trend'], rows[tag('WCfn'), 'nonpaged']['turnover']['freed_ratio']),
       ('level', 1.0))
expect('Olda', rows[tag('Olda'), 'paged']['trend'], 'gone')
expect('Newa', rows[tag('Newa'), 'paged']['trend'], 'new')

# A reboot between: no rates, and it is said.
doc = run([first, other])
expect('relation', doc['relation'], {'boot': 'other', 'same_kernel': True, 'uptime_hours': None})
check_rows(first, other, doc, None)
expect('the reboot is said', any('another boot' in w for w in doc['warnings']), True)

# Three dumps: the trend is that of all.
doc = run([first, last, first], '--tag', 'WCsc')
expect('there and back', doc['rows'][0]['trend'], 'varies')
expect('three dumps', [d['build'] for d in doc['dumps']], [first.truth['info']['kernel']['build']] * 3)

# Blocks that stand still.
first, last = Machine('pinned'), Machine('pinned-later')
if any(b['tag_hex'] == tag('Pind') for b in first.truth['blocks']):
    doc = run([first, last], '--pinned', '--tag', 'Pind')
    expect('pinned', (doc['rows'][0]['pinned']['blocks'], doc['rows'][0]['pinned']['of_blocks']), (100, 150))
    doc = run([first, first, last], '--pinned', '--tag', 'Pind')
    expect('pinned in three', doc['rows'][0]['pinned']['blocks'], 100)
    doc = run([first, first], '--pinned', '--tag', 'Pind', '--by', 'tag,size')
    expect('pinned by size', sum(r['pinned']['blocks'] for r in doc['rows']), 150)
    sizes = {}
    for m, sign in ((first, -1), (last, 1)):
        for b in m.truth['blocks']:
            if b['state'] == 'allocated' and b['tag_hex'] == tag('Pind'):
                sizes[b['size_bytes']] = sizes.get(b['size_bytes'], 0) + sign
    doc = run([first, last], '--by', 'tag,size', '--tag', 'Pind')
    header = 16 if 'x64' in a.build else 8
    expect('growth by size', {r['block_bytes'] - header: r['growth']['live'] for r in doc['rows']}, sizes)
    doc = run([first, last], '--by', 'process')
    expect('by process', all(r['growth']['live'] == 0 and r['first']['live'] > 0 for r in doc['rows']), True)
# A dump beside itself stands still: all of it that can be read. Session pool is mapped by the processes of its session
# only, and two sessions may have one address.
rows = run([first, first, first], '--pinned')['rows']
expect('all stands still', [r['pinned']['blocks'] for r in rows], [r['pinned']['of_blocks'] for r in rows])
expect('session pool, too', sum(r['pinned']['of_blocks'] for r in rows if r['pool'] == 'session'),
       sum(b['pool'] == 'session' and b['state'] == 'allocated' for b in first.truth['blocks']))
expect('most of it', sum(r['pinned']['of_blocks'] for r in rows) > 0.9 * sum(b['state'] == 'allocated' for b in first.truth['blocks']),
       True)
if any(b['pool'] == 'session' for b in first.truth['blocks']):
    two = Machine('defects')  # has two sessions
    p = subprocess.run([a.poolscope, 'blocks', '-q', '--format', 'json', '--isf', two.isf, '--state', 'all', two.dump],
                       stdout=subprocess.PIPE, check=True)
    places = [(b['page_tables'], b['va']) for b in json.loads(p.stdout)['rows']]
    session = {x for x, b in zip(places, json.loads(p.stdout)['rows']) if b['pool'] == 'session'}
    expect('two page tables', len({x[0] for x in session}), 2)
    expect('no page tables outside of sessions', {x[0] for x in set(places) - session}, {None})
    expect('addresses that both have', len(session) > len({x[1] for x in session}), True)
    rows = run([two, two], '--pinned', '--pool', 'session')['rows']
    expect('two sessions stand still', [r['pinned']['blocks'] for r in rows], [r['pinned']['of_blocks'] for r in rows])
    expect('both', sum(r['pinned']['of_blocks'] for r in rows) >
           0.9 * sum(b['pool'] == 'session' and b['state'] == 'allocated' for b in two.truth['blocks']), True)
# Who allocated what grew.
check_callers(first, Machine('verifier'))
print('%d figures follow from the truth' % n_checks)
shutil.rmtree(work)
