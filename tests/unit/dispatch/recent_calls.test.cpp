// SPDX-License-Identifier: Apache-2.0
#include "dispatch/recent_calls.hpp"

#include "unit/dispatch/fake_calls.hpp"

#include <algorithm>

using namespace test;

namespace {

const time_point start{1'000s};

std::shared_ptr<call_outcome> some_outcome() { return std::make_shared<call_outcome>(); }

}  // namespace

TEST_CASE("recent_ids: knows what began, for a while", "[executor][recent]") {
  recent_ids ids(64, 60s);
  const auto id = call_id::random();
  CHECK_FALSE(ids.contains(id, start));
  ids.note(id, start);
  CHECK(ids.contains(id, start));
  CHECK(ids.contains(id, start + 60s - 1ns));
  CHECK_FALSE(ids.contains(id, start + 60s));
  ids.forget(id);
  CHECK_FALSE(ids.contains(id, start));
  CHECK_FALSE(ids.contains(call_id{}, start));
}

TEST_CASE("recent_ids: forgets the oldest where there is no room", "[executor][recent]") {
  recent_ids ids(8, 60s);
  std::vector<call_id> all;
  for (int i = 0; i < 9; ++i) {
    all.push_back(call_id::random());
    ids.note(all.back(), start + std::chrono::seconds(i));
  }
  CHECK_FALSE(ids.contains(all[0], start + 9s));
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(ids.contains(all[i], start + 9s));
}

TEST_CASE("recent_ids: remembers about as many as it was told", "[executor][recent]") {
  recent_ids ids(4096, 60s);
  std::vector<call_id> all(2048);
  // Ids that differ in one place, as a caller may choose them.
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].bytes[7] = static_cast<std::uint8_t>(i);
    all[i].bytes[15] = static_cast<std::uint8_t>(i >> 8 | 0x80);
    ids.note(all[i], start);
  }
  const auto known = std::count_if(all.begin(), all.end(),
                                   [&](const call_id& each) { return ids.contains(each, start); });
  CHECK(known > 1900);
}

TEST_CASE("recent_ids: of no size knows nothing", "[executor][recent]") {
  recent_ids ids(0, 60s);
  const auto id = call_id::random();
  ids.note(id, start);
  ids.forget(id);
  CHECK_FALSE(ids.contains(id, start));
}

TEST_CASE("repeatable_calls: is under way, then over, then forgotten", "[executor][recent]") {
  repeatable_calls calls(1000, 60s);
  const auto id = call_id::random();
  const call_ptr which(new call);
  CHECK(calls.find(id, start) == nullptr);
  calls.begin(id, *which);
  REQUIRE(calls.find(id, start) != nullptr);
  CHECK(calls.find(id, start)->under_way == which.get());
  CHECK(calls.find(id, start)->outcome() == nullptr);
  CHECK(calls.find(id, start + 1h) != nullptr);  // however long it takes

  const auto outcome = some_outcome();
  calls.end(id, *which, outcome, 10, start);
  REQUIRE(calls.find(id, start + 59s) != nullptr);
  CHECK(calls.find(id, start + 59s)->outcome() == outcome);
  CHECK(calls.kept_bytes() == 10);
  CHECK(calls.find(id, start + 60s) == nullptr);
  CHECK(calls.kept_bytes() == 0);
  CHECK(calls.take_dropped().size() == 1);
  CHECK(calls.take_dropped().empty());
}

TEST_CASE("repeatable_calls: one without an outcome is forgotten at once", "[executor][recent]") {
  repeatable_calls calls(1000, 60s);
  const auto id = call_id::random();
  const call_ptr which(new call);
  const call_ptr other(new call);
  calls.begin(id, *which);
  calls.end(id, *other, some_outcome(), 10, start);  // not its own
  REQUIRE(calls.find(id, start) != nullptr);
  CHECK(calls.find(id, start)->under_way == which.get());
  calls.end(id, *which, nullptr, 0, start);
  CHECK(calls.find(id, start) == nullptr);
  calls.end(id, *which, some_outcome(), 10, start);
  CHECK(calls.find(id, start) == nullptr);
}

TEST_CASE("repeatable_calls: the oldest outcomes make room", "[executor][recent]") {
  repeatable_calls calls(100, 60s);
  const call_ptr which(new call);
  std::vector<call_id> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(call_id::random());
    calls.begin(ids.back(), *which);
    calls.end(ids.back(), *which, some_outcome(), 40, start);
  }
  CHECK(calls.find(ids[0], start) == nullptr);
  CHECK(calls.find(ids[1], start) != nullptr);
  CHECK(calls.find(ids[2], start) != nullptr);
  CHECK(calls.kept_bytes() == 80);
  const auto large = call_id::random();
  calls.begin(large, *which);
  calls.end(large, *which, some_outcome(), 101, start);  // one past it
  CHECK(calls.find(large, start) == nullptr);
  CHECK(calls.kept_bytes() == 80);
  const auto fits = call_id::random();
  calls.begin(fits, *which);
  calls.end(fits, *which, some_outcome(), 100, start);
  CHECK(calls.find(fits, start) != nullptr);
  CHECK(calls.kept_bytes() == 100);
}

TEST_CASE("share_result: has the bytes of the outcome, and keeps it", "[executor][recent]") {
  auto outcome = some_outcome();
  const std::string envelope = "small values";
  std::memcpy(outcome->result.extend(envelope.size()), envelope.data(), envelope.size());
  const auto large = std::make_shared<std::vector<std::byte>>(10'000, std::byte{7});
  outcome->result.add_segment(*large);
  outcome->result.keep(large);
  const auto expected = outcome->result.to_bytes();
  const std::weak_ptr<const call_outcome> watched = outcome;
  payload shared = share_result(outcome);
  outcome.reset();
  CHECK_FALSE(watched.expired());
  CHECK(shared.to_bytes() == expected);
  CHECK(shared.segments()[0].data() == large->data());
  shared = {};
  CHECK(watched.expired());
}
