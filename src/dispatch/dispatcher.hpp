// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/limits.hpp>
#include <modal/function/catalog.hpp>
#include <modal/function/log.hpp>
#include <modal/wire/http_call.hpp>

#include "dispatch/call.hpp"
#include "dispatch/metrics.hpp"
#include "worker/device_slot.hpp"
#include "worker/lookout.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// @file
/// Admission and dispatch, the same for every transport: `admit` before the body is read, `submit`
/// with the body, then exactly one `call_sink::on_answer`.
///
///     admit ──▶ admitted ──submit──▶ queued ──start──▶ running ──finish──▶ over
///                   │ ticket gone      │  ▲            │ park ▲ │ failed, may be retried
///                   ▼                  │  └───delayed◀─│──────│─┘
///                  over ◀──────────────┘ cancel,       ▼      │ resume
///                                        deadline     parked ─┘
///
/// A running call that is cancelled or late is answered at once; its function is asked to stop, and
/// keeps its worker and its body until it returns.

namespace modal::detail {

/// Whether a call's body is there when the call is admitted, and `submit` follows at once, or
/// arrives piece by piece.
enum class body_state : std::uint8_t { complete, arriving };

/// What the thread that submits a call does next: it may wait for the call, or it goes back at once
/// to what it was doing. A worker that was looking for calls then takes this one, and nobody is
/// woken for it. Nor does the sink of such a call ever hold up who answers.
enum class submitter : std::uint8_t { waits, goes_back };

/// Who watches deadlines and runs stop callbacks: threads of the dispatcher, or, in tests with a
/// fake clock, whoever calls `expire`.
enum class housekeeping : std::uint8_t { own_thread, by_hand };

struct dispatcher_config {
  modal::limits bounds{};
  std::size_t threads = 2;
  /// Threads more that may run calls while functions wait for calls of their own.
  std::size_t spare_threads = 64;
  const modal::clock* time = &real_clock();  ///< lives as long as any worker
  log_sink log{};
  bool log_calls = false;
  housekeeping keeper = housekeeping::own_thread;
  /// Where functions run that use a device.
  std::vector<std::shared_ptr<device_slot>> devices{};
  /// How many calls each of them may have at a time.
  std::size_t calls_per_device = 4;
  // Why there is none of a kind that a function needs.
  std::string no_host_device = "the function runs on a host device, and there is none";
  std::string no_gpu = "the function runs on a GPU, and there is none";
  /// What workers do between calls. Null: they sleep.
  std::shared_ptr<lookout> between_calls{};
};

class dispatcher_core;

/// Permission to submit one call: holds its place in the queue and its share of the byte budget,
/// and gives both back on destruction: then the call counts as cancelled. Must not outlive its
/// dispatcher. Move-only.
class ticket {
 public:
  ticket() = default;
  ticket(dispatcher_core* core, call_ptr admitted) noexcept
      : core_(core), call_(std::move(admitted)) {}
  ticket(ticket&& other) noexcept = default;
  ticket& operator=(ticket&& other) noexcept;
  ~ticket();

  explicit operator bool() const noexcept { return call_ != nullptr; }
  const call& operator*() const noexcept { return *call_; }
  const call* operator->() const noexcept { return call_.get(); }

  /// Gives the call up, if there is one: it will be answered with `why`, and counts as that.
  void give_up(errc why) noexcept;

 private:
  friend class dispatcher;

