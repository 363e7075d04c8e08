# SPDX-License-Identifier: MIT
# bash completion for poolscope
# shellcheck disable=SC2207 # the words have no blanks, or IFS is a newline

_poolscope_files()
{
	local IFS=$'\n'
	compopt -o filenames 2>/dev/null
	COMPREPLY=($(compgen "$1" -- "$2"))
}

_poolscope()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-}
	local common="--format --output --isf --symbols --no-symbols --no-builtin --image-format --run-map --with --pagefile --dtb
		--kernel-base --kdbg --threads --min-coverage --no-mmap --tmpdir --timeout --max-memory --bytes --human --width --color
		--no-color --no-pager --no-progress --quiet --verbose --help"
	local info=""
	local symbols="--server --profile --store"
	local tags="--sort --rows --tag --pool --by --walk --no-walk --tag-file --budget"
	local blocks="--tag --pool --kind --state --size --in --process --caller --module --callers --sort --rows --dump-bytes"
	local block="--dump-bytes --refs --tag-file"
	local validate="--rows --tag-file"
	local diff="--sort --rows --tag --pool --by --changed --pinned --no-walk --budget"
	local sites="--pe --tag --module --api --rows"
	local poolused="--tag-file"
	local pool="--tag-file"
	local poolval=""
	local poolfind="--caller --module"
	local stacks="--thread --module --no-scan --rows"
	local callers="--by --tag --module --rows --stacks"
	local owner="--no-sites --tag-file --rows"
	local verifier=""
	local options values=""

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "info symbols tags blocks block validate callers owner verifier diff sites stacks poolused pool poolval poolfind --help --version" -- "$cur"))
		return
	fi
	case $command in
	info) options="$common $info" ;;
	symbols) options="$common $symbols" ;;
	tags) options="$common $tags" ;;
	blocks) options="$common $blocks" ;;
	block) options="$common $block" ;;
	validate) options="$common $validate" ;;
	diff) options="$common $diff" ;;
	sites) options="$common $sites" ;;
	callers) options="$common $callers" ;;
	owner) options="$common $owner" ;;
	stacks) options="$common $stacks" ;;
	verifier) options="$common $verifier" ;;
	poolused) options="$common $poolused" ;;
	pool) options="$common $pool" ;;
	poolval) options="$common $poolval" ;;
	poolfind) options="$common $poolfind" ;;
	*) return ;;
	esac
	# --option=value comes as three words.
	if [ "$cur" = "=" ]; then
		cur=""
	elif [ "$prev" = "=" ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--format)
		case $command in
		tags | diff | callers) values="table json ndjson csv openmetrics folded" ;;
		stacks) values="table json ndjson csv folded" ;;
		validate) values="table json ndjson csv openmetrics" ;;
		symbols) values="table json ndjson csv urls" ;;
		block) values="table json ndjson" ;;
		pool | poolval | poolfind | poolused | verifier) values="table" ;;
		*) values="table json ndjson csv" ;;
		esac
		;;
	--image-format) values="auto raw" ;;
	--color) values="auto always never" ;;
	--sort | -s) 
		case $command in
		blocks) values="address size" ;;
		diff) values="growth count bytes tag" ;;
		*) values="bytes tag nonpaged paged allocs frees diff per-alloc" ;;
		esac
		;;
	--pool) values="nonpaged paged session" ;;
	--kind) values="legacy lfh vs segment large big special unknown" ;;
	--state) values="allocated free cached all" ;;
	--by)
		case $command in
		diff) values="tag tag,size process caller tag,caller" ;;
		callers) values="address function module tag" ;;
		*) values="tag tag,size tag,caller tag,module module" ;;
		esac
		;;
	--tmpdir | --store)
		_poolscope_files -d "$cur"
		return
		;;
	--run-map | --pagefile | --dtb | --kernel-base | --kdbg) return ;;
	--timeout | --max-memory | --width) return ;;
	--server | --threads | --min-coverage | --rows | --tag | --budget | --size | --in | --process | --caller | --dump-bytes | --module | --api | --thread | -m | -n | -t) return ;;
	--with)
		_poolscope_files -f "$cur"
		return
		;;
	--isf | --symbols | --profile | --tag-file | --output | -o)
		_poolscope_files -f "$cur"
		return
		;;
	esac
	if [ -n "$values" ]; then
		COMPREPLY=($(compgen -W "$values" -- "$cur"))
	elif [ "${cur#-}" != "$cur" ]; then
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
	else
		_poolscope_files -f "$cur"
	fi
}

complete -F _poolscope poolscope
