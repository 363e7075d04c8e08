#!/bin/sh
# What the commands print: all formats say the same, options do what they say, and exit codes fit.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need jq
need python3
dump=$root/fixtures/leak-7-x64.dmp.gz
isf=$root/fixtures/leak-7-x64.isf.json.xz
triage=$root/fixtures/triage-7-x64.dmp.gz

tags() {
	run tags --isf "$isf" "$@" "$dump"
	expect 0 "tags $*"
}

# check FILE PROGRAM WHAT: the jq program must give true.
check() {
	jq -e "$2" "$1" >"$tmp/jq" 2>&1 || {
		fail "$3"
		head -n 3 "$tmp/jq"
	}
}

# ---- the same rows in every format ----
tags --format json
cp "$tmp/out" "$tmp/all.json"
check "$tmp/all.json" '.schema == "poolscope.tags/1" and (.rows | length) > 10' 'tags --format json: no rows'
jq -r '.rows[] | [.tag, .tag_hex, .protected, .pool, .allocs, .frees, .live, .live_bytes, .source,
	.walk.live, .walk.live_bytes, .walk.free, .walk.cached, .owner] | map(. // "") | @tsv' "$tmp/all.json" >"$tmp/want"
jq -r '.rows[] | [.tag_hex, .pool, .source] | @tsv' "$tmp/all.json" >"$tmp/want_keys"

tags --format ndjson
while read -r line; do
	printf '%s\n' "$line" | jq -e '.schema == "poolscope.tags/1" and .record and .dump_id and has("@timestamp")' >"$tmp/jq" ||
		fail "ndjson: '$line' does not stand alone"
done <<END
$(grep -v '"record":"tag"' "$tmp/out")
END
jq -r 'select(.record == "tag") | [.tag, .tag_hex, .protected, .pool, .allocs, .frees, .live, .live_bytes, .source,
	.walk.live, .walk.live_bytes, .walk.free, .walk.cached, .owner] | map(. // "") | @tsv' "$tmp/out" >"$tmp/have"
cmp -s "$tmp/want" "$tmp/have" || fail 'json and ndjson have other rows'
[ "$(head -n 1 "$tmp/out" | jq -r .record)" = dump ] || fail 'the first ndjson record is not the dump'
[ "$(tail -n 1 "$tmp/out" | jq -r .record)" = coverage ] || fail 'the last ndjson record is not the coverage'
[ "$(jq -r .dump_id "$tmp/out" | sort -u | wc -l)" -eq 1 ] || fail 'ndjson records have different dump_id'

tags --format csv
python3 - "$tmp/out" >"$tmp/have" <<'PY' || fail 'csv: rows with another number of columns than the heading'
import csv, sys
text = open(sys.argv[1], newline='').read()
assert text.count('\r\n') == text.count('\n'), 'line ends'
rows = list(csv.reader(text.splitlines(keepends=True)))
names = rows[0]
for row in rows[1:]:
    assert len(row) == len(names), row
    r = dict(zip(names, row))
    r['protected'] = '' if r['protected'] == 'false' else r['protected']
    columns = ['tag', 'tag_hex', 'protected', 'pool', 'allocs', 'frees', 'live', 'live_bytes', 'source', 'walk_live',
               'walk_live_bytes', 'walk_free', 'walk_cached', 'owner']
    print('\t'.join(r[c].replace('\\', '\\\\') for c in columns))
PY
cmp -s "$tmp/want" "$tmp/have" || fail 'json and csv have other rows'

tags
sed -n '/^$/q; s/.*  \([0-9a-f]\{8\}\)  \(nonpaged\|paged\|session\) .* \(tracker\|walk\|scan\) .*/\1\t\2\t\3/p' "$tmp/out" >"$tmp/have"
cmp -s "$tmp/want_keys" "$tmp/have" || fail 'json and table have other rows'
! grep -q ' $' "$tmp/out" || fail 'table: blanks at the end of a line'

# ---- the result depends on nothing else ----
for option in --threads=1 --threads=5 --no-mmap --no-progress --walk '--by=tag' '-n0'; do
	tags --format json "$option"
	cmp -s "$tmp/out" "$tmp/all.json" || fail "tags $option: another result"
done

# ---- orders ----
# shellcheck disable=SC2016
def='def falls: . as $a | all(range(1; length); $a[. - 1] >= $a[.]);
	def rises: . as $a | all(range(1; length); $a[. - 1] <= $a[.]);
	def bytes: .live_bytes // .walk.live_bytes; def live: .live // .walk.live;
	def order: {"nonpaged": 0, "paged": 1, "session": 2}[.pool];'
sorted() {
	tags --format json --sort "$1"
	cp "$tmp/out" "$tmp/sorted"
	check "$tmp/sorted" "$def .rows | $3" "--sort $1: not in this order"
	jq -S '.rows |= sort_by(.tag_hex, .pool)' "$tmp/all.json" >"$tmp/a"
	jq -S '.rows |= sort_by(.tag_hex, .pool)' "$tmp/sorted" >"$tmp/b"
	cmp -s "$tmp/a" "$tmp/b" || fail "--sort $1: other rows"
	[ -z "$2" ] || {
		tags --format json --sort "$2"
		cmp -s "$tmp/out" "$tmp/sorted" || fail "--sort $2 is not --sort $1"
	}
}
sorted bytes b 'map(bytes) | falls'
sorted allocs a 'map(.allocs // 0) | falls'
sorted frees f 'map(.frees // 0) | falls'
sorted diff d 'map(live) | falls'
sorted per-alloc m 'map(if live > 0 then bytes / live else 0 end) | falls'
sorted tag t 'map([order, .tag_hex]) | rises'
sorted nonpaged '' 'map([if .pool == "nonpaged" then 1 else 0 end, bytes]) | falls'
sorted paged '' 'map([if .pool == "paged" then 1 else 0 end, bytes]) | falls'

# ---- which rows ----
n=$(jq '.rows | length' "$tmp/all.json")
tags --format json -n 3
check "$tmp/out" '.rows | length == 3' '-n 3: not three rows'
grep -q "$((n - 3)) more rows" "$tmp/err" || fail '-n 3: no note of the other rows'
[ "$(jq -cS '[.totals, .coverage]' "$tmp/out")" = "$(jq -cS '[.totals, .coverage]' "$tmp/all.json")" ] ||
	fail '-n 3 changes totals or coverage'
tags -q --format json -n 3
expect_no_err '-q -n 3'
for pool in nonpaged paged session; do
	tags --format json --pool "$pool"
	[ "$(jq -cS .rows "$tmp/out")" = "$(jq -cS --arg p "$pool" '[.rows[] | select(.pool == $p)]' "$tmp/all.json")" ] ||
		fail "--pool $pool: other rows"
done
# pattern PATTERN JQ-CONDITION
pattern() {
	tags --format json --tag "$1"
	[ "$(jq -cS .rows "$tmp/out")" = "$(jq -cS "[.rows[] | select($2)]" "$tmp/all.json")" ] ||
		fail "--tag '$1': other rows than '$2'"
}
pattern 'Irp ' '.tag == "Irp "'
pattern 'Irp*' '.tag | startswith("Irp")'
pattern 'abc*' 'false'
pattern '????' 'true'
pattern '*' 'true'
pattern '**' 'true'
pattern '?b*' '.tag | test("^.b")'
pattern '*b ' '.tag | endswith("b ")'
pattern 'zzzz' 'false'
pattern '*?????' 'false'
check "$tmp/all.json" '.rows | any(.tag == "Irp ")' 'the fixture has no tag "Irp "'

# ---- lines below a table are broken between words ----
for width in 50 80; do
	for command in 'tags -n 2' 'blocks -n 2' validate callers; do
		# shellcheck disable=SC2086
		run $command -q --isf "$isf" --width $width "$dump"
		awk -v width=$width 'length($0) > width' "$tmp/out" | grep -v '…' >"$tmp/have"
		[ ! -s "$tmp/have" ] || fail "$command --width $width: $(head -n 1 "$tmp/have")"
		# The same words as without a width.
		sed -n '/^Coverage/,$p' "$tmp/out" | tr -s ' \n' '\n\n' >"$tmp/want"
		# shellcheck disable=SC2086
		run $command -q --isf "$isf" "$dump"
		sed -n '/^Coverage/,$p' "$tmp/out" | tr -s ' \n' '\n\n' | cmp -s - "$tmp/want" || fail "$command --width $width: other words"
	done
done

# ---- sizes as debuggers print them ----
run blocks -q --isf "$isf" --format csv --size 0x4b0..1K "$dump"
expect 2 'blocks --size 0x4b0..1K'
run blocks -q --isf "$isf" --format csv --size 0x460..0x4b0 "$dump"
cp "$tmp/out" "$tmp/want"
run blocks -q --isf "$isf" --format csv --size 1120..1200 "$dump"
[ "$(wc -l <"$tmp/out")" -gt 3 ] || fail 'blocks --size 1120..1200: no rows'
cmp -s "$tmp/out" "$tmp/want" || fail 'blocks --size: hexadecimal and decimal differ'

# ---- --by tag,size: the walk's figures, split ----
tags --format json --by tag,size
check "$tmp/out" '.rows | length > 0 and all(.block_bytes > 0 and .source == "walk" and .allocs == null and .live == null)' \
	'--by tag,size: rows without a size, or with tracker figures'
split='group_by([.tag_hex, .pool]) | map({key: "\(.[0].tag_hex) \(.[0].pool)", value: [(map(.walk.live) | add), (map(.walk.live_bytes) | add)]})'
have=$(jq -cS "[.rows[] | select(.walk.live > 0)] | $split" "$tmp/out")
want=$(jq -cS "[.rows[] | select(.walk != null and .walk.live > 0)] | $split" "$tmp/all.json")
[ "$have" = "$want" ] || fail '--by tag,size does not add up to the rows by tag'

# ---- --no-walk ----
tags --format json --no-walk
check "$tmp/out" '.coverage.walk == null and (.rows | all(.walk == null)) and (.totals | all(.walk == null))' '--no-walk: walk figures'
[ "$(jq -cS '[.rows[] | [.tag_hex, .pool, .allocs, .frees, .live, .live_bytes]]' "$tmp/out")" = \
	"$(jq -cS '[.rows[] | select(.source == "tracker") | [.tag_hex, .pool, .allocs, .frees, .live, .live_bytes]]' "$tmp/all.json")" ] ||
	fail '--no-walk: other tracker figures'

# ---- --tag-file ----
tags --format json --tag-file "$root/tests/golden/pooltag.txt"
check "$tmp/out" '.rows[] | select(.tag == "Irp " and .pool == "nonpaged") | .owner | startswith("nt!io")' '--tag-file: no owner of Irp'
check "$tmp/out" '[.rows[] | select(.tag | test("^Mm..$"))] | length > 0 and all(.owner | startswith("nt!mm"))' \
	'--tag-file: no owner by wildcard'
tags --tag-file "$root/tests/golden/pooltag.txt" --tag 'Irp '
grep -q 'Owner$' "$tmp/out" || fail '--tag-file: no owner column in the table'
grep -q 'nt!io' "$tmp/out" || fail '--tag-file: no owner in the table'

# ---- info ----
for format in table json ndjson csv; do
	run info --isf "$isf" --format "$format" "$dump"
	expect 0 "info --format $format"
	cp "$tmp/out" "$tmp/info.$format"
done
check "$tmp/info.json" '.schema == "poolscope.info/1" and (.pool_sources | length) > 3' 'info --format json'
[ "$(wc -l <"$tmp/info.ndjson")" -eq 1 ] || fail 'info --format ndjson is not one line'
[ "$(jq -cS 'del(.record, .dump_id, ."@timestamp")' "$tmp/info.ndjson")" = "$(jq -cS . "$tmp/info.json")" ] ||
	fail 'info: json and ndjson differ'
python3 - "$tmp/info.csv" <<'PY' || fail 'info: csv is not a heading and one line of as many columns'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline='')))
sys.exit(len(rows) != 2 or len(rows[0]) != len(rows[1]))
PY
guid=$(jq -r .kernel.pdb_guid "$tmp/info.json")
age=$(jq -r .kernel.pdb_age "$tmp/info.json")
pdb=$(jq -r .kernel.pdb_name "$tmp/info.json")

