// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/limits.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/payload.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>

namespace modal {
namespace detail {
struct device_arrivals;
}

/// How the values of a call are written.
enum class encoding : std::uint8_t { binary, json };

/// The bytes of one run of a function: those that come in, and those that go out.
struct invocation {
  // In.
  modal::encoding encoding = encoding::binary;
  bytes_view body;                      ///< a payload, or the JSON text of the request
  const payload_view* parts = nullptr;  ///< the payload, where it does not lie in one block
  bytes_view pinned;  ///< that of the body which is page-locked for the device, if any is
  detail::device_arrivals* arrived = nullptr;  ///< what is on the device already, if anything is
  const modal::limits* bounds = nullptr;
  /// Called before a copy for which the thread may have to wait until the function's work on a
  /// device is done; may be null.
  const std::function<void()>* before_wait = nullptr;

  // Out.
  payload result;    ///< of `encoding::binary`; may borrow what `payload::keep` holds
  std::string json;  ///< of `encoding::json`: the text of the result's value

  device_report device;  ///< of a function that uses one; without the times

  /// How far the run came, so that an exception can be told apart.
  enum class stage : std::uint8_t { decode, run, encode, done } at = stage::decode;
  std::chrono::nanoseconds decode_time{0};
  std::chrono::nanoseconds run_time{0};
  std::chrono::nanoseconds encode_time{0};
  time_point step_ended{};  ///< when the next step begins, if nothing comes in between
};

/// One run of a function, with its types erased. Owns what the function was given and then what it
/// gave, which is written only when somebody asks for it. The steps are taken in their order, each
/// once, by one thread at a time; what one throws ends the run, and `invocation::at` says which it
/// was. **Lifetime**: views among the arguments alias the body, which outlives this.
class function_run {
 public:
  function_run() = default;
  virtual ~function_run() = default;
  function_run(const function_run&) = delete;
  function_run& operator=(const function_run&) = delete;

  /// Reads the arguments. Throws `call_error` for values that do not decode.
  void decode(invocation& call) {
    take(call, invocation::stage::decode, call.decode_time, &function_run::read_arguments);
  }
  /// Puts the upload of the arguments into the call's stream, for functions that use a device:
  /// after `decode`. Throws `call_error`.
  void upload(invocation& call) {
    put_uploads(call);
    call.step_ended = {};
  }
  /// Calls the function. Throws what it throws.
  void run(invocation& call) {
    take(call, invocation::stage::run, call.run_time, &function_run::call_function);
  }
  /// Puts the download of the result into the call's stream: after `run`. It is not to be written
  /// until the stream has passed that. Throws `call_error`.
  void download(invocation& call) {
    put_download(call);
    call.step_ended = {};
  }
  /// Writes the result, which is of no use to anybody else after that.
  void encode(invocation& call) {
    take(call, invocation::stage::encode, call.encode_time, &function_run::write_result);
    call.at = invocation::stage::done;
  }

 private:
  virtual void read_arguments(invocation& call) = 0;
  virtual void put_uploads(invocation& /*call*/) {}
  virtual void call_function(invocation& call) = 0;
  virtual void put_download(invocation& /*call*/) {}
  virtual void write_result(invocation& call) = 0;

  void take(invocation& call, invocation::stage which, std::chrono::nanoseconds& spent,
            void (function_run::*step)(invocation&)) {
    call.at = which;
    if (call.step_ended == time_point{}) call.step_ended = std::chrono::steady_clock::now();
    const time_point start = call.step_ended;
    (this->*step)(call);
    call.step_ended = std::chrono::steady_clock::now();
    spent = call.step_ended - start;
  }
};

/// Where a run lies: within, as most do, so that it takes no memory of its own; a large one lies
/// elsewhere.
class run_slot {
 public:
  static constexpr std::size_t room_bytes = 1024;

  run_slot() = default;
  ~run_slot() {
    if (is_within_)
      run_->~function_run();
    else
      delete run_;
  }
  run_slot(const run_slot&) = delete;
  run_slot& operator=(const run_slot&) = delete;

  /// Makes a run here. **Precondition**: there is none yet.
  template <class Run>
  function_run& emplace() {
    if constexpr (sizeof(Run) <= room_bytes && alignof(Run) <= alignof(std::max_align_t)) {
      run_ = std::construct_at(reinterpret_cast<Run*>(room_));
      is_within_ = true;
    } else {
      run_ = new Run;
    }
    return *run_;
  }

 private:
  alignas(std::max_align_t) std::byte room_[room_bytes];
  function_run* run_ = nullptr;
  bool is_within_ = false;
};

}  // namespace modal
