#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks who includes whom. Runs in the root of the sources; prints each wrong line.
set -uo pipefail
failures=0

# forbid WHY PATTERN PATH...: no #include in a file below the paths may name what PATTERN matches,
# in `extended` syntax, just after the opening < or ".
forbid() {
  local why=$1 pattern=$2 path found
  local paths=()
  shift 2
  for path in "$@"; do [ -e "$path" ] && paths+=("$path"); done
  [ ${#paths[@]} -gt 0 ] || return 0
  found=$(grep -rnE "^ *# *include *[<\"]($pattern)" "${paths[@]}")
  [ -z "$found" ] && return 0
  printf '%s:\n%s\n\n' "$why" "$found"
  failures=$((failures + 1))
}

# Every folder of `root` below $1 but those named after it.
others() {
  local root=$1 keep=" ${*:2} " folder
  for folder in "$root"/*/; do
    folder=$(basename "$folder")
    case "$keep" in *" $folder "*) ;; *) echo "$root/$folder" ;; esac
  done
}

inc=include/modal
umbrella='modal/(modal|asio|src|executor)\.hpp'
server_above_net='(executor|door|dispatch|schedule|worker)/'
server="$server_above_net|net/"

# base <- wire <- function <- client; base <- gpu <- function, device; base <- schedule.
forbid "base depends on nothing of ours" \
  "modal/(wire|function|client|executor|gpu)/|modal/function\.hpp|$umbrella|$server" \
  $inc/base $inc/detail src/base
forbid "wire depends on base only" \
  "modal/(function|client|executor|gpu)/|modal/function\.hpp|$umbrella|$server" \
  $inc/wire src/wire
forbid "http1 depends on base and wire only, and knows no socket" \
  "modal/(function|client|executor|gpu|net)/|modal/function\.hpp|$umbrella|$server|boost/|sys/socket|netinet|poll\.h" \
  $inc/http1 src/http1
forbid "session depends on base and wire only, and knows no socket" \
  "modal/(function|client|executor|gpu|net|http1)/|modal/function\.hpp|$umbrella|$server|sys/socket|netinet|poll\.h" \
  $inc/session src/session
forbid "what both ends share of net depends on base only" \
  "modal/(wire|function|client|executor|gpu|http1|session)/|modal/function\.hpp|$umbrella|$server_above_net" \
  $inc/net
forbid "gpu depends on base only" \
  "modal/(wire|function|client|executor|net|http1)/|modal/function\.hpp|$umbrella|$server" \
  $inc/gpu src/gpu
forbid "a device knows base and gpu only" \
  "modal/(wire|function|client|executor|net|http1)/|modal/function\.hpp|$umbrella|$server" \
  src/device
forbid "function depends on base, wire and gpu only" \
  "modal/(client|executor|net|http1)/|$umbrella|$server" \
  $inc/function $inc/function.hpp src/function
forbid "the client never includes the executor" \
  "modal/executor|$server|store/" \
  $inc/client $inc/modal.hpp $inc/asio.hpp $inc/src.hpp src/client
forbid "the executor never includes the client" "modal/client/|modal/(modal|asio|src)\.hpp" \
  $inc/executor $inc/executor.hpp src/executor src/door src/dispatch src/worker src/net \
  src/schedule src/store src/image
forbid "a worker knows nothing above it" "(executor|door|dispatch|net|schedule)/|modal/executor" \
  src/worker
forbid "dispatch knows neither what requests mean nor sockets" "(executor|door|net|http1)/" src/dispatch
forbid "the door knows no socket, and not who made it" "(executor|net)/" src/door
forbid "net knows nothing of what requests mean" "(executor|door|dispatch|schedule|worker)/" src/net
forbid "the schedule depends on base only" \
  "modal/(wire|function|client|executor|gpu)/|modal/function\.hpp|(executor|door|dispatch|worker|net)/" \
  src/schedule

# Foreign libraries stay behind their fences.
asio='boost/(asio|beast)'
mapfile -t outside_wire < <(others $inc wire; others src wire; ls $inc/*.hpp)
forbid "cereal stays in wire" 'cereal/' "${outside_wire[@]}"
mapfile -t outside_bodies < <(find $inc -name '*.hpp'; others src wire door)
forbid "nlohmann stays in the bodies of wire and in the door" 'nlohmann/' \
  "${outside_bodies[@]}"
mapfile -t headers < <(find $inc -name '*.hpp' ! -path "$inc/asio.hpp" ! -path "$inc/src.hpp")
forbid "no public header includes Asio or Beast, but for asio.hpp" "$asio" "${headers[@]}"
mapfile -t bodies < <(find $inc -name '*.ipp'; others src net)
mapfile -t net < <(find src/net -type f ! -name 'host_context.cpp')
forbid "Asio stays in src/net/host_context.cpp" "$asio" "${bodies[@]}" "${net[@]}"
forbid "CUDA stays in src/device/cuda" 'cuda|cub/|thrust/|nccl|nvtx3/' \
  $inc src/base src/wire src/function src/client src/executor src/door src/dispatch src/worker \
  src/net src/gpu src/device/host

[ $failures -eq 0 ] && echo "every include is allowed"
exit $((failures > 0))
