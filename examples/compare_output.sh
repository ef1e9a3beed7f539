#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: compare_output.sh EXPECTED PROGRAM [SERVER]
# Runs PROGRAM, against SERVER where one is given, and compares what it prints with EXPECTED.
set -euo pipefail
expected=$1 program=$2 server=${3:-}

unset MODAL_URL
if [ -n "$server" ]; then
  coproc serving { exec "$server" 0; }
  trap 'kill "$serving_PID" 2>/dev/null || true' EXIT
  # The server says where it listens in its first line.
  read -r _ _ MODAL_URL <&"${serving[0]}"
  export MODAL_URL
fi
diff "$expected" <("$program")
