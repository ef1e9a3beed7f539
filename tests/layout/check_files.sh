#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks single files: licence line, guard, length, marks that must not stay, sleeps in tests. Runs
# in the root of the sources.
set -uo pipefail
failures=0

report() {
  printf '%s:\n%s\n\n' "$1" "$2"
  failures=$((failures + 1))
}

folders=()
for folder in include src tests examples benchmarks; do [ -d "$folder" ] && folders+=("$folder"); done
mapfile -t files < <(find "${folders[@]}" -regextype posix-extended -regex '.*\.(hpp|ipp|cpp|cu)')

unlicensed=$(for file in "${files[@]}"; do
  read -r first <"$file"
  [ "$first" = "// SPDX-License-Identifier: Apache-2.0" ] || echo "$file"
done)
[ -z "$unlicensed" ] || report "no licence in the first line" "$unlicensed"

unguarded=$(printf '%s\n' "${files[@]}" | grep '\.hpp$' | xargs grep -L '^#pragma once')
[ -z "$unguarded" ] || report "no #pragma once" "$unguarded"

marks=$(grep -rnE 'TODO[(]now[)]' "${folders[@]}" cmake CMakeLists.txt dev)
[ -z "$marks" ] || report "to be done before the change is in" "$marks"

sleeps=$(grep -rnE '\b(sleep_for|sleep_until|usleep|nanosleep)\b|^[^#]*\bsleep +[0-9.]' tests examples \
  --include='*.?pp' --include='*.cu' --include='*.sh' --exclude=check_files.sh)
[ -z "$sleeps" ] || report "a sleep: time goes through the fake clock" "$sleeps"

# Lines of code: neither empty nor comment.
lengths=$(for file in "${files[@]}"; do
  echo "$(grep -cvE '^ *(//.*)?$' "$file") $file"
done | sort -rn)
echo "the ten longest files, in lines of code:"
head -n 10 <<<"$lengths"
echo
while read -r lines file; do
  [ "$lines" -gt 400 ] || break
  grep -rqF "$file" src/design/adr 2>/dev/null ||
    report "above 400 lines of code: split it, or name it in an ADR" "$lines $file"
done <<<"$lengths"

[ $failures -eq 0 ] && echo "every file is in order"
exit $((failures > 0))
