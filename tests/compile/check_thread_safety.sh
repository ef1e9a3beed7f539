#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: check_thread_safety.sh CLANG, in the root of the sources. Passes every source that knows
# mutex.hpp through Clang's thread safety analysis, and a file that must not pass.
set -uo pipefail
clang=$1
analyse() { "$clang" -std=c++20 -fsyntax-only -Iinclude -Isrc -Wthread-safety -Werror=thread-safety "$@"; }

if analyse tests/compile/unguarded.cpp 2>/dev/null; then
  echo "the analysis finds nothing in tests/compile/unguarded.cpp, and so finds nothing anywhere"
  exit 1
fi
# Bodies are compiled by one source of their layer, and headers by whoever includes them.
mapfile -t sources < <(
  { grep -rlE 'mutex_lock|MODAL_REQUIRES' src --include='*.cpp'
    echo src/base/base.cpp src/client/client.cpp src/net/client_net.cpp src/function/function.cpp |
      tr ' ' '\n'; } | sort -u)
failures=0
for source in "${sources[@]}"; do analyse "$source" || failures=$((failures + 1)); done
echo "${#sources[@]} sources, $failures with locks that are not held"
exit $((failures > 0))
