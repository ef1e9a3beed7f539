// SPDX-License-Identifier: Apache-2.0
#include "functions.hpp"
#include "network.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace digits {

std::vector<std::uint8_t> classify_here(std::span<const std::uint8_t> images,
                                        std::span<const float> learnt) {
  if (images.size() % pixels != 0 || learnt.size() != weight_count)
    throw std::invalid_argument("images have 28 x 28 bytes, and the network its own weights");
  const auto w = std::make_unique<weights>();
  std::memcpy(w.get(), learnt.data(), sizeof(weights));
  std::vector<std::uint8_t> labels;
  std::array<float, pixels> image{};
  std::array<float, size_1> first{};
  std::array<float, size_2> second{};
  std::array<float, classes> scores{};
  for (; !images.empty(); images = images.subspan(pixels)) {
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(images[i]) / 255.F;
    for (int i = 0; i < size_1; ++i)
      first[static_cast<std::size_t>(i)] = first_layer(*w, image.data(), i);
    for (int i = 0; i < size_2; ++i)
      second[static_cast<std::size_t>(i)] = second_layer(*w, first.data(), i);
    for (int i = 0; i < classes; ++i)
      scores[static_cast<std::size_t>(i)] = score(*w, second.data(), i);
    labels.push_back(best_of(scores.data()));
  }
  return labels;
}

}  // namespace digits
