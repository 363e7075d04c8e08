# shellcheck shell=sh disable=SC2034
# Sourced by the tests of the program, each of which is called as TEST POOLSCOPE ROOT.
set -u
exe=$1 root=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# A program for Windows runs under Wine.
wrapper=
case $exe in *.exe) wrapper=${MESON_EXE_WRAPPER:-wine} ;; esac

# Run the program; its exit code is then in $code, its streams in $tmp/out and $tmp/err.
run() {
	code=0
	# shellcheck disable=SC2086
	$wrapper "$exe" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	# Once in a thousand starts Wine ends with 1 and says nothing, which the program never does.
	if [ -n "$wrapper" ] && [ "$code" -eq 1 ] && [ ! -s "$tmp/out" ] && [ ! -s "$tmp/err" ]; then
		code=0
		# shellcheck disable=SC2086
		$wrapper "$exe" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	fi
}

fail() {
	failed=1
	printf 'FAIL: %s\n' "$*"
	if [ -s "$tmp/err" ]; then sed 's/^/  stderr: /' "$tmp/err" | head -n 5; fi
}

# expect CODE WHAT
expect() {
	[ "$code" -eq "$1" ] || fail "$2: exit code $code, not $1"
}

# expect_no_out WHAT / expect_no_err WHAT
expect_no_out() {
	[ ! -s "$tmp/out" ] || fail "$1: something on stdout"
}

expect_no_err() {
	[ ! -s "$tmp/err" ] || fail "$1: something on stderr"
}

# expect_line PATTERN WHAT: stderr is exactly one line, from the program, and matches (case-insensitively).
expect_line() {
	[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "$2: stderr is not exactly one line"
	grep -q '^poolscope: ' "$tmp/err" || fail "$2: stderr does not begin with 'poolscope: '"
	grep -Eqi -- "$1" "$tmp/err" || fail "$2: stderr does not say '$1'"
}

need() {
	command -v "$1" >/dev/null && return
	echo "skipped: $1 is not installed"
	exit 77
}

finish() {
	exit "$failed"
}
