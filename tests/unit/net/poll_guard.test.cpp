// SPDX-License-Identifier: Apache-2.0
#include <modal/net/poll_guard.hpp>

#include "support/catch.hpp"

#include <sched.h>

using namespace std::chrono_literals;
using modal::polling;
using modal::time_point;
using modal::detail::poll;
using modal::detail::poll_guard;
using modal::detail::poll_places;
using modal::detail::quota_of;

namespace {

constexpr time_point start{1h};

// Polls from `now` on, a microsecond a look, until `found`. Returns for how long.
std::chrono::nanoseconds poll_for(poll_guard& guard, time_point now,
                                  std::chrono::nanoseconds found = 1s) {
  if (!guard.begin(now)) return 0ns;
  const time_point began = now;
  for (;;) {
    const bool has_found = now - began >= found;
    now += 1us;
    if (!has_found && guard.goes_on(now)) continue;
    guard.end(has_found, now);
    return now - began;
  }
}

}  // namespace

TEST_CASE("poll guard: a group's quota in CPUs", "[net][poll_guard]") {
  CHECK(quota_of("50000 100000") == 0.5);
  CHECK(quota_of("400000 100000") == 4.0);
  CHECK(!quota_of("max 100000"));
  CHECK(!quota_of("-1 100000"));
  CHECK(!quota_of("50000"));
  CHECK(!quota_of("50000 "));
  CHECK(!quota_of("50000 0"));
  CHECK(!quota_of(""));
}

TEST_CASE("poll guard: this process may use as many CPUs as it is bound to, at most",
          "[net][poll_guard]") {
  cpu_set_t mine;
  REQUIRE(::sched_getaffinity(0, sizeof mine, &mine) == 0);
  CHECK(modal::detail::allowed_cpus() <= static_cast<std::size_t>(CPU_COUNT(&mine)));
}

TEST_CASE("poll guard: as many at a time as there are places", "[net][poll_guard]") {
  poll_places places(2);
  poll_guard a(polling::guarded, places);
  poll_guard b(polling::guarded, places);
  poll_guard c(polling::guarded, places);
  CHECK(a.begin(start));
  CHECK(b.begin(start));
  CHECK(!c.begin(start));
  a.end(true, start + 1us);
  CHECK(c.begin(start + 2us));
  b.end(false, start + 3us);
  c.end(false, start + 3us);
  poll_places none(0);
  poll_guard d(polling::guarded, none);
  CHECK(!d.begin(start));
}

TEST_CASE("poll guard: off is off", "[net][poll_guard]") {
  poll_places places(2);
  poll_guard guard(polling::off, places);
  CHECK(!guard.begin(start));
  int looks = 0;
  CHECK(!poll(guard, [&] {
    ++looks;
    return false;
  }));
  CHECK(looks == 1);
}

TEST_CASE("poll guard: polls twice as long as it took last time, within bounds",
          "[net][poll_guard]") {
  poll_places places(2);
  poll_guard guard(polling::guarded, places);
  CHECK(poll_for(guard, start) == poll_guard::longest);
  CHECK(poll_for(guard, start, 14us) == 15us);
  CHECK(poll_for(guard, start) == 30us);
  CHECK(poll_for(guard, start, 2us) == 3us);
  CHECK(poll_for(guard, start) == poll_guard::shortest);
  CHECK(poll_for(guard, start) == poll_guard::longest);
}

TEST_CASE("poll guard: what does not pay is tried again at times", "[net][poll_guard]") {
  poll_places places(2);
  poll_guard guard(polling::guarded, places);
  for (int i = 0; i < 8; ++i) CHECK(poll_for(guard, start) > 0ns);
  int polled = 0;
  for (int i = 0; i < 128; ++i) polled += poll_for(guard, start) > 0ns;
  CHECK(polled == 2);
  while (poll_for(guard, start, 5us) == 0ns) {
  }
  for (int i = 0; i < 8; ++i) CHECK(poll_for(guard, start, 5us) == 6us);
}

TEST_CASE("poll guard: where somebody else wants the CPU, nobody polls for a while",
          "[net][poll_guard]") {
  poll_places places(2);
  poll_guard mine(polling::guarded, places);
  poll_guard other(polling::guarded, places);
  const auto meet = [&](time_point now) {
    REQUIRE(mine.begin(now));
    CHECK(!mine.goes_on(now + 4ms));
    mine.end(false, now + 4ms);
    return now + 4ms;
  };
  time_point now = meet(start);
  CHECK(!mine.begin(now + 49ms));
  CHECK(!other.begin(now + 49ms));

  SECTION("longer, if that happens again soon") {
    now = meet(now + 50ms);
    CHECK(!other.begin(now + 99ms));
    now = meet(now + 100ms);
    CHECK(!other.begin(now + 199ms));
    for (const auto pause : {200ms, 400ms, 800ms, 1600ms}) now = meet(now + pause);
    CHECK(!other.begin(now + 1599ms));
    CHECK(poll_for(other, now + 1600ms) > 0ns);
  }
  SECTION("as long as the first time, if it went well in between") {
    now = meet(now + 50ms);
    now = meet(now + 100ms + 101ms);
    CHECK(!other.begin(now + 49ms));
    CHECK(poll_for(other, now + 50ms) > 0ns);
  }
  SECTION("what all see at once is seen once") {
    REQUIRE(mine.begin(now + 50ms));
    REQUIRE(other.begin(now + 50ms));
    CHECK(!mine.goes_on(now + 54ms));
    CHECK(!other.goes_on(now + 54ms));
    mine.end(false, now + 54ms);
    other.end(false, now + 54ms);
    CHECK(poll_for(other, now + 154ms) > 0ns);
  }
}

TEST_CASE("poll guard: a thread that gets the CPU back late gives it away less and less",
          "[net][poll_guard]") {
  poll_places places(2);
  poll_guard guard(GENERATE(polling::off, polling::guarded), places);
  time_point now = start;
  const auto skipped_after = [&](std::chrono::nanoseconds took) {
    REQUIRE(guard.may_yield(now));
    guard.note_yield(now, now + took);
    now += took;
    for (int skipped = 0;; ++skipped)
      if (guard.may_yield(now)) return skipped;
  };
  CHECK(skipped_after(5us) == 0);
  for (const int next : {1, 3, 7, 15}) CHECK(skipped_after(200us) == next);
  CHECK(skipped_after(20us) == 0);
  for (int i = 0; i < 20; ++i) skipped_after(101us);
  CHECK(skipped_after(101us) == 1023);
}

TEST_CASE("poll guard: a yield that takes very long is a reason not to poll", "[net][poll_guard]") {
  poll_places places(2);
  poll_guard guard(polling::guarded, places);
  REQUIRE(guard.may_yield(start));
  guard.note_yield(start, start + 4ms);
  poll_guard other(polling::guarded, places);
  CHECK_FALSE(other.begin(start + 53ms));
  CHECK_FALSE(other.may_yield(start + 53ms));
  CHECK(other.may_yield(start + 54ms));
}
