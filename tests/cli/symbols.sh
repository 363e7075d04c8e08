#!/bin/sh
# poolscope symbols: import, profiles without a dump, and files that do not fit.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need jq

dump="$root/fixtures/leak-7-x64.dmp.gz" isf="$root/fixtures/leak-7-x64.isf.json.xz"
other="$root/fixtures/odd-tags-8.1-x64.isf.json.xz"
# shellcheck disable=SC2086
guid=$($wrapper "$exe" info -q --format json --isf "$isf" "$dump" | jq -r .kernel.pdb_guid)

run symbols --store "$tmp/store" import "$isf"
expect 0 import
[ -f "$tmp/store/windows/ntkrnlmp.pdb/$guid-1.json.xz" ] || fail 'import: not at its place'
cmp -s "$isf" "$tmp/store/windows/ntkrnlmp.pdb/$guid-1.json.xz" || fail 'import: not the same file'
run symbols --store "$tmp/store" --format json import "$isf"
expect 0 'import again'
jq -e '.imported[0].was_present' "$tmp/out" >/dev/null || fail 'import again: not seen as present'
echo x >"$tmp/store/windows/ntkrnlmp.pdb/$guid-1.json.xz"
run symbols --store "$tmp/store" import "$isf"
expect 3 'import over another file'
expect_line 'other content' 'import over another file'
[ "$(cat "$tmp/store/windows/ntkrnlmp.pdb/$guid-1.json.xz")" = x ] || fail 'import replaced another file'
find "$tmp/store" -name '*.partial' | grep -q . && fail 'import left a partial file'
run symbols --store "$tmp/store" import "$root/README.md"
expect 3 'import of no symbol file'

cp "$isf" "$tmp/store/windows/ntkrnlmp.pdb/$guid-1.json.xz"
for variable in POOLSCOPE_SYMBOL_PATH _NT_SYMBOL_PATH _NT_ALT_SYMBOL_PATH; do
	export "$variable=srv*$tmp/store*https://symbols.example/x"
	run symbols --format json "$dump"
	jq -e '.symbols == "isf" and .modules[0].is_kernel and .modules[0].state == "found"' "$tmp/out" >/dev/null ||
		fail "$variable: the table is not found"
	[ "$(grep -c 'symbols.example' "$tmp/err")" -eq 1 ] || fail "$variable: the server is not named once"
	run symbols --no-symbols --format json "$dump"
	jq -e '.symbols != "isf"' "$tmp/out" >/dev/null || fail "$variable: --no-symbols uses a file"
	export "$variable="
done

run symbols --symbols "$other" "$dump"
expect 3 'a table of another kernel'
expect_line "$guid" 'a table of another kernel'
run symbols --symbols "$root/README.md" "$dump"
expect 3 'a file that is no symbol file'

run symbols --profile "$isf" --format json
expect 0 '--profile FILE'
jq -e '(.symbols[] | select(.name == "PoolTrackTable") | .origin) == "isf"' "$tmp/out" >/dev/null ||
	fail '--profile FILE: origin'
for spec in 5278AFF86C341677D7D7835C85B7B844-1 5278aff86c341677d7d7835c85b7b8441; do
	run symbols --profile "$spec" --format json
	expect 0 "--profile $spec"
	jq -e '(.symbols[] | select(.name == "PoolTrackTable") | [.rva, .origin]) == ["0xc168a8", "builtin"]' "$tmp/out" >/dev/null ||
		fail "--profile $spec: PoolTrackTable"
done
run symbols --profile 00000000000000000000000000000000-1
expect 3 '--profile of an unknown kernel'
run symbols --profile nonsense
expect 2 '--profile of nonsense'
run symbols --server x "$dump"
expect 2 '--server without urls'
run symbols --format urls "$dump"
grep -qx "ntkrnlmp.pdb/${guid}1/ntkrnlmp.pdb" "$tmp/out" || fail 'urls: the kernel is missing'
finish
