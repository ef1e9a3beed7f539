// SPDX-License-Identifier: Apache-2.0
#include <modal/base/ids.hpp>

#include "support/catch.hpp"

#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using modal::id128;

TEST_CASE("id128: is nil until made", "[base][ids]") {
  CHECK(id128{}.is_nil());
  CHECK(id128{}.to_string() == std::string(32, '0'));
  CHECK_FALSE(id128::random().is_nil());
}

TEST_CASE("id128: text comes back as the same id", "[base][ids]") {
  for (int i = 0; i < 100; ++i) {
    const auto made = id128::random();
    id128 read;
    REQUIRE(id128::from_string(made.to_string(), read));
    CHECK(read == made);
  }
}

TEST_CASE("id128: prints lower-case hexadecimal digits, first byte first", "[base][ids]") {
  id128 id;
  id.bytes[0] = 0xab;
  id.bytes[15] = 0x0f;
  CHECK(id.to_string() == "ab00000000000000000000000000000f");
}

TEST_CASE("id128: reads digits of either case", "[base][ids]") {
  id128 lower;
  id128 upper;
  REQUIRE(id128::from_string("abcdef0123456789abcdef0123456789", lower));
  REQUIRE(id128::from_string("ABCDEF0123456789ABCDEF0123456789", upper));
  CHECK(lower == upper);
}

TEST_CASE("id128: bad text is refused and leaves the output alone", "[base][ids]") {
  const auto before = id128::random();
  auto id = before;
  CHECK_FALSE(id128::from_string("", id));
  CHECK_FALSE(id128::from_string("abcdef0123456789abcdef012345678", id));
  CHECK_FALSE(id128::from_string("abcdef0123456789abcdef01234567890", id));
  CHECK_FALSE(id128::from_string("abcdef0123456789abcdef012345678g", id));
  CHECK_FALSE(id128::from_string("abcdef01-2345-6789-abcd-ef0123456789", id));
  CHECK_FALSE(id128::from_string(" bcdef0123456789abcdef0123456789", id));
  CHECK(id == before);
}

TEST_CASE("id128: random ids are of version 4, variant 1", "[base][ids]") {
  const auto id = id128::random();
  CHECK((id.bytes[6] >> 4) == 4);
  CHECK((id.bytes[8] >> 6) == 2);
}

TEST_CASE("id128: random ids differ, also between threads", "[base][ids]") {
  std::vector<std::vector<id128>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& list : made)
      threads.emplace_back([&list] {
        for (int i = 0; i < 1000; ++i) list.push_back(id128::random());
      });
  }
  std::set<id128> all;
  for (const auto& list : made) all.insert(list.begin(), list.end());
  CHECK(all.size() == 4000);
}

TEST_CASE("id128: a name's id is the same everywhere and always", "[base][ids]") {
  // Computed apart, as a version 5 UUID in the protocol's name space.
  CHECK(id128::from_name("(i32, i32) -> i32").to_string() == "e8ef6d1790045b2e883859691a663819");
  CHECK(id128::from_name("").to_string() == "0ac05ec9b0fb5238847e9c89693a5d4d");
}

TEST_CASE("id128: names differ, so do ids", "[base][ids]") {
  CHECK(id128::from_name("(i32) -> i32") != id128::from_name("(i32) -> u32"));
  CHECK((id128::from_name("a").bytes[6] >> 4) == 5);
}

TEST_CASE("id128: processes that were forked from one make different ids", "[base][ids]") {
  (void)modal::id128::random();  // the generator stands, and is copied
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::vector<modal::id128> made;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto mine = modal::id128::random();
      const auto size = static_cast<ssize_t>(sizeof mine.bytes);
      ::_exit(::write(ends[1], mine.bytes.data(), sizeof mine.bytes) == size ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    auto& next = made.emplace_back();
    REQUIRE(::read(ends[0], next.bytes.data(), sizeof next.bytes) == sizeof next.bytes);
  }
  ::close(ends[0]);
  ::close(ends[1]);
  made.push_back(modal::id128::random());
  for (std::size_t i = 0; i < made.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(made[i] != made[j]);
}
