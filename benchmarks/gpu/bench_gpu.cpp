// SPDX-License-Identifier: Apache-2.0
//
// What does a call of a function on a GPU cost, beside CUDA by itself? Prints one Markdown table;
// see ../README.md for the method. Ends with 77 where there is no GPU.

#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "functions.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

namespace {

using namespace bench_gpu;
using modal::remote;
using std::chrono::nanoseconds;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Work>
double median_us(int times, Work&& work) {
  std::vector<double> all;
  for (int i = 0; i < times; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    all.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  return median(std::move(all));
}

void row(const char* what, double value, const char* unit, double goal, bool is_least) {
  const bool is_met = is_least ? value >= goal : value <= goal;
  std::printf("| %-58s | %8.2f %-5s | %s %-5.2f | %s |\n", what, value, unit,
              is_least ? ">=" : "<=", goal, is_met ? "yes" : "NO");
}

// Of an upload that begins when the whole argument is there, by the device's own clock.
void measure_upload(modal::client& client) {
  const std::size_t bytes = 256 * mebibyte;
  const std::vector<float> values(bytes / sizeof(float), 1.F);
  std::vector<double> ratios;
  for (int i = 0; i < 7; ++i) {
    const double raw = static_cast<double>(raw_upload(bytes).count());
    modal::call_report report;
    if (remote<take>.on(client).with({.report = &report})(values) != values.size())
      throw std::runtime_error("a wrong answer");
    if (i != 0) ratios.push_back(raw / static_cast<double>(report.device.upload.count()));
  }
  row("upload of 256 MiB, x cudaMemcpyAsync", median(std::move(ratios)), "x", 0.95, true);
}

// Calls after one another, and two at a time.
void measure_overlap(modal::client& client) {
  const std::vector<float> values(64 * mebibyte / sizeof(float), 1.F);
  const auto call = remote<churn>.on(client);
  const auto time_of = [&](std::size_t at_once) {
    return median_us(7, [&] {
      std::vector<modal::call_handle<std::vector<float>>> all;
      for (std::size_t i = 0; i < at_once; ++i) all.push_back(call.spawn(values));
      for (auto& each : all)
        if (each.get().size() != values.size()) throw std::runtime_error("a wrong answer");
    });
  };
  (void)time_of(2);
  row("2 calls of 64 MiB at once, x the rate of one", 2 * time_of(1) / time_of(2), "x", 1.6, true);
}

void measure_launch(modal::client& client) {
  const std::vector<float> none;
  const auto touch_there = remote<touch>.on(client);
  const auto add_there = remote<add>.on(client);
  for (int i = 0; i < 1000; ++i) touch_there(none);
  const double launch = static_cast<double>(raw_launch().count()) / 1e3;
  const double round_trip = median_us(5001, [&] { (void)add_there(1, 2); });
  const double call = median_us(5001, [&] { touch_there(none); });
  std::printf("| %-58s | %8.2f %-5s | %-8s | %s |\n", "a launch that is waited for", launch, "us",
              "", "");
  std::printf("| %-58s | %8.2f %-5s | %-8s | %s |\n", "a call of add(int, int)", round_trip, "us",
              "", "");
  row("a call of an empty kernel, above these two", call - launch - round_trip, "us", 25, false);
}

}  // namespace

int main() try {
  modal::executor executor{{.port = 0, .log = modal::log_to_stderr(modal::log_level::error)}};
  executor.start();
  modal::client client{executor.url()};
  const auto tried = remote<touch>.on(client).try_call(std::vector<float>());
  if (!tried && tried.error() == modal::errc::no_device) {
    std::cerr << "bench_gpu: " << tried.error().message() << '\n';
    return 77;
  }
  tried.value();
  std::printf("| %-58s | %-14s | %-8s | %s |\n", "what", "measured", "goal", "met");
  std::printf("| --- | ---: | ---: | --- |\n");
  measure_upload(client);
  measure_overlap(client);
  measure_launch(client);
  return EXIT_SUCCESS;
} catch (const std::exception& failure) {
  std::cerr << "bench_gpu: " << failure.what() << '\n';
  return EXIT_FAILURE;
}
