// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bench {

/// One measurement: what a client process is told on its command line, as `name=value` words.
struct measurement {
  std::string kind;               ///< as in `call_case`
  std::string endpoint;           ///< what the server announced
  pid_t server = 0;               ///< whose CPU time and memory count too
  std::size_t connections = 1;    ///< one thread each, one call in flight each; or, of a flight,
                                  ///< the calls under way
  std::size_t payload_bytes = 0;  ///< of each `send`
  std::size_t calls = 1;          ///< timed, over all connections
  std::size_t warm_up = 0;        ///< calls before, on each connection

  [[nodiscard]] std::vector<std::string> to_words() const;
  static measurement from_words(const std::map<std::string, std::string>& words);
};

/// What a client process prints, one `name value` line each.
struct sample {
  double p50_ns = 0;
  double p99_ns = 0;
  double calls_per_second = 0;
  double cpu_ns_per_call = 0;    ///< of both processes
  double client_peak_bytes = 0;  ///< VmHWM of the whole process
  double server_peak_bytes = 0;
  double bulk_rate = 0;     ///< of "beside": bytes a second of the uploads, beside small calls
  double bulk_alone = 0;    ///< the same without those
  double others_share = 0;  ///< of the machine's CPU time, used by other processes meanwhile

  [[nodiscard]] std::map<std::string, double> to_lines() const;
  static sample from_lines(const std::map<std::string, double>& lines);
};

}  // namespace bench
