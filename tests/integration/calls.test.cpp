// SPDX-License-Identifier: Apache-2.0
#include "integration/functions.hpp"
#include "integration/serving.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using modal::condition;
using modal::errc;

template <class Remote>
auto hold_one(const Remote& function, modal::client& client) {
  auto handle = function.on(client).spawn();
  served::entered.acquire();
  return handle;
}

}  // namespace

TEST_CASE("a call: brings values of many types there and back", "[integration]") {
  serving s;
  CHECK(modal::remote<served::add>.on(s.client)(1, 2) == 3);
  const served::person old{"Ada", 35, {{1, 2.5}, {3, 4.5}}};
  CHECK(modal::remote<served::birthday>.on(s.client)(old) ==
        served::person{"Ada", 36, {{1, 2.5}, {3, 4.5}}});
  const std::map<std::string, served::colour> colours{{"a", served::colour::red}};
  CHECK(modal::remote<served::invert>.on(s.client)(colours).at("a") == served::colour::green);
  CHECK(std::get<std::string>(modal::remote<served::first_word>.on(s.client)("two words")) ==
        "two");
  CHECK(std::get<int>(modal::remote<served::first_word>.on(s.client)("")) == 0);
  modal::remote<served::nothing>.on(s.client)();
}

TEST_CASE("a call: carries large arrays both ways", "[integration]") {
  serving s;
  const std::vector<float> ones(3'000'000, 1.0F);
  CHECK(modal::remote<served::sum>.on(s.client)(ones) == 3'000'000.0);
  const auto ramp = modal::remote<served::ramp>.on(s.client)(2'000'000U);
  REQUIRE(ramp.size() == 2'000'000);
  CHECK(ramp[1'999'999] == 1'999'999.0F);
  CHECK(modal::remote<served::sum>.on(s.client).spawn(ones).get() == 3'000'000.0);
}

TEST_CASE("a call: works over a Unix socket", "[integration]") {
  auto config = quiet_config();
  config.address = "unix:/tmp/modal-test-" + std::to_string(getpid()) + ".sock";
  serving s(config);
  CHECK(s.executor.url().starts_with("http+unix:///"));
  CHECK(modal::remote<served::add>.on(s.client)(20, 22) == 42);
  CHECK(modal::remote<served::add>.on(s.client).spawn(20, 22).get() == 42);
}

TEST_CASE("a call: comes and goes where neither end polls, or one does", "[integration]") {
  const auto polls = [](bool it_does) {
    return it_does ? modal::polling::guarded : modal::polling::off;
  };
  for (const bool executor_does : {false, true}) {
    for (const bool client_does : {false, true}) {
      auto config = quiet_config();
      config.poll = polls(executor_does);
      serving s(config);
      modal::client to(s.executor.url(), {.poll = polls(client_does)});
      for (int i = 0; i < 50; ++i) {
        CHECK(modal::remote<served::add>.on(to)(i, 2) == i + 2);
        CHECK(modal::remote<served::add>.on(to).spawn(i, 2).get() == i + 2);
      }
    }
  }
}

TEST_CASE("a call: takes bound functions, function objects and names fixed by hand",
          "[integration]") {
  serving s;
  CHECK(modal::bind<served::add>(40).on(s.client)(2) == 42);
  const std::vector<float> values{1, 2};
  CHECK(modal::bind(served::scaler{2}).on(s.client)(values) == std::vector<float>{2, 4});
  CHECK(modal::remote_as<served::add>("team.add.v2").on(s.client)(1, 1) == 2);
}

TEST_CASE("a call: reports where the time went", "[integration]") {
  serving s;
  modal::call_report report;
  modal::remote<served::add>.on(s.client).with({.report = &report})(1, 2);
  CHECK(report.attempts == 1);
  CHECK(!report.id.is_nil());
  CHECK(report.run.count() > 0);
  CHECK(report.total >= report.queue + report.decode + report.run + report.encode);
  CHECK(report.total ==
        report.queue + report.decode + report.run + report.encode + report.transfer);
  CHECK(report.bytes_in == 24);
  CHECK(report.bytes_out == 20);
}

