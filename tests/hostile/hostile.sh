#!/bin/sh
# hostile.sh LAB HOSTILE N CASE BUILD CONTAINER: build the machine, then read it in N times four broken ways.
set -eu
lab=$1 hostile=$2 n=$3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$lab" build "$4" --build "$5" --containers "$6" -o "$tmp" >"$tmp/log" || { cat "$tmp/log"; exit 1; }
"$hostile" "$tmp/machine.$6.dmp" "$(ls "$tmp"/*.json.xz)" 1 "$n"
