#!/bin/sh
# Files that are no dump: exit code 3, nothing on stdout, and exactly one line that names what the file is.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need jq

awk 'BEGIN { for (i = 0; i < 700; i++) printf "garbage %d\n", i * 7919 }' >"$tmp/garbage"

# refused FILE PATTERN WHAT
refused() {
	for command in info tags poolused; do
		run "$command" "$1"
		expect 3 "$command: $3"
		expect_no_out "$command: $3"
		expect_line "$2" "$command: $3"
	done
}

refused "$tmp/missing.dmp" 'missing\.dmp: (no such file|file not found)' 'missing file'
refused "$tmp" 'is a directory' directory
refused - 'standard input' 'standard input'
: >"$tmp/file"
refused "$tmp/file" 'empty file' 'empty file'
refused /dev/null 'device' /dev/null
mkfifo "$tmp/fifo"
if command -v timeout >/dev/null; then
	code=0
	timeout 60 $wrapper "$exe" tags "$tmp/fifo" >"$tmp/out" 2>"$tmp/err" || code=$?
	expect 3 FIFO
	expect_line 'pipe' FIFO
fi
if [ "$(id -u)" -ne 0 ]; then
	cp "$tmp/garbage" "$tmp/secret"
	chmod 000 "$tmp/secret"
	refused "$tmp/secret" 'permission denied' 'unreadable file'
fi
refused "$tmp/garbage" 'not a memory dump' 'text file'
printf x >"$tmp/file"
refused "$tmp/file" 'not a memory dump' 'file of one byte'
head -c 8192 /dev/zero >"$tmp/file"
refused "$tmp/file" 'raw memory image it holds no Windows kernel' 'file of zeros'
head -c 81920 /dev/urandom >"$tmp/file"
refused "$tmp/file" 'raw memory image it holds no Windows kernel' 'file of noise'

# magic BYTES PATTERN WHAT: the magic number alone, and with garbage behind it.
magic() {
	# shellcheck disable=SC2059
	printf "$1" >"$tmp/file"
	refused "$tmp/file" "$2" "$3, magic number alone"
	cat "$tmp/garbage" >>"$tmp/file"
	refused "$tmp/file" "$2" "$3"
}
magic 'MDMP\223\247' 'user-mode minidump' 'user-mode minidump'
magic 'USERDU64' 'user-mode dump' 'user-mode dump'
magic 'USERDUMP' 'user-mode dump' 'user-mode dump, 32-bit'
magic 'PAGEXXXX' 'damaged or encrypted' 'damaged dump header'
magic 'PK\003\004' 'zip archive' 'cut zip'
magic '7z\274\257\047\034' '7z (archive|file)' 7z
magic '\3757zXZ\000' 'xz (compressed )?file' xz
magic '\050\265\057\375' 'zstd (compressed )?file' zstd
magic 'BZh91AY' 'bzip2 (compressed )?file' bzip2
magic 'MSCF\000\000' 'cabinet' cabinet
magic '\177ELF\002\001' 'ELF memory core' ELF
magic 'KDUMP   ' 'kdump' kdump
magic 'DISKDUMP' 'kdump' diskdump
magic 'EMiL\001' 'LiME' LiME
magic 'AVML\002' 'AVML' AVML
magic '\320\276\322\276' 'VMware' VMware
magic '\322\276\322\276' 'VMware' 'VMware, other magic'
magic 'hibr' 'hibernation' hiberfil
magic 'HIBR' 'hibernation' 'hiberfil, upper case'
magic 'WAKE' 'hibernation file' 'resumed hiberfil'
magic 'QFI\373' 'qcow2' qcow2
magic 'KDMV' 'VMDK' VMDK
magic 'vhdxfile' 'VHDX' VHDX
magic 'QEVM' 'QEMU' QEMU
magic 'LibvirtQemudSave' 'libvirt' libvirt
magic 'EVF\011\015\012\377\000' 'evidence file' EWF
magic '\037\213\010\000' 'gzip' gzip

# gzip: what is inside counts.
gzip -c "$tmp/garbage" >"$tmp/file"
refused "$tmp/file" 'not a memory dump' 'text in gzip'
: | gzip -c >"$tmp/file"
refused "$tmp/file" 'gzip' 'nothing in gzip'
gzip -c "$tmp/file" >"$tmp/file2"
refused "$tmp/file2" 'gzip data inside gzip' 'gzip in gzip'

