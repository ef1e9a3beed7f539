// SPDX-License-Identifier: Apache-2.0
// The filters on a real GPU, beside the CPU's.
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "agreement.hpp"
#include "device_filters.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <iostream>
#include <random>

namespace {

using modal::remote;
using photos::image;

image make_noise(photos::image_size size) {
  std::mt19937 random(5);
  image out{size, {}};
  for (int i = 0; i < size.width * size.height * size.channels; ++i)
    out.pixels.push_back(static_cast<std::uint8_t>(100 + random() % 40 + (i / 7 % 100)));
  return out;
}

template <class Work>
double milliseconds(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace

TEST_CASE("photos on a GPU: agree with the CPU's filters", "[photos][gpu]") {
  modal::executor executor{{.port = 0}};
  executor.start();
  modal::client client{executor.url()};
  const auto there =
      remote<photos::on_device::where>.on(client).try_call(std::span<const std::uint8_t>());
  if (!there && there.error() == modal::errc::no_device) MODAL_SKIP("there is no GPU");
  REQUIRE_FALSE(there.has_error());

  const image noise = make_noise({512, 384, 3});
  const std::span<const std::uint8_t> pixels(noise.pixels);
  const auto denoise = remote<photos::on_device::denoise>.on(client);
  image clean{noise.size, denoise(noise.size, pixels, 6.F)};
  const double on_gpu = milliseconds([&] { clean.pixels = denoise(noise.size, pixels, 6.F); });
  image expected;
  const double on_cpu =
      milliseconds([&] { expected = photos::denoise(noise.size, noise.pixels, 6.F); });
  CHECK(photos::is_close("denoise", clean, expected));
  std::cout << "denoise of 512 x 384: " << on_gpu << " ms on " << *there << " with transfer, "
            << on_cpu << " ms on the CPU\n";

  const image drawn{{512, 384, 1},
                    remote<photos::on_device::edges>.on(client)(noise.size, pixels, 8.F)};
  CHECK(photos::is_close("edges", drawn, photos::edges(noise.size, noise.pixels, 8.F)));
}