  dispatcher_core* core_ = nullptr;
  call_ptr call_;
};

/// The state of the dispatcher and its functions at one moment.
struct dispatcher_snapshot {
  struct function {
    const function_descriptor* descriptor;
    std::size_t waiting;
    std::size_t running;
    function_metrics metrics;
    std::string_view obstacle;  ///< why no device can serve it; empty: one can, or it needs none
  };
  struct device {
    device_info info;
    device_memory memory;
    std::size_t calls;       ///< that it has
    std::size_t reserved;    ///< memory that they have asked for
    bool has_failed;         ///< it is lost until the process is started anew
    device_health health{};  ///< see `dispatcher::look_at_devices`
  };
  std::vector<function> functions;
  std::vector<device> devices;
  std::uint64_t unknown_functions = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::size_t waiting = 0;
  std::size_t running = 0;
  std::size_t bytes_in_flight = 0;
  bool draining = false;
};

/// Safe to share between threads, save `start` and `stop`.
class dispatcher {
 public:
  /// Copies `functions`, and builds their signatures.
  dispatcher(const catalog& functions, dispatcher_config config);
  /// Stops without grace, unless that was done.
  ~dispatcher();
  dispatcher(const dispatcher&) = delete;
  dispatcher& operator=(const dispatcher&) = delete;

  /// Starts the threads. Until then, calls are admitted and wait.
  void start();

  /// Takes a call in, or says why not. @param body_size where it is known before the body is read.
  /// A body that is complete is charged at once; for one that arrives, see `request_memory`.
  /// @param known the function, as an earlier call's ticket has it; null: it is found by its name.
  result<ticket> admit(call_head head, encoding how, std::optional<std::size_t> body_size,
                       body_state body = body_state::complete, principal_ptr caller = nullptr,
                       served_function* known = nullptr);

  /// As `admit`, but only asks.
  [[nodiscard]] std::optional<error> refusal(const call_head& head, encoding how,
                                             std::optional<std::size_t> body_size) const;

  /// Raises what `held` has of the memory to `total`, for the next piece of a body that arrives.
  /// @return whether it is granted now. If not, `resume` runs when it is, on any thread; it must
  /// not call back, and only wakes whoever waits. **Errors**: `too_large`.
  result<bool> request_memory(ticket& held, std::size_t total, std::function<void()> resume);

  /// Returns what the large segments of the body of `held` are to lie in: its function decides.
  [[nodiscard]] std::unique_ptr<segment_memory> make_segment_memory(const ticket& held);

  /// Lets go of what a result held on a thread of its own: its end is users' code, or takes long.
  void end_aside(std::vector<std::shared_ptr<const void>> last) noexcept;

  /// Queues the call. @return a reference for `cancel`.
  call_ptr submit(ticket admitted, incoming_body body, std::shared_ptr<call_sink> sink,
                  submitter who = submitter::waits);

  /// Runs `which` on this thread, if it is one of this dispatcher's workers, whose function waits
  /// for it, and nobody has started it. Returns whether it did.
  bool run_here(call& which);

  /// Answers `which` with `cancelled`, unless it was answered, and asks its function to stop.
  void cancel(call& which);

  /// Takes note that the caller's connection has gone: as `cancel`, unless the caller said that it
  /// tries again; then the call goes on, and ends ten seconds later if nobody has asked for it.
  void lose(call& which);

  /// Returns what cancels `which`, and does nothing once this is gone.
  [[nodiscard]] std::function<void()> canceller(call_ptr which) const;

  /// Ends what is late and wakes what is due. @return when to look again.
  time_point expire();

  /// Refuses new calls from now on.
  void drain();

  /// Drains for at most `grace`, ends the rest, and joins the threads.
  /// @return how many functions ignored their stop token for longer than `patience`.
  std::size_t stop(std::chrono::nanoseconds grace, std::chrono::nanoseconds patience);

  /// Ends the grace period of a `stop` that waits.
  void hurry();

  [[nodiscard]] const catalog& functions() const noexcept;
  [[nodiscard]] const modal::limits& bounds() const noexcept;
  [[nodiscard]] dispatcher_snapshot snapshot() const;
  /// Adds how the devices were a moment ago.
  void look_at_devices(dispatcher_snapshot& now) const;
  [[nodiscard]] bool draining() const;

  /// Returns the most bytes that one body of this encoding may have.
  [[nodiscard]] std::size_t body_limit(encoding how) const noexcept;

 private:
  std::shared_ptr<dispatcher_core> core_;  // owners: this object and each worker, which may be late
};

}  // namespace modal::detail