# ---- symbols ----
mkdir -p "$tmp/symbols"
for place in . "$pdb" "windows/$pdb"; do
	mkdir -p "$tmp/symbols/$place"
	cp "$isf" "$tmp/symbols/$place/$guid-$age.json.xz"
	run info --format json --symbols "$tmp/symbols" "$dump"
	expect 0 "--symbols, $place"
	check "$tmp/out" '.kernel.symbols == "isf"' "--symbols DIR does not find DIR/$place/$guid-$age.json.xz"
	rm "$tmp/symbols/$place/$guid-$age.json.xz"
done
run tags --symbols "$tmp/symbols" "$dump"
expect 0 '--symbols with nothing in it'
grep -q "warning: .*$guid-$age\.json\.xz" "$tmp/err" || fail '--symbols with nothing in it: no warning that names the file'

other=odd-tags-8.1-x64
run info --format json --isf "$root/fixtures/$other.isf.json.xz" "$root/fixtures/$other.dmp.gz"
other_guid=$(jq -r .kernel.pdb_guid "$tmp/out")
[ "$guid" != "$other_guid" ] || fail 'two fixtures have the same kernel'
for command in info tags poolused; do
	run "$command" --isf "$root/fixtures/$other.isf.json.xz" "$dump"
	expect 3 "$command with the ISF of another kernel"
	expect_no_out "$command with the ISF of another kernel"
	expect_line "$guid" "$command with the ISF of another kernel"
	expect_line "$other_guid" "$command with the ISF of another kernel"
