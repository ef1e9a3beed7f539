// SPDX-License-Identifier: Apache-2.0
#include "net/scribe.hpp"

#include "support/catch.hpp"

#include <future>
#include <stdexcept>
#include <string>
#include <vector>

using modal::log_level;
using modal::log_record;
using modal::detail::scribe;

TEST_CASE("scribe: writes all that is said, in order, before its end", "[net][scribe]") {
  std::vector<std::string> written;
  scribe it([&](const log_record& record) { written.emplace_back(record.message); });
  for (int i = 0; i < 100; ++i) it.say(log_level::info, "number ", std::to_string(i));
  it.end();
  REQUIRE(written.size() == 100);
  for (int i = 0; i < 100; ++i)
    CHECK(written[static_cast<std::size_t>(i)] == "number " + std::to_string(i));
  it.say(log_level::info, "too late");
  it.end();
  CHECK(written.size() == 100);
}

TEST_CASE("scribe: a sink that blocks holds up nobody, and no memory without end",
          "[net][scribe]") {
  std::promise<void> entered;
  std::promise<void> released;
  std::size_t written = 0;
  scribe it([&](const log_record&) {
    if (written++ != 0) return;
    entered.set_value();
    released.get_future().wait();
  });
  it.say(log_level::warning, "first");
  entered.get_future().wait();
  for (int i = 0; i < 10'000; ++i) it.say(log_level::warning, "more");
  released.set_value();
  it.end();
  CHECK(written == 1 + 256);
}

TEST_CASE("scribe: goes on after a sink that throws, and without one", "[net][scribe]") {
  int written = 0;
  scribe it([&](const log_record&) {
    if (++written == 1) throw std::runtime_error("against the contract");
  });
  it.say(log_level::error, "one");
  it.say(log_level::error, "two");
  it.end();
  CHECK(written == 2);
  scribe silent({});
  silent.say(log_level::error, "nobody hears");
}
