// SPDX-License-Identifier: Apache-2.0
//
// The floor for large arrays: one copy between two buffers whose pages are there already.

#include "registry.hpp"

#include <cstring>

namespace bench {
namespace {

void copy(benchmark::State& state) {
  const numbers from = make_value<numbers>();
  numbers to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size() * sizeof(float));
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
}

}  // namespace

void register_memcpy() {
  add_benchmark<numbers>("write", memcpy_row, copy);
  add_benchmark<numbers>("read", memcpy_row, copy);
}

}  // namespace bench
