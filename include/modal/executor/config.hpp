// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/limits.hpp>
#include <modal/base/polling.hpp>
#include <modal/function/catalog.hpp>
#include <modal/function/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace modal {

/// Settings of an `executor`. A plain value: name the fields that differ from their defaults.
struct executor_config {
  /// Where to listen: an IPv4 or IPv6 address, `unix:/path` for a Unix socket, or an empty text for
  /// no listener, where calls come in through the host's own HTTP server only. Default: this
  /// machine alone can connect; `0.0.0.0` or `::` open it to the network, which has no
  /// authentication yet.
  std::string address = "127.0.0.1";
  /// The TCP port; 0 takes any that is free, and `executor::port` tells which.
  std::uint16_t port = 8080;
  /// Of a TCP listener: whether callers on this host are offered a Unix socket (an abstract one,
  /// see unix(7)), which is faster. Their sessions move there by themselves.
  bool local = true;
  /// Worker threads, each of which runs one function at a time. Default and zero: one for each
  /// core, at least 2.
  std::size_t threads = 0;
  /// Threads that serve connections while all workers run functions; otherwise workers do that
  /// between calls. User code never runs on them. At least 1; one serves many thousand connections.
  std::size_t io_threads = 1;
  /// How threads wait for what comes next: see `polling`.
  polling poll = polling::guarded;
  /// How many host devices there are: the same as a GPU, on CPU memory. Functions run there that
  /// take or return device memory and were not compiled by nvcc; those that were run on GPUs.
  /// Default 1; 0: they are not served.
  std::size_t host_devices = 1;
  /// How much memory each host device has for functions. Default 4 GiB.
  std::size_t host_device_memory = std::size_t{4} << 30;
  /// How many calls each device may have at a time: the next ones are uploaded and the last ones
  /// downloaded beside those that run. Default 4; at least 1.
  std::size_t calls_per_device = 4;
  /// The most memory of each GPU that functions may have. Default and 0: all of it.
  std::size_t gpu_memory = 0;
  /// How much host memory may be locked (*pinned*) for each device: large arguments and results lie
  /// there, so that copies are fast and run beside everything else. Where none is left, they lie in
  /// other memory, and a GPU's copies of it hold up a worker. Default 512 MiB; 0: none is locked.
  std::size_t pinned_memory = std::size_t{512} << 20;
  /// How many bytes a second a copy to or from a host device takes in each direction, as if it went
  /// over a bus. Default and 0: copies are as fast as memory.
  std::uint64_t host_device_copy_rate = 0;
  /// How much longer than its function's timeout (or `limits.call_timeout`) the work of a call on a
  /// device may take; when the caller stops waiting does not matter. A device that is not done with
  /// it then hangs, as in a kernel that never ends, and is given up: everything there fails with
  /// `device_fault`, until the process is started anew. Default 30 s.
  std::chrono::milliseconds device_patience{30'000};
  /// All bounds: see `limits`.
  modal::limits limits{};
  /// How long `stop()` lets calls finish before it asks them to stop.
  std::chrono::milliseconds grace{30'000};
  /// How long `stop()` then waits for functions that were asked to stop. A function that still runs
  /// afterwards keeps its thread, which is left behind (detached): C++ cannot end it from outside.
  std::chrono::milliseconds stop_patience{2'000};
  /// Where log records go. Empty: `log_to_stderr()`.
  log_sink log{};
  /// Whether each call is logged, at level debug. Off by default, as it costs a few microseconds.
  bool log_calls = false;
  /// Web pages that may use the executor, by their origins: `https://app.example.org`, with the
  /// port where it is not the usual one; `*` for all. Default: none. A request without the field
  /// `origin`, as programs send it, needs nothing here; one of any other origin is answered 403.
  std::vector<std::string> allowed_origins{};
  /// What to serve; copied by the executor's constructor. Null: all that `MODAL_FUNCTION`
  /// registered.
  const catalog* functions = nullptr;
};

}  // namespace modal
