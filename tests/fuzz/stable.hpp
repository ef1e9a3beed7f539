// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/declare.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/json_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <bitset>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <valarray>
#include <vector>

/// @file
/// What is fuzzed: types of every kind, and the property that encode(decode(x)) is stable.

namespace fuzzed {

struct extent {
  int width, height;
};
enum class mode { fast, exact };
MODAL_ENUM(mode, fast, exact)
struct named {
  bool flag;
  std::string text;
  std::optional<double> weight;
  fuzzed::mode how;
};
MODAL_FIELDS(named, flag, text, weight, how)
struct node {
  std::int8_t value;
  std::vector<node> kids;
};
struct chain {
  std::unique_ptr<chain> next;
};

/// Decoding these has one result, and encoding that has one text: hash tables are apart.
using ordered =
    std::tuple<named, std::vector<extent>, std::map<std::string, std::vector<bool>>,
               std::variant<std::int64_t, std::string, std::monostate>, node,
               std::multiset<std::uint16_t>, std::array<std::string, 2>, std::deque<float>,
               std::pair<std::chrono::milliseconds, std::complex<float>>, std::vector<std::byte>,
               std::set<std::pair<std::int8_t, std::uint64_t>>>;
using numbers = std::vector<double>;
using texts = std::vector<std::string>;
using rare =
    std::tuple<std::bitset<11>, std::forward_list<std::string>, std::queue<float>,
               std::valarray<std::uint16_t>, std::priority_queue<std::int8_t>, std::list<extent>>;
using hashed = std::pair<std::unordered_map<int, std::string>, std::unordered_set<std::string>>;
using repeated = std::unordered_multimap<std::uint8_t, std::string>;

/// Whether equal values may be written in different orders.
template <class T>
inline constexpr bool has_any_order = std::is_same_v<T, hashed> || std::is_same_v<T, repeated>;

/// Calls `check` for each of the types, with none of its values.
template <class Check>
void each_type(Check&& check) {
  check(std::type_identity<ordered>{});
  check(std::type_identity<numbers>{});
  check(std::type_identity<texts>{});
  check(std::type_identity<node>{});
  check(std::type_identity<chain>{});
  check(std::type_identity<rare>{});
  check(std::type_identity<hashed>{});
  check(std::type_identity<repeated>{});
}

inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

/// Runs `decode`; returns whether it took the input. The only ways to refuse are these two errors.
template <class Decode>
bool accepted(Decode&& decode) {
  try {
    decode();
    return true;
  } catch (const modal::call_error& refused) {
    const auto reason = refused.reason().value();
    require(reason == modal::errc::malformed_payload || reason == modal::errc::too_large,
            "input is refused as malformed or too large");
    return false;
  }
}

}  // namespace fuzzed
