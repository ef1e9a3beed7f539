// SPDX-License-Identifier: Apache-2.0
#include "functions.hpp"

#include <modal/function.hpp>

#include <chrono>

namespace bench_load {

std::int64_t work(std::uint32_t microseconds, std::span<const std::byte> bytes) {
  using clock = std::chrono::steady_clock;
  if (microseconds != 0)
    for (const auto end = clock::now() + std::chrono::microseconds{microseconds};
         clock::now() < end;) {
    }
  return static_cast<std::int64_t>(bytes.size());
}

std::int64_t work_at_once(std::uint32_t microseconds, std::span<const std::byte> bytes) {
  return work(microseconds, bytes);
}

}  // namespace bench_load

MODAL_FUNCTION(bench_load::work)
MODAL_FUNCTION(bench_load::work_at_once, .run = modal::run_on::io)
