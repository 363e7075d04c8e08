#!/bin/sh
# Wrong usage: exit code 2, a message on stderr, nothing on stdout. Help and version: stdout, exit code 0.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"

bad() {
	run "$@"
	expect 2 "poolscope $*"
	expect_no_out "poolscope $*"
	grep -q '^poolscope' "$tmp/err" || fail "poolscope $*: no message"
}

bad
bad frobnicate
bad frobnicate x.dmp
bad --frobnicate
bad ''
# What all commands share is not asked of each under Wine, where a start takes a tenth of a second.
commands="info symbols tags blocks block validate callers owner stacks verifier diff poolused pool poolval poolfind"
limited="info tags diff poolused"
if [ -n "$wrapper" ]; then commands="tags poolfind" limited=tags; fi
for command in $commands; do
	bad "$command"
	bad "$command" ''
	bad "$command" --frobnicate x.dmp
	bad "$command" -Z x.dmp
	for option in --format --output --isf --symbols --threads --min-coverage --tmpdir -o; do
		bad "$command" x.dmp "$option"
	done
	bad "$command" --symbols '' x.dmp
	for value in xml JSON 'json,' ''; do bad "$command" --format "$value" x.dmp; done
	for value in 0 65 -1 +2 2x x 99999999999999999999 ''; do bad "$command" --threads "$value" x.dmp; done
	for value in -1 100.1 101 nan inf x 5%% ''; do bad "$command" --min-coverage "$value" x.dmp; done
	bad "$command" --no-mmap=1 x.dmp
	echo precious >"$tmp/dump"
	ln -s dump "$tmp/link"
	for file in "$tmp/dump" "$tmp/link"; do
		bad "$command" -o "$file" "$tmp/dump"
		[ "$(cat "$tmp/dump")" = precious ] || fail "$command: -o overwrote the dump"
	done
	rm "$tmp/dump" "$tmp/link"
done

bad info x.dmp y.dmp
bad info --sort bytes x.dmp
bad tags x.dmp y.dmp
for value in size Bytes z ''; do bad tags --sort "$value" x.dmp; done
for value in -1 x 5x ''; do bad tags -n "$value" x.dmp; done
for value in Abc Abcde '' '???'; do bad tags --tag "$value" x.dmp; done
bad tags --tag '*********************************************************************' x.dmp
for value in all NonPaged ''; do bad tags --pool "$value" x.dmp; done
for value in size 'tag size' 'tag,' pool ''; do bad tags --by "$value" x.dmp; done
bad tags --by tag,size --no-walk x.dmp
for option in --sort --rows --tag --pool --by --tag-file -s -n -t; do bad tags x.dmp "$option"; done

for value in '' Abc1 'Abc=1K' 'Abcd=' 'Abcd=x' '=1' '*=1Q'; do bad tags --budget "$value" x.dmp; done
for command in info symbols blocks sites; do
	for value in openmetrics folded; do
		bad "$command" --format "$value" x.dmp
		grep -q "^poolscope $command: $command has no $value form, but table, json, ndjson, csv.*; " "$tmp/err" ||
			fail "$command --format $value: what does it take? $(cat "$tmp/err")"
	done
done
bad blocks x.dmp y.dmp
for value in bytes Size ''; do bad blocks --sort "$value" x.dmp; done
for value in -1 x 5x ''; do bad blocks -n "$value" x.dmp; done
for value in Abc Abcde ''; do bad blocks --tag "$value" x.dmp; done
for value in all NonPaged 'paged,' ',paged' ''; do bad blocks --pool "$value" x.dmp; done
for value in all small 'lfh vs' ''; do bad blocks --kind "$value" x.dmp; done
for value in live 'all,free' ''; do bad blocks --state "$value" x.dmp; done
for value in .. 1-2 5..4 x..y 1..2..3 99999999999999999999 16777216T 1Q ''; do bad blocks --size "$value" x.dmp; done
for value in .. 2..1 xyz 1..fffffffffffffffff 0x ''; do bad blocks --in "$value" x.dmp; done
for value in 0 -1 4097 x ''; do bad blocks --dump-bytes "$value" x.dmp; done
for option in --sort --rows --tag --pool --kind --state --size --in --process --caller --module --dump-bytes -s -n -t; do bad blocks x.dmp "$option"; done
fixture="--isf $root/fixtures/leak-7-x64.isf.json.xz $root/fixtures/leak-7-x64.dmp.gz"
# shellcheck disable=SC2086
for value in '' 0x 0xfff8z 0x0; do bad blocks --process "$value" $fixture; done
# shellcheck disable=SC2086
for value in 99999 nobody.exe 12x; do
	run blocks --process "$value" $fixture
	expect 3 "blocks --process $value"
	expect_line 'no process of this dump' "blocks --process $value"
