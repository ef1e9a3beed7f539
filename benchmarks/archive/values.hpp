// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// @file
/// The values that every library writes and reads.

namespace bench {

/// What small calls carry.
struct int_pair {
  std::int32_t a = 0;
  std::int32_t b = 0;
  bool operator==(const int_pair&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(a, b);
  }
};

/// 514 bytes in cereal's binary format: scalars, strings and the usual containers.
struct record {
  std::int64_t id = 0;
  double time = 0;
  double weight = 0;
  std::uint32_t flags = 0;
  bool active = false;
  std::string name;
  std::string text;
  std::vector<std::string> tags;
  std::map<std::string, double> scores;
  std::vector<std::int32_t> counts;
  bool operator==(const record&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, time, weight, flags, active, name, text, tags, scores, counts);
  }
};
inline constexpr std::size_t record_bytes = 514;

using numbers = std::vector<float>;
inline constexpr std::size_t number_count = (std::size_t{64} << 20) / sizeof(float);

template <class T>
T make_value();

template <>
inline int_pair make_value<int_pair>() {
  return {.a = 41, .b = -7};
}

template <>
inline record make_value<record>() {
  record made{.id = 7'000'000'001,
              .time = 1.7e9,
              .weight = 0.125,
              .flags = 0x55,
              .active = true,
              .name = "a name of 19 bytes.",
              .text = std::string(96, 't'),
              .tags = {"tag-number", "tag-second", "third-tag.", "fourth-tag"},
              .scores = {},
              .counts = {}};
  for (int i = 0; i < 6; ++i) made.scores["score-" + std::to_string(i)] = i / 4.0;
  for (int i = 0; i < 30; ++i) made.counts.push_back(i * 1000);
  return made;
}

template <>
inline numbers make_value<numbers>() {
  numbers made(number_count);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<float>(i % 1000);
  return made;
}

}  // namespace bench
