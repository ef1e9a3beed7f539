// SPDX-License-Identifier: Apache-2.0
#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bench {

// Small values have a place each; of larger ones the leading bits count, and how many follow.
std::size_t histogram::place_of(std::uint64_t value) noexcept {
  const int dropped = std::max(static_cast<int>(std::bit_width(value)) - digit_bits, 0);
  return (static_cast<std::size_t>(dropped) << (digit_bits - 1)) +
         static_cast<std::size_t>(value >> dropped);
}

std::uint64_t histogram::last_of(std::size_t place) noexcept {
  if (place < std::size_t{1} << digit_bits) return place;
  const std::size_t dropped = (place >> (digit_bits - 1)) - 1;
  const std::uint64_t leading = place - (dropped << (digit_bits - 1));
  return ((leading + 1) << dropped) - 1;
}

void histogram::record(std::chrono::nanoseconds time) noexcept {
  time = std::clamp(time, std::chrono::nanoseconds{0}, longest());
  ++counts_[place_of(static_cast<std::uint64_t>(time.count()))];
  ++count_;
  sum_ += static_cast<double>(time.count());
  most_ = std::max(most_, time);
}

void histogram::add(const histogram& other) noexcept {
  for (std::size_t i = 0; i < places; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  most_ = std::max(most_, other.most_);
}

void histogram::clear() noexcept {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = 0;
  sum_ = 0;
  most_ = {};
}

std::chrono::nanoseconds histogram::mean() const noexcept {
  if (count_ == 0) return {};
  return std::chrono::nanoseconds{std::llround(sum_ / static_cast<double>(count_))};
}

std::chrono::nanoseconds histogram::percentile(double share) const noexcept {
  const auto rank =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(std::clamp(share, 0.0, 1.0) *
                                                                   static_cast<double>(count_))),
                              1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < places; ++i) {
    seen += counts_[i];
    if (seen < rank) continue;
    // No more than was ever counted, though the place has room for that.
    return std::min(std::chrono::nanoseconds{static_cast<std::int64_t>(last_of(i))}, most_);
  }
  return {};
}

}  // namespace bench
