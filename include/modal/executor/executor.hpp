// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/executor/config.hpp>
#include <modal/executor/http.hpp>
#include <modal/function.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace modal {

/// What an executor did and does, at one moment.
struct executor_stats {
  std::uint64_t admitted = 0;       ///< calls that passed admission
  std::uint64_t refused = 0;        ///< calls that did not
  std::uint64_t succeeded = 0;      ///< admitted calls that were answered with a result
  std::uint64_t failed = 0;         ///< admitted calls that were answered with an error
  std::size_t waiting = 0;          ///< calls whose body is being read or that wait for a worker
  std::size_t running = 0;          ///< functions that run, abandoned ones included
  std::size_t bytes_in_flight = 0;  ///< of bodies and results that are held
  std::size_t connections = 0;      ///< open connections of its own listener
};

/// Serves functions: takes calls over HTTP, runs them on worker threads, answers. Embedded in any
/// program, in one of three ways: with its own listener and threads (`start()` or `run()`), with
/// its listener on a host's `io_context`, or behind a host's own HTTP server (`handle`,
/// `async_handle`).
///
///     modal::executor executor{{.address = "0.0.0.0", .port = 8080}};
///     executor.run();
///
/// **Lifetime**: destroys as `stop()` does. **Thread safety**: `add` and `start` need exclusive
/// access; all else is safe to call from any thread, but from inside of a served function `stop()`
/// waits for that function too, until its patience ends.
class executor {
 public:
  /// Checks the settings and gathers the functions; opens nothing yet.
  /// **Errors**: throws `call_error`: `bad_configuration`, `duplicate_function`.
  explicit executor(executor_config config = {});
  ~executor();
  executor(const executor&) = delete;
  executor& operator=(const executor&) = delete;

  /// Serves `Function` too: what `MODAL_FUNCTION` does, for functions in static libraries, whose
  /// registration the linker would drop. Where it was registered as well, that is no second
  /// function; options given here replace those of the registration. A function for a GPU must be
  /// registered by the macro where nvcc compiles it, too. **Precondition**: not started.
  /// **Errors**: throws `call_error`: `duplicate_function`, `bad_configuration`.
  template <auto& Function>
  void add(const function_options& options = {}) {
    add(make_descriptor<Function>(options));
  }
  /// The same for the type of a function object whose state travels with the call.
  template <class Function>
  void add(const function_options& options = {}) {
    add(make_descriptor<Function>(options));
  }
  /// The same under a name fixed by hand: `MODAL_FUNCTION_AS`.
  template <auto& Function>
  void add_as(std::string_view name, const function_options& options = {}) {
    add(make_descriptor_as<Function>(name, options));
  }
  void add(function_descriptor entry);

  /// Opens the listener and starts all threads. Returns when connections are accepted.
  /// **Errors**: throws `call_error`: `bad_configuration` for an address that does not parse, that
  /// is in use or that may not be bound. Throws when it was started before.
  void start();

  /// As `start()`, with connections on `context`, which the host runs, by any number of threads;
  /// they serve one connection at a time.
  /// **Lifetime**: the host calls `stop()` before it destroys `context`; from a handler of
  /// `context` too, for from then on a thread of the executor's own serves the connections.
  void start(boost::asio::io_context& context);

  /// Starts, unless that was done, and blocks until `stop()` was called or SIGINT or SIGTERM came,
  /// then drains. A second signal ends the grace period.
  void run();

  /// Drains: refuses new calls with `draining` and a time to come back, lets calls finish within
  /// `executor_config::grace`, then asks the rest to stop and answers them: those that never ran
  /// with `draining`, those that run with `cancelled`. Closes the listener and all connections, and
  /// joins all threads, save workers whose function ignores its stop token for longer than
  /// `stop_patience`; those are left behind and touch nothing of this object. Idempotent; a second
  /// caller waits for the first.
  void stop();

  /// Returns where clients connect: "http://127.0.0.1:43211", "http+unix:///tmp/x.sock"; empty
  /// before `start()` and without listener.
  [[nodiscard]] std::string url() const;

  /// Returns the TCP port that is listened on, or 0 where there is none.
  [[nodiscard]] std::uint16_t port() const;

  [[nodiscard]] executor_stats stats() const;

  /// Returns whether `target` belongs to one of the executor's routes, whatever the method.
  [[nodiscard]] bool serves(std::string_view target) const;

  /// Returns the answer to a request that would be refused before its body is read, so that a host
  /// can save reading it; nothing where it would be taken. Reserves nothing: `handle` asks again.
  [[nodiscard]] std::optional<http_response> check(const http_request_head& head) const;

  /// Handles one request of the host's server. Never blocks for a function.
  /// @param done called exactly once, from any thread, or before this returns where nothing is to
  ///   run. Must not throw, and should not block, as it holds up a worker.
  mounted_call async_handle(http_request request, std::function<void(http_response)> done);

  /// As `async_handle`, for servers with a thread for each connection: returns the response. The
  /// call's deadline bounds the wait. Must not be called from a served function.
  http_response handle(http_request request);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace modal
