// SPDX-License-Identifier: Apache-2.0
// Learning: stochastic gradient descent with momentum on the cross entropy, by hand.
#include "functions.hpp"
#include "network.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>

namespace digits {
namespace {

constexpr std::size_t batch = 16;
constexpr float momentum = 0.9F;

/// One image on its way through the network, and what is remembered for the way back.
struct pass {
  std::array<float, pixels> image;
  float first[side_1][side_1][channels_1];
  float second[side_2][side_2][channels_2];
  float scores[classes];
  int corner_1[side_1][side_1][channels_1];  // which of the four was the largest; -1: none above 0
  int corner_2[side_2][side_2][channels_2];
};

void forward(const weights& w, pass& p) {
  for (int y = 0; y < side_1; ++y)
    for (int x = 0; x < side_1; ++x)
      for (int c = 0; c < channels_1; ++c) {
        p.first[y][x][c] = 0;
        p.corner_1[y][x][c] = -1;
        for (int corner = 0; corner < 4; ++corner) {
          const float* from = p.image.data() + (2 * y + corner / 2) * side + 2 * x + corner % 2;
          float sum = w.bias_1[c];
          for (int row = 0; row < kernel; ++row)
            for (int column = 0; column < kernel; ++column)
              sum += from[row * side + column] * w.kernels_1[c][row][column];
          if (sum > p.first[y][x][c]) {
            p.first[y][x][c] = sum;
            p.corner_1[y][x][c] = corner;
          }
        }
      }
  for (int y = 0; y < side_2; ++y)
    for (int x = 0; x < side_2; ++x)
      for (int c = 0; c < channels_2; ++c) {
        p.second[y][x][c] = 0;
        p.corner_2[y][x][c] = -1;
        for (int corner = 0; corner < 4; ++corner) {
          // As many sums as there are channels before, so that they are taken side by side.
          float sums[channels_1] = {};
          for (int row = 0; row < kernel; ++row)
            for (int column = 0; column < kernel; ++column) {
              const float* from = p.first[2 * y + corner / 2 + row][2 * x + corner % 2 + column];
              for (int i = 0; i < channels_1; ++i)
                sums[i] += from[i] * w.kernels_2[c][row][column][i];
            }
          const float sum = std::accumulate(sums, sums + channels_1, w.bias_2[c]);
          if (sum > p.second[y][x][c]) {
            p.second[y][x][c] = sum;
            p.corner_2[y][x][c] = corner;
          }
        }
      }
  for (int i = 0; i < classes; ++i) p.scores[i] = score(w, &p.second[0][0][0], i);
}

/// Adds what each weight does to the error.
void backward(const weights& w, const pass& p, int label, weights& slope) {
  float likely[classes];
  const float highest = *std::max_element(p.scores, p.scores + classes);
  float sum = 0;
  for (int i = 0; i < classes; ++i) sum += likely[i] = std::exp(p.scores[i] - highest);
  float of_second[side_2][side_2][channels_2] = {};
  float of_first[side_1][side_1][channels_1] = {};
  for (int i = 0; i < classes; ++i) {
    const float error = likely[i] / sum - (i == label ? 1.F : 0.F);
    slope.bias[i] += error;
    const float* second = &p.second[0][0][0];
    float* back = &of_second[0][0][0];
    for (int j = 0; j < size_2; ++j) {
      slope.dense[i][j] += error * second[j];
      back[j] += error * w.dense[i][j];
    }
  }
  for (int y = 0; y < side_2; ++y)
    for (int x = 0; x < side_2; ++x)
      for (int c = 0; c < channels_2; ++c) {
        const int corner = p.corner_2[y][x][c];
        if (corner < 0) continue;
        const float error = of_second[y][x][c];
        slope.bias_2[c] += error;
        for (int row = 0; row < kernel; ++row)
          for (int column = 0; column < kernel; ++column) {
            const int from_y = 2 * y + corner / 2 + row;
            const int from_x = 2 * x + corner % 2 + column;
            for (int i = 0; i < channels_1; ++i) {
              slope.kernels_2[c][row][column][i] += error * p.first[from_y][from_x][i];
              of_first[from_y][from_x][i] += error * w.kernels_2[c][row][column][i];
            }
          }
      }
  for (int y = 0; y < side_1; ++y)
    for (int x = 0; x < side_1; ++x)
      for (int c = 0; c < channels_1; ++c) {
        const int corner = p.corner_1[y][x][c];
        if (corner < 0) continue;
        const float error = of_first[y][x][c];
        const float* from = p.image.data() + (2 * y + corner / 2) * side + 2 * x + corner % 2;
        slope.bias_1[c] += error;
        for (int row = 0; row < kernel; ++row)
          for (int column = 0; column < kernel; ++column)
            slope.kernels_1[c][row][column] += error * from[row * side + column];
      }
}

/// Returns a number from -1 to 1. The standard's distributions differ between libraries.
float draw(std::mt19937& random) {
  return static_cast<float>(random() >> 8) / static_cast<float>(1 << 23) - 1;
}

void begin_with_noise(weights& w, std::mt19937& random) {
  const auto fill = [&random](float* first, std::size_t count, int inputs) {
    const float range = std::sqrt(6.F / static_cast<float>(inputs));
    std::generate_n(first, count, [&] { return range * draw(random); });
  };
  fill(&w.kernels_1[0][0][0], sizeof w.kernels_1 / sizeof(float), kernel * kernel);
  fill(&w.kernels_2[0][0][0][0], sizeof w.kernels_2 / sizeof(float), kernel * kernel * channels_1);
  fill(&w.dense[0][0], sizeof w.dense / sizeof(float), size_2);
}

}  // namespace

modal::device_vector<float> train(modal::device_span<const std::uint8_t> images,
                                  modal::device_span<const std::uint8_t> labels, int epochs) {
  if (images.empty() || images.size() != labels.size() * pixels || epochs < 1 || epochs > 100 ||
      *std::max_element(labels.begin(), labels.end()) >= classes)
    throw std::invalid_argument(
        "a label from 0 to 9 for each image of 28 x 28 bytes, 1 to 100 epochs");
  std::mt19937 random(1);
  const auto w = std::make_unique<weights>();
  const auto speed = std::make_unique<weights>();
  const auto slope = std::make_unique<weights>();
  const auto at = std::make_unique<pass>();
  begin_with_noise(*w, random);
  const auto numbers_of = [](weights& which) { return reinterpret_cast<float*>(&which); };

  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    const float rate = 0.02F / static_cast<float>(1 + epoch);
    for (std::size_t begin = 0; begin < order.size(); begin += batch) {
      if (modal::this_call().stop_requested())
        throw std::runtime_error("stopped: nobody waits for this network any more");
      const std::size_t end = std::min(begin + batch, order.size());
      *slope = {};
      for (std::size_t i = begin; i < end; ++i) {
        const std::uint8_t* from = images.data() + order[i] * pixels;
        std::transform(from, from + pixels, at->image.begin(),
                       [](std::uint8_t each) { return static_cast<float>(each) / 255.F; });
        forward(*w, *at);
        backward(*w, *at, labels[order[i]], *slope);
      }
      float* const weight = numbers_of(*w);
      float* const moved = numbers_of(*speed);
      const float* const steep = numbers_of(*slope);
      const float share = rate / static_cast<float>(end - begin);
      for (std::size_t i = 0; i < weight_count; ++i) {
        moved[i] = momentum * moved[i] - share * steep[i];
        weight[i] += moved[i];
      }
    }
  }
  modal::device_vector<float> learnt(weight_count);
  std::memcpy(learnt.data(), w.get(), sizeof(weights));
  return learnt;
}

}  // namespace digits

MODAL_FUNCTION(digits::train, .timeout = std::chrono::minutes(10))
