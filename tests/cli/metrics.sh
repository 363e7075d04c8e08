#!/bin/sh
# promtool accepts the metrics; they are the rows, and what is beyond -n added up; folded lines too.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need promtool
need python3
here=$root/tests/cli

# metrics KIND ROWS NUMBERS COMMAND...: what the command says as metrics, with so many rows on lines of their own (0: all), is
# the rows in JSON.
metrics() {
	kind=$1 rows=$2 numbers=$3
	shift 3
	for n in $numbers; do
		run "$@" --format openmetrics -n "$n"
		expect 0 "$*: openmetrics"
		expect_no_err "$*: openmetrics"
		promtool check metrics <"$tmp/out" >"$tmp/lint" 2>&1 || { fail "$*: promtool"; head -n 3 "$tmp/lint"; }
		[ ! -s "$tmp/lint" ] || { fail "$*: promtool has something to say"; head -n 3 "$tmp/lint"; }
		python3 "$here/metrics_rows.py" "$kind" "$rows" "$n" "$tmp/out" || fail "$*: metrics of -n $n are not the rows"
	done
}

# rows_and_metrics KIND COMMAND...
rows_and_metrics() {
	kind=$1
	shift
	run "$@" --format json -n 0
	expect 0 "$*: json"
	cp "$tmp/out" "$tmp/rows.json"
	metrics "$kind" "$tmp/rows.json" 3 "$@"
}

for name in leak-7-x64 odd-tags-8.1-x64 holes-2016-x64 triage-7-x64; do
	set -- --isf "$root/fixtures/$name.isf.json.xz" -q "$root/fixtures/$name.dmp.gz"
	run tags --format json "$@"
	cp "$tmp/out" "$tmp/tags.json"
	metrics tags "$tmp/tags.json" '0 7' tags "$@"
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

# Other rows: labels are what makes one, and no two have the same.
leak="$root/fixtures/leak-7-x64"
odd="$root/fixtures/odd-tags-8.1-x64"
pinned="$root/fixtures/pinned"
verifier="$root/fixtures/verifier-7-x64"
stackdb="$root/fixtures/stackdb-7-x64"
newer="$root/fixtures/verifier-2022-x64"
rows_and_metrics tags_size tags --by tag,size -q --isf "$leak.isf.json.xz" "$leak.dmp.gz"
rows_and_metrics tags_caller tags --by tag,caller -q --isf "$stackdb.isf.json.xz" "$stackdb.dmp.gz"
rows_and_metrics tags_module tags --by tag,module -q --isf "$newer.isf.json.xz" "$newer.dmp.gz"
rows_and_metrics module tags --by module -q --isf "$verifier.isf.json.xz" "$verifier.dmp.gz"
for by in caller function module tag; do
	key=$by
	[ "$by" != caller ] || key=address
	rows_and_metrics "recorded_$by" callers --by "$key" -q --isf "$newer.isf.json.xz" "$newer.dmp.gz"
done
rows_and_metrics diff_tag diff --pinned -q --isf "$pinned-7-x64.isf.json.xz" "$pinned-7-x64.dmp.gz" "$pinned-later-7-x64.dmp.gz"
rows_and_metrics diff_tag diff -q "$odd.dmp.gz" "$odd.dmp.gz"
rows_and_metrics diff_tag_size diff --by tag,size -q "$pinned-7-x64.dmp.gz" "$pinned-later-7-x64.dmp.gz"
rows_and_metrics diff_process diff --by process -q "$pinned-7-x64.dmp.gz" "$verifier.dmp.gz"
rows_and_metrics diff_caller diff --by caller -q "$leak.dmp.gz" "$verifier.dmp.gz"
rows_and_metrics diff_tag_caller diff --by tag,caller -q "$verifier.dmp.gz" "$verifier.dmp.gz"

# Names from the dump may hold what the format gives a meaning to.
gzip -dc "$verifier.dmp.gz" | python3 -c "
import sys
b = sys.stdin.buffer.read()
old, new = 'labgone.sys'.encode('utf-16le'), 'l\"} 1#\n.sys'.encode('utf-16le')
assert len(old) == len(new) and b.count(old) > 0
other = 'labflt.sys'.encode('utf-16le')
assert b.count(other) > 0
b = b.replace(other, 'other\0\0\0\0\0'.encode('utf-16le'))
old8 = b'System\0'
assert b.count(old8) > 0
sys.stdout.buffer.write(b.replace(old, new).replace(old8, b'S\"\\\\} 1\0'))
" >"$tmp/odd.dmp"
run callers --by module -q --format json "$tmp/odd.dmp"
cp "$tmp/out" "$tmp/rows.json"
metrics recorded_module "$tmp/rows.json" '1 0' callers --by module -q "$tmp/odd.dmp"
grep -q 'module="l\\"} 1' "$tmp/out" || fail 'a quote in the name of a module is not escaped'
rows_and_metrics module tags --by module -q "$tmp/odd.dmp"
rows_and_metrics diff_caller diff --by caller -q "$tmp/odd.dmp" "$tmp/odd.dmp"
run diff --by process -q --format json "$tmp/odd.dmp" "$tmp/odd.dmp"
cp "$tmp/out" "$tmp/rows.json"
metrics diff_process "$tmp/rows.json" 0 diff --by process -q "$tmp/odd.dmp" "$tmp/odd.dmp"
grep -q 'process="S\\"' "$tmp/out" || fail 'a quote in the name of a process is not escaped'

