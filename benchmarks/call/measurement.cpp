// SPDX-License-Identifier: Apache-2.0
#include "measurement.hpp"

namespace bench {

std::vector<std::string> measurement::to_words() const {
  return {"kind=" + kind,
          "endpoint=" + endpoint,
          "server=" + std::to_string(server),
          "connections=" + std::to_string(connections),
          "payload_bytes=" + std::to_string(payload_bytes),
          "calls=" + std::to_string(calls),
          "warm_up=" + std::to_string(warm_up)};
}

measurement measurement::from_words(const std::map<std::string, std::string>& words) {
  const auto size = [&](const char* name) {
    return static_cast<std::size_t>(std::stoull(words.at(name)));
  };
  return {.kind = words.at("kind"),
          .endpoint = words.at("endpoint"),
          .server = static_cast<pid_t>(size("server")),
          .connections = size("connections"),
          .payload_bytes = size("payload_bytes"),
          .calls = size("calls"),
          .warm_up = size("warm_up")};
}

std::map<std::string, double> sample::to_lines() const {
  return {{"p50_ns", p50_ns},
          {"p99_ns", p99_ns},
          {"calls_per_second", calls_per_second},
          {"cpu_ns_per_call", cpu_ns_per_call},
          {"client_peak_bytes", client_peak_bytes},
          {"server_peak_bytes", server_peak_bytes},
          {"bulk_rate", bulk_rate},
          {"bulk_alone", bulk_alone},
          {"others_share", others_share}};
}

sample sample::from_lines(const std::map<std::string, double>& lines) {
  return {.p50_ns = lines.at("p50_ns"),
          .p99_ns = lines.at("p99_ns"),
          .calls_per_second = lines.at("calls_per_second"),
          .cpu_ns_per_call = lines.at("cpu_ns_per_call"),
          .client_peak_bytes = lines.at("client_peak_bytes"),
          .server_peak_bytes = lines.at("server_peak_bytes"),
          .bulk_rate = lines.at("bulk_rate"),
          .bulk_alone = lines.at("bulk_alone"),
          .others_share = lines.at("others_share")};
}

}  // namespace bench