done

# ---- coverage ----
for format in table json ndjson csv; do
	run tags --format "$format" "$triage"
	cp "$tmp/out" "$tmp/want"
	run tags --format "$format" --min-coverage 50 "$triage"
	expect 4 "tags --format $format --min-coverage 50 on a triage dump"
	cmp -s "$tmp/out" "$tmp/want" || fail '--min-coverage changes the result'
done
run tags --min-coverage 50 -o "$tmp/result" "$triage"
expect 4 'tags --min-coverage 50 -o'
[ -s "$tmp/result" ] || fail 'tags --min-coverage 50 -o: no file'
run tags --min-coverage 0 "$triage"
expect 0 'tags --min-coverage 0'
tags --min-coverage 100
tags --min-coverage 100% --no-walk
run info --min-coverage 100 "$dump"
expect 0 'info --min-coverage 100'

# ---- poolused ----
for flags in 0 1 2 3 4 5; do
	run poolused --isf "$isf" "$flags" "$dump"
	expect 0 "poolused $flags"
	grep -q '^ TOTAL ' "$tmp/out" || fail "poolused $flags: no TOTAL"
done
run poolused --isf "$isf" "$dump"
cp "$tmp/out" "$tmp/want"
run poolused --isf "$isf" 0x0 "$dump"
cmp -s "$tmp/out" "$tmp/want" || fail 'poolused 0x0 is not poolused'
grep -q '^ Sorting by Tag$' "$tmp/want" || fail 'poolused: not sorted by tag'
run poolused --isf "$isf" 4 'Irp ' "$dump"
[ "$(grep -c pooltag "$tmp/out")" -eq 1 ] || fail "poolused 4 'Irp ': not one line"
want=$(jq -r '.rows[] | select(.tag == "Irp " and .pool == "nonpaged") | "\(.live) \(.live_bytes)"' "$tmp/all.json")
[ "$(awk '$1 == "Irp" { print $2, $3 }' "$tmp/out")" = "$want" ] || fail "poolused: figures of Irp are not those of tags"
run poolused --isf "$isf" 4 --tag-file "$root/tests/golden/pooltag.txt" 'Irp ' "$dump"
grep -q 'nt!io' "$tmp/out" || fail 'poolused --tag-file: no owner'

