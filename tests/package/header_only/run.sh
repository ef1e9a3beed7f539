#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh SERVER CLIENT
# Runs the header-only client against the server of the test of find_package.
set -euo pipefail
server=$1 client=$2

coproc serving { exec "$server" serve; }
# Its input ends with this script, and so does the server.
read -r _ _ MODAL_URL <&"${serving[0]}"
export MODAL_URL
diff <(printf 'hello, headers\nhello, second file\n') <("$client")
