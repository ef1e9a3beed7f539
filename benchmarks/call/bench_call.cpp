// SPDX-License-Identifier: Apache-2.0
//
// What does a remote call cost, beside the floor and the rivals? For every case, in every round,
// every stack gets its turn, A B C … A B C …: a fresh server, then a fresh client. Prints one
// Markdown table a case; see README.md for the method.

#include "../harness/plot.hpp"
#include "../harness/process.hpp"
#include "../harness/statistics.hpp"
#include "../harness/table.hpp"
#include "measurement.hpp"
#include "plan.hpp"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace bench {
namespace {

constexpr std::chrono::seconds start_patience{20};
constexpr std::chrono::seconds run_patience{120};

// A turn in which other processes took more of the machine is taken again, this often at most.
constexpr double tolerated_share = 0.12;
constexpr int retakes = 2;

constexpr const char* clear_line = "\r\x1b[K";

std::vector<std::string> command(const stack& row, const call_case& what, const char* mode) {
  std::vector<std::string> words{row.executable, mode};
  if (what.one_cpu) words.push_back("cpu=" + std::to_string(last_usable_cpu()));
  if (row.keep) words.push_back("keep=1");
  return words;
}

std::string start_server(child& server) {
  constexpr std::string_view word = "ready ";
  const auto line = server.read_line(start_patience);
  if (!line) throw std::runtime_error("the server ended before it listened: " + server.wait());
  if (!line->starts_with(word)) throw std::runtime_error("the server said: " + *line);
  return line->substr(word.size());
}

sample read_sample(child& client) {
  std::map<std::string, double> lines;
  while (const auto line = client.read_line(run_patience)) {
    if (*line == "done") return sample::from_lines(lines);
    std::istringstream words(*line);
    std::string name;
    double value = 0;
    if (!(words >> name >> value)) throw std::runtime_error("the client said: " + *line);
    lines[name] = value;
  }
  throw std::runtime_error("the client failed: " + client.wait());
}

/// One turn of one stack.
sample run_once(const stack& row, const call_case& what) {
  const scratch_directory scratch;
  auto serve = command(row, what, "serve");
  serve.push_back("address=" + (row.unix_socket ? "unix:" + scratch.path() + "/socket"
                                                : std::string("127.0.0.1")));
  child server(serve);
  const std::string endpoint = start_server(server);

  auto call = command(row, what, "client");
  const measurement told{.kind = what.kind,
                         .endpoint = endpoint,
                         .server = server.id(),
                         .connections = what.connections,
                         .payload_bytes = what.payload_bytes,
                         .calls = what.calls,
                         .warm_up = what.warm_up};
  for (std::string& word : told.to_words()) call.push_back(std::move(word));
  child client(call);
  try {
    sample result = read_sample(client);
    if (!server.running()) throw std::runtime_error("the server ended: " + server.wait());
    return result;
  } catch (const std::exception& failure) {
    const std::string state = server.running() ? "still runs" : "ended: " + server.wait();
    throw std::runtime_error(row.name + ", " + what.name + ": " + failure.what() + " (its server " +
                             state + ")");
  }
}

struct case_result {
  std::vector<std::vector<sample>> of_stack;  // [stack][round]
  std::size_t turns = 0;
  std::size_t disturbed = 0;
};

case_result run_case(const call_case& what, const std::vector<stack>& rows, const options& chosen) {
  const std::size_t rounds = chosen.smoke ? 1 : chosen.rounds;
  case_result result;
  result.of_stack.resize(rows.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (isatty(STDERR_FILENO) != 0) {
        std::cerr << clear_line << what.name << ": round " << round + 1 << " of " << rounds << ", "
                  << rows[i].name << std::flush;
      }
      sample best = run_once(rows[i], what);
      for (int again = 0; again < retakes && !chosen.smoke; ++again) {
        if (best.others_share <= tolerated_share) break;
        const sample next = run_once(rows[i], what);
        if (next.others_share < best.others_share) best = next;
      }
      ++result.turns;
      if (best.others_share > tolerated_share) ++result.disturbed;
      result.of_stack[i].push_back(best);
    }
  }
  if (isatty(STDERR_FILENO) != 0) std::cerr << clear_line << std::flush;
  return result;
}

/// Returns the median over the rounds of `value(sample)`.
template <class Value>
double over_rounds(const std::vector<sample>& rounds, Value value) {
  std::vector<double> values;
  for (const sample& each : rounds) values.push_back(value(each));
  return median(values);
}

/// Returns the median over the rounds of `value`'s ratio to the floor in the same round.
template <class Value>
double beside_floor(const case_result& result, std::size_t row, Value value) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < result.of_stack[row].size(); ++i)
    ratios.push_back(value(result.of_stack[row][i]) / value(result.of_stack[0][i]));
  return median(ratios);
}

constexpr std::size_t large_payload = std::size_t{1} << 20;

table small_call_table(const std::vector<stack>& rows, const case_result& result, bool by_rate) {
  table made({"stack", "p50 us", by_rate ? "calls/s x raw" : "p50 x raw", "p99 us", "calls/s",
              "CPU us/call", "CPU x raw", "client peak MiB", "server peak MiB"});
  const auto p50 = [](const sample& s) { return s.p50_ns / 1e3; };
  const auto rate = [](const sample& s) { return s.calls_per_second; };
  const auto cpu = [](const sample& s) { return s.cpu_ns_per_call / 1e3; };
  const double mebibyte = 1 << 20;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& rounds = result.of_stack[i];
    const auto middle = [&](auto value) { return over_rounds(rounds, value); };
    made.add({rows[i].name, three_digits(middle(p50)),
              two_decimals(by_rate ? beside_floor(result, i, rate) : beside_floor(result, i, p50)),
              three_digits(middle([](auto& s) { return s.p99_ns / 1e3; })),
              three_digits(middle(rate)), three_digits(middle(cpu)),
              two_decimals(beside_floor(result, i, cpu)),
              three_digits(middle([](auto& s) { return s.client_peak_bytes; }) / mebibyte),
              three_digits(middle([](auto& s) { return s.server_peak_bytes; }) / mebibyte)});
  }
  return made;
}