done

for value in '' 'http!' '!' '+10' 'http+' 'http+xyz' 'a!b+z' 12345678901234567 "$(printf '%0300d' 0)"; do
	bad blocks --caller "$value" x.dmp
	bad poolfind --caller "$value" NtFC x.dmp
done

bad diff x.dmp
for value in Growth size ''; do bad diff --sort "$value" x.dmp y.dmp; done
for value in -1 x ''; do bad diff -n "$value" x.dmp y.dmp; done
for value in size 'tag,' 'caller,tag' pool ''; do bad diff --by "$value" x.dmp y.dmp; done
for value in Abc ''; do bad diff --tag "$value" x.dmp y.dmp; done
for value in all ''; do bad diff --pool "$value" x.dmp y.dmp; done
for value in Abc1 ''; do bad diff --budget "$value" x.dmp y.dmp; done
bad diff --no-walk --pinned x.dmp y.dmp
bad diff --no-walk --by tag,size x.dmp y.dmp
bad diff --by process --tag 'Abc*' x.dmp y.dmp
for by in process caller; do bad diff --by "$by" --budget 'Abc*=0' x.dmp y.dmp; done
for by in process caller tag,caller; do
	bad diff --by "$by" --pinned x.dmp y.dmp
	bad diff --by "$by" --no-walk x.dmp y.dmp
done

bad blocks --module '' x.dmp
bad poolfind --module '' NtFC x.dmp
# One line says which formats this command has, that a range is turned round, and what an address of 0 is.
bad owner --format xml NtFC x.dmp
grep -q 'table, json, ndjson or csv, not' "$tmp/err" || fail 'owner --format xml: the message says something else'
bad blocks --size 5..4 x.dmp
grep -q 'ends below its beginning' "$tmp/err" || fail 'blocks --size 5..4: the message says something else'
bad blocks --in 0x2..0x1 x.dmp
grep -q 'ends below its beginning' "$tmp/err" || fail 'blocks --in 2..1: the message says something else'
bad pool 0 x.dmp
grep -q 'process heap' "$tmp/err" || fail 'pool 0: the message says something else'
for command in block pool poolval; do
	bad "$command" x.dmp
	for value in '' 0 xyz 0x 12345678901234567; do bad "$command" "$value" x.dmp; done
	bad "$command" fffff8a000000010 2 x.dmp y.dmp
done
for value in 4 3z '' 100000000; do bad pool fffff8a000000010 "$value" x.dmp; done
for value in json csv; do bad pool --format "$value" fffff8a000000010 x.dmp; done
for value in -1 4097 x ''; do bad block --dump-bytes "$value" fffff8a000000010 x.dmp; done
for value in csv folded openmetrics; do bad block --format "$value" fffff8a000000010 x.dmp; done

bad validate fffff8a000000010 x.dmp y.dmp
bad validate xyz x.dmp
for value in -1 x ''; do bad validate -n "$value" x.dmp; done
bad validate --format folded x.dmp
for value in 4 00 -1 x ''; do bad poolval fffff8a000000010 "$value" x.dmp; done
bad poolval --format json fffff8a000000010 x.dmp

bad poolused 2 Abc1 x.dmp y.dmp
for value in 6 7 e 10 20 g x -1 '' 1,2; do bad poolused "$value" x.dmp; done
for value in Abc Abcde ''; do bad poolused 2 "$value" x.dmp; done
for value in json ndjson csv; do bad poolused --format "$value" x.dmp; done

bad owner NtFC x.dmp y.dmp
bad owner x.dmp
bad owner
for value in Abc Abcde '' 0x123456789 0x12z4z; do bad owner "$value" x.dmp; done
for value in -1 x ''; do bad owner -n "$value" NtFC x.dmp; done
for value in folded openmetrics; do bad owner --format "$value" NtFC x.dmp; done

bad poolfind NtFC 0 x.dmp y.dmp
bad poolfind x.dmp
for value in 3 5 00 0x0 paged -1 ''; do bad poolfind NtFC "$value" x.dmp; done
for value in Abc Abcde '' 0x123456789 0x12z4z; do bad poolfind "$value" x.dmp; done
for value in json ndjson csv; do bad poolfind --format "$value" NtFC x.dmp; done

for command in $limited; do
	for value in 0 -1 x 1e10 inf nan ''; do bad "$command" --timeout "$value" x.dmp; done
	for value in 0 15M 1Q x ''; do bad "$command" --max-memory "$value" x.dmp; done
	for value in -1 x 100001 ''; do bad "$command" --width "$value" x.dmp; done
	for value in on Auto ''; do bad "$command" --color "$value" x.dmp; done
	for option in --timeout --max-memory --width --color; do bad "$command" x.dmp "$option"; done
