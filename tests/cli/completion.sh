#!/bin/sh
# Every option of --help is in the man page and in each completion, and the other way round.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need bash

# shellcheck disable=SC2317 # called by their names
options_of_bash() {
	bash -c '. "$1"; COMP_WORDS=(poolscope "$2" --); COMP_CWORD=2; _poolscope; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$root/completion/poolscope.bash" "$1"
}

# The arrays `common` and that of the command.
# shellcheck disable=SC2317
options_of_zsh() {
	awk -v command="$1" '
		$0 == "common=(" || $0 == command "=(" { inside = 1; next }
		$0 == ")" { inside = 0 }
		inside' "$root/completion/_poolscope" | sed 's/\[.*//' | grep -o -- '--[a-z][a-z-]*'
}

# shellcheck disable=SC2317
options_of_fish() {
	grep "__fish_seen_subcommand_from \([^']*\\<$1\\>[^']*'\|.commands\"\) " "$root/completion/poolscope.fish" | sed -n 's/.* -l \([a-z-]*\).*/--\1/p'
}

# shellcheck disable=SC2317
options_of_man() {
	cat "$root/man/poolscope-$1.1.scd" "$root/man/common-options.scd" | grep '^\*-' | grep -o -- '\*--[a-z][a-z-]*\*' | tr -d '*'
}

for command in info symbols tags blocks block validate callers owner verifier diff sites stacks poolused pool poolval poolfind; do
	$wrapper "$exe" "$command" --help | sed -n 's/^  \(-[a-z], \|    \)\(--[a-z-]*\).*/\2/p' | sort >"$tmp/help"
	[ "$(wc -l <"$tmp/help")" -ge 12 ] || fail "$command --help: options not recognised"
	for where in bash zsh fish man; do
		"options_of_$where" "$command" | sort -u >"$tmp/have"
		diff "$tmp/help" "$tmp/have" >"$tmp/diff" || {
			fail "$command: options of --help (<) and of $where (>) differ"
			sed 's/^/  /' "$tmp/diff"
		}
	done
	# --format offers what the command has.
	$wrapper "$exe" "$command" --help | sed -n 's/^      --format FMT *//p' | sed 's/, the form of.*//; s/ (default)//; s/, / /g' >"$tmp/help"
	bash -c '. "$1"; COMP_WORDS=(poolscope "$2" --format ""); COMP_CWORD=3; _poolscope; echo "${COMPREPLY[@]}"' \
		bash "$root/completion/poolscope.bash" "$command" >"$tmp/have"
	cmp -s "$tmp/help" "$tmp/have" || fail "$command: --format offers $(cat "$tmp/have"), --help says $(cat "$tmp/help")"
	# Each short option too is in the man page and known to fish and zsh.
	$wrapper "$exe" "$command" --help | sed -n 's/^  -\([a-z]\), --.*/\1/p' >"$tmp/short"
	while read -r letter; do
		cat "$root/man/poolscope-$command.1.scd" "$root/man/common-options.scd" | grep -q "^\\*-$letter\\*" ||
			fail "$command: -$letter is not in the man page"
		grep -q "['\"] .*-s $letter " "$root/completion/poolscope.fish" || fail "-$letter is not in the fish completion"
		grep -Eq "\\{-${letter}[+,]" "$root/completion/_poolscope" || fail "-$letter is not in the zsh completion"
	done <"$tmp/short"
	grep -q "__fish_use_subcommand .*-a $command " "$root/completion/poolscope.fish" || fail "$command is not in the fish completion"
	grep -q "$command:" "$root/completion/_poolscope" || fail "$command is not in the zsh completion"
done

# What bash offers in other places.
offers() {
	line=$1 want=$2
	# shellcheck disable=SC2016
	got=$(bash -c '. "$1"; read -ra COMP_WORDS <<<"$2"; COMP_WORDS+=("$3"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _poolscope; echo "${COMPREPLY[*]}"' \
		bash "$root/completion/poolscope.bash" "$line" "$3")
	[ "$got" = "$want" ] || fail "bash completion of '$line $3': '$got', not '$want'"
}
offers poolscope 'tags' ta
offers 'poolscope tags --sort' 'nonpaged' no
offers 'poolscope tags --by' 'tag tag,size tag,caller tag,module' t
offers 'poolscope tags --sort =' 'per-alloc' per
offers 'poolscope info --format' 'json' j
offers 'poolscope info --format' '' o
for command in tags callers diff; do offers "poolscope $command --format" openmetrics o; done
offers 'poolscope frob' '' --

if command -v zsh >/dev/null; then zsh -n "$root/completion/_poolscope" || fail 'zsh does not accept the completion'; fi
if command -v fish >/dev/null; then fish -n "$root/completion/poolscope.fish" || fail 'fish does not accept the completion'; fi
finish
