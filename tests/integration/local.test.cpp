// SPDX-License-Identifier: Apache-2.0
// Callers on the executor's own host.
#include "integration/functions.hpp"
#include "integration/serving.hpp"
#include "support/catch.hpp"

#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

using modal::path_kind;

namespace {

path_kind path_of_one(modal::client& to) {
  modal::call_report report;
  CHECK(modal::remote<served::add>.on(to).with({.report = &report})(1, 2) == 3);
  return report.path;
}

}  // namespace

TEST_CASE("local: sessions by TCP move to a Unix socket", "[integration]") {
  serving s;
  CHECK(path_of_one(s.client) == path_kind::session);
  CHECK(path_of_one(s.client) == path_kind::session_unix);
  const std::vector<float> ones(1'000'000, 1.0F);
  modal::call_report report;
  CHECK(modal::remote<served::sum>.on(s.client).with({.report = &report})(ones) == 1'000'000.0);
  CHECK(report.path == path_kind::session_unix);
}

TEST_CASE("local: nothing moves where one of the two does not want that", "[integration]") {
  auto config = quiet_config();
  config.local = false;
  serving s(config);
  for (int i = 0; i < 3; ++i) CHECK(path_of_one(s.client) == path_kind::session);
  serving other;
  modal::client stays(other.executor.url(), {.local = false});
  for (int i = 0; i < 3; ++i) CHECK(path_of_one(stays) == path_kind::session);
  modal::client plain(other.executor.url(), {.session = false});
  CHECK(path_of_one(plain) == path_kind::http);
}

TEST_CASE("local: comes back with an executor that is started anew", "[integration]") {
  auto config = quiet_config();
  auto first = std::make_unique<modal::executor>(config);
  first->start();
  modal::client to(first->url());
  (void)path_of_one(to);
  CHECK(path_of_one(to) == path_kind::session_unix);
  config.port = first->port();
  first.reset();
  modal::executor second(config);
  second.start();
  CHECK(path_of_one(to) == path_kind::session);
  CHECK(path_of_one(to) == path_kind::session_unix);
}

TEST_CASE("local: who calls by a Unix socket is known", "[integration]") {
  std::mutex mutex;
  std::vector<std::string> callers;
  auto config = quiet_config();
  config.log_calls = true;
  config.log = [&](const modal::log_record& record) {
    const std::lock_guard lock(mutex);
    for (const auto& [name, value] : record.fields)
      if (name == "caller") callers.emplace_back(value);
  };
  {
    serving s(config);
    (void)path_of_one(s.client);  // by TCP: nobody knows
    (void)path_of_one(s.client);
  }
  const std::lock_guard lock(mutex);
  CHECK(callers == std::vector{std::string("anyone"), "uid:" + std::to_string(::getuid())});
}
