// SPDX-License-Identifier: Apache-2.0
//
// cereal as its manual shows it: BinaryArchive over a string stream. What was written is looked at
// in the stream, not copied out of it.

#include "registry.hpp"

#include <cereal/archives/binary.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include <sstream>

namespace bench {
namespace {

template <class T>
void write(benchmark::State& state) {
  const T value = make_value<T>();
  for (auto _ : state) {
    std::ostringstream stream;
    cereal::BinaryOutputArchive archive(stream);
    archive(value);
    benchmark::DoNotOptimize(stream.view().data());
  }
}

template <class T>
void read(benchmark::State& state) {
  const T value = make_value<T>();
  std::ostringstream out;
  cereal::BinaryOutputArchive{out}(value);
  const std::string bytes = std::move(out).str();
  if (std::is_same_v<T, record> && bytes.size() != record_bytes)
    throw std::runtime_error("the record has " + std::to_string(bytes.size()) + " bytes");
  T result;
  for (auto _ : state) {
    std::istringstream stream(bytes);
    cereal::BinaryInputArchive archive(stream);
    archive(result);
    benchmark::DoNotOptimize(&result);
    benchmark::ClobberMemory();
  }
  expect_equal(result, value, cereal_row);
}

template <class T>
void add() {
  add_benchmark<T>("write", cereal_row, write<T>);
  add_benchmark<T>("read", cereal_row, read<T>);
}

}  // namespace

void register_cereal() {
  add<int_pair>();
  add<record>();
  add<numbers>();
}

}  // namespace bench
