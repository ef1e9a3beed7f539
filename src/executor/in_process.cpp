// SPDX-License-Identifier: Apache-2.0
#include <modal/function/in_process.hpp>

#include "dispatch/dispatcher.hpp"
#include "executor/devices.hpp"

#include <algorithm>
#include <thread>
#include <unistd.h>
#include <utility>

namespace modal::detail {
namespace {

class in_process_sink final : public call_sink {
 public:
  in_process_sink(buffer_pool& pool, std::function<void(in_process_answer)> done)
      : pool_(pool), done_(std::move(done)) {}

  void on_answer(const call_answer& answer) noexcept override {
    const auto done = std::exchange(done_, nullptr);
    if (answer.failure != nullptr) return done({*answer.failure, answer.report});
    try {
      done({flatten(*answer.binary, pool_), answer.report});
    } catch (const std::bad_alloc&) {
      done({error(errc::result_too_large, "no memory for the call's result"), answer.report});
    }
  }

 private:
  buffer_pool& pool_;
  std::function<void(in_process_answer)> done_;
};

// Refers to the executor, which is never destroyed.
class running_call final : public in_process_door::started_call {
 public:
  running_call(dispatcher& calls, call_ptr which) : calls_(calls), call_(std::move(which)) {}

  void cancel() noexcept override { calls_.cancel(*call_); }
  bool run_here() override { return calls_.run_here(*call_); }

 private:
  dispatcher& calls_;
  const call_ptr call_;
};

class in_process_executor final : public in_process_door {
 public:
  explicit in_process_executor(const catalog& functions)
      : in_process_executor(functions, make_devices({}, functions)) {}

  in_process_executor(const catalog& functions, executor_devices devices)
      : calls_(functions, {.threads = std::max<std::size_t>(std::thread::hardware_concurrency(), 2),
                           .log = log_to_stderr(),
                           .devices = std::move(devices.all),
                           .no_host_device = std::move(devices.no_host_device),
                           .no_gpu = std::move(devices.no_gpu)}) {
    calls_.start();
  }

  std::shared_ptr<started_call> start(call_head head, buffer body,
                                      std::function<void(in_process_answer)> done) override {
    if (born_in_ != ::getpid()) {
      done({error(errc::bad_configuration,
                  "this process was forked from one whose executor it would call, and whose "
                  "threads stayed there: call before the fork, or set MODAL_URL"),
            {}});
      return nullptr;
    }
    auto admitted = calls_.admit(std::move(head), encoding::binary, body.size());
    if (!admitted) {
      done({admitted.error(), {}});
      return nullptr;
    }
    return std::make_shared<running_call>(
        calls_, calls_.submit(*std::move(admitted), std::move(body),
                              std::make_shared<in_process_sink>(pool_, std::move(done))));
  }

 private:
  const pid_t born_in_ = ::getpid();
  buffer_pool pool_;
  dispatcher calls_;
};

in_process_door* make() {
  const auto complain = [](std::string_view why) {
    log_to_stderr()({.level = log_level::error,
                     .time = std::chrono::system_clock::now(),
                     .message = why,
                     .function = {},
                     .call = {},
                     .fields = {}});
  };
  try {
    const auto functions = registered_functions();
    if (functions) return new in_process_executor(*functions);
    complain("there is no executor in this process: " + functions.error().message());
  } catch (const std::exception& thrown) {
    complain("there is no executor in this process: " + std::string(thrown.what()));
  }
  return nullptr;
}

}  // namespace
}  // namespace modal::detail

extern "C" __attribute__((visibility("default"))) modal::detail::in_process_door*
modal_in_process_executor() {
  // Never destroyed: a call may still run, and calls may still be made, while the program ends.
  static modal::detail::in_process_door* const instance = modal::detail::make();
  return instance;
}
