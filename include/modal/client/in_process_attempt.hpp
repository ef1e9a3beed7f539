// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/attempt.hpp>
#include <modal/function/in_process.hpp>

#include <memory>

namespace modal::detail {

/// One attempt on the executor in this process.
class in_process_attempt final : public attempt {
 public:
  in_process_attempt(in_process_door& door, buffer_pool& pool) : door_(door), pool_(pool) {}
  ~in_process_attempt() override { close(); }

  void start(attempt_request request, std::shared_ptr<wakeable> owner, time_point now) override;
  bool advance(time_point now) override;
  [[nodiscard]] interest wants() const noexcept override { return {}; }
  [[nodiscard]] bool wakes() const noexcept override { return true; }
  void wait(time_point until) override;
  void interrupt() noexcept override;
  attempt_result take(time_point now) override;
  void close() noexcept override;
  [[nodiscard]] attempt_progress reached() const noexcept override {
    return attempt_progress::sent;
  }

 private:
  struct shared;

  in_process_door& door_;
  buffer_pool& pool_;
  std::shared_ptr<shared> shared_;  // owners: this and the door's callback
  std::shared_ptr<in_process_door::started_call> started_;
};

}  // namespace modal::detail
