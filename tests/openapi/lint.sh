#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Asks two foreign readers of OpenAPI what they have to say about an executor's document: nothing.
# Exits with 77 where they are not to be had.
# usage: lint.sh EXECUTOR
set -euo pipefail
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
linter=@redocly/cli@1.25.0
parser=@apidevtools/swagger-cli@4.0.4
for tool in "$linter" "$parser"; do
  timeout 240 npx --yes "$tool" --version >/dev/null 2>&1 || {
    echo "npx cannot run $tool"
    exit 77
  }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
coproc serving { exec "$1" 2>"$work/log"; }
input=${serving[1]}
read -r _ _ url <&"${serving[0]}"
curl -sS --fail "$url/openapi.json" >"$work/openapi.json"
exec {input}>&-  # which ends the executor
wait

cd "$work"
npx --yes "$parser" validate openapi.json
# It writes a line for each warning too, and only the summary tells that there was none.
npx --yes "$linter" lint --extends=recommended openapi.json 2>&1 | tee said
grep -q "Your API description is valid" said
! grep -qE "You have [0-9]+ warning" said
