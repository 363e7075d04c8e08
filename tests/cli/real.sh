#!/bin/sh
# What is known of two real small dumps, through the program. They lie beside the project on some machines.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need jq
data=${POOLSCOPE_SHARED:-}/data
if [ ! -f "$data/dumps/triage_x64.dmp" ]; then
	echo "skipped: the real dumps are not there (POOLSCOPE_SHARED)"
	exit 77
fi
x64=$data/dumps/triage_x64.dmp arm64=$data/dumps/triage_arm64.dmp
isf=$data/isf/5278AFF86C341677D7D7835C85B7B844-1.json.xz

# fact FILE PROGRAM
fact() {
	jq -e "$2" "$1" >"$tmp/jq" 2>&1 || fail "not so: $2"
}

for symbols in '' "--isf $isf"; do
	# shellcheck disable=SC2086
	run info --format json $symbols "$x64"
	expect 0 "info x64 $symbols"
	cp "$tmp/out" "$tmp/info"
	fact "$tmp/info" '.dump | .format == "dump64" and .dump_type == "triage" and .dump_type_value == 4 and .machine == "x64"'
	fact "$tmp/info" '.dump | .time == "2021-02-21T01:38:22Z" and .uptime_seconds == 3'
	fact "$tmp/info" '.kernel | .build == 19041 and .version == "10.0.19041.804" and .base == "0xfffff8047ba00000"'
	fact "$tmp/info" '.kernel | .pdb_guid == "5278AFF86C341677D7D7835C85B7B844" and .pdb_age == 1'
	fact "$tmp/info" '.bugcheck.code == "0x1000007e" and .bugcheck.parameters[0] == "0xffffffffc0000005"'
	fact "$tmp/info" '.system | .processors == 16 and .modules_count == 151'
	fact "$tmp/info" '.pool_sources | map({(.name): .available}) | add | .tag_trackers == false and .header_scan == true'
done
fact "$tmp/info" '.kernel.symbols == "isf"'
run info -v --isf "$isf" "$x64"
grep -q 'confirmed by ISF' "$tmp/err" || fail 'the ISF does not confirm the pointers of the header'

run info --format json "$arm64"
expect 0 'info arm64'
cp "$tmp/out" "$tmp/info"
fact "$tmp/info" '.dump | .dump_type == "triage" and .machine == "arm64"'
fact "$tmp/info" '.kernel.build == 22000 and .bugcheck.code == "0x000001c8"'
fact "$tmp/info" '.system | .processors == 8 and .modules_count == 245'

# The keys, solved from the saved blocks alone.
run info --format json "$x64"
cp "$tmp/out" "$tmp/info"
fact "$tmp/info" '.pool | .heap_key == "0x620e994736767ee6" and .heap_key_source == "solved" and .heap_key_votes >= 18'
fact "$tmp/info" '.pool | .lfh_key_low32 == "0x6dd5f924" and .lfh_key_source == "solved" and .lfh_key_votes == 4'
run info --format json "$arm64"
cp "$tmp/out" "$tmp/info"
fact "$tmp/info" '.pool | .heap_key == "0x408f243e08ef4a9a" and .heap_key_source == "solved" and .heap_key_votes == 10'
fact "$tmp/info" '.pool | .lfh_key_low32 == null and .lfh_key_source == null and .lfh_key_votes == null'
run tags --format json "$x64"
cp "$tmp/out" "$tmp/info"
fact "$tmp/info" '.coverage.scan | .proven_vs_count == 21 and .proven_lfh_count >= 41'
fact "$tmp/info" '.coverage.scan | .proven_count + .candidates_count == .headers_count'
fact "$tmp/info" '([.rows[].walk.proven] | add) == .coverage.scan.proven_count and any(.rows[]; .tag == "MmSt" and .walk.proven == 5)'

for dump in "$x64" "$arm64"; do
	run tags --format json "$dump"
	expect 0 "tags $dump"
	fact "$tmp/out" '(.rows | length) > 50 and all(.rows[]; .source == "scan" and .allocs == null and .walk.live > 0)'
	fact "$tmp/out" '.coverage.ratio == 0 and all(.totals[]; .tracker == null and .walk == null)'
	grep -q 'not totals' "$tmp/err" || fail 'tags does not say that these are no totals'
	run poolused "$dump"
	expect 3 "poolused $dump"
done
finish