# Defects by kind, and that there are none.
defects=$root/fixtures/defects-7-x64
for dump in "$defects.dmp.gz" "$root/fixtures/healthy-xp-x86.dmp.gz"; do
	run validate -q --format json "$dump"
	want=$code
	cp "$tmp/out" "$tmp/rows.json"
	run validate -q --format openmetrics "$dump"
	expect "$want" "validate $dump: openmetrics"
	promtool check metrics <"$tmp/out" >"$tmp/lint" 2>&1 || { fail "validate $dump: promtool"; head -n 3 "$tmp/lint"; }
	[ ! -s "$tmp/lint" ] || { fail "validate $dump: promtool has something to say"; head -n 3 "$tmp/lint"; }
	python3 - "$tmp/rows.json" "$tmp/out" <<'PY' || fail "validate $dump: metrics are not the rows"
import collections, json, re, sys
doc = json.load(open(sys.argv[1]))
text = open(sys.argv[2]).read()
want = collections.Counter(r['check'] for r in doc['rows'])
have = re.findall(r'^windows_pool_validate_defects\{check="([^"]*)"\} (\d+)$', text, re.M)
assert len(dict(have)) == len(have) and {k: int(v) for k, v in have} == want, (have, want)
for name, value in ('defects_found', doc['total']['defects_count']), ('blocks', doc['total']['blocks_count']):
    assert '\nwindows_pool_validate_%s %d\n' % (name, value) in text, name
PY
done

# Threads as folded lines: each with frames once, outermost first.
for name in leak-7-x64 healthy-xp-x86; do
	set -- -q --isf "$root/fixtures/$name.isf.json.xz" "$root/fixtures/$name.dmp.gz"
	run stacks --format json "$@"
	cp "$tmp/out" "$tmp/rows.json"
	run stacks --format folded "$@"
	expect 0 "$name: stacks folded"
	python3 - "$tmp/rows.json" "$tmp/out" <<'PY' || fail "$name: folded lines are not the threads"
import json, sys
def frame(f):
    name = f['module'].rsplit('.', 1)[0].replace('ntoskrnl', 'nt') if f['module'] else f['address']
    text = name + ('!' + f['symbol'] if f['symbol'] else '+' + f['offset'] if f['module'] else '')
    return text + (' ?' if f['uncertain'] else '')
want = [';'.join([(r['process'] or {}).get('name') or 'unknown'] + [frame(f) for f in reversed(r['frames'])]) + ' 1'
        for r in json.load(open(sys.argv[1]))['rows'] if r['frames']]
have = open(sys.argv[2]).read().splitlines()
assert want and want == have, [(w, h) for w, h in zip(want, have) if w != h][:2]
PY
done

# Which dumps a difference is of, and how much was read.
run diff --format openmetrics -q "$pinned-7-x64.dmp.gz" "$pinned-later-7-x64.dmp.gz"
for pattern in '_dumps_info{first_dump_id="[0-9a-f]\{16\}",first_build="7601",first_time="2026-[^"]*",last_dump_id="[0-9a-f]\{16\}",last_build="7601",last_time="2026-[^"]*",machine="x64",boot="same",same_kernel="true"} 1' \
	'_uptime_seconds [0-9]' '_coverage_ratio 1.0000'; do
	grep -q "^windows_pool_diff_tag$pattern" "$tmp/out" || fail "diff: no line '$pattern'"
done
# A budget leaves its rows, and its exit code.
run diff --format openmetrics -q --budget 'Pind=1K' "$pinned-7-x64.dmp.gz" "$pinned-later-7-x64.dmp.gz"
expect 1 'diff --budget: openmetrics'
[ "$(grep -c '^windows_pool_diff_tag_growth_bytes{' "$tmp/out")" -eq 1 ] || fail 'diff --budget: not the one row'
finish
