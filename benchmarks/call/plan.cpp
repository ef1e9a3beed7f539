// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace bench {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

const std::vector<stack>& all_stacks() {
  static const std::vector<stack> stacks{
      {.name = "raw TCP, blocking",
       .executable = "bench_call_raw",
       .others = {"device", "free", "beside_one"}},
      {.name = "raw TCP, both ends poll",
       .executable = "bench_call_polling",
       .is_blocking = false,
       .others = {"free"}},
      {.name = "raw unix socket", .executable = "bench_call_raw", .unix_socket = true},
      {.name = "raw TCP, epoll",
       .executable = "bench_call_epoll",
       .is_blocking = false,
       .others = {"async", "spawn"}},
      {.name = "raw TCP, pipelined",
       .executable = "bench_call_pipelined",
       .is_blocking = false,
       .others = {"one_async", "one_spawn"}},
      {.name = "modal, HTTP over TCP",
       .executable = "bench_call_modal",
       .others = {"async", "spawn", "cancel"}},
      {.name = "modal, session over TCP",
       .executable = "bench_call_session",
       .others = {"async", "spawn", "one_async", "one_spawn", "device", "free", "beside_one",
                  "cancel"}},
      {.name = "modal, session over TCP, run_on::io",
       .executable = "bench_call_session_io",
       .others = {"async", "spawn", "one_async", "one_spawn", "free", "beside_one"}},
      {.name = "modal, device_span",
       .executable = "bench_call_device",
       .is_blocking = false,
       .others = {"device"}},
      {.name = "modal, device_span, body first",
       .executable = "bench_call_device_late",
       .is_blocking = false,
       .others = {"device"}},
      {.name = "modal, a bus of 105 MB/s",
       .executable = "bench_call_device_slow",
       .is_blocking = false,
       .others = {"overlap"}},
      {.name = "modal, HTTP over a unix socket",
       .executable = "bench_call_modal",
       .unix_socket = true,
       .others = {"async", "spawn"}},
      {.name = "modal, session over a unix socket",
       .executable = "bench_call_session",
       .unix_socket = true,
       .others = {"async", "spawn", "one_async", "one_spawn", "free", "beside_one", "cancel"}},
      {.name = "modal, session over a unix socket, run_on::io",
       .executable = "bench_call_session_io",
       .unix_socket = true,
       .others = {"async", "spawn", "one_async", "one_spawn", "free"}},
      {.name = "gRPC, sync", .executable = "bench_call_grpc", .keep = true, .others = {"free"}},
      {.name = "gRPC, callback",
       .executable = "bench_call_grpc_callback",
       .keep = true,
       .is_blocking = false,
       .others = {"one_async"}},
      {.name = "gRPC, bidirectional stream",
       .executable = "bench_call_grpc_stream",
       .keep = true,
       .is_blocking = false,
       .others = {"one_spawn"}},
      {.name = "Cap'n Proto, TCP",
       .executable = "bench_call_capnp",
       .keep = true,
       .others = {"free", "one_async"}},
      {.name = "Thrift, threaded",
       .executable = "bench_call_thrift",
       .keep = true,
       .others = {"spawn", "one_spawn", "free"}},
  };
  return stacks;
}

