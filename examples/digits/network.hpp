// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// A small convolutional network for images of 28 × 28 pixels. Each value of a layer is computed
/// by itself, so that a CPU takes them one after the other and a GPU many at a time.
///
///     image 28×28 ─5×5─▶ 24×24×8 ─max 2×2─▶ 12×12×8 ─5×5─▶ 8×8×16 ─max 2×2─▶ 4×4×16 ──▶ 10 scores
///
/// Layers are dense arrays [y][x][channel]. **Source**: the shape is LeNet-5's (Y. LeCun et al.,
/// "Gradient-Based Learning Applied to Document Recognition", 1998), made smaller.
namespace digits {

#ifdef __CUDACC__
#define DIGITS_EVERYWHERE __host__ __device__
#else
#define DIGITS_EVERYWHERE
#endif

inline constexpr int side = 28;
inline constexpr int pixels = side * side;
inline constexpr int kernel = 5;

inline constexpr int channels_1 = 8;
inline constexpr int conv_1 = side - kernel + 1;
inline constexpr int side_1 = conv_1 / 2;
inline constexpr int size_1 = side_1 * side_1 * channels_1;

inline constexpr int channels_2 = 16;
inline constexpr int conv_2 = side_1 - kernel + 1;
inline constexpr int side_2 = conv_2 / 2;
inline constexpr int size_2 = side_2 * side_2 * channels_2;

inline constexpr int classes = 10;

/// All that is learnt: one array of floats, in this order.
struct weights {
  float kernels_1[channels_1][kernel][kernel];
  float bias_1[channels_1];
  float kernels_2[channels_2][kernel][kernel][channels_1];
  float bias_2[channels_2];
  float dense[classes][size_2];
  float bias[classes];
};
inline constexpr std::size_t weight_count = sizeof(weights) / sizeof(float);

DIGITS_EVERYWHERE constexpr float larger(float a, float b) { return a > b ? a : b; }

/// Returns value `index` of the first layer, after its ReLU.
DIGITS_EVERYWHERE inline float first_layer(const weights& w, const float* image, int index) {
  const int channel = index % channels_1;
  const int x = index / channels_1 % side_1;
  const int y = index / channels_1 / side_1;
  float best = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const float* from = image + (2 * y + corner / 2) * side + 2 * x + corner % 2;
    float sum = w.bias_1[channel];
    for (int row = 0; row < kernel; ++row)
      for (int column = 0; column < kernel; ++column)
        sum += from[row * side + column] * w.kernels_1[channel][row][column];
    best = larger(best, sum);
  }
  return best;
}

/// Returns value `index` of the second layer, after its ReLU.
DIGITS_EVERYWHERE inline float second_layer(const weights& w, const float* first, int index) {
  const int channel = index % channels_2;
  const int x = index / channels_2 % side_2;
  const int y = index / channels_2 / side_2;
  float best = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const float* from = first + ((2 * y + corner / 2) * side_1 + 2 * x + corner % 2) * channels_1;
    float sum = w.bias_2[channel];
    for (int row = 0; row < kernel; ++row)
      for (int i = 0; i < kernel * channels_1; ++i)
        sum += from[row * side_1 * channels_1 + i] * (&w.kernels_2[channel][row][0][0])[i];
    best = larger(best, sum);
  }
  return best;
}

/// Returns how much speaks for a class.
DIGITS_EVERYWHERE inline float score(const weights& w, const float* second, int which) {
  float sum = w.bias[which];
  for (int i = 0; i < size_2; ++i) sum += second[i] * w.dense[which][i];
  return sum;
}

DIGITS_EVERYWHERE inline unsigned char best_of(const float* scores) {
  int best = 0;
  for (int i = 1; i < classes; ++i)
    if (scores[i] > scores[best]) best = i;
  return static_cast<unsigned char>(best);
}

}  // namespace digits
