#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: check.sh SHARED_LIBRARY
# A shared library that contains modal must export nothing of it, but for the one function by which
# a client finds the executor of its process.
set -euo pipefail
kinds='(typeinfo|typeinfo name|vtable|VTT|guard variable) for '
exported=$(nm --dynamic --defined-only --demangle "$1" | grep -E "^[0-9a-f]+ . ($kinds)?modal" |
  grep -v ' modal_in_process_executor$' || true)
[ -z "$exported" ] || {
  printf '%s exports:\n%s\n' "$1" "$exported" >&2
  exit 1
}