const std::vector<call_case>& all_cases() {
  static const std::vector<call_case> cases{
      {.name = "unary",
       .title = "add(int, int), 1 connection, 1 call in flight, both ends on one CPU",
       .calls = 20'000,
       .warm_up = 2'000,
       .one_cpu = true,
       .plot = "One call at a time, both ends on one CPU"},
      {.name = "unary_free",
       .title = "add(int, int), 1 connection, 1 call in flight, both ends free to move",
       .kind = "free",
       .calls = 20'000,
       .warm_up = 2'000},
      {.name = "connections_16",
       .title = "add(int, int), 16 connections, 1 call in flight on each",
       .connections = 16,
       .calls = 64'000,
       .warm_up = 200,
       .plot = "16 connections, one call at a time on each"},
      {.name = "async_16",
       .title = "add(int, int), 16 calls in flight, started by completions on one I/O thread",
       .kind = "async",
       .connections = 16,
       .calls = 64'000,
       .warm_up = 200},
      {.name = "spawn_64",
       .title = "add(int, int), 64 calls in flight, started and collected by one thread",
       .kind = "spawn",
       .connections = 64,
       .calls = 128'000,
       .warm_up = 100},
      {.name = "one_async_64",
       .title = "add(int, int), 64 calls in flight on one connection, started by completions",
       .kind = "one_async",
       .connections = 64,
       .calls = 256'000,
       .warm_up = 200,
       .plot = "64 calls in flight on one connection, completions"},
      {.name = "one_spawn_64",
       .title = "add(int, int), 64 calls in flight on one connection, started and collected by one "
                "thread",
       .kind = "one_spawn",
       .connections = 64,
       .calls = 256'000,
       .warm_up = 200,
       .plot = "64 calls in flight on one connection, one thread"},
      {.name = "connect",
       .title = "connect, and a first add(int, int), both ends on one CPU",
       .kind = "connect",
       .calls = 1'000,
       .warm_up = 100,
       .one_cpu = true,
       .plot = "Connect, and the first call"},
      {.name = "cancel",
       .title = "from cancelling a call until its function knows",
       .kind = "cancel",
       .calls = 2'000,
       .warm_up = 100},
      {.name = "send_1mib",
       .title = "vector<float> of 1 MiB sent, small reply",
       .kind = "send",
       .payload_bytes = mebibyte,
       .calls = 1'000,
       .warm_up = 50},
      {.name = "send_64mib",
       .title = "vector<float> of 64 MiB sent, small reply",
       .kind = "send",
       .payload_bytes = 64 * mebibyte,
       .calls = 20,
       .warm_up = 3,
       .plot = "64 MiB sent"},
      {.name = "send_256mib",
       .title = "vector<float> of 256 MiB sent, small reply",
       .kind = "send",
       .payload_bytes = 256 * mebibyte,
       .calls = 6,
       .warm_up = 1},
      {.name = "echo_1mib",
       .title = "vector<float> of 1 MiB sent and returned",
       .kind = "echo",
       .payload_bytes = mebibyte,
       .calls = 500,
       .warm_up = 50},
      {.name = "echo_64mib",
       .title = "vector<float> of 64 MiB sent and returned",
       .kind = "echo",
       .payload_bytes = 64 * mebibyte,
       .calls = 10,
       .warm_up = 3},
      {.name = "echo_256mib",
       .title = "vector<float> of 256 MiB sent and returned",
       .kind = "echo",
       .payload_bytes = 256 * mebibyte,
       .calls = 4,
       .warm_up = 1},
      {.name = "beside_256mib",
       .title = "add(int, int) of one thread, while another sends vector<float> of 256 MiB",
       .kind = "beside",
       .payload_bytes = 256 * mebibyte,
       .calls = 10,
       .warm_up = 2},
      {.name = "beside_one",
       .title = "add(int, int) of one thread, while another sends vector<float> of 960 KiB on the "
                "same connection",
       .kind = "beside_one",
       .payload_bytes = 960 << 10,
       .calls = 2'000,
       .warm_up = 100},
      {.name = "device_1kib",
       .title = "an int and 1 KiB of floats for the host device, both ends on one CPU",
       .kind = "device",
       .payload_bytes = 1024,
       .calls = 20'000,
       .warm_up = 2'000,
       .one_cpu = true},
      {.name = "device_256mib",
       .title = "an int and 256 MiB of floats for the host device",
       .kind = "device",
       .payload_bytes = 256 * mebibyte,
       .calls = 6,
       .warm_up = 1},
      {.name = "overlap_2",
       .title = "2 calls at once that upload, compute and download for 10 ms each: at least 40 ms",
       .kind = "overlap",
       .connections = 2,
       .calls = 40,
       .warm_up = 2},
      {.name = "overlap_4",
       .title = "4 calls at once that upload, compute and download for 10 ms each: at least 60 ms",
       .kind = "overlap",
       .connections = 4,
       .calls = 80,
       .warm_up = 2},
  };
  return cases;
}

void print_usage(std::ostream& out) {
  out << "usage: bench_call [--rounds N] [--calls N] [--case NAME]... [--stack NAME]...\n"
      << "                  [--as-shipped] [--svg FILE] [--smoke]\n"
      << "  --rounds N     how often each stack gets its turn (default 7)\n"
      << "  --calls N      timed calls in a turn, instead of each case's own number\n"
      << "  --case NAME    one of:";
  for (const call_case& each : all_cases()) out << ' ' << each.name << (each.on_request ? "*" : "");
  std::cerr
      << "\n                 (all but those with * by default)\n"
      << "  --stack NAME   executables with this word in their name; the floor is always run\n"
      << "  --as-shipped   rivals run with malloc's own settings too\n"
      << "  --svg FILE     a picture of the most telling tables\n"
      << "  --smoke        a few calls of each case but the largest, one round\n";
}

[[noreturn]] void exit_with_usage(const std::string& problem) {
  std::cerr << "bench_call: " << problem << "\n\n";
  print_usage(std::cerr);
  std::exit(EXIT_FAILURE);
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

options parse_options(int argc, char** argv) {
  options chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) exit_with_usage(flag + " needs a value");
      return argv[i];
    };
    const auto number = [&] {
      const std::string text = value();
      if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != text.npos)
        exit_with_usage(flag + ": not a number: " + text);
      return static_cast<std::size_t>(std::stoul(text));
    };
    if (flag == "--help") {
      print_usage(std::cout);
      std::exit(EXIT_SUCCESS);
    } else if (flag == "--rounds") {
      chosen.rounds = std::max<std::size_t>(number(), 1);
    } else if (flag == "--calls") {
      chosen.calls = number();
    } else if (flag == "--case") {
      chosen.cases.push_back(value());
    } else if (flag == "--stack") {
      chosen.stacks.push_back(value());
    } else if (flag == "--as-shipped") {
      chosen.as_shipped = true;
    } else if (flag == "--svg") {
      chosen.svg = value();
    } else if (flag == "--smoke") {
      chosen.smoke = true;
    } else {
      exit_with_usage("unknown option " + flag);
    }
  }
  return chosen;
}

