// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "values.hpp"

#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>
#include <type_traits>

/// @file
/// How the benchmarks of this folder are named and registered, so that the report can put them side
/// by side. Each library has one source file with one `register_` function.

namespace bench {

inline constexpr const char* cereal_row = "cereal BinaryArchive, stringstream";
inline constexpr const char* memcpy_row = "memcpy, kept memory";

void register_cereal();
void register_memcpy();
void register_modal();
void register_protobuf();

template <class T>
constexpr const char* value_name() {
  if constexpr (std::is_same_v<T, int_pair>) return "{int, int}";
  if constexpr (std::is_same_v<T, record>) return "record of 514 bytes";
  if constexpr (std::is_same_v<T, numbers>) return "vector<float> of 64 MiB";
}

/// Registers `run(state)` as "value/direction/library".
template <class T, class Run>
void add_benchmark(const char* direction, const char* library, Run run) {
  const std::string name = std::string(value_name<T>()) + "/" + direction + "/" + library;
  benchmark::RegisterBenchmark(name.c_str(), run);
}

/// What was read must be what was written, or the numbers mean nothing.
template <class T>
void expect_equal(const T& read, const T& written, const char* library) {
  if (!(read == written)) throw std::runtime_error(std::string(library) + " read another value");
}

}  // namespace bench
