#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs a user's program with what pkg-config says, and nothing else.
# usage: run.sh COMPILER PKG_CONFIG_FOLDER BUILD_FOLDER
set -euo pipefail
program=$(dirname "${BASH_SOURCE[0]}")/../program
export PKG_CONFIG_PATH=$2
read -ra flags < <(pkg-config --cflags modal-executor)
read -ra libraries < <(pkg-config --libs modal-executor)
"$1" -std=c++20 "${flags[@]}" "$program/server.cpp" "$program/greetings.cpp" "${libraries[@]}" \
  -o "$3/pkg_config_server"
"$3/pkg_config_server"

# A caller alone needs no executor.
read -ra libraries < <(pkg-config --libs modal)
case "${libraries[*]}" in *executor*) echo "modal.pc asks for the executor" >&2; exit 1 ;; esac
