// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_handle.hpp>

#include "support/catch.hpp"

using namespace modal;

namespace {

struct watched_call final : detail::pending_call {
  void begin() override {}
  void cancel() noexcept override { cancelled = true; }
  bool cancelled = false;
};

}  // namespace

TEST_CASE("call handle: ends when its answer arrives", "[client][call_handle]") {
  auto state = std::make_shared<detail::spawned_state>();
  state->id = id128::random();
  const auto call = std::make_shared<watched_call>();
  state->call = call;
  const call_handle<int> handle(state);
  CHECK(handle.id() == state->id);
  CHECK(!handle.wait_for(std::chrono::nanoseconds{0}));
  handle.cancel();
  CHECK(call->cancelled);
  state->on_answer(error(errc::cancelled));
  CHECK(handle.wait_for(std::chrono::nanoseconds{0}));
  CHECK(handle.try_get().error() == errc::cancelled);
  CHECK_THROWS_AS(handle.get(), call_error);
  CHECK(handle.report().id == state->id);
}
