// SPDX-License-Identifier: Apache-2.0
#include "histogram.hpp"

#include "../harness/statistics.hpp"

#include <catch2/catch.hpp>

#include <random>

using bench::histogram;
using std::chrono::nanoseconds;

TEST_CASE("histogram: percentiles are within a thousandth of the true ones", "[bench]") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> times(11, 3);  // 60 us, and far from it
  histogram counted;
  std::vector<std::int64_t> all;
  for (int i = 0; i < 100'000; ++i) {
    const auto time = std::min(static_cast<std::int64_t>(times(random)),
                               std::int64_t{histogram::longest().count()});
    counted.record(nanoseconds{time});
    all.push_back(time);
  }
  REQUIRE(counted.count() == all.size());
  for (const double share : {0.0, 0.001, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    CAPTURE(share);
    const double exact = bench::percentile(all, share);
    const auto found = static_cast<double>(counted.percentile(share).count());
    CHECK(found >= exact);
    CHECK(found <= exact * 1.001 + 1);
  }
  CHECK(counted.most().count() == *std::max_element(all.begin(), all.end()));
  CHECK(counted.percentile(1) == counted.most());
}

TEST_CASE("histogram: each value has a place, in their order", "[bench]") {
  for (std::int64_t value = 1; value < histogram::longest().count(); value = value * 9 / 8 + 1) {
    CAPTURE(value);
    histogram one;
    one.record(nanoseconds{value});
    one.record(histogram::longest());
    const auto found = one.percentile(0.5).count();
    CHECK(found >= value);
    CHECK(static_cast<double>(found) <= static_cast<double>(value) * 1.001);
  }
}

TEST_CASE("histogram: its ends", "[bench]") {
  histogram none;
  CHECK(none.count() == 0);
  CHECK(none.percentile(0.5) == nanoseconds{0});
  CHECK(none.mean() == nanoseconds{0});

  histogram ends;
  ends.record(nanoseconds{-5});
  ends.record(nanoseconds::max());
  CHECK(ends.count() == 2);
  CHECK(ends.percentile(0.5) == nanoseconds{0});
  CHECK(ends.most() == histogram::longest());

  histogram sum;
  sum.record(nanoseconds{10});
  sum.add(ends);
  CHECK(sum.count() == 3);
  CHECK(sum.most() == histogram::longest());
  sum.clear();
  CHECK(sum.count() == 0);
  CHECK(sum.most() == nanoseconds{0});
  CHECK(sum.percentile(1) == nanoseconds{0});
}
