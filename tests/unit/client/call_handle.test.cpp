// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_handle.hpp>

#include "support/catch.hpp"

using namespace modal;

TEST_CASE("call handle: ends when its answer arrives", "[client][call_handle]") {
  auto state = std::make_shared<detail::spawned_state>();
  state->id = id128::random();
  bool cancelled = false;
  state->cancel = [&cancelled] { cancelled = true; };
  const call_handle<int> handle(state);
  CHECK(handle.id() == state->id);
  CHECK(!handle.wait_for(std::chrono::nanoseconds{0}));
  handle.cancel();
  CHECK(cancelled);
  state->complete(error(errc::cancelled));
  CHECK(handle.wait_for(std::chrono::nanoseconds{0}));
  CHECK(handle.try_get().error() == errc::cancelled);
  CHECK_THROWS_AS(handle.get(), call_error);
  CHECK(handle.report().id == state->id);
}