std::vector<stack> chosen_stacks(const options& chosen, const std::string& folder) {
  std::vector<stack> stacks;
  for (stack each : all_stacks()) {
    const bool is_floor =
        each.executable == "bench_call_raw"
            ? stacks.empty()
            : each.executable == "bench_call_epoll" || each.executable == "bench_call_pipelined";
    const bool asked = chosen.stacks.empty() || is_floor ||
                       std::any_of(chosen.stacks.begin(), chosen.stacks.end(), [&](auto& word) {
                         return each.executable.find(word) != std::string::npos;
                       });
    if (!asked) continue;
    each.executable = folder + "/" + each.executable;
    each.keep = each.keep && !chosen.as_shipped;
    if (std::filesystem::exists(each.executable)) {
      stacks.push_back(each);
    } else {
      std::cerr << "bench_call: left out, not built: " << each.name << '\n';
    }
  }
  if (stacks.empty()) exit_with_usage("no stack to measure in " + folder);
  return stacks;
}

std::vector<stack> rows_for(const call_case& what, const std::vector<stack>& rows) {
  const bool is_usual = contains({"add", "connect", "send", "echo", "beside"}, what.kind);
  std::vector<stack> fitting;
  for (const stack& each : rows)
    if (is_usual ? each.is_blocking : contains(each.others, what.kind)) fitting.push_back(each);
  return fitting;
}

std::vector<call_case> chosen_cases(const options& chosen) {
  for (const std::string& name : chosen.cases) {
    const auto has_name = [&](const call_case& each) { return each.name == name; };
    if (std::none_of(all_cases().begin(), all_cases().end(), has_name))
      exit_with_usage("no such case: " + name);
  }
  std::vector<call_case> cases;
  for (call_case each : all_cases()) {
    if (chosen.cases.empty() ? each.on_request : !contains(chosen.cases, each.name)) continue;
    if (chosen.calls != 0) each.calls = chosen.calls;
    if (chosen.smoke) {
      each.payload_bytes = std::min(each.payload_bytes, 8 * mebibyte);
      each.calls = each.connections;
      each.warm_up = 1;
    }
    cases.push_back(each);
  }
  return cases;
}

}  // namespace bench