# ---- what is not known is no zero ----
holes=$root/fixtures/holes-2016-x64
run tags --no-walk --format json --isf "$holes.isf.json.xz" "$holes.dmp.gz"
expect 0 'tags of a dump with holes'
check "$tmp/out" '([.rows[] | select(.source == "tracker_partial") | .pool] | unique) as $p | $p != [] and
	([.totals[] | select(.pool as $pool | $p | index($pool)) | .tracker] | unique) == [null]' \
	'totals: sums of tracker tables with holes given as totals'
run poolused --isf "$holes.isf.json.xz" "$holes.dmp.gz"
grep -q '^ TOTAL .*?' "$tmp/out" || fail 'poolused: a total of lines that are not known'
run tags --format json "$triage"
check "$tmp/out" '.coverage.scan | .saved_bytes >= .scanned_bytes and .headers_count >= 0' 'triage: no coverage of the scan'
check "$tmp/out" '.coverage.scan.headers_count == ([.rows[].walk.live] | add // 0)' 'triage: rows are not the headers found'
check "$tmp/all.json" '.coverage.scan == null' 'coverage of a scan that was not made'

run diff "$dump" "$triage"
expect 3 'diff with a triage dump'
grep -q 'dump 2 has no page tables' "$tmp/err" || fail 'diff with a triage dump: the message says something else'
run poolused "$triage"
expect 3 'poolused on a triage dump'
expect_no_out 'poolused on a triage dump'
# ---- budgets ----
run tags -q --isf "$isf" --format json --budget 'UlHT=1M' --budget 'MmCa=1T' "$dump"
expect 1 'a budget that is exceeded'
check "$tmp/out" '[.rows[].tag] | unique == ["UlHT"]' 'rows of budgets that are kept'
grep -q 'budget UlHT=1M: 633,864,192 bytes held, allowed are 1,048,576' "$tmp/err" || fail 'no line about the budget'
run tags -q --isf "$isf" --format json --budget 'UlHT=1G' "$dump"
expect 0 'a budget that is kept'
check "$tmp/out" '.rows == []' 'rows though all is well'
# ---- callers: what could not be read is not read ----
verifier=$root/fixtures/verifier-7-x64
gzip -dc "$verifier.dmp.gz" | head -c 1500000 >"$tmp/cut.dmp" # with neither drivers nor a debugger data block
# A table that is missing is a large hole, and no page tables that repeat themselves.
run blocks -q --format json -n 1 "$tmp/cut.dmp"
expect 0 'a dump that is cut'
check "$tmp/out" '[.warnings[] | select(test("repeat themselves"))] == []' 'page tables repeat themselves in a dump that is cut'
# callers_ratio WANT PROGRAM ARGUMENTS...: the member of coverage, and what --min-coverage makes of it. The dump is last.
callers_ratio() {
	want=$1 member=$2
	shift 2
	run "$@" -q --format json
	expect 0 "$*"
	cp "$tmp/out" "$tmp/callers.json"
	check "$tmp/callers.json" "$member == $want" "$*: coverage of callers is not $want"
	case $member in .coverage.ratio)
		run "$@" -q --format json --min-coverage 0.01
		expect $((want == 0 ? 4 : 0)) "$*: --min-coverage"
		;;
	esac
}
# The ratio; is it known that Verifier was off; and so of the stack-trace database; why there are no records of Verifier.
while IFS='|' read -r want off db_off why file options; do
	# shellcheck disable=SC2086
	callers_ratio "$want" .coverage.ratio callers $options "$file"
	check "$tmp/callers.json" ".coverage.verifier.known_off == $off and .coverage.stackdb.known_off == $db_off" "$file: what was off"
	check "$tmp/callers.json" ".coverage.verifier.why_not // \"\" | test(\"^$why\$\")" "$file: why no callers?"
	# shellcheck disable=SC2086
	callers_ratio "$want" .coverage.callers.ratio owner Leak --no-sites $options "$file"
	# shellcheck disable=SC2086
	run verifier -q --min-coverage 0.01 $options 3 "$file"
	expect $((want == 0 ? 4 : 0)) "verifier $file: --min-coverage"
