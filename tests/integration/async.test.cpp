// SPDX-License-Identifier: Apache-2.0
#include <modal/asio.hpp>
#include <modal/executor.hpp>

#include "integration/functions.hpp"
#include "support/catch.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using modal::errc;

namespace {

struct serving {
  serving()
      : executor({.port = 0, .threads = 2, .grace = 10s, .log = [](const modal::log_record&) {}}),
        client((executor.start(), executor.url())) {}
  modal::executor executor;
  modal::client client;
};

}  // namespace

TEST_CASE("async: a future and a coroutine throw what a plain call throws",
          "[integration][async]") {
  serving s;
  const auto fails = modal::remote<served::throw_overdrawn>.on(s.client);
  CHECK_THROWS_AS(fails(7), served::overdrawn);
  CHECK_THROWS_AS(modal::async(fails, 7, asio::use_future).get(), served::overdrawn);

  asio::io_context context;
  std::string plain;
  std::string awaited;
  try {
    modal::remote<served::throw_seven>.on(s.client)();
  } catch (const modal::call_error& failure) {
    plain = failure.details().message;
  }
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        try {
          co_await modal::async<served::throw_seven>(s.client, asio::use_awaitable);
        } catch (const modal::call_error& failure) {
          awaited = failure.details().message;
          CHECK(failure.reason() == errc::function_failed);
          CHECK(failure.details().function == "served::throw_seven");
        }
      },
      [](std::exception_ptr) {});
  context.run();
  CHECK(!plain.empty());
  CHECK(awaited == plain);
}

TEST_CASE("async: a function without result completes without one", "[integration][async]") {
  serving s;
  modal::async<served::nothing>(s.client, asio::use_future).get();
  std::promise<bool> by_code;
  modal::async<served::nothing>(
      s.client, [&](boost::system::error_code failure) { by_code.set_value(!failure); });
  CHECK(by_code.get_future().get());
  std::promise<bool> by_result;
  modal::async<served::nothing>(s.client,
                                [&](modal::result<void> done) { by_result.set_value(!!done); });
  CHECK(by_result.get_future().get());
}

TEST_CASE("async: a callback gets what it asks for", "[integration][async]") {
  serving s;
  std::promise<int> by_code;
  modal::async<served::add>(s.client, 1, 2, [&](boost::system::error_code failure, int sum) {
    by_code.set_value(failure ? -1 : sum);
  });
  CHECK(by_code.get_future().get() == 3);

  std::promise<modal::result<int>> by_result;
  modal::async<served::throw_overdrawn>(
      s.client, 7, [&](modal::result<int> failed) { by_result.set_value(std::move(failed)); });
  const auto failed = by_result.get_future().get();
  REQUIRE(!failed);
  CHECK(failed.error() == errc::function_failed);
  CHECK(!failed.error().details().exception_type.empty());

  std::promise<modal::diagnostics> by_details;
  modal::diagnostics details;
  modal::async(modal::remote<served::throw_overdrawn>.on(s.client).with({.details = &details}), 7,
               [&](boost::system::error_code, int) { by_details.set_value(details); });
  const auto told = by_details.get_future().get();
  CHECK(told.message == failed.error().details().message);
  CHECK(told.exception_type == failed.error().details().exception_type);
}

TEST_CASE("async: a handler runs once, on its own executor", "[integration][async]") {
  serving s;
  asio::io_context context;
  int runs = 0;
  constexpr int calls = 200;
  for (int i = 0; i < calls; ++i)
    modal::async<served::add>(
        s.client, i, i,
        asio::bind_executor(context, [&, i](boost::system::error_code failure, int sum) {
          CHECK(!failure);
          CHECK(sum == 2 * i);
          ++runs;
        }));
  context.run();
  CHECK(runs == calls);
}

TEST_CASE("async: a cancellation slot ends the call, at whatever moment", "[integration][async]") {
  serving s;
  {
    asio::cancellation_signal stop;
    std::promise<boost::system::error_code> ended;
    modal::async<served::hold>(s.client, asio::bind_cancellation_slot(
                                             stop.slot(), [&](boost::system::error_code failure,
                                                              bool) { ended.set_value(failure); }));
    served::entered.acquire();
    stop.emit(asio::cancellation_type::terminal);
    CHECK(ended.get_future().get() == modal::condition::cancelled);
    served::stopped.acquire();
  }
  // The answer and the cancellation race. A slot is not safe to share, so both are kept to one
  // thread, as a strand does.
  asio::io_context context;
  std::size_t runs = 0;
  constexpr std::size_t calls = 300;
  std::vector<asio::cancellation_signal> signals(calls);
  for (std::size_t i = 0; i < calls; ++i) {
    modal::async<served::add>(
        s.client, 1, 2,
        asio::bind_cancellation_slot(
            signals[i].slot(),
            asio::bind_executor(context, [&](boost::system::error_code failure, int sum) {
              CHECK((failure == modal::condition::cancelled || sum == 3));
              ++runs;
            })));
    if (i % 2 == 0) asio::post(context, [&, i] { signals[i].emit(asio::cancellation_type::all); });
  }
  context.run();
  CHECK(runs == calls);
}

TEST_CASE("async: in this process it is the same", "[integration][async]") {
  CHECK(modal::async<served::add>(2, 3, asio::use_future).get() == 5);
  CHECK_THROWS_AS(modal::async<served::throw_overdrawn>(7, asio::use_future).get(),
                  served::overdrawn);
}