TEST_CASE("a function: knows its call", "[integration]") {
  serving s;
  modal::call_report report;
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto facts = modal::remote<served::call_facts>.on(s.client).with(
      {.report = &report, .traceparent = trace})();
  CHECK(facts == report.id.to_string() + " served::call_facts " + trace + " bounded");
}

TEST_CASE("an exception: arrives as its own type where that is registered", "[integration]") {
  serving s;
  CHECK_THROWS_AS(modal::remote<served::throw_overdrawn>.on(s.client)(5), served::overdrawn);
  const auto failed = modal::remote<served::throw_overdrawn>.on(s.client).try_call(5);
  REQUIRE(!failed);
  CHECK(failed.error() == condition::function_failed);
  CHECK(failed.error().details().exception_type == "served::overdrawn");
  CHECK(failed.error().details().message == "overdrawn by 5");
}

TEST_CASE("an exception: that is no std::exception arrives with its type", "[integration]") {
  serving s;
  const auto failed = modal::remote<served::throw_seven>.on(s.client).try_call();
  REQUIRE(!failed);
  CHECK(failed.error() == errc::function_failed);
  CHECK(failed.error().details().exception_type == "int");
}

TEST_CASE("a failed run: is repeated by the executor as the options say", "[integration]") {
  serving s;
  modal::call_report report;
  CHECK(modal::remote<served::fail_until>.on(s.client).with({.report = &report})(3) == 3);
  CHECK(report.attempts == 3);
  CHECK(modal::remote<served::fail_until>.on(s.client).try_call(4).error() ==
        errc::function_failed);
}

TEST_CASE("an unknown function: is refused with the nearest name", "[integration]") {
  serving s;
  const auto missing = modal::remote_as<served::add>("served::ad").on(s.client).try_call(1, 2);
  REQUIRE(!missing);
  CHECK(missing.error() == errc::unknown_function);
  CHECK(missing.error() == condition::not_supported);
  CHECK_THAT(missing.error().message(), test::contains("served::add"));
}

TEST_CASE("a wrong signature: is refused with both texts and the difference", "[integration]") {
  serving s;
  const auto wrong =
      modal::remote_as<served::sum>("served::add").on(s.client).try_call(std::vector<float>{1});
  REQUIRE(!wrong);
  CHECK(wrong.error() == errc::signature_mismatch);
  CHECK(wrong.error() == condition::caller_bug);
  CHECK_THAT(wrong.error().message(), test::contains("(i32, i32) -> i32"));
  CHECK_THAT(wrong.error().message(), test::contains("([f32]) -> f64"));
  CHECK_THAT(wrong.error().message(), test::contains("^"));
}

// On a machine that is busy, a deadline may pass before the function was entered: then a later one
// is tried.
TEST_CASE("a deadline: ends the call and stops the function", "[integration]") {
  for (auto timeout = 20ms;; timeout *= 2) {
    {
      serving s;
      const auto late =
          modal::remote<served::hold>.on(s.client).with({.timeout = timeout}).try_call();
      REQUIRE(!late);
      CHECK(late.error() == condition::deadline);
    }  // whatever came has run now
    if (!served::entered.try_acquire()) continue;
    served::stopped.acquire();
    return;
  }
}

TEST_CASE("a deadline: ends the call of a function that ignores its stop token", "[integration]") {
  for (auto timeout = 20ms;; timeout *= 2) {
    serving s;
    const auto late =
        modal::remote<served::hold_stubbornly>.on(s.client).with({.timeout = timeout}).try_call();
    REQUIRE(!late);
    CHECK(late.error() == condition::deadline);
    const bool was_entered = served::entered.try_acquire();
    if (was_entered) CHECK(modal::remote<served::add>.on(s.client)(1, 2) == 3);
    served::released.release();
    s.executor.stop();  // whatever came has run now
    if (was_entered) return;
    if (!served::entered.try_acquire()) served::released.acquire();
  }
}

