# SPDX-License-Identifier: MIT
# fish completion for poolscope

complete -c poolscope -n __fish_use_subcommand -f -a info -d 'what the dump is, and what can be read from it'
complete -c poolscope -n __fish_use_subcommand -f -a tags -d 'who holds the pool, per pool tag'
complete -c poolscope -n __fish_use_subcommand -f -a poolused -d "the same in the form of KD's !poolused"
complete -c poolscope -n __fish_use_subcommand -f -l help -d 'print help'
complete -c poolscope -n __fish_use_subcommand -f -l version -d 'print the version'

complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -x -l format -a 'table json ndjson csv' -d 'form of the result'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -r -F -s o -l output -d 'write the result to a file'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -r -F -l isf -d 'Volatility symbol table of this kernel'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -r -F -l symbols -d 'symbol file, directory or path that is searched'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -l no-symbols -d 'use no symbol file'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -l no-builtin -d 'do not use the built-in tables of kernels'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -x -l threads -d 'worker threads'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -x -l min-coverage -d 'exit with 4 when less percent could be read'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -l no-mmap -d 'read the file instead of mapping it'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -x -l tmpdir -a '(__fish_complete_directories)' -d 'where compressed dumps are unpacked'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -l no-progress -d 'no progress bar'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -s q -l quiet -d 'no warnings on standard error'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -s v -l verbose -d 'say what is being done'
complete -c poolscope -n '__fish_seen_subcommand_from info tags poolused' -s h -l help -d 'print help'

complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -s s -l sort -a 'bytes tag nonpaged paged allocs frees diff per-alloc' -d 'order of the rows'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -s n -l rows -d 'at most so many rows, 0 prints all'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -s t -l tag -d 'only tags that match'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -l pool -a 'nonpaged paged session' -d 'only this pool'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -x -l by -a 'tag tag,size' -d 'what a row is'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -l walk -d 'walk the pool'
complete -c poolscope -n '__fish_seen_subcommand_from tags' -l no-walk -d 'trackers only'
complete -c poolscope -n '__fish_seen_subcommand_from tags poolused' -r -F -l tag-file -d 'owner names in pooltag.txt format'
