#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: check_headers.sh COMPILER INCLUDE_FOLDER HEADER...
# Compiles each header alone, without output, and holds it to our warnings.
set -uo pipefail
export compiler=$1 include=$2
shift 2

check() {
  local name=${1#"$include"/}
  "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
    -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast -Werror -I "$include" -x c++ - \
    <<<"#include <$name>" || {
    echo "does not compile alone: $name" >&2
    return 1
  }
}
export -f check
# shellcheck disable=SC2016  # expands in the inner shell
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c 'check "$1" || exit 1' check &&
  echo "$# headers compile alone"
