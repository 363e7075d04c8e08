#!/bin/sh
# promtool accepts the metrics; they add up to the rows of the table; folded lines too.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need promtool
need python3

for name in leak-7-x64 odd-tags-8.1-x64 holes-2016-x64 triage-7-x64; do
	set -- --isf "$root/fixtures/$name.isf.json.xz" -q "$root/fixtures/$name.dmp.gz"
	run tags --format json "$@"
	cp "$tmp/out" "$tmp/tags.json"
	for n in 0 7; do
		run tags --format openmetrics -n "$n" "$@"
		expect 0 "$name: openmetrics"
		expect_no_err "$name: openmetrics"
		promtool check metrics <"$tmp/out" >"$tmp/lint" 2>&1 || { fail "$name: promtool"; head -n 3 "$tmp/lint"; }
		[ ! -s "$tmp/lint" ] || { fail "$name: promtool has something to say"; head -n 3 "$tmp/lint"; }
		python3 - "$tmp/tags.json" "$tmp/out" "$n" <<'PY' || fail "$name: metrics of -n $n are not the rows"
import collections, json, re, sys
rows = json.load(open(sys.argv[1]))['rows']
n = int(sys.argv[3])
want = collections.Counter()
listed = collections.Counter()
have = collections.Counter()
for i, r in enumerate(rows):
    figures = {'outstanding_bytes': r['live_bytes'], 'outstanding_allocations': r['live'],
               'allocations_total': r['allocs'], 'frees_total': r['frees']}
    if r['source'] == 'walk':
        figures['outstanding_bytes'], figures['outstanding_allocations'] = r['walk']['live_bytes'], r['walk']['live']
    for name, value in figures.items():
        if value is not None:
            want[name, r['pool']] += value
seen = set()
for line in open(sys.argv[2]):
    m = re.fullmatch(r'windows_pool_tag_(\w+)\{tag="((?:[^"\\\n]|\\["\\n])*)",pool="(\w+)"\} (-?\d+)\n', line)
    if m:
        have[m[1], m[3]] += int(m[4])
        assert (m[1], m[2], m[3]) not in seen, line
        seen.add((m[1], m[2], m[3]))
assert want == have, (want, have)
assert sum(1 for s in seen if s[0] == 'frees_total') <= (n + 3 if n else len(rows))
PY
	done
	run tags --format folded "$@"
	expect 0 "$name: folded"
	python3 - "$tmp/tags.json" "$tmp/out" <<'PY' || fail "$name: folded lines are not the rows"
import json, sys
rows = json.load(open(sys.argv[1]))['rows']
want = []
for r in rows:
    v = r['walk']['live_bytes'] if r['source'] == 'walk' else r['live_bytes']
    if v and v > 0:
        want.append((r['pool'], r['tag'].replace(';', '\\x3b'), v))
have = []
for line in open(sys.argv[2]):
    frames, v = line.rstrip('\n').rsplit(' ', 1)
    pool, tag = frames.split(';')
    have.append((pool, tag, int(v)))
assert want == have, (want[:3], have[:3])
PY
done

# With modules and sizes: over the modules the table by size, over the sizes the table by module.
set -- --isf "$root/fixtures/stackdb-7-x64.isf.json.xz" -q "$root/fixtures/stackdb-7-x64.dmp.gz"
run tags --by tag,size --format json "$@"
cp "$tmp/out" "$tmp/sizes.json"
run tags --by tag,module --format json "$@"
cp "$tmp/out" "$tmp/modules.json"
run tags --by module --format folded "$@"
expect 0 "folded by module"
expect_no_err "folded by module"
cp "$tmp/out" "$tmp/folded"
run tags --by tag,caller --format folded --threads 1 "$@"
cmp -s "$tmp/out" "$tmp/folded" || fail "folded by module: not the same on one thread"
python3 - "$tmp/sizes.json" "$tmp/modules.json" "$tmp/folded" <<'PY' || fail "folded lines by module are not the rows"
import collections, json, sys
sizes, modules = (json.load(open(p))['rows'] for p in sys.argv[1:3])
by_size, by_module = collections.Counter(), collections.Counter()
for line in open(sys.argv[3]):
    frames, v = line.rstrip('\n').rsplit(' ', 1)
    pool, module, tag, size = frames.split(';')
    assert int(v) > 0 and int(v) % int(size) == 0, line
    by_size[pool, tag, int(size)] += int(v)
    by_module[pool, None if module == '(not recorded)' else module, tag] += int(v)
escape = lambda tag: tag.replace(';', '\\x3b')
assert any(m for _, m, _ in by_module)
want = {(r['pool'], escape(r['tag']), r['block_bytes']): r['walk']['live_bytes'] for r in sizes if r['walk'] and r['walk']['live_bytes']}
assert want == by_size, want.items() ^ by_size.items()
want = collections.Counter()
for r in modules:
    want[r['pool'], r['caller'] and r['caller']['module'].rsplit('.', 1)[0].replace('ntoskrnl', 'nt'), escape(r['tag'])] += r['live_bytes']
assert want == by_module, want.items() ^ by_module.items()
PY
finish
