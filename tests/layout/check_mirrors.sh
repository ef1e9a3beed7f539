#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that each public header is installed and has its tests in tests/unit, and that each test is
# built. Runs in the root of the sources.
set -uo pipefail
failures=0

# Headers that only include others: what they offer is tested where it is written.
declare -A umbrella=(
  [modal.hpp]="includes the client's headers"
  [testing.hpp]="includes client/fake_executor.hpp"
  [executor.hpp]="includes the executor's headers"
  [src.hpp]="includes the bodies; tests/package builds it"
  [asio.hpp]="needs a running executor; tests/integration has its tests"
  [client/attempt.hpp]="an interface; its implementations are tested"
  [client/async_call.hpp]="each test of client/http_attempt runs through it"
  [base/polling.hpp]="an enumeration; unit/net/poll_guard tests what it stands for"
  [client/in_process_attempt.hpp]="needs an executor; tests/integration has its tests"
  [client/session_link.hpp]="each test of client/session_attempt runs through it"
  [gpu/stream.hpp]="an interface; its implementations are tested"
  [wire/archive_facade.hpp]="each test of an archive runs through it"
  [function.hpp]="its macros are tested in unit/function/catalog and unit/function/typed_run"
)

installed=$(cat src/CMakeLists.txt)
while read -r header; do
  name=${header#include/modal/}
  case "$name: $installed" in
    src.hpp:* | *"modal/$name"*) ;;
    *)
      echo "not in src/CMakeLists.txt, so not installed: $header"
      failures=$((failures + 1))
      ;;
  esac
  [ -n "${umbrella[$name]:-}" ] && continue
  mirror=tests/unit/${name%.hpp}.test.cpp
  [ -e "$mirror" ] && continue
  echo "no tests for $header: expected $mirror"
  failures=$((failures + 1))
done < <(find include/modal -name '*.hpp' | sort)

lists=$(find tests -name CMakeLists.txt -exec cat {} +)
while read -r test; do
  case "$lists" in
    *"$(basename "$test")"*) ;;
    *)
      echo "not in any CMakeLists.txt: $test"
      failures=$((failures + 1))
      ;;
  esac
done < <(find tests -name '*.test.cpp' | sort)

[ $failures -eq 0 ] && echo "every public header has tests, and every test is built"
exit $((failures > 0))
