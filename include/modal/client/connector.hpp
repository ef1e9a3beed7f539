// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/client/attempt.hpp>
#include <modal/client/url.hpp>
#include <modal/net/lookup.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace modal::detail {

/// Finds an executor's addresses, and connects to the first that answers. Never blocks. One thread
/// at a time.
class connector {
 public:
  enum class step : std::uint8_t { wait, connected, failed };

  /// @param until when it is given up. @param where lives until the end of it, and so does
  /// `serials`, which counts the descriptors: see `interest`.
  void start(const endpoint& where, time_point until, unsigned& serials);

  /// Goes on as far as it can.
  step advance(time_point now);
  /// Returns what to wait for.
  [[nodiscard]] interest wants() noexcept;

  /// After `connected`: the socket. @param is_watched is set to whether somebody watches it.
  stream take_socket(bool& is_watched) noexcept;
  /// After `failed`.
  [[nodiscard]] error take_failure() { return *std::move(failure_); }

  void close() noexcept;

 private:
  step connect_next(time_point now);
  step finish(time_point now);
  step fail(const std::string& why);

  const endpoint* where_ = nullptr;
  time_point until_ = never;
  lookup lookup_;
  std::vector<socket_address> addresses_;
  std::size_t next_ = 0;
  stream socket_;
  bool is_watched_ = false;
  unsigned* serials_ = nullptr;
  unsigned serial_ = 0;
  int error_ = 0;
  std::optional<error> failure_;
};

}  // namespace modal::detail
