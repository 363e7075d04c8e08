#!/bin/sh
# The shared library exports exactly the symbols of the map, and the map is exactly what the headers declare with PSC_API.
set -eu
lib=$1 map=$2 include=$3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
nm -D --defined-only "$lib" | awk '$2 == "T" || $2 == "D" || $2 == "R" { sub(/@.*/, "", $3); print $3 }' | sort >"$tmp/exported"
grep -o 'psc_[a-z0-9_]*' "$map" | sort >"$tmp/map"
cat "$include"/poolscope/*.h | tr '\n' ' ' | grep -o 'PSC_API [^;]*;' | grep -o 'psc_[a-z0-9_]*(' | tr -d '(' | sort -u >"$tmp/declared"
diff -u "$tmp/map" "$tmp/exported"
diff -u "$tmp/declared" "$tmp/map"
