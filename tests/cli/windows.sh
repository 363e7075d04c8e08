#!/bin/sh
# windows.sh POOLSCOPE ROOT: what is different on Windows, under Wine: drive letters, \\?\ paths, names beyond the ANSI
# code page, paths beyond MAX_PATH, line ends, files over 4 GiB, the mapping of files.
. "$(dirname "$0")/lib.sh"
fixture=$root/fixtures/odd-tags-8.1-x64.dmp.gz
isf=$root/fixtures/odd-tags-8.1-x64.isf.json.xz
dump=$tmp/plain.dmp
gzip -dc "$fixture" >"$dump"

# as_drive PATH: the same with Wine's drive of the whole file system.
as_drive() {
	printf 'Z:%s' "$1" | tr '/' '\\'
}

# rows NAME: what the last run printed but for the identity of its file.
rows() {
	jq -S 'del(.dump, .warnings)' "$tmp/out" >"$tmp/$1" || fail "$1: no JSON"
}

run tags -q --format json --isf "$isf" "$dump"
expect 0 'plain path'
rows want
grep -q "$(printf '\r')" "$tmp/out" && fail 'JSON has carriage returns'

same() { # WHAT ARGUMENTS...
	what=$1
	shift
	run tags -q --format json --isf "$isf" "$@"
	expect 0 "$what"
	rows got
	cmp -s "$tmp/want" "$tmp/got" || fail "$what: other rows"
}
same 'drive letter' "$(as_drive "$dump")"
same '\\?\ path' "\\\\?\\$(as_drive "$dump")"
same 'without mapping' --no-mmap "$(as_drive "$dump")"

wide=$tmp/Überlauf-日本-пул.dmp
cp "$dump" "$wide"
same 'name outside the code page' "$wide"
jq -e --arg path "$wide" '.dump.path == $path' "$tmp/out" >/dev/null || fail 'the name comes back changed'
result=$tmp/Ergebnis-日本.json
for round in first second; do
	run tags -q --format json --isf "$isf" -o "$result" "$dump"
	expect 0 "-o, $round time"
	jq -S 'del(.dump, .warnings)' "$result" | cmp -s - "$tmp/want" || fail "-o, $round time: other rows"
done
[ -z "$(find "$tmp" -name '*.partial')" ] || fail 'a partial file is left'

deep=$tmp
for part in 1 2 3 4 5 6; do
	deep=$deep/$(printf "%s%057d" "$part" 0)
	mkdir "$deep"
done
cp "$dump" "$deep/memory.dmp"
same 'path beyond MAX_PATH' "$(as_drive "$deep/memory.dmp")"
run tags -q --format json --isf "$isf" -o "$(as_drive "$deep/tags.json")" "$dump"
expect 0 '-o beyond MAX_PATH'
[ -s "$deep/tags.json" ] || fail '-o beyond MAX_PATH: no file'

run tags -q -o NUL --isf "$isf" "$dump"
expect 0 '-o NUL'
run info "$(as_drive "$tmp/missing-日本.dmp")"
expect 3 'missing file'
grep -q 'missing-日本' "$tmp/err" || fail 'message does not name the file'

# 4 GiB of memory before everything else: the run table (64-bit header: NumberOfRuns at 0x88, NumberOfPages at 0x90, runs
# from 0x98; RequiredDumpSpace at 0xfa0) gets a first run far up, whose pages are a hole in the file.
python3 - "$dump" "$tmp/big.dmp" <<'PY'
import struct, sys
pages = 1 << 20
with open(sys.argv[1], 'rb') as f:
    header, rest = bytearray(f.read(0x2000)), f.read()
n, = struct.unpack_from('<I', header, 0x88)
total, = struct.unpack_from('<Q', header, 0x90)
runs = header[0x98:0x98 + 16 * n]
assert 0 < n < 42
header[0x98:0xa8] = struct.pack('<QQ', 0x10000000, pages)
header[0xa8:0xa8 + len(runs)] = runs
struct.pack_into('<I', header, 0x88, n + 1)
struct.pack_into('<Q', header, 0x90, total + pages)
space, = struct.unpack_from('<Q', header, 0xfa0)
struct.pack_into('<Q', header, 0xfa0, space + pages * 4096)
with open(sys.argv[2], 'wb') as f:
    f.write(header)
    f.seek(pages * 4096, 1)
    f.write(rest)
PY
same 'file over 4 GiB' "$tmp/big.dmp"
same 'file over 4 GiB without mapping' --no-mmap "$tmp/big.dmp"
jq -e '.dump.size_bytes > 4294967296' "$tmp/out" >/dev/null || fail 'size of a file over 4 GiB'
finish