TEST_CASE("cancel: reaches the function's stop token", "[integration]") {
  serving s;
  auto call = hold_one(modal::remote<served::hold>, s.client);
  CHECK(!call.wait_for(0ms));
  call.cancel();
  const auto ended = call.try_get();
  REQUIRE(!ended);
  CHECK(ended.error() == condition::cancelled);
  served::stopped.acquire();
}

TEST_CASE("a client that goes away: cancels what it asked for", "[integration]") {
  serving s;
  {
    modal::client leaving(s.executor.url());
    hold_one(modal::remote<served::hold>, leaving);
  }
  served::stopped.acquire();
}

TEST_CASE("a full queue: refuses what is too much and harms nothing else", "[integration]") {
  serving s;
  std::vector<modal::call_handle<bool>> held;
  for (int i = 0; i < 2; ++i) held.push_back(hold_one(modal::remote<served::hold>, s.client));
  // Two run; two may wait.
  std::vector<modal::call_handle<bool>> waiting;
  while (s.executor.stats().waiting < 2)
    if (waiting.size() < 2) waiting.push_back(modal::remote<served::hold>.on(s.client).spawn());
  const auto refused = modal::remote<served::hold>.on(s.client).with({.retries = 0}).try_call();
  REQUIRE(!refused);
  CHECK(refused.error() == errc::queue_full);
  CHECK(refused.error() == condition::retry_later);
  CHECK(refused.error().details().retry_after.count() > 0);
  served::released.release(4);
  for (auto& call : held) CHECK(!call.get());
  for (auto& call : waiting) CHECK(!call.get());
  for (int i = 0; i < 2; ++i) served::entered.acquire();
}

TEST_CASE("a result above the limit: is an error of the function", "[integration]") {
  auto config = quiet_config();
  config.limits.body_bytes = 1 << 20;
  serving s(config);
  const auto large = modal::remote<served::ramp>.on(s.client).try_call(1'000'000U);
  REQUIRE(!large);
  CHECK(large.error() == errc::result_too_large);
}

TEST_CASE("a body above the limit: is refused before it is sent", "[integration]") {
  auto config = quiet_config();
  config.limits.body_bytes = 1 << 20;
  serving s(config);
  const std::vector<float> values(8 << 20);
  CHECK(modal::remote<served::sum>.on(s.client).try_call(values).error() == errc::too_large);
  CHECK(modal::remote<served::sum>.on(s.client).spawn(values).try_get().error() == errc::too_large);
  CHECK(modal::remote<served::add>.on(s.client)(1, 2) == 3);
}

TEST_CASE("stop: lets running calls finish and refuses new ones", "[integration]") {
  serving s;
  auto call = hold_one(modal::remote<served::hold>, s.client);
  std::thread stopping([&] { s.executor.stop(); });
  for (;;) {
    const auto refused =
        modal::remote<served::add>.on(s.client).with({.retries = 0}).try_call(1, 2);
    if (refused) continue;  // not draining yet
    const auto reaction = refused.error().condition();
    CHECK((reaction == condition::retry_later || reaction == condition::reconnect));
    break;
  }
  served::released.release();
  CHECK(!call.get());
  stopping.join();
}

TEST_CASE("stop: under load leaves every call with exactly one outcome", "[integration]") {
  auto config = quiet_config();
  serving s(config);
  std::atomic<int> answered{0};
  std::atomic<std::uint64_t> succeeded{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 8; ++t)
    callers.emplace_back([&] {
      for (;;) {
        const auto sum =
            modal::remote<served::add>.on(s.client).with({.retries = 0}).try_call(1, 2);
        ++answered;
        if (!sum || *sum != 3) break;
        ++succeeded;
      }
    });
  while (answered < 200) std::this_thread::yield();
  s.executor.stop();
  for (auto& caller : callers) caller.join();
  // An answer may be lost on the way, and none comes of what did not run.
  CHECK(succeeded <= s.executor.stats().succeeded);
  CHECK(s.executor.stats().running == 0);
}

