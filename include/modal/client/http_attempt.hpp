// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/attempt.hpp>
#include <modal/client/connection_pool.hpp>
#include <modal/client/connector.hpp>
#include <modal/client/options.hpp>
#include <modal/client/url.hpp>
#include <modal/net/bell.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modal::detail {

/// What attempts over HTTP share: a client's transport has one. Safe to share.
struct http_target {
  http_target(endpoint to, const client_config& settings)
      : where(std::move(to)),
        config(settings),
        connections(settings.idle_connections, saturated(settings.idle_timeout)) {}

  const endpoint where;
  const client_config config;
  buffer_pool pool;
  connection_pool connections;
};

/// One attempt over HTTP/1.1: takes a kept connection, or finds the host and connects; then sends
/// and receives at the same time. A connection that is not to be used again is closed before the
/// attempt is over.
class http_attempt final : public attempt {
 public:
  /// @param is_watched whether a reactor tells of its connections.
  http_attempt(http_target& target, bool is_watched) : target_(target), is_watched_(is_watched) {}

  void start(attempt_request request, std::shared_ptr<wakeable> owner, time_point now) override;
  bool advance(time_point now) override;
  [[nodiscard]] interest wants() const noexcept override;
  void wait(time_point until) override;
  void allow_interrupts() override { bell_.emplace(); }
  void interrupt() noexcept override { bell_->ring(); }
  attempt_result take(time_point now) override;
  void close() noexcept override;
  [[nodiscard]] attempt_progress reached() const noexcept override;

 private:
  enum class state : std::uint8_t { connecting, exchanging, answered, failed };

  bool connect(time_point now);
  void begin_exchange(time_point now);
  bool exchange(time_point now);
  void send(time_point now);
  bool receive(time_point now);
  [[nodiscard]] bool has_had_turn(int steps) noexcept;
  bool fail(error reason) noexcept;

  http_target& target_;
  const bool is_watched_;
  attempt_request request_;
  state state_ = state::failed;
  connector connector_;
  unsigned serial_ = 0;
  std::unique_ptr<http_connection> connection_;
  time_point progress_at_{};       // when bytes last moved
  time_point goes_on_at_ = never;  // when it has stopped for the sake of others
  time_point consent_until_ = never;
  bool is_fresh_ = false;  ///< nothing of the exchange was sent yet
  bool is_sent_ = false;
  bool is_write_broken_ = false;
  int write_error_ = 0;
  std::optional<error> failure_;
  std::optional<bell> bell_;  ///< of owners who interrupt
};

/// Bodies from this size on wait for the executor's consent, so that a refusal costs no transfer.
inline constexpr std::size_t consent_threshold = 1 << 20;

}  // namespace modal::detail
