// SPDX-License-Identifier: Apache-2.0
#include "dispatch/device_run.hpp"

#include <modal/base/clock.hpp>
#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>

#include "dispatch/arriving_segments.hpp"
#include "dispatch/call.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/dispatcher_core.hpp"
#include "dispatch/run_function.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace modal::detail {

device_run::device_run(call& which, const dispatcher_config& config, device_slot& on,
                       std::chrono::nanoseconds longest)
    : which_(which),
      config_(config),
      slot_(on),
      longest_(longest),
      context_(make_context(which, config)) {}

device_run::~device_run() = default;

std::shared_ptr<gpu::event> device_run::go_on() {
  if (next_ == step::upload) attempt([this] { take_stream(); });
  const call_scope scope(context_);
  const gpu::stream_scope streams(stream_);
  for (;;) {
    check_mark();
    switch (next_) {
      case step::upload:
        if (!failure_) attempt([this] { begin(); });
        next_ = failure_ ? step::finish : step::run;
        // What a device runs comes behind the uploads in any case; code of the host has to wait.
        if (stream_ != nullptr && (failure_ || stream_->is_host()))
          if (auto mark = mark_stream()) return mark;
        break;
      case step::run:
        // It was answered while it waited for its device: nobody wants it begun.
        if (!failure_ && which_.stop.is_requested()) failure_.emplace(errc::cancelled);
        if (!failure_)
          attempt([this] {
            device_value(stream_->make_current());
            entered_ = stream_->is_host() ? note_time() : uploaded_;
            {
              const gpu::stream_scope of_scratch(stream_);
              run_->run(which_.work);
            }
            ran_ = note_time();
            run_->download(which_.work);
          });
        next_ = step::finish;
        if (auto mark = mark_stream()) return mark;
        break;
      case step::finish:
        slot_.grant_wish();
        if (!failure_) measure();
        if (!failure_) attempt([this] { failure_ = write_result(*run_, which_, config_); });
        next_ = step::over;
        break;
      case step::over:
        return nullptr;
    }
  }
}

template <class Step>
void device_run::attempt(Step&& act) {
  try {
    act();
  } catch (...) {
    failure_ = failure_now(which_);
  }
}

// What came to the device already is in a stream, and has to be before the rest.
void device_run::take_stream() {
  auto* const arriving = dynamic_cast<arriving_segments*>(which_.body.segments());
  if (arriving == nullptr || arriving->stream() == nullptr) {
    stream_ = slot_.take_stream().value();
    return;
  }
  stream_ = arriving->stream();
  which_.work.arrived = &arriving->arrivals();
}

void device_run::begin() {
  set_input(which_, config_);
  which_.work.before_wait = &before_wait_;
  run_ = &which_.target->descriptor->prepare(where_);
  run_->decode(which_.work);
  begun_ = note_time();
  run_->upload(which_.work);
  uploaded_ = note_time();
}

// Returns what the stream has to pass, unless it has passed everything.
std::shared_ptr<gpu::event> device_run::mark_stream() noexcept {
  auto made = stream_->record();
  if (!made) return give_up(std::move(made).error());
  if (next_ == step::finish) downloaded_ = *made;
  auto passed = (*made)->is_passed();
  if (!passed) return give_up(std::move(passed).error());
  if (*passed) return nullptr;
  mark_ = *std::move(made);
  return mark_;
}

// A call does not fail for want of this.
std::shared_ptr<gpu::event> device_run::note_time() const noexcept {
  auto made = stream_->record();
  return made ? *std::move(made) : nullptr;
}

// Where there is no locked memory left, the driver waits for the function's work, and so does this
// thread: then somebody else has to see it if that does not end.
void device_run::watch_work() const noexcept {
  if (ran_ == nullptr) return;
  try {
    slot_.when_passed(
        ran_, [] {}, saturating_add(real_clock().now(), longest_));
  } catch (const std::exception&) {  // no memory, or no thread
  }
}

// The stream has passed all of it.
void device_run::measure() noexcept {
  const auto between = [](const auto& from, const auto& to) {
    if (from == nullptr || to == nullptr) return std::chrono::nanoseconds{0};
    const auto time = to->since(*from);
    return time ? std::max(*time, std::chrono::nanoseconds{0}) : std::chrono::nanoseconds{0};
  };
  device_report& report = which_.work.device;
  report.upload = between(begun_, uploaded_);
  report.run = between(entered_, ran_);
  report.download = between(ran_, downloaded_);
  report.memory_peak = stream_->begin_peak();
}

// Takes note of what failed on the device before the mark.
void device_run::check_mark() noexcept {
  if (mark_ == nullptr) return;
  const auto mark = std::exchange(mark_, nullptr);
  auto passed = mark->is_passed();
  if (!passed) {
    give_up(std::move(passed).error());
  } else if (!*passed) {  // whoever looked before this was told of an error
    if (auto waited = mark->wait(); !waited) give_up(std::move(waited).error());
  }
}

bool device_run::is_memory_in_use() const noexcept {
  return failure_ && stream_ != nullptr && slot_.which().is_given_up();
}

// No mark will tell any more when the device is done with the call's memory. Blocks for as long as
// that takes; a device that has failed is done at once, and of one that was given up nobody knows.
std::nullptr_t device_run::give_up(error reason) noexcept {
  if (!failure_) failure_ = std::move(reason);
  stream_->drain();
  return nullptr;
}

}  // namespace modal::detail
