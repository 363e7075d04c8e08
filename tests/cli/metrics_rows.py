#!/usr/bin/env python3
"""metrics_rows.py KIND ROWS.json N METRICS: the metrics are the rows of the JSON document, one by one for the first N (0:
all), the rest added up as "other". Rows of the same labels are one. No series stands twice, and no family in two places.
"""
import json
import re
import sys

kind, path, n, metrics = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
rows = json.load(open(path))['rows']


def get(row, path):
    for key in path.split('.'):
        row = row[key] if row is not None else None
    return row


def held(tracker, walk):
    return lambda r: get(r, walk) if r['source'] == 'walk' else r[tracker]


def at(path):
    return lambda r: get(r, path)


def caller(r):
    c = r['caller']
    if c is None:
        return '(not recorded)'
    if c['module'] is None:
        return c['address']
    name = c['module'].rsplit('.', 1)[0].replace('ntoskrnl', 'nt')
    if c['symbol'] is not None:
        plus = '+' + c['symbol_offset'] if c.get('symbol_offset') not in (None, '0x0') and c['address'] else ''
        return name + '!' + c['symbol'] + plus
    return name + '+' + c['offset'] if c['address'] is not None else name


def module(r):
    return '(not recorded)' if r['caller'] is None else r['caller']['module'] or '(no module)'


TAG = {'tag': at('tag'), 'pool': at('pool')}
GRADE = {'source': at('source'), 'grade': at('grade')}
BLOCK = {'block_bytes': at('block_bytes')}
PROCESS = {'pid': at('process.pid'), 'process': lambda r: get(r, 'process.name') or '(not listed)'}
CALLER = {'caller': caller, 'module': module}
TAGS = {'outstanding_bytes': held('live_bytes', 'walk.live_bytes'), 'outstanding_allocations': held('live', 'walk.live'),
        'allocations_total': at('allocs'), 'frees_total': at('frees')}
LIVE = {'outstanding_bytes': at('live_bytes'), 'outstanding_allocations': at('live_count')}
RECORDED = dict(LIVE, allocations_total=at('allocs_count'), frees_total=at('frees_count'),
                allocated_bytes_total=at('alloc_bytes'))
DIFF = {'growth_bytes': at('growth.live_bytes'), 'growth_allocations': at('growth.live'),
        'growth_bytes_per_hour': at('growth.live_bytes_per_hour'), 'growth_allocations_per_hour': at('growth.live_per_hour'),
        'growth_bytes_per_allocation': at('turnover.growth_bytes_per_alloc'),
        'turnover_allocations': at('turnover.allocs'), 'turnover_frees': at('turnover.frees'),
        'turnover_freed_ratio': at('turnover.freed_ratio'),
        'first_bytes': at('first.live_bytes'), 'first_allocations': at('first.live'),
        'last_bytes': at('last.live_bytes'), 'last_allocations': at('last.live'),
        'pinned_bytes': at('pinned.bytes'), 'pinned_allocations': at('pinned.blocks'),
        'compared_bytes': at('pinned.of_bytes'), 'compared_allocations': at('pinned.of_blocks')}
KINDS = {  # scope, labels, figures
    'tags': ('tag', TAG, TAGS),
    'tags_size': ('tag_size', dict(TAG, **BLOCK), TAGS),
    'tags_caller': ('tag_caller', dict(TAG, **CALLER, **GRADE), LIVE),
    'tags_module': ('tag_module', dict(TAG, module=module, **GRADE), LIVE),
    'module': ('module', dict(pool=at('pool'), module=module, **GRADE), LIVE),
    'recorded_caller': ('recorded_caller', dict(CALLER, **GRADE), RECORDED),
    'recorded_function': ('recorded_function', dict(CALLER, **GRADE), RECORDED),
    'recorded_module': ('recorded_module', dict(module=module, **GRADE), RECORDED),
    'recorded_tag': ('recorded_tag', dict(tag=lambda r: r['tags'][0], **GRADE), RECORDED),
    'diff_tag': ('diff_tag', TAG, DIFF),
    'diff_tag_size': ('diff_tag_size', dict(TAG, **BLOCK), DIFF),
    'diff_process': ('diff_process', PROCESS, DIFF),
    'diff_caller': ('diff_caller', dict(CALLER, grade=at('grade')), DIFF),
    'diff_tag_caller': ('diff_tag_caller', dict(TAG, **CALLER, grade=at('grade')), DIFF),
}
scope, labels, figures = KINDS[kind]
KEPT = ('pool', 'source', 'grade')  # few values each: the rest has a line for each of them
SHARES = ('turnover_freed_ratio', 'growth_bytes_per_allocation')

want, twice = {}, set()
for i, r in enumerate(rows):
    is_rest = n != 0 and i >= n
    key = {k: 'other' if is_rest and k not in KEPT else f(r) for k, f in labels.items()}
    key = tuple(sorted((k, str(v)) for k, v in key.items() if v is not None))
    for name, f in figures.items():
        v = f(r)
        if v is None or is_rest and name in SHARES:
            continue
        if (name, key) in want and name in SHARES:
            twice.add((name, key))
        want[name, key] = want.get((name, key), 0) + v
for k in twice:
    del want[k]

SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (-?[0-9.]+)\n')
LABEL = re.compile(r'(\w+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
have, families, current, helps = {}, [], None, 0
lines = open(metrics, newline='').readlines()
assert lines[-1] == '# EOF\n', lines[-1]
for line in lines[:-1]:
    if line.startswith('#'):
        name = line.split(' ')[2]
        if line.startswith('# HELP '):
            assert name not in families, 'the family %s stands twice' % name
            assert line.rstrip('\n').endswith('.'), line
            families.append(name)
        assert name == families[-1] and name.startswith('windows_pool_'), line
        if line.startswith('# TYPE '):
            assert line.split(' ')[3] == ('counter\n' if name.endswith('_total') else 'gauge\n'), line
        continue
    m = SAMPLE.fullmatch(line)
    assert m and m[1] == families[-1], line
    text, key, end = m[2] or '', [], 0
    for l in LABEL.finditer(text):
        assert l.start() == end, line
        end = l.end()
        key.append((l[1], re.sub(r'\\(.)', lambda e: '\n' if e[1] == 'n' else e[1], l[2])))
    assert end == len(text), line
    assert len({k for k, _ in key}) == len(key), line
    key = (m[1], tuple(sorted(key)))
    assert key not in have, 'twice: ' + line
    have[key] = float(m[3])
prefix = 'windows_pool_%s_' % scope
beside = {name for name, _ in have} - {prefix + f for f in figures}
scope_of_rest = 'windows_pool_' if kind == 'tags' else prefix
assert beside <= {scope_of_rest + s for s in ('coverage_ratio', 'dump_info', 'dumps_info', 'uptime_seconds')}, beside
assert scope_of_rest + 'coverage_ratio' in beside
have = {(name[len(prefix):], key): v for (name, key), v in have.items() if name not in beside}
for k in sorted(set(want) | set(have)):
    # Rates are printed with two decimals, each row of JSON as well.
    slack = 0.01 * len(rows) if 'per_hour' in k[0] else 0
    if k not in want or k not in have or abs(want[k] - have[k]) > slack:
        sys.exit('%s: %s, the rows say %s' % (k, have.get(k), want.get(k)))
assert have or not rows