table bulk_table(const std::vector<stack>& rows, const case_result& result, double bytes) {
  // Beside a small payload, the memory of the program itself is what shows.
  const bool large = bytes >= 16 << 20;
  const double memory_unit = large ? bytes : double{1 << 20};
  const std::string memory = large ? " peak x payload" : " peak MiB";
  table made({"stack", "GB/s", "x raw", "p50 ms", "p99 ms", "CPU s/GiB", "client" + memory,
              "server" + memory});
  const auto rate = [&](const sample& s) { return bytes / s.p50_ns; };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& rounds = result.of_stack[i];
    const auto middle = [&](auto value) { return over_rounds(rounds, value); };
    made.add({rows[i].name, two_decimals(middle(rate)), two_decimals(beside_floor(result, i, rate)),
              three_digits(middle([](auto& s) { return s.p50_ns / 1e6; })),
              three_digits(middle([](auto& s) { return s.p99_ns / 1e6; })),
              two_decimals(middle([](auto& s) { return s.cpu_ns_per_call / 1e9; }) *
                           double{1 << 30} / bytes),
              two_decimals(middle([](auto& s) { return s.client_peak_bytes; }) / memory_unit),
              two_decimals(middle([](auto& s) { return s.server_peak_bytes; }) / memory_unit)});
  }
  return made;
}

table beside_table(const std::vector<stack>& rows, const case_result& result) {
  table made({"stack", "p50 us", "p99 us", "p99 x raw", "calls/s", "sent GB/s", "x raw",
              "sent alone GB/s", "beside / alone"});
  const auto p99 = [](const sample& s) { return s.p99_ns / 1e3; };
  const auto sent = [](const sample& s) { return s.bulk_rate / 1e9; };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& rounds = result.of_stack[i];
    const auto middle = [&](auto value) { return over_rounds(rounds, value); };
    made.add({rows[i].name, three_digits(middle([](auto& s) { return s.p50_ns / 1e3; })),
              three_digits(middle(p99)), two_decimals(beside_floor(result, i, p99)),
              three_digits(middle([](auto& s) { return s.calls_per_second; })),
              two_decimals(middle(sent)), two_decimals(beside_floor(result, i, sent)),
              two_decimals(middle([](auto& s) { return s.bulk_alone / 1e9; })),
              two_decimals(middle([](auto& s) { return s.bulk_rate / s.bulk_alone; }))});
  }
  return made;
}

void report(const call_case& what, const std::vector<stack>& rows, const case_result& result,
            const options& chosen) {
  std::cout << "### " << what.title << "\n\n";
  if (chosen.smoke) std::cout << "A smoke run: no measurement, and no payload above 8 MiB.\n\n";
  if (what.kind.starts_with("beside"))
    std::cout << beside_table(rows, result);
  else if (what.payload_bytes >= large_payload)
    std::cout << bulk_table(rows, result, static_cast<double>(what.payload_bytes));
  else
    std::cout << small_call_table(rows, result, what.connections > 1);
  std::cout << "\nMedians of " << result.of_stack[0].size() << " rounds of " << what.calls
            << " calls. In " << result.disturbed << " of " << result.turns
            << " turns other processes used more than " << static_cast<int>(tolerated_share * 100)
            << "% of the machine.\n"
            << std::endl;
}

/// What the plot shows of a table: the rate of large payloads and of many calls, else the time.
panel make_panel(const call_case& what, const std::vector<stack>& rows, const case_result& result) {
  const bool by_rate = what.connections > 1;
  const bool is_bulk = what.payload_bytes >= large_payload;
  panel made{.title = what.plot,
             .unit = is_bulk   ? "GB/s, more is better"
                     : by_rate ? "calls/s, more is better"
                               : "us, median, less is better",
             .bars = {}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double value = over_rounds(result.of_stack[i], [&](const sample& s) {
      if (is_bulk) return static_cast<double>(what.payload_bytes) / s.p50_ns;
      return by_rate ? s.calls_per_second : s.p50_ns / 1e3;
    });
    const bool is_floor = rows[i].name.starts_with("raw");
    const bool is_ours = rows[i].name.starts_with("modal");
    made.bars.push_back({.name = rows[i].name,
                         .value = value,
                         .what = is_floor  ? bar::kind::floor
                                 : is_ours ? bar::kind::ours
                                           : bar::kind::other});
  }
  return made;
}

void keep(const std::string& file, const std::string& text) {
  std::ofstream out(file);
  if (!(out << text).flush()) throw std::runtime_error("cannot write " + file);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  const bench::options chosen = bench::parse_options(argc, argv);
  bench::unwind_on_signals();
  const std::string folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto stacks = bench::chosen_stacks(chosen, folder);
  std::vector<bench::panel> panels;
  for (const bench::call_case& what : bench::chosen_cases(chosen)) {
    const auto rows = bench::rows_for(what, stacks);
    const auto result = bench::run_case(what, rows, chosen);
    bench::report(what, rows, result, chosen);
    if (!what.plot.empty()) panels.push_back(bench::make_panel(what, rows, result));
  }
  if (!chosen.svg.empty()) bench::keep(chosen.svg, bench::draw(panels));
  return EXIT_SUCCESS;
} catch (const std::exception& failure) {
  std::cerr << "\nbench_call: " << failure.what() << std::endl;
  return EXIT_FAILURE;
}
