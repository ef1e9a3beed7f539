#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh FOLDER OTHER_FOLDER
# Each folder has the programs of one compiler. Every caller calls every executor, and all must see
# the same names, signatures and results.
set -euo pipefail
folders=("$1" "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

exchange() {
  local executor=$1 caller=$2 input MODAL_URL
  coproc serving { exec "$executor"; }
  input=${serving[1]}
  read -r _ _ MODAL_URL <&"${serving[0]}"
  export MODAL_URL
  "$caller" >"$3" || {
    cat "$3"
    echo "$caller cannot call $executor" >&2
    return 1
  }
  exec {input}>&-  # which ends the executor
  wait
}

for i in 0 1; do
  for j in 0 1; do
    exchange "${folders[i]}/interop_executor" "${folders[j]}/interop_caller" "$work/$i$j"
  done
done
diff "$work/00" "$work/01"
cat "$work/00"
