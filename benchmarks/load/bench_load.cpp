// SPDX-License-Identifier: Apache-2.0
//
// A load generator: see --help, and README.md for the method.

#include <modal/executor.hpp>

#include "../harness/process.hpp"
#include "../harness/table.hpp"
#include "load.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <cmath>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

using bench::load_plan;
using bench::load_times;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::array shares{0.5, 0.9, 0.99, 0.999, 0.9999};

double in_us(nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }
double in_seconds(nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

struct part {
  const char* name;
  bench::histogram load_times::*times;
};
constexpr std::array parts{
    part{"total", &load_times::total}, part{"late", &load_times::late},
    part{"queue", &load_times::queue}, part{"codec", &load_times::codec},
    part{"run", &load_times::run},     part{"transfer", &load_times::transfer}};

std::string describe(const load_plan& plan) {
  const std::string how = plan.rate > 0 ? bench::three_digits(plan.rate) + " calls/s"
                          : plan.in_flight != 0
                              ? std::to_string(plan.in_flight) + " calls in flight"
                              : std::to_string(plan.threads) + " threads that call and wait";
  return how + ", " + std::to_string(plan.clients) + (plan.clients == 1 ? " client" : " clients") +
         (plan.session ? "" : ", HTTP") + ", " + std::to_string(plan.payload_bytes) +
         " bytes each, a function of " + std::to_string(plan.run_us) + " us" +
         (plan.at_once ? " where it is read" : "");
}

/// The last lines of the report: where the time went.
void print_parts(const load_times& all) {
  bench::table made({"us", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"});
  for (const part& each : parts) {
    const bench::histogram& times = all.*each.times;
    std::vector<std::string> row{each.name};
    for (const double share : shares)
      row.push_back(bench::three_digits(in_us(times.percentile(share))));
    row.push_back(bench::three_digits(in_us(times.most())));
    row.push_back(bench::three_digits(in_us(times.mean())));
    made.add(std::move(row));
  }
  std::cout << '\n' << made;
}

/// What is printed, and kept, of each interval as it ends.
class recorder {
 public:
  explicit recorder(const std::string& file) {
    if (!file.empty()) {
      file_.open(file);
      if (!file_) throw std::runtime_error("cannot write " + file);
      file_ << "begin_s,part,calls,failed,p50_us,p90_us,p99_us,p999_us,p9999_us,max_us\n";
    }
    std::cout << "| from s | calls/s | p50 us | p99 us | p99.9 us | max us | failed |\n"
              << "| -----: | ------: | -----: | -----: | -------: | -----: | -----: |" << std::endl;
  }

  void operator()(const bench::load_interval& when, const load_times& times) {
    const auto& total = times.total;
    const auto us = [&](double share) {
      return bench::three_digits(in_us(total.percentile(share)));
    };
    std::cout << "| " << bench::three_digits(in_seconds(when.begin)) << " | "
              << bench::three_digits(static_cast<double>(total.count()) / in_seconds(when.length))
              << " | " << us(0.5) << " | " << us(0.99) << " | " << us(0.999) << " | "
              << bench::three_digits(in_us(total.most())) << " | " << times.failed << " |"
              << std::endl;
    if (!file_.is_open()) return;
    for (const part& each : parts) {
      const bench::histogram& counted = times.*each.times;
      file_ << in_seconds(when.begin) << ',' << each.name << ',' << counted.count() << ','
            << times.failed;
      for (const double share : shares) file_ << ',' << in_us(counted.percentile(share));
      file_ << ',' << in_us(counted.most()) << '\n';
    }
    if (!file_.flush()) throw std::runtime_error("the record cannot be written");
  }

 private:
  std::ofstream file_;
};

int generate(const load_plan& plan, const std::string& record) {
  std::cout << describe(plan) << "\n\n";
  recorder tell(record);
  const load_times all = bench::run_load(plan, std::ref(tell));
  print_parts(all);
  if (all.total.count() == 0) throw std::runtime_error("no call succeeded: " + all.failure);
  if (all.failed != 0) {
    std::cout << '\n' << all.failed << " calls failed, the first of them: " << all.failure << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

int serve(const modal::executor_config& config) {
  modal::executor executor(config);
  executor.start();
  std::cout << "ready " << executor.url() << std::endl;
  executor.run();
  return EXIT_SUCCESS;
}

/// An executor in a process of its own, with its defaults.
class own_executor {
 public:
  own_executor()
      : server_({std::filesystem::read_symlink("/proc/self/exe"), "serve", "--with-parent",
                 "--port", "0"}) {
    constexpr std::string_view word = "ready ";
    const auto line = server_.read_line(std::chrono::seconds{20});
    if (!line || !line->starts_with(word)) throw std::runtime_error("the executor did not start");
    url_ = line->substr(word.size());
  }
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  bench::child server_;
  std::string url_;
};

void declare(CLI::App& app, load_plan& plan, std::string& record) {
  const auto milliseconds_of = [&app](const char* name, milliseconds& to, const char* what) {
    app.add_option_function<double>(
           name, [&to](double s) { to = milliseconds{std::llround(s * 1000)}; }, what)
        ->check(CLI::Range(0.0, 86'400.0))
        ->default_str(bench::three_digits(static_cast<double>(to.count()) / 1e3));
  };
  app.add_option("--url", plan.url,
                 "an executor that `bench_load serve` started; else one of its own");
  auto* const rate = app.add_option("--rate", plan.rate,
                                    "so many calls a second, whatever became of those before (an "
                                    "open loop)")
                         ->check(CLI::PositiveNumber);
  auto* const in_flight = app.add_option("--in-flight", plan.in_flight,
                                         "so many calls under way, each completion begins the next")
                              ->check(CLI::PositiveNumber);
  auto* const threads =
      app.add_option("--threads", plan.threads, "so many threads that call and wait")
          ->check(CLI::PositiveNumber);
  rate->excludes(in_flight)->excludes(threads);
  in_flight->excludes(threads);
  app.add_option("--clients", plan.clients, "with connections of their own")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--payload", plan.payload_bytes, "bytes of each call's argument")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--run-us", plan.run_us, "how long the function computes")->capture_default_str();
  app.add_flag("--io", plan.at_once, "the function runs on the thread that has read its call");
  app.add_flag("!--http", plan.session,
               "a connection for each call under way, instead of a session");
  app.add_flag("!--no-local", plan.local, "no Unix socket instead of TCP");
  milliseconds_of("--seconds", plan.length, "how long");
  milliseconds_of("--warm-up", plan.warm_up, "seconds before that, which do not count");
  milliseconds_of("--interval", plan.interval, "seconds, of each of which the times are told");
  milliseconds_of("--timeout", plan.timeout, "seconds, of each call");
  app.add_option("--record", record, "a file for the intervals, as CSV");
}

}  // namespace

int main(int argc, char** argv) try {
  bench::unwind_on_signals();
  CLI::App app{
      "Calls an executor at a fixed rate, or with a fixed number of calls under way, and\n"
      "tells where their time went."};
  load_plan plan;
  std::string record;
  declare(app, plan, record);

  modal::executor_config config{.log = modal::log_to_stderr(modal::log_level::warning)};
  auto* const served = app.add_subcommand("serve", "Serves what the load is made of.");
  served->add_option("--address", config.address)->capture_default_str();
  served->add_option("--port", config.port)->capture_default_str();
  served->add_option("--workers", config.threads, "0: one for each core")->capture_default_str();
  bool is_child = false;
  served->add_flag("--with-parent", is_child, "ends with the process that started it");
  app.require_subcommand(0, 1);
  CLI11_PARSE(app, argc, argv);
  if (served->parsed()) {
    if (is_child) bench::die_with_parent();
    return serve(config);
  }
  if (plan.rate == 0 && plan.in_flight == 0 && plan.threads == 0)
    throw std::runtime_error("say how calls begin: --rate, --in-flight or --threads");
  if (plan.interval.count() == 0) throw std::runtime_error("--interval must not be 0");
  if (!plan.url.empty()) return generate(plan, record);
  const own_executor server;
  plan.url = server.url();
  return generate(plan, record);
} catch (const std::exception& failure) {
  std::cerr << "bench_load: " << failure.what() << std::endl;
  return EXIT_FAILURE;
}
