// SPDX-License-Identifier: Apache-2.0
//
// modal with a function of device memory, on the host device: the same client as `modal_call.cpp`,
// which knows nothing of devices. Built three times:
//
//     bench_call_device         as it is
//     bench_call_device_late    BENCH_DEVICE_RETRIES=1: a call that may run twice keeps its body,
//     so
//                               that its argument is uploaded when all of it is there
//     bench_call_device_slow    BENCH_DEVICE_COPY_RATE: copies take as long as over a slow bus

#include <modal/executor.hpp>
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include "stack.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <vector>

#ifndef BENCH_DEVICE_RETRIES
#define BENCH_DEVICE_RETRIES 0
#endif
#ifndef BENCH_DEVICE_COPY_RATE
#define BENCH_DEVICE_COPY_RATE 0
#endif

namespace bench_functions {

std::int64_t take_there(std::int32_t more, modal::device_span<const float> numbers) {
  return more + bench::digest({numbers.data(), numbers.size()});
}

// Computes for as long as each of its copies takes.
modal::device_vector<float> work(modal::device_span<const float> numbers) {
  std::this_thread::sleep_for(std::chrono::milliseconds{10});
  modal::device_vector<float> made(numbers.size());
  std::copy(numbers.begin(), numbers.end(), made.span().begin());
  return made;
}

}  // namespace bench_functions

MODAL_FUNCTION(bench_functions::take_there, .retries = BENCH_DEVICE_RETRIES)
MODAL_FUNCTION(bench_functions::work)

namespace bench {
namespace {

class device_connection final : public connection {
 public:
  explicit device_connection(const std::string& endpoint) : client_(endpoint) {}

  std::int32_t add(std::int32_t, std::int32_t) override {
    throw std::runtime_error("no numbers: nothing for a device");
  }
  std::int64_t send(std::span<const float> numbers) override {
    return modal::remote<bench_functions::take_there>.on(client_)(0, numbers);
  }

 private:
  modal::client client_;
};

/// Groups of calls that begin at once; each time is a whole group's.
class overlap_flight final : public flight {
 public:
  explicit overlap_flight(const std::string& endpoint) : client_(endpoint) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    const auto work = modal::remote<bench_functions::work>.on(client_);
    const std::vector<float> numbers((std::size_t{1} << 20) / sizeof(float), 1.F);
    for (std::size_t i = 0; i < calls; i += in_flight) {
      const auto begun = std::chrono::steady_clock::now();
      std::vector<modal::call_handle<std::vector<float>>> group;
      for (std::size_t j = 0; j < in_flight; ++j) group.push_back(work.spawn(numbers));
      for (auto& each : group)
        if (each.get() != numbers) throw std::runtime_error("the server gave a wrong answer");
      times.push_back(std::chrono::steady_clock::now() - begun);
    }
  }

 private:
  modal::client client_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  modal::executor executor{{.address = address,
                            .port = 0,
                            .host_device_copy_rate = BENCH_DEVICE_COPY_RATE,
                            .log = modal::log_to_stderr(modal::log_level::warning)}};
  executor.start();
  ready(executor.url());
  executor.run();
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<device_connection>(endpoint);
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string& endpoint) {
  return std::make_unique<overlap_flight>(endpoint);
}

}  // namespace bench
