// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/function/context.hpp>
#include <modal/function/function_run.hpp>
#include <modal/gpu/stream.hpp>
#include <modal/wire/incoming_body.hpp>

#include "worker/device_slot.hpp"
#include "worker/quarantine.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace modal::detail {

struct call;
struct dispatcher_config;

/// One run of a function that uses a device, in turns: between them the device works, and no thread
/// waits for it. Whatever fails, the last turn comes when the stream is done with the memory of the
/// call.
///
///     decode, upload ──▶ run, download ──▶ encode
///
/// One thread at a time uses it.
class device_run final : public quarantined {
 public:
  /// @param which lives as long as this, and so does `config`. @param on is kept by whoever made
  /// this. @param longest time that the device should need for what the function puts there.
  device_run(call& which, const dispatcher_config& config, device_slot& on,
             std::chrono::nanoseconds longest);
  ~device_run() override;
  /// Goes on. @return what the stream must pass before the next turn; null when all is over, and
  /// `take_failure` tells how.
  std::shared_ptr<gpu::event> go_on();

  [[nodiscard]] std::optional<error> take_failure() noexcept { return std::move(failure_); }

  /// Returns whether the device may still use the call's memory when all is over: it was given up.
  [[nodiscard]] bool is_memory_in_use() const noexcept;
  /// Takes the body over, for as long as this lives.
  void keep(incoming_body body) noexcept { body_ = std::move(body); }

 private:
  enum class step : std::uint8_t { upload, run, finish, over };

  template <class Step>
  void attempt(Step&& act);
  std::shared_ptr<gpu::event> mark_stream() noexcept;
  void check_mark() noexcept;
  [[nodiscard]] std::shared_ptr<gpu::event> note_time() const noexcept;
  void watch_work() const noexcept;
  void measure() noexcept;
  std::nullptr_t give_up(error reason) noexcept;
  void take_stream();
  void begin();

  call& which_;
  const dispatcher_config& config_;
  device_slot& slot_;
  const std::chrono::nanoseconds longest_;
  const call_context context_;
  const std::function<void()> before_wait_ = [this] { watch_work(); };
  std::shared_ptr<gpu::stream> stream_;
  run_slot where_;
  function_run* run_ = nullptr;
  std::shared_ptr<gpu::event> mark_;
  // Where the device's time went; null where there was no memory to note it.
  std::shared_ptr<gpu::event> begun_;
  std::shared_ptr<gpu::event> uploaded_;
  std::shared_ptr<gpu::event> entered_;
  std::shared_ptr<gpu::event> ran_;
  std::shared_ptr<gpu::event> downloaded_;
  std::optional<error> failure_;
  incoming_body body_;
  step next_ = step::upload;
};

}  // namespace modal::detail
