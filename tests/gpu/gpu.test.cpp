// SPDX-License-Identifier: Apache-2.0
// What only a real GPU can tell. The test that breaks it comes last, as nothing works after it.
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "gpu/functions.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <numeric>
#include <vector>

namespace {

using modal::errc;
using modal::remote;

struct serving {
  serving() : client((executor.start(), executor.url())) {}
  modal::executor executor{{.port = 0, .threads = 2}};
  modal::client client;
};

serving& here() {
  static serving one;
  return one;
}

// Where there is no GPU there is nothing to test.
bool has_gpu() {
  const auto tried = remote<on_gpu::scale>.on(here().client).try_call(std::vector<float>{1}, 1.F);
  if (!tried && tried.error() == errc::no_device) return false;
  REQUIRE_FALSE(tried.has_error());
  return true;
}
#define NEED_GPU() \
  if (!has_gpu()) MODAL_SKIP("there is no GPU")

std::vector<float> ramp(std::size_t size) {
  std::vector<float> made(size);
  std::iota(made.begin(), made.end(), 0.F);
  return made;
}

std::chrono::duration<double, std::milli> time_of(int calls) {
  const auto values = ramp(1000);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<modal::call_handle<std::vector<float>>> started;
  for (int i = 0; i < calls; ++i)
    started.push_back(remote<on_gpu::after>.on(here().client).spawn(values, 50));
  for (auto& each : started) CHECK(each.get() == values);
  return std::chrono::steady_clock::now() - begin;
}

}  // namespace

TEST_CASE("gpu: arguments go up and results come down, of every size", "[gpu]") {
  NEED_GPU();
  for (const std::size_t size : {0U, 1U, 1000U, 100'000U, 20'000'000U}) {
    const auto values = ramp(size);
    const auto doubled = remote<on_gpu::scale>.on(here().client)(values, 2.F);
    REQUIRE(doubled.size() == size);
    bool right = true;
    for (std::size_t i = 0; i < size; ++i) right = right && doubled[i] == 2 * values[i];
    CHECK(right);
    CHECK(remote<on_gpu::copied>.on(here().client)(values) == values);
    auto changed = values;
    remote<on_gpu::add_to>.on(here().client)(changed, 1.F);
    right = true;
    for (std::size_t i = 0; i < size; ++i) right = right && changed[i] == values[i] + 1;
    CHECK(right);
  }
}

TEST_CASE("gpu: tensors", "[gpu]") {
  NEED_GPU();
  const auto values = ramp(300 * 700);
  const modal::tensor_view<const float, 2> mine(values.data(), {300, 700});
  const auto turned = remote<on_gpu::transposed>.on(here().client)(mine);
  REQUIRE(turned.shape() == std::array<std::size_t, 2>{700, 300});
  CHECK(turned.view()(699, 299) == mine(299, 699));
  CHECK(turned.view()(5, 17) == mine(17, 5));
}

TEST_CASE("gpu: functions find the context of CUDA's runtime", "[gpu]") {
  NEED_GPU();
  CHECK(remote<on_gpu::shares_context>.on(here().client)(std::vector<float>{42}));
}

TEST_CASE("gpu: calls overlap, and no worker waits", "[gpu]") {
  NEED_GPU();
  const auto one = time_of(1);
  const auto four = time_of(4);
  WARN("one call: " << one.count() << " ms, four: " << four.count() << " ms");
  CHECK(four.count() < 2.5 * one.count());
}

TEST_CASE("gpu: no memory is an error, and the next call goes on", "[gpu]") {
  NEED_GPU();
  const auto refused = remote<on_gpu::take>.on(here().client).try_call(UINT64_C(1) << 50);
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::device_out_of_memory);
  CHECK(remote<on_gpu::take>.on(here().client)(1'000'000U) == 1'000'000U);
}

TEST_CASE("gpu: after an illegal address the device is lost, and says so", "[gpu]") {
  NEED_GPU();
  std::vector<float> values(10);
  const auto broken = remote<on_gpu::write_nowhere>.on(here().client).try_call(values);
  REQUIRE(broken.has_error());
  WARN(broken.error().message());
  CHECK(broken.error() == errc::device_fault);
  const auto after = remote<on_gpu::scale>.on(here().client).try_call(values, 1.F);
  REQUIRE(after.has_error());
  CHECK(after.error() == errc::device_fault);
}
