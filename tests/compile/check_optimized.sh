#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: check_optimized.sh COMPILER SOURCE...
# A user's Release build with warnings as errors: compilers that optimise warn of other things.
# Runs in the root of the sources.
set -uo pipefail
export compiler=$1
shift

check() {
  "$compiler" -std=c++20 -O3 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
    -Werror -I include -I src -c "$1" -o /dev/null || {
    echo "warns when it is optimised: $1" >&2
    return 1
  }
}
export -f check
# shellcheck disable=SC2016  # expands in the inner shell
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c 'check "$1" || exit 1' check &&
  echo "$# sources compile without a warning"
