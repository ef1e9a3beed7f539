// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dispatch/dispatcher.hpp"
#include "http1/connection_fsm.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace modal::detail {

/// A call between its admission and its answer, as those who read it from a socket see it: whatever
/// carries it. Used for one call after the other. For one thread.
class entered_call {
 public:
  /// @param calls lives as long as this.
  explicit entered_call(dispatcher& calls) noexcept : calls_(calls) {}

  /// Takes what was let in, if anything was.
  void take(ticket admitted) noexcept { ticket_ = std::move(admitted); }
  [[nodiscard]] const ticket& admitted() const noexcept { return ticket_; }
  /// Returns what its body is bound by. **Precondition**: it was let in.
  [[nodiscard]] connection_fsm::terms terms() const;

  /// As those of `request_exchange`.
  result<bool> ask_memory(std::size_t total, std::function<void()> resume);
  result<std::span<std::byte>> find_room(const segment_part& due, std::function<void()> resume);
  void submit(incoming_body body, std::shared_ptr<call_sink> sink);

  /// Nobody waits for the answer any more, which comes all the same: because the caller said so, or
  /// because its connection has ended.
  void cancel();
  void lose();
  /// Its body will not come: it counts as that.
  void give_up(errc why) noexcept;
  /// It is answered.
  void forget() noexcept { call_.reset(); }

  /// Lets go of what an answer holds, on another thread where that may take long.
  void end_result(payload& result, std::shared_ptr<const void>& memory) noexcept;

 private:
  dispatcher& calls_;
  ticket ticket_;
  std::unique_ptr<segment_memory> segments_;  // of the body that arrives
  call_ptr call_;
};

}  // namespace modal::detail
