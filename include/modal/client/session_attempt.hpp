// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/http_attempt.hpp>
#include <modal/client/session_link.hpp>

#include <memory>
#include <optional>

namespace modal::detail {

/// One attempt on the client's session; over HTTP where there are none. What an executor that goes
/// away has not looked at is sent again, on a new session: that is no attempt of its own.
class session_attempt final : public attempt {
 public:
  /// @param events sees to the session while nobody waits; null: the caller waits.
  session_attempt(http_target& target, session_pool& sessions, reactor* events)
      : target_(target), sessions_(sessions), events_(events) {}
  ~session_attempt() override { close(); }

  void start(attempt_request request, std::shared_ptr<wakeable> owner, time_point now) override;
  bool advance(time_point now) override;
  [[nodiscard]] interest wants() const noexcept override;
  [[nodiscard]] bool wakes() const noexcept override { return !http_; }
  void wait(time_point until) override;
  void allow_interrupts() override { may_be_interrupted_ = true; }
  void interrupt() noexcept override;
  attempt_result take(time_point now) override;
  void close() noexcept override;
  [[nodiscard]] attempt_progress reached() const noexcept override;

 private:
  void begin(time_point now);
  void begin_http(time_point now);
  void keep_connection(time_point now);

  http_target& target_;
  session_pool& sessions_;
  reactor* const events_;
  attempt_request request_;
  std::shared_ptr<wakeable> owner_;
  std::shared_ptr<session_link> link_;
  session_call call_;
  int turns_ = 0;  ///< sessions that were tried
  bool may_be_interrupted_ = false;
  std::optional<http_attempt> http_;
};

}  // namespace modal::detail
