#!/bin/sh
# stdout carries the result and nothing else; a result that cannot be written is an error; -o is all or nothing.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
dump=$root/fixtures/leak-7-x64.dmp.gz
isf=$root/fixtures/leak-7-x64.isf.json.xz
triage=$root/fixtures/triage-7-x64.dmp.gz

# Warnings go to stderr, and only there; -q silences them and changes nothing else.
for command in info tags; do
	for format in table json ndjson csv; do
		run "$command" --format "$format" "$triage"
		expect 0 "$command --format $format on a triage dump"
		! grep -q '^poolscope:' "$tmp/out" || fail "$command --format $format: messages on stdout"
		cp "$tmp/out" "$tmp/loud"
		run "$command" --format "$format" -q "$triage"
		expect 0 "$command -q"
		expect_no_err "$command -q"
		cmp -s "$tmp/out" "$tmp/loud" || fail "$command --format $format: -q changes the result"
	done
done
run tags "$triage"
grep -q '^poolscope: warning: ' "$tmp/err" || fail "tags on a triage dump: no warning on stderr"
run tags -v --isf "$isf" "$dump"
expect 0 'tags -v'
cp "$tmp/out" "$tmp/loud"
run tags --isf "$isf" "$dump"
cmp -s "$tmp/out" "$tmp/loud" || fail '-v changes the result'
tr -d '[:print:][:space:]' <"$tmp/err" >"$tmp/odd"
[ ! -s "$tmp/odd" ] || fail 'stderr that is no terminal has control characters'

# A reader that goes away ends the program quietly.
for format in table json ndjson csv; do
	{
		sleep 0.3
		$wrapper "$exe" tags -q --format "$format" --isf "$isf" "$dump" 2>"$tmp/err"
		echo $? >"$tmp/code"
	} | true
	code=$(cat "$tmp/code")
	expect 0 "tags --format $format into a closed pipe"
	expect_no_err "tags --format $format into a closed pipe"
done
$wrapper "$exe" tags -q --isf "$isf" "$dump" 2>"$tmp/err" | head -n 1 >"$tmp/out"
expect_no_err 'tags | head -n 1'
[ "$(wc -l <"$tmp/out")" -eq 1 ] || fail 'tags | head -n 1: no line'

# A full disk is an error.
if [ -c /dev/full ]; then
	for arguments in 'tags -q' 'tags -q --format json' 'tags -q --format ndjson' 'info -q' 'poolused -q' '--help' '--version' 'tags --help'; do
		case $arguments in
		*-q*) set -- --isf "$isf" "$dump" ;;
		*) set -- ;;
		esac
		code=0
		# shellcheck disable=SC2086
		$wrapper "$exe" $arguments "$@" >/dev/full 2>"$tmp/err" || code=$?
		expect 3 "poolscope $arguments >/dev/full"
		expect_line 'cannot write' "poolscope $arguments >/dev/full"
	done
	run tags -q -o /dev/full --isf "$isf" "$dump"
	expect 3 'tags -o /dev/full'
	expect_line 'cannot write' 'tags -o /dev/full'
	[ -c /dev/full ] || fail '-o replaced /dev/full'
fi
run info -q -o /dev/null --isf "$isf" "$dump"
expect 0 'info -o /dev/null'
[ -c /dev/null ] || fail '-o replaced /dev/null'

# -o: the same bytes as on stdout, in a file that is there when it is complete.
nothing_left() {
	[ ! -e "$tmp/result" ] || fail "$1: the file is there"
	[ ! -e "$tmp/result.partial" ] || fail "$1: .partial is left"
}
for arguments in 'info' 'tags --format json' 'tags --format csv' 'poolused 2'; do
	# shellcheck disable=SC2086
	run $arguments --isf "$isf" "$dump"
	cp "$tmp/out" "$tmp/want"
	# shellcheck disable=SC2086
	run $arguments --isf "$isf" "$dump" -o "$tmp/result"
	expect 0 "$arguments -o"
	expect_no_out "$arguments -o"
	cmp -s "$tmp/result" "$tmp/want" || fail "$arguments: -o and stdout differ"
	[ ! -e "$tmp/result.partial" ] || fail "$arguments -o: .partial is left"
	rm "$tmp/result"
done
for command in info tags poolused; do
	run "$command" -o "$tmp/result" "$tmp/want"
	expect 3 "$command -o with a bad dump"
	nothing_left "$command -o with a bad dump"
	run "$command" -o "$tmp/no/such/result" --isf "$isf" "$dump"
	expect 3 "$command -o into a missing directory"
	grep -q 'cannot write' "$tmp/err" || fail "$command -o into a missing directory: no message"
	mkdir "$tmp/dir"
	run "$command" -o "$tmp/dir" --isf "$isf" "$dump"
	expect 3 "$command -o onto a directory"
	[ ! -e "$tmp/dir.partial" ] || fail "$command -o onto a directory: .partial is left"
	rmdir "$tmp/dir"
	# Ended before there is a result: what was there before stays.
	echo old >"$tmp/result"
	run "$command" --timeout 0.0001 -o "$tmp/result" --isf "$isf" "$dump"
	if [ "$code" -eq 4 ] && [ "$(cat "$tmp/result")" != old ]; then
		grep -q 'not complete' "$tmp/err" || fail "$command -o ended early: the file before is gone"
	fi
	[ ! -e "$tmp/result.partial" ] || fail "$command -o ended early: .partial is left"
	rm "$tmp/result"
	# The disk is full in the middle: a limit on the size of files stands in for it.
	code=0
	(
		trap '' XFSZ
		ulimit -f 1
		exec $wrapper "$exe" "$command" -q -o "$tmp/result" --isf "$isf" "$dump" >/dev/null 2>"$tmp/err"
	) || code=$?
	expect 3 "$command -o on a full disk"
	nothing_left "$command -o on a full disk"
done
echo old >"$tmp/result"
run tags -o "$tmp/result" "$tmp/want"
[ "$(cat "$tmp/result")" = old ] || fail 'a failed run touched the old file of -o'
run tags -q -o "$tmp/result" --isf "$isf" "$dump"
grep -q '^Tag ' "$tmp/result" || fail '-o did not replace the old file'
finish
