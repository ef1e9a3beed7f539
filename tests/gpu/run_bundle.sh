#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: run_bundle.sh [FOLDER]
# Runs what `./dev gpu` built, on a machine with a GPU and its driver and nothing else: the tests and
# the examples beside this script. Prints a table, and writes it with all output to FOLDER (default:
# this one) as <gpu>-<date>.md.
set -uo pipefail
folder=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")}")
cd "$(dirname "${BASH_SOURCE[0]}")" || exit

stop() {
  echo "run_bundle.sh: $1" >&2
  exit 1
}

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
[ -n "$glibc" ] || stop "this needs the GNU C library, 2.36 or later"
[ "$(printf '2.36\n%s\n' "$glibc" | sort -V | head -1)" = 2.36 ] ||
  stop "glibc here is $glibc; the programs need 2.36 or later"
command -v nvidia-smi >/dev/null || stop "there is no nvidia-smi: install NVIDIA's driver"
gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1)
[ -n "$gpu" ] || stop "nvidia-smi finds no GPU"
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)
[ "${driver%%.*}" -ge 580 ] || stop "the driver is $driver; CUDA 13 needs 580 or later"

mkdir -p "$folder"
report=$folder/$(tr -cs '[:alnum:]\n' - <<<"$gpu" | tr '[:upper:]' '[:lower:]')-$(date +%F).md
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
rows=()

# run NAME COMMAND...: adds a row, and the output to the log.
run() {
  local name=$1 begun took outcome=passed
  shift
  begun=$(date +%s%N)
  printf '\n## %s\n\n```\n' "$name" >>"$log"
  "$@" >>"$log" 2>&1 || { outcome=FAILED; failed=1; }
  took=$((($(date +%s%N) - begun) / 1000000))
  printf '```\n' >>"$log"
  rows+=("| $name | $outcome | $took |")
  printf '%-16s %-7s %6d ms\n' "$name" "$outcome" "$took"
}
compare() {
  local said
  said=$("$2") && diff "$1" <(printf '%s\n' "$said")
}

run tests ./test_gpu --durations yes
run photos ./photos_gpu_tests
for each in [0-9]*_cuda; do run "$each" compare "${each%_cuda}.txt" "./$each"; done
run digits ./digits_cuda --sheet "$folder/digits_wrong.png"
run benchmarks ./bench_gpu

{
  printf '# %s, driver %s, %s\n\n| what | outcome | ms |\n| --- | --- | ---: |\n' \
    "$gpu" "$driver" "$(date +%F)"
  printf '%s\n' "${rows[@]}"
  cat "$log"
} >"$report"
echo "written: $report"
exit "$failed"
