// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// What each rival implements, in one source file of its own that becomes one executable: both ends
/// of the same calls. `stack_main.cpp` has the `main` that measures them.

namespace bench {

/// One connection to a server, used by one thread. Failures throw.
class connection {
 public:
  virtual ~connection() = default;

  /// Returns a + b, computed by the server.
  virtual std::int32_t add(std::int32_t a, std::int32_t b) = 0;

  /// Sends the numbers and returns the server's `digest` of them.
  virtual std::int64_t send(std::span<const float> numbers) = 0;

  /// Sends the numbers, gets them back, and returns the `digest` of what came.
  virtual std::int64_t echo(std::span<const float> numbers);

  /// What stands for a handshake where there is none: one round trip.
  virtual void greet() {}

  /// Returns what calls of another thread are made on beside this one's: a connection of their own,
  /// or whatever the stack would use.
  virtual std::unique_ptr<connection> beside(const std::string& endpoint);
};

/// Many calls under way at once.
class flight {
 public:
  virtual ~flight() = default;

  /// Makes `calls` calls of add(i, 2), or, for "overlap", of a function that computes on a device,
  /// `in_flight` of them at a time, checks every answer, and appends to `times` how long each took;
  /// for "overlap", how long each `in_flight` of them took together; for "cancel", how long it took
  /// from the cancellation of a call until its function knew.
  virtual void run(std::size_t calls, std::size_t in_flight,
                   std::vector<std::chrono::nanoseconds>& times) = 0;
};

/// What the server answers to `send`: cheap, but proves that both ends of the array arrived.
inline std::int64_t digest(std::span<const float> numbers) {
  if (numbers.empty()) return 0;
  return static_cast<std::int64_t>(numbers.size()) + static_cast<std::int64_t>(numbers.front()) +
         static_cast<std::int64_t>(numbers.back());
}

/// Serves these calls at `address`, "127.0.0.1" or "unix:/some/path", until the process is killed.
/// @param ready to be called once with what `open_connection` takes, when the server listens.
void serve(const std::string& address, const std::function<void(const std::string&)>& ready);

std::unique_ptr<connection> open_connection(const std::string& endpoint);

inline std::int64_t connection::echo(std::span<const float>) {
  throw std::logic_error("this stack has no echo");
}

inline std::unique_ptr<connection> connection::beside(const std::string& endpoint) {
  return open_connection(endpoint);
}

/// @param kind "async" (completions start the next calls, all on one I/O thread), "spawn" (one
/// thread starts calls and collects them in their order), "one_async" and "one_spawn" (the same,
/// beside what does that on one connection too), "overlap" (calls begin together) or "cancel".
/// Throws where the stack has none.
std::unique_ptr<flight> open_flight(const std::string& kind, const std::string& endpoint);

/// Returns the path of "unix:/some/path", or nothing for any other address.
inline std::string unix_path(const std::string& address) {
  constexpr std::string_view scheme = "unix:";
  return address.starts_with(scheme) ? address.substr(scheme.size()) : std::string{};
}

}  // namespace bench