# zip: the one dump counts.
if command -v python3 >/dev/null; then
	archive() { python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for name in sys.argv[2:]: z.writestr(name, "no dump")' "$@"; }
	archive "$tmp/file" a.dmp sub/b.DMP c.txt
	refused "$tmp/file" '2 dumps: a\.dmp, sub/b\.DMP' 'two dumps in zip'
	archive "$tmp/file" a.txt b.txt
	refused "$tmp/file" '2 files, and none is called like a dump' 'no dump in zip'
	archive "$tmp/file" a.txt
	refused "$tmp/file" 'not a memory dump' 'a text in zip'
	head -c 60 "$tmp/file" >"$tmp/file2"
	refused "$tmp/file2" 'ends before its directory' 'zip cut off'
fi

# What libarchive reads, when it is built in: the same rules.
# shellcheck disable=SC2086
if command -v bsdtar >/dev/null && $wrapper "$exe" --version | grep -q '^libarchive: [0-9]'; then
	mkdir "$tmp/in"
	cp "$tmp/garbage" "$tmp/in/a.dmp"
	cp "$tmp/garbage" "$tmp/in/b.DMP"
	echo 'no dump' | tee "$tmp/in/c.txt" >"$tmp/in/d.txt"
	: >"$tmp/in/empty.dmp"
	for format in 7zip ustar; do
		pack() { bsdtar --format "$format" -cf "$tmp/file" -C "$tmp/in" "$@"; }
		pack a.dmp c.txt b.DMP
		refused "$tmp/file" '2 dumps: a\.dmp, b\.DMP' "two dumps in $format"
		pack c.txt d.txt
		refused "$tmp/file" '2 files, and none is called like a dump' "no dump in $format"
		pack c.txt a.dmp
		refused "$tmp/file" 'not a memory dump' "a text called a dump in $format"
		pack empty.dmp
		refused "$tmp/file" 'holds an empty file' "an empty file in $format"
	done
	pack() { bsdtar --format 7zip -cf "$tmp/file" -C "$tmp/in" "$@"; }
	pack a.dmp
	head -c 200 "$tmp/file" >"$tmp/file2"
	refused "$tmp/file2" 'the 7z file is damaged, cut' '7z cut off'
	xz -c "$tmp/garbage" >"$tmp/file"
	refused "$tmp/file" 'not a memory dump' 'text in xz'
	head -c 100 "$tmp/file" >"$tmp/file2"
	refused "$tmp/file2" 'the xz file is damaged, cut' 'xz cut off'
fi

# The start of a dump header, cut anywhere, and with nothing sensible in it.
for n in 8 9 12 64 100 1000 4095 4096 4097 8191; do
	{ printf 'PAGEDU64'; cat "$tmp/garbage" /dev/zero; } | head -c "$n" >"$tmp/file"
	refused "$tmp/file" 'inside the dump header' "PAGEDU64 cut to $n bytes"
done
for n in 8 100 4095; do
	{ printf 'PAGEDUMP'; cat /dev/zero; } | head -c "$n" >"$tmp/file"
	refused "$tmp/file" 'inside the dump header' "PAGEDUMP cut to $n bytes"
done
for n in 8192 8193 8200 12288 65536; do
	{ printf 'PAGEDU64'; cat /dev/zero; } | head -c "$n" >"$tmp/file"
	refused "$tmp/file" '.' "PAGEDU64 and zeros, $n bytes"
	{ printf 'PAGEDU64'; cat "$tmp/garbage" /dev/zero; } | head -c "$n" >"$tmp/file"
	refused "$tmp/file" '.' "PAGEDU64 and garbage, $n bytes"
done

# A good dump cut anywhere: a result, or one line; never anything else.
gzip -dc "$root/fixtures/leak-7-x64.dmp.gz" >"$tmp/good" || fail 'no fixture'
size=$(wc -c <"$tmp/good")
for n in 8191 8192 8193 8203 8204 8208 8248 12288 16384 20480 40000 $((size / 4)) $((size / 2)) $((size - 4096)) $((size - 1)); do
	head -c "$n" "$tmp/good" >"$tmp/file"
	for command in info tags; do
		run "$command" "$tmp/file"
		case $code in
		0) [ -s "$tmp/out" ] || fail "$command: dump cut to $n bytes: nothing on stdout" ;;
		3)
			expect_no_out "$command: dump cut to $n bytes"
			expect_line '.' "$command: dump cut to $n bytes"
			;;
		*) fail "$command: dump cut to $n bytes: exit code $code" ;;
		esac
	done
done

# The same dump in other ways of reading it.
run tags --format csv "$tmp/good"
cp "$tmp/out" "$tmp/want"
for option in --no-mmap --threads=1 --threads=7; do
	run tags --format csv "$option" "$tmp/good"
	expect 0 "tags $option"
	cmp -s "$tmp/out" "$tmp/want" || fail "tags $option: another result"
done
run tags --format csv "$root/fixtures/leak-7-x64.dmp.gz"
cmp -s "$tmp/out" "$tmp/want" || fail 'tags on the gzip file: another result'

# Files that are named beside the dump.
for file in "$tmp/missing" "$tmp" "$tmp/garbage" /dev/null; do
	run tags --isf "$file" "$tmp/good"
	expect 3 "--isf $file"
	expect_no_out "--isf $file"
	expect_line '.' "--isf $file"
	run tags --tag-file "$file" "$tmp/good"
	expect 3 "--tag-file $file"
	expect_no_out "--tag-file $file"
	expect_line '.' "--tag-file $file"
done

# ---- a dump that is cut off before the kernel's data: symbols and header still tell where the kernel is ----
isf=$root/fixtures/leak-7-x64.isf.json.xz
run info --format json --isf "$isf" "$root/fixtures/leak-7-x64.dmp.gz"
base=$(jq -r .kernel.base "$tmp/out")
head -c 40000 "$root/fixtures/leak-7-x64.dmp.gz" >"$tmp/cut.dmp.gz"
run info --format json --isf "$isf" "$tmp/cut.dmp.gz"
expect 0 'cut gzip'
[ "$(jq -r .kernel.base "$tmp/out")" = "$base" ] || fail 'cut gzip: the base of the kernel was not inferred'
[ "$(jq '[.warnings[] | select(test("compressed file"))] | length' "$tmp/out")" -eq 1 ] || fail 'cut gzip: not said once'
finish
