#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: check.sh SHARED_LIBRARY
# A shared library that contains modal must export nothing of it.
set -euo pipefail
if nm --dynamic --defined-only --demangle "$1" | grep -E '\bmodal(::|_)'; then
  echo "$1 exports these symbols" >&2
  exit 1
fi
