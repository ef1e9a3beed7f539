// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// @file
/// What is measured: the stacks (rows) and the cases (tables).

namespace bench {

/// One row: an executable, and how it is run.
struct stack {
  std::string name;
  std::string executable;    ///< beside bench_call
  bool unix_socket = false;  ///< else TCP over loopback
  /// Freed memory is kept (`keep_freed_memory`). For rivals only: their bulk numbers double. modal
  /// is measured as it ships, and the floor reuses its buffers by itself.
  bool keep = false;
  bool is_blocking = true;            ///< has calls of one thread on a connection: "add" and "send"
  std::vector<std::string> others{};  ///< kinds of calls besides: "async", "spawn", "device" …
};

/// One table.
struct call_case {
  std::string name;  ///< what --case takes
  std::string title;
  /// "add", "free" (an "add" that polling is for), "connect", "send", "echo", "device"; "beside"
  /// (an "add" while another thread's calls are "send") and "beside_one" (the same, on one
  /// connection); or a kind of `open_flight`.
  std::string kind = "add";
  std::size_t connections = 1;  ///< of a flight: calls under way
  std::size_t payload_bytes = 0;
  std::size_t calls = 0;  ///< timed, in one round
  std::size_t warm_up = 0;
  bool one_cpu = false;     ///< both ends on the same CPU, else free
  bool on_request = false;  ///< only with --case
  std::string plot{};       ///< what its panel of the plot is called; empty: it has none
};

struct options {
  std::size_t rounds = 7;
  std::size_t calls = 0;  ///< instead of each case's own number, unless 0
  std::vector<std::string> cases;
  std::vector<std::string> stacks;
  bool smoke = false;
  bool as_shipped = false;  ///< no stack keeps freed memory
  std::string svg;          ///< a file for the plot
};

/// Prints why and exits where the words are not understood.
options parse_options(int argc, char** argv);

/// Returns the stacks that were built and asked for, the floor first; names those that were not
/// built on standard error.
std::vector<stack> chosen_stacks(const options& chosen, const std::string& folder);

std::vector<call_case> chosen_cases(const options& chosen);

/// Returns those of `rows` that have calls of this kind, the floor first.
std::vector<stack> rows_for(const call_case& what, const std::vector<stack>& rows);

}  // namespace bench
