# SPDX-License-Identifier: MIT
# fish completion for poolscope

complete -c poolscope -n __fish_use_subcommand -f -a info -d 'what the dump is, and what can be read from it'
complete -c poolscope -n __fish_use_subcommand -f -a symbols -d 'which symbol files there are, and which to fetch'
complete -c poolscope -n __fish_use_subcommand -f -a tags -d 'who holds the pool, per pool tag'
complete -c poolscope -n __fish_use_subcommand -f -a blocks -d 'every allocation, one by one'
complete -c poolscope -n __fish_use_subcommand -f -a block -d 'the block that holds an address'
complete -c poolscope -n __fish_use_subcommand -f -a validate -d 'what contradicts itself in the pool'
complete -c poolscope -n __fish_use_subcommand -f -a diff -d 'what grew between dumps'
complete -c poolscope -n __fish_use_subcommand -f -a sites -d 'where code allocates, by disassembling drivers'
complete -c poolscope -n __fish_use_subcommand -f -a stacks -d 'threads and their call stacks in the kernel'
complete -c poolscope -n __fish_use_subcommand -f -a callers -d 'who allocated, where the dump recorded it'
complete -c poolscope -n __fish_use_subcommand -f -a owner -d 'who holds a tag: recorded, inferred or circumstantial'
complete -c poolscope -n __fish_use_subcommand -f -a verifier -d "Driver Verifier's records in the form of KD's !verifier"
complete -c poolscope -n __fish_use_subcommand -f -a poolused -d "counters of tags in the form of KD's !poolused"
complete -c poolscope -n __fish_use_subcommand -f -a pool -d "the page of an address in the form of KD's !pool"
complete -c poolscope -n __fish_use_subcommand -f -a poolval -d "a page checked, in the form of KD's !poolval"
complete -c poolscope -n __fish_use_subcommand -f -a poolfind -d "blocks of a tag in the form of KD's !poolfind"
complete -c poolscope -n __fish_use_subcommand -f -l help -d 'print help'
complete -c poolscope -n __fish_use_subcommand -f -l version -d 'print the version'

set -l commands info symbols tags blocks block validate callers owner verifier diff sites stacks poolused pool poolval poolfind
function __poolscope_formats
    if __fish_seen_subcommand_from pool poolval poolfind poolused verifier
        printf '%s\n' table
        return
    end
    printf '%s\n' table json ndjson
    __fish_seen_subcommand_from block; or printf '%s\n' csv
    __fish_seen_subcommand_from tags diff callers validate; and printf '%s\n' openmetrics
    __fish_seen_subcommand_from tags diff callers stacks; and printf '%s\n' folded
    __fish_seen_subcommand_from symbols; and printf '%s\n' urls
end
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l format -a '(__poolscope_formats)' -d 'form of the result'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -r -F -s o -l output -d 'write the result to a file'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -r -F -l isf -d 'Volatility symbol table of this kernel'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -r -F -l symbols -d 'symbol file, directory or path that is searched'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l no-symbols -d 'use no symbol file'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l no-builtin -d 'do not use the built-in tables of kernels'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l image-format -a 'auto raw' -d 'container of the file'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l run-map -d 'where memory lies in a raw image'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -r -F -l with -d 'further file of the same dump'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -r -F -l pagefile -d 'page file of the same moment, NUMBER=FILE'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l dtb -d 'physical address of the kernel page tables'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l kernel-base -d 'address of the kernel image'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l kdbg -d 'address of the debugger data block'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l threads -d 'worker threads'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l min-coverage -d 'exit with 4 when less percent could be read'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l no-mmap -d 'read the file instead of mapping it'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l tmpdir -a '(__fish_complete_directories)' -d 'where compressed dumps are unpacked'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l timeout -d 'end after so many seconds with what there is'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l max-memory -d 'fail rather than use more memory'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l bytes -d 'exact sizes in tables'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l human -d 'sizes in tables in KiB, MiB, GiB'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l width -d 'width of tables'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -x -l color -a 'auto always never' -d 'colours in tables'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l no-color -d 'no colours'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l no-pager -d 'no pager on a terminal'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -l no-progress -d 'no progress bar'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -s q -l quiet -d 'no warnings on standard error'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -s v -l verbose -d 'say what is being done'
complete -c poolscope -n "__fish_seen_subcommand_from $commands" -s h -l help -d 'print help'

complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -s s -l sort -a 'bytes tag nonpaged paged allocs frees diff per-alloc' -d 'order of the rows'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -s n -l rows -d 'at most so many rows, 0 prints all'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -s t -l tag -d 'only tags that match'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -l pool -a 'nonpaged paged session' -d 'only these pools'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -l by -a 'tag tag,size tag,caller tag,module module' -d 'what a row is'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -l walk -d 'walk the pool'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -l no-walk -d 'trackers only'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -l budget -d 'exit with 1 when tags that match hold more'
complete -c poolscope -n '__fish_seen_subcommand_from tags poolused' -r -F -l tag-file -d 'owner names in pooltag.txt format'

complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -s t -l tag -d 'only tags that match'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l pool -a 'nonpaged paged session' -d 'only these pools'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l kind -a 'legacy lfh vs segment large big special unknown' -d 'only these kinds'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l state -a 'allocated free cached all' -d 'these states'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l size -d 'only blocks of MIN..MAX bytes'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l in -d 'only blocks in LO..HI'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l process -d 'only blocks charged to a process'
complete -c poolscope -n '__fish_seen_subcommand_from blocks poolfind' -x -l caller -d 'only blocks recorded to be allocated from there'
complete -c poolscope -n '__fish_seen_subcommand_from blocks poolfind' -x -s m -l module -d 'only blocks with a recorded caller in this module'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -l callers -d 'show recorded callers'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -s s -l sort -a 'address size' -d 'order of the rows'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -s n -l rows -d 'at most so many rows, 0 prints all'
complete -c poolscope -n '__fish_seen_subcommand_from blocks' -x -l dump-bytes -d 'contents of each block'

complete -c poolscope -n '__fish_seen_subcommand_from diff' -x -s s -l sort -a 'growth count bytes tag' -d 'order of the rows'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -x -s n -l rows -d 'at most so many rows, 0 prints all'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -x -s t -l tag -d 'only tags that match'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -x -l pool -a 'nonpaged paged session' -d 'only these pools'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -x -l by -a 'tag tag,size process caller tag,caller' -d 'what a row is'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -l changed -d 'leave out what is the same in all'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -l pinned -d 'count blocks that stand still'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -l no-walk -d 'trackers only'
complete -c poolscope -n '__fish_seen_subcommand_from diff' -x -l budget -d 'exit with 1 when matching tags grew by more'

complete -c poolscope -n '__fish_seen_subcommand_from block' -x -l dump-bytes -d 'so many bytes of the contents'
complete -c poolscope -n '__fish_seen_subcommand_from block' -l refs -d 'search for pointers to it'
complete -c poolscope -n '__fish_seen_subcommand_from block validate' -r -F -l tag-file -d 'owner names in pooltag.txt format'

complete -c poolscope -n '__fish_seen_subcommand_from pool' -r -F -l tag-file -d 'owner names in pooltag.txt format'

complete -c poolscope -n '__fish_seen_subcommand_from sites' -l pe -d 'the arguments are driver files'
complete -c poolscope -n '__fish_seen_subcommand_from sites' -x -s t -l tag -d 'only sites that may use such a tag'
complete -c poolscope -n '__fish_seen_subcommand_from sites' -x -s m -l module -d 'only modules with such a name'
complete -c poolscope -n '__fish_seen_subcommand_from sites' -x -l api -d 'only calls of such routines'
complete -c poolscope -n '__fish_seen_subcommand_from sites' -x -s n -l rows -d 'at most so many rows, 0 prints all'

complete -c poolscope -n '__fish_seen_subcommand_from stacks' -x -l thread -d 'only the thread with this _ETHREAD'
complete -c poolscope -n '__fish_seen_subcommand_from stacks' -x -s m -l module -d 'only threads with a frame in this module'
complete -c poolscope -n '__fish_seen_subcommand_from stacks' -l no-scan -d 'stop where unwinding ends'
complete -c poolscope -n '__fish_seen_subcommand_from stacks' -x -s n -l rows -d 'at most so many threads, 0 prints all'

complete -c poolscope -n '__fish_seen_subcommand_from callers' -x -l by -a 'address function module tag' -d 'what makes a row'
complete -c poolscope -n '__fish_seen_subcommand_from callers' -x -s t -l tag -d 'only tags that match'
complete -c poolscope -n '__fish_seen_subcommand_from callers' -x -s m -l module -d 'only callers in this module'
complete -c poolscope -n '__fish_seen_subcommand_from callers' -x -s n -l rows -d 'at most so many rows, 0 prints all'
complete -c poolscope -n '__fish_seen_subcommand_from callers' -l stacks -d 'stack of the newest known allocation'
complete -c poolscope -n '__fish_seen_subcommand_from owner' -l no-sites -d 'do not disassemble drivers'
complete -c poolscope -n '__fish_seen_subcommand_from owner' -r -F -l tag-file -d 'what a file says of the tag'
complete -c poolscope -n '__fish_seen_subcommand_from owner' -x -s n -l rows -d 'at most so many rows, 0 prints all'
complete -c poolscope -n '__fish_seen_subcommand_from validate' -x -s n -l rows -d 'at most so many rows, 0 prints all'

complete -c poolscope -n '__fish_seen_subcommand_from symbols' -x -l server -d 'address before each path'
complete -c poolscope -n '__fish_seen_subcommand_from symbols' -r -F -l profile -d 'what is known of a kernel'
complete -c poolscope -n '__fish_seen_subcommand_from symbols' -x -l store -a '(__fish_complete_directories)' -d 'store to import into'
