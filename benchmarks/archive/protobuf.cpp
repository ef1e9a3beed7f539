// SPDX-License-Identifier: Apache-2.0
//
// protobuf, twice: the message alone, which stands ready when written and is kept when read; and on
// the way from and to C++ types, as a program with types of its own needs it. Strings and messages
// are kept from one time to the next.

#include "registry.hpp"
#include "values.pb.h"

#include <algorithm>

namespace bench {
namespace {

void fill(wire::IntPair& message, const int_pair& value) {
  message.set_a(value.a);
  message.set_b(value.b);
}

void extract(const wire::IntPair& message, int_pair& value) {
  value.a = message.a();
  value.b = message.b();
}

void fill(wire::Record& message, const record& value) {
  message.Clear();
  message.set_id(value.id);
  message.set_time(value.time);
  message.set_weight(value.weight);
  message.set_flags(value.flags);
  message.set_active(value.active);
  message.set_name(value.name);
  message.set_text(value.text);
  for (const std::string& tag : value.tags) message.add_tags(tag);
  for (const auto& [name, score] : value.scores) (*message.mutable_scores())[name] = score;
  message.mutable_counts()->Add(value.counts.begin(), value.counts.end());
}

void extract(const wire::Record& message, record& value) {
  value.id = message.id();
  value.time = message.time();
  value.weight = message.weight();
  value.flags = message.flags();
  value.active = message.active();
  value.name = message.name();
  value.text = message.text();
  value.tags.assign(message.tags().begin(), message.tags().end());
  value.scores.clear();
  for (const auto& [name, score] : message.scores()) value.scores.emplace(name, score);
  value.counts.assign(message.counts().begin(), message.counts().end());
}

void fill(wire::Numbers& message, const numbers& value) {
  message.mutable_values()->Assign(value.begin(), value.end());
}

void extract(const wire::Numbers& message, numbers& value) {
  value.assign(message.values().begin(), message.values().end());
}

enum class from { message, types };

template <class T, class Message, from Source>
void write(benchmark::State& state) {
  const T value = make_value<T>();
  Message message;
  fill(message, value);
  std::string bytes;
  for (auto _ : state) {
    if constexpr (Source == from::types) fill(message, value);
    message.SerializeToString(&bytes);
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
  }
}

template <class T, class Message, from Source>
void read(benchmark::State& state) {
  const T value = make_value<T>();
  Message message;
  fill(message, value);
  const std::string bytes = message.SerializeAsString();
  T result;
  for (auto _ : state) {
    message.ParseFromString(bytes);
    if constexpr (Source == from::types) extract(message, result);
    benchmark::DoNotOptimize(&message);
    benchmark::DoNotOptimize(&result);
    benchmark::ClobberMemory();
  }
  extract(message, result);
  expect_equal(result, value, "protobuf");
}

template <class T, class Message>
void add() {
  add_benchmark<T>("write", "protobuf, message only", write<T, Message, from::message>);
  add_benchmark<T>("read", "protobuf, message only", read<T, Message, from::message>);
  add_benchmark<T>("write", "protobuf, from and to C++ types", write<T, Message, from::types>);
  add_benchmark<T>("read", "protobuf, from and to C++ types", read<T, Message, from::types>);
}

}  // namespace

void register_protobuf() {
  add<int_pair, wire::IntPair>();
  add<record, wire::Record>();
  add<numbers, wire::Numbers>();
}

}  // namespace bench
