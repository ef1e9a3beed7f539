// SPDX-License-Identifier: Apache-2.0
// Calls that functions make end with them.
#include "integration/functions.hpp"
#include "integration/serving.hpp"
#include "support/catch.hpp"

#include <thread>

using modal::condition;
using served::calling;

namespace {

// What the call inside ends with, when the one outside is cancelled.
template <class Handle>
void check_cancelled(Handle&& outer) {
  served::entered.acquire();
  outer.cancel();
  served::relayed.is_over.acquire();
  CHECK(served::relayed.failure == condition::cancelled);
  CHECK(outer.try_get().error() == condition::cancelled);
}

}  // namespace

TEST_CASE("cancel: reaches what a function waits for", "[integration][cancel]") {
  const auto how = GENERATE(calling::blocking, calling::spawned, calling::blocking_by_http,
                            calling::spawned_by_http);
  serving outside;
  serving inside;
  check_cancelled(
      modal::remote<served::hold_at>.on(outside.client).spawn(inside.executor.url(), how));
  served::stopped.acquire();
}

TEST_CASE("cancel: reaches what a function waits for inside its process", "[integration][cancel]") {
  const auto how = GENERATE(calling::blocking, calling::spawned);
  const bool is_all_inside = GENERATE(false, true);
  serving outside;
  modal::client here = modal::client::in_process();
  check_cancelled(
      modal::remote<served::hold_at>.on(is_all_inside ? here : outside.client).spawn(std::string(), how));
  served::stopped.acquire();
}

TEST_CASE("cancel: reaches several functions that wait on one session", "[integration][cancel]") {
  const auto first = GENERATE(std::size_t{0}, std::size_t{1});
  serving inside(quiet_config(4));
  // One of the two reads for the other.
  std::vector<std::thread> functions;
  std::vector<modal::result<void>> ended(2, modal::error(modal::errc::connection_lost));
  modal::detail::lazy_stop stops[2];
  for (std::size_t i = 0; i < 2; ++i) {
    functions.emplace_back([&, i] {
      modal::call_context::state state;
      state.stop = &stops[i];
      const modal::call_context context(state);
      const modal::detail::call_scope scope(context);
      ended[i] = modal::remote<served::hold_stubbornly>.on(inside.client).try_call();
    });
    served::entered.acquire();
  }
  for (const std::size_t i : {first, 1 - first}) {
    if (auto source = stops[i].request()) source->request_stop();
    functions[i].join();
    CHECK(ended[i].error() == condition::cancelled);
  }
  served::released.release(2);
}

TEST_CASE("cancel: ends the waits between attempts", "[integration][cancel]") {
  serving outside;
  std::string nowhere;
  {
    const serving gone;
    nowhere = gone.executor.url();
  }
  check_cancelled(modal::remote<served::knock_at>.on(outside.client).spawn(nowhere));
}

TEST_CASE("cancel: a function that was asked to stop makes no calls", "[integration][cancel]") {
  serving outside;
  serving inside;
  check_cancelled(
      modal::remote<served::call_too_late>.on(outside.client).spawn(inside.executor.url()));
  served::stopped.acquire();
  CHECK(inside.executor.stats().admitted == 0);
}

TEST_CASE("cancel: what a function has left running goes on", "[integration][cancel]") {
  serving s;
  auto outer = modal::remote<served::leave_running>.on(s.client).spawn(s.executor.url());
  served::entered.acquire();
  outer.get();
  served::released.release();
  CHECK(!served::left_running->get());
  served::left_running.reset();
  served::kept_client.reset();
}

TEST_CASE("linger: a call goes on when its caller is gone", "[integration][cancel]") {
  const bool has_session = GENERATE(true, false);
  serving s;
  {
    modal::client leaving(s.executor.url(), {.session = has_session});
    (void)modal::remote<served::hold_on>.on(leaving).spawn();
    served::entered.acquire();
  }
  CHECK(s.executor.stats().running == 1);
  served::released.release();
  served::relayed.is_over.acquire();
  CHECK_FALSE(served::relayed.was_stopped);
}