done <<END
0|false|false|the lists of verified drivers could not be read.*|$tmp/cut.dmp|
1|true|true|Driver Verifier was off|$root/fixtures/leak-7-x64.dmp.gz|
1|true|true|Driver Verifier was off|$root/fixtures/healthy-xp-x86.dmp.gz|
0|false|true|the lists of verified drivers could not be read.*|$root/fixtures/ntfc-11-x64.dmp.gz|
1|true|true|Driver Verifier was off|$root/fixtures/ntfc-11-x64.dmp.gz|--isf $root/fixtures/ntfc-11-x64.isf.json.xz
1|false|true||$verifier.dmp.gz|
0|false|false|a small dump does not hold.*|$triage|
0|true|false|Driver Verifier was off|$root/fixtures/stackdb-7-x64.dmp.gz|
1|true|false|Driver Verifier was off|$root/fixtures/stackdb-7-x64.dmp.gz|--isf $root/fixtures/stackdb-7-x64.isf.json.xz
END
# Those that walk the pool say the least of both. Without symbols the walk of this one is whole, and callers are not known.
unknown=$root/fixtures/ntfc-11-x64.dmp.gz
callers_ratio 1 .coverage.ratio tags "$unknown"
callers_ratio 0 .coverage.ratio tags --by tag,caller "$unknown"
run tags -q --by tag,caller "$unknown"
grep -q '^  callers   not known: the lists of verified drivers' "$tmp/out" || fail 'tags --by tag,caller: why are callers not known?'
callers_ratio 0 .coverage.ratio blocks --callers "$unknown"
callers_ratio 0 .coverage.ratio blocks --module labflt "$unknown"
callers_ratio 0 .coverage.ratio diff --by caller "$unknown" "$unknown"
callers_ratio 1 .coverage.ratio tags --by module "$verifier.dmp.gz"
callers_ratio 1 .coverage.ratio blocks --module labflt "$verifier.dmp.gz"
callers_ratio 1 .coverage.ratio diff --by tag,caller "$verifier.dmp.gz" "$verifier.dmp.gz"
finish
