// SPDX-License-Identifier: Apache-2.0
#include "schedule/placement.hpp"

#include "support/catch.hpp"

#include <vector>

using namespace modal::detail;
using test::contains;

namespace {

constexpr std::size_t gib = std::size_t{1} << 30;
using kind = device_need::kind;

std::vector<device_place> some_devices() {
  return {{.what = kind::host,
           .name = "host:0",
           .model = "host device",
           .memory = 4 * gib,
           .most_calls = 4},
          {.what = kind::gpu,
           .name = "cuda:0",
           .model = "NVIDIA A10",
           .capability = 86,
           .memory = 24 * gib,
           .most_calls = 4},
          {.what = kind::gpu,
           .name = "cuda:1",
           .model = "NVIDIA H200",
           .capability = 90,
           .memory = 140 * gib,
           .most_calls = 4}};
}

}  // namespace

TEST_CASE("placement: models are named by patterns", "[schedule][placement]") {
  const auto fits = [](const char* pattern, const char* model) {
    return can_serve({.what = kind::gpu, .model = pattern},
                     {.what = kind::gpu, .name = "cuda:0", .model = model});
  };
  CHECK(fits("*", ""));
  CHECK(fits("", "NVIDIA H200"));
  CHECK(fits("nvidia h?00", "NVIDIA H200"));
  CHECK(fits("*H200*", "NVIDIA H200 NVL"));
  CHECK(fits("*a*b*c", "xaxbxbxc"));
  CHECK_FALSE(fits("*a*b*c", "xaxbxbx"));
  CHECK_FALSE(fits("H200", "NVIDIA H200"));
  CHECK_FALSE(fits("????", "abc"));
  CHECK(fits("**", "abc"));
}

TEST_CASE("placement: finds a device that has what is needed", "[schedule][placement]") {
  const auto devices = some_devices();
  CHECK(place({.what = kind::host}, devices) == 0U);
  CHECK(place({.what = kind::gpu}, devices) == 2U);  // it has more memory left
  CHECK(place({.what = kind::gpu, .memory = 100 * gib}, devices) == 2U);
  CHECK(place({.what = kind::gpu, .capability = 90}, devices) == 2U);
  CHECK(place({.what = kind::gpu, .model = "*a10*"}, devices) == 1U);
  CHECK_FALSE(place({.what = kind::gpu, .capability = 100}, devices));
  CHECK_FALSE(place({.what = kind::gpu, .model = "*a10*"}, std::span(devices).first(1)));
}

TEST_CASE("placement: what has no room waits, and others go on", "[schedule][placement]") {
  auto devices = some_devices();
  devices[2].calls = 1;
  CHECK(place({.what = kind::gpu}, devices) == 1U);  // the fewest calls
  devices[1].calls = 4;
  CHECK(place({.what = kind::gpu}, devices) == 2U);
  devices[2].reserved = 139 * gib;
  CHECK_FALSE(place({.what = kind::gpu, .memory = 2 * gib}, devices));
  CHECK(place({.what = kind::gpu, .memory = gib}, devices) == 2U);
  devices[1].calls = devices[2].calls;
  devices[2].reserved = 140 * gib;  // nothing is left of it
  CHECK(place({.what = kind::gpu}, devices) == 1U);
  devices[1].calls = 4;
  devices[2].calls = 4;
  CHECK_FALSE(place({.what = kind::gpu}, devices));
  CHECK(guess_place({.what = kind::gpu}, devices) == 1U);
  CHECK(guess_place({.what = kind::gpu, .memory = 100 * gib}, devices) == 2U);
}

TEST_CASE("placement: a device that has failed is for those that no other can serve",
          "[schedule][placement]") {
  auto devices = some_devices();
  devices[2].has_failed = true;
  CHECK(place({.what = kind::gpu}, devices) == 1U);
  CHECK(guess_place({.what = kind::gpu}, devices) == 1U);
  devices[1].calls = 4;
  CHECK_FALSE(place({.what = kind::gpu}, devices));  // it waits for the one that works
  CHECK(place({.what = kind::gpu, .capability = 90}, devices) == 2U);  // and this one fails
}

TEST_CASE("placement: says why no device will ever do", "[schedule][placement]") {
  const auto devices = some_devices();
  CHECK_FALSE(why_never({.what = kind::gpu, .memory = 140 * gib, .capability = 90}, devices));
  const auto memory = why_never({.what = kind::gpu, .memory = 200 * gib}, devices);
  REQUIRE(memory);
  CHECK(*memory ==
        "cuda:0 has 24576 MiB, and 204800 MiB are needed; "
        "cuda:1 has 143360 MiB, and 204800 MiB are needed");
  CHECK_THAT(why_never({.what = kind::gpu, .capability = 100}, devices).value(),
             contains("cuda:1 is sm_90, and sm_100 is needed"));
  CHECK_THAT(why_never({.what = kind::host, .model = "*H200*"}, devices).value(),
             contains("host:0 is \"host device\", and \"*H200*\" is needed"));
  CHECK(why_never({.what = kind::gpu}, {}) == "");
}

TEST_CASE("placement: arguments go where calls can still begin", "[schedule][placement]") {
  auto devices = some_devices();
  const device_need any{.what = kind::gpu};
  // Those that come count as much as those that run.
  devices[2].coming = 2;
  CHECK(place_early(any, gib, devices) == 1U);
  devices[1].calls = 3;
  CHECK(place_early(any, gib, devices) == 2U);
  devices[1].calls = 1;
  // What has half of its memory on its way, or none left, or has failed, is passed over.
  devices[1].arriving = 11 * gib + 1;
  CHECK(place_early(any, gib, devices) == 2U);
  devices[2].reserved = 139 * gib + 1;
  CHECK_FALSE(place_early(any, gib, devices));
  devices[2].reserved = 0;
  devices[2].has_failed = true;
  CHECK_FALSE(place_early(any, gib, devices));
  CHECK(place_early({.what = kind::host}, 2 * gib, devices) == 0U);
  CHECK_FALSE(place_early({.what = kind::host}, 2 * gib + 1, devices));
}

TEST_CASE("placement: a device that is full of calls is for when all are",
          "[schedule][placement]") {
  auto devices = some_devices();
  const device_need any{.what = kind::gpu};
  devices[1].calls = 4;
  devices[2].arriving = 70 * gib;
  CHECK_FALSE(place_early(any, gib, devices));
  devices[2].calls = 4;
  CHECK(place_early(any, gib, devices) == 1U);
}

TEST_CASE("placement: what arrives leaves room for every function beside what runs",
          "[schedule][placement]") {
  auto devices = some_devices();
  CHECK(largest_need(devices[0], {}) == 0);
  const std::vector<device_need> needs{{.what = kind::host, .memory = 3 * gib},
                                       {.what = kind::gpu, .memory = 20 * gib},
                                       {.what = kind::gpu, .memory = 130 * gib}};
  CHECK(largest_need(devices[0], needs) == 3 * gib);
  CHECK(largest_need(devices[1], needs) == 20 * gib);
  CHECK(largest_need(devices[2], needs) == 130 * gib);
  devices[0].largest_need = 3 * gib;
  CHECK(place_early(needs[0], gib, devices) == 0U);
  devices[0].reserved = 1;
  CHECK_FALSE(place_early(needs[0], gib, devices));
}
