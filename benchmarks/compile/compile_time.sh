#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# How long does a file that uses modal compile, beside a file with the same standard headers?
#
#     benchmarks/compile/compile_time.sh            g++; or CXX=clang++-16, CXXFLAGS="-O0"
#
# Prints a Markdown table of user + system seconds: medians of ROUNDS (5) compilations, interleaved.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
compiler=${CXX:-g++}
rounds=${ROUNDS:-5}
read -r -a flags <<<"-std=c++20 ${CXXFLAGS:--O2}"
flags+=("-I$root/include")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Prints the standard headers that modal's own headers name, of all those that file $1 includes.
standard_headers() {
  "$compiler" "${flags[@]}" -M "$1" | tr ' \\' '\n\n' | grep "^$root/include/modal/" | sort -u |
    xargs sed -n 's/^ *# *include *\(<[a-z_0-9]*>\).*/#include \1/p' | sort -u
}

cat >"$scratch/function.cpp" <<'CODE'
#include <modal/function.hpp>
int add(int a, int b) { return a + b; }
MODAL_FUNCTION(add)
CODE
cat >"$scratch/modal.cpp" <<'CODE'
#include <modal/modal.hpp>
CODE
cat >"$scratch/call.cpp" <<'CODE'
#include <modal/modal.hpp>
int add(int a, int b);
int call() { return modal::remote<add>(1, 2); }
CODE

files=()
declare -A title baseline times
add_file() {  # name, title, the file with the same standard headers
  [ "$1" = "$3" ] || standard_headers "$scratch/$1.cpp" >"$scratch/$3.cpp"
  local name
  for name in "$3" "$1"; do
    case " ${files[*]-} " in *" $name "*) ;; *) files+=("$name") ;; esac
    baseline[$name]=$3
  done
  title[$3]="only the standard headers of the next"
  title[$1]=$2
}
if [ -f "$root/include/modal/function.hpp" ]; then
  add_file function '`<modal/function.hpp>`, one function registered' function_std
fi
if [ -f "$root/include/modal/modal.hpp" ]; then
  add_file modal '`<modal/modal.hpp>`, nothing used' modal_std
  add_file call '`<modal/modal.hpp>`, one remote call' call_std
fi

for ((round = 0; round < rounds; ++round)); do
  for name in "${files[@]}"; do
    TIMEFORMAT='%U %S'
    spent=$({ time "$compiler" "${flags[@]}" -c "$scratch/$name.cpp" -o "$scratch/$name.o" \
      2>"$scratch/errors"; } 2>&1) || { cat "$scratch/errors" >&2; exit 1; }
    times[$name]+="$(awk '{ print $1 + $2 }' <<<"$spent") "
  done
done

median() { tr ' ' '\n' <<<"$1" | sed '/^$/d' | sort -g | sed -n "$(((rounds + 1) / 2))p"; }

printf '%s, `%s`, medians of %d.\n\n' "$("$compiler" --version | head -1)" \
  "${CXXFLAGS:--O2}" "$rounds"
printf '| file | user + system s | over its standard headers |\n| --- | ---: | ---: |\n'
for name in "${files[@]}"; do
  own=$(median "${times[$name]}")
  base=$(median "${times[${baseline[$name]}]}")
  printf '| %s | %.2f | %s |\n' "${title[$name]}" "$own" \
    "$(awk -v own="$own" -v base="$base" 'BEGIN { printf own == base ? "-" : "%.2f", own - base }')"
done
