// SPDX-License-Identifier: Apache-2.0
//
// What does it cost to write and read values, beside cereal's stock archive, protobuf and memcpy?
// Google Benchmark measures, in random order; one Markdown table a value follows, of medians and of
// ratios. All of Google Benchmark's flags work.

#include "../harness/statistics.hpp"
#include "../harness/table.hpp"
#include "registry.hpp"

#include <cmath>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {
namespace {

/// Collects the times by "value/direction/library", and prints nothing by itself. CPU time, the
/// kernel's included: all the work is one thread's, and page faults count.
class collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred)
        throw std::runtime_error(run.benchmark_name() + ": " + run.error_message);
      if (run.run_type != Run::RT_Iteration) continue;
      times_[run.run_name.function_name].push_back(run.cpu_accumulated_time * 1e9 /
                                                   static_cast<double>(run.iterations));
    }
  }

  /// Returns the median in nanoseconds; not a number where it was not measured.
  [[nodiscard]] double time(const std::string& value, const std::string& direction,
                            const std::string& library) const {
    const auto found = times_.find(value + "/" + direction + "/" + library);
    return median(found == times_.end() ? std::vector<double>{} : found->second);
  }

  /// Returns each library's name, in alphabetical order.
  [[nodiscard]] std::set<std::string> libraries(const std::string& value) const {
    std::set<std::string> names;
    for (const auto& [name, times] : times_)
      if (name.starts_with(value + "/")) names.insert(name.substr(name.rfind('/') + 1));
    return names;
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

std::string duration(double nanoseconds) {
  if (nanoseconds >= 1e6) return three_digits(nanoseconds / 1e6) + " ms";
  if (nanoseconds >= 1e4) return three_digits(nanoseconds / 1e3) + " us";
  return std::isnan(nanoseconds) ? "-" : three_digits(nanoseconds) + " ns";
}

void report(const collector& times, const std::string& value) {
  const std::set<std::string> libraries = times.libraries(value);
  if (libraries.empty()) return;
  std::vector<std::string> head{value, "write", "read", "write: cereal / this",
                                "read: cereal / this"};
  std::vector<const char*> yardsticks{cereal_row};
  if (value == value_name<numbers>()) {
    head.insert(head.end(), {"write: memcpy / this", "read: memcpy / this"});
    yardsticks.push_back(memcpy_row);
  }
  table made(head);
  for (const std::string& library : libraries) {
    const double write = times.time(value, "write", library);
    const double read = times.time(value, "read", library);
    std::vector<std::string> row{library, duration(write), duration(read)};
    for (const char* other : yardsticks) {
      row.push_back(two_decimals(times.time(value, "write", other) / write));
      row.push_back(two_decimals(times.time(value, "read", other) / read));
    }
    made.add(row);
  }
  std::cout << made << '\n';
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  // Ours come first, so that the command line has the last word.
  std::vector<std::string> words{argv[0], "--benchmark_enable_random_interleaving=true",
                                 "--benchmark_repetitions=9", "--benchmark_min_time=0.05"};
  words.insert(words.end(), argv + 1, argv + argc);
  std::vector<char*> flags;
  for (std::string& word : words) flags.push_back(word.data());
  int count = static_cast<int>(flags.size());
  benchmark::Initialize(&count, flags.data());
  if (benchmark::ReportUnrecognizedArguments(count, flags.data())) return EXIT_FAILURE;

  bench::register_cereal();
  bench::register_memcpy();
#ifdef BENCH_WITH_PROTOBUF
  bench::register_protobuf();
#endif
#ifdef BENCH_WITH_MODAL
  bench::register_modal();
#endif
  bench::collector times;
  benchmark::RunSpecifiedBenchmarks(&times);
  bench::report(times, bench::value_name<bench::int_pair>());
  bench::report(times, bench::value_name<bench::record>());
  bench::report(times, bench::value_name<bench::numbers>());
  return EXIT_SUCCESS;
} catch (const std::exception& failure) {
  std::cerr << "bench_archive: " << failure.what() << std::endl;
  return EXIT_FAILURE;
}