done

# What was meant. says WORDS ARGUMENT...: the first line on stderr
says() {
	words=$1
	shift
	bad "$@"
	[ "$(head -n 1 "$tmp/err")" = "$words" ] || fail "poolscope $*: not '$words'"
}
says "poolscope: there is no command 'tga'; did you mean 'tags'?" tga x.dmp
says "poolscope: there is no command 'val'; did you mean 'validate'?" val
says "poolscope: there is no command 'frobnicate'" frobnicate
says "poolscope: first the command, then the dump: 'poolscope tags MEMORY.DMP'?" MEMORY.DMP
says "poolscope: options come after the command; there is no '--quiet' before it" --quiet tags
says "poolscope tags: there is no option '--srot'; did you mean '--sort'?" tags --srot bytes x.dmp
says "poolscope tags: there is no option '--nowalk'; did you mean '--no-walk'?" tags --nowalk x.dmp
says "poolscope diff: there is no option '--xyzzyx'" diff --xyzzyx=3 x.dmp y.dmp
says "poolscope blocks: there is no option '-Z'" blocks -Z x.dmp
says "poolscope blocks: there is no option '-Z'" blocks -qZ x.dmp
says "poolscope tags: --rows needs a value" tags x.dmp --rows
says "poolscope tags: --rows needs a value" tags x.dmp -n
says "poolscope tags: --no-walk takes no value" tags --no-walk=1 x.dmp
says "poolscope tags: '--no' may be more than one option, '--no-walk' for example" tags --no x.dmp
says "poolscope tags: --sort is bytes, tag, nonpaged, paged, allocs, frees, diff or per-alloc, not 'byts'" \
	tags --sort byts x.dmp
says "poolscope pool: the form of the debugger is the only one here; 'poolscope block' has others" \
	pool --format json fffff8a000000010 x.dmp

for option in --bytes --human --width=80 --color=always --no-color; do
	for command in 'pool fffff8a000000010' 'poolval fffff8a000000010' poolused 'poolfind NtFC' verifier; do
		# shellcheck disable=SC2086
		bad $command "$option" x.dmp
		grep -q "^poolscope ${command%% *}: ${option%%=*} is for tables; lines here are those of the debugger" "$tmp/err" ||
			fail "${command%% *} $option: $(cat "$tmp/err")"
	done
	bad symbols import "$option" x.pdb
	grep -q "^poolscope symbols: ${option%%=*} is for tables" "$tmp/err" || fail "symbols import $option: $(cat "$tmp/err")"
done
bad stacks x.dmp y.dmp
for value in 0x xyz 12345678901234567 ''; do bad stacks --thread "$value" x.dmp; done
for value in -1 x ''; do bad stacks -n "$value" x.dmp; done
bad stacks --format openmetrics x.dmp
for option in --no-sites=1 --rows --tag-file -n; do bad owner NtFC x.dmp "$option"; done

help() {
	run "$@"
	expect 0 "poolscope $*"
	expect_no_err "poolscope $*"
	grep -q '^Usage: poolscope' "$tmp/out" || fail "poolscope $*: no usage on stdout"
}

help --help
for command in info symbols tags blocks block validate callers owner stacks verifier diff sites poolused pool poolval poolfind; do grep -q "^  $command " "$tmp/out" || fail "--help does not list $command"; done
help -h
help help
help help tags
grep -q '^Usage: poolscope tags ' "$tmp/out" || fail "help tags does not explain tags"
bad help frobnicate
for command in info symbols tags blocks block validate callers owner stacks verifier diff sites poolused pool poolval poolfind; do
	help "$command" --help
	help "$command" -h
	help "$command" --quiet --help x.dmp
	awk 'length > 118 { bad = 1 } END { exit bad }' "$tmp/out" || fail "$command --help has very long lines"
done
run --version
expect 0 --version
expect_no_err --version
grep -Eq '^poolscope [0-9]+\.[0-9]+\.[0-9]+$' "$tmp/out" || fail "--version is not 'poolscope X.Y.Z'"
for part in system compiler zlib cJSON libkdumpfile Capstone libarchive liblzma libmspack; do
	grep -Eq "^$part: ." "$tmp/out" || fail "--version does not name $part"
done
rows=$(grep -vc '^#' "$root/data/kernels.tsv")
grep -Eq "^built-in tables: addresses of ($rows|$((rows - 1))) kernels, layouts of [0-9]+ builds\$" "$tmp/out" ||
	fail "--version counts other tables than $rows kernels"
finish
