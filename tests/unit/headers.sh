#!/bin/sh
# Each public header compiles alone with warnings as errors, as C11 and as C++.
set -eu
for h in "$1"/poolscope/*.h; do
	echo "#include <poolscope/$(basename "$h")>" | ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$1" -fsyntax-only -x c -
	if command -v c++ >/dev/null; then
		echo "#include <poolscope/$(basename "$h")>" | c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$1" -fsyntax-only -x c++ -
	elif command -v clang++ >/dev/null; then
		echo "#include <poolscope/$(basename "$h")>" | clang++ -std=c++11 -Wall -Werror -I"$1" -fsyntax-only -x c++ -
	else
		echo "no C++ compiler: C++ part skipped"
	fi
done