TEST_CASE("one client: is used by many threads at once", "[integration]") {
  serving s;
  std::atomic<int> right{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 16; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        right += modal::remote<served::add>.on(s.client)(t, i) == t + i ? 1 : 0;
    });
  for (auto& caller : callers) caller.join();
  CHECK(right == 16 * 50);
}

TEST_CASE("the default client: is the executor of this process", "[integration]") {
  CHECK(modal::remote<served::add>(2, 3) == 5);
  CHECK(modal::remote<served::add>.spawn(2, 3).get() == 5);
  CHECK_THROWS_AS(modal::remote<served::throw_overdrawn>(1), served::overdrawn);
  CHECK(modal::remote_as<served::sum>("served::add").try_call(std::vector<float>{1}).error() ==
        errc::signature_mismatch);
  const std::vector<float> ones(100'000, 1.0F);
  CHECK(modal::remote<served::sum>(ones) == 100'000.0);
  CHECK(modal::remote<served::ramp>(5000U).size() == 5000);
  auto call = modal::remote<served::hold>.spawn();
  served::entered.acquire();
  call.cancel();
  CHECK(call.try_get().error() == condition::cancelled);
  served::stopped.acquire();
}

TEST_CASE("nested calls: need no worker of their own", "[integration]") {
  // More at a time than there are workers, each many calls deep.
  std::vector<modal::call_handle<int>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(modal::remote<served::nest>.spawn(20));
  for (auto& call : calls) CHECK(call.get() == 20);
}

TEST_CASE("nested calls: over HTTP too", "[integration]") {
  serving s;
  std::vector<modal::call_handle<int>> calls;
  for (int i = 0; i < 4; ++i)
    calls.push_back(modal::remote<served::nest_at>.on(s.client).spawn(s.executor.url(), 8));
  for (auto& call : calls) CHECK(call.get() == 8);
}

TEST_CASE("nested calls: spawned too, by a function that is served with others", "[integration]") {
  CHECK(modal::remote<served::nest_spawned>.with({.timeout = 60s})(20) == 20);
}

// The protocol knows of 1000 attempts and of a year and a day.
TEST_CASE("a call: may have any timeout, and any number of attempts", "[integration]") {
  serving s;
  const auto add = modal::remote<served::add>.on(s.client);
  for (const auto longest :
       {std::chrono::milliseconds::max(), std::chrono::milliseconds(std::chrono::hours(24 * 400))})
    CHECK(add.with({.timeout = longest, .retries = 1'000'000})(2, 3) == 5);
  CHECK(add.with({.retry_delay = std::chrono::milliseconds::max()})(2, 3) == 5);
}

TEST_CASE("a call: of less than no retries is refused", "[integration]") {
  serving s;
  const auto add = modal::remote<served::add>.on(s.client);
  CHECK(add.with({.retries = -1}).try_call(2, 3).error() == errc::bad_configuration);
  CHECK(add.with({.retry_delay = -1ms}).try_call(2, 3).error() == errc::bad_configuration);
}

TEST_CASE("nested calls: deeper than allowed are an error that says so", "[integration]") {
  serving s;
  const auto here = modal::remote<served::nest>.try_call(33);
  REQUIRE(!here);
  CHECK_THAT(here.error().message(), test::contains("nested deeper than 32"));
  const auto there = modal::remote<served::nest_at>.on(s.client).try_call(s.executor.url(), 33);
  REQUIRE(!there);
  CHECK_THAT(there.error().message(), test::contains("nested deeper than 32"));
  CHECK(modal::remote<served::nest_at>.on(s.client)(s.executor.url(), 32) == 32);
}
