// SPDX-License-Identifier: Apache-2.0
#include "device/cuda/nvml.hpp"

#include "support/catch.hpp"

#include <cstring>

using namespace modal::detail;

namespace {

int looks = 0;
bool is_broken = false;

nvml::library fake_library() {
  looks = 0;
  is_broken = false;
  nvml::library made;
  made.init = [] { return 0; };
  made.find_device = [](const char* uuid, void** found) {
    *found = &looks;
    return std::strcmp(uuid, "GPU-1") == 0 ? 0 : 6;
  };
  made.utilization_of = [](void*, nvml::utilization* found) {
    ++looks;
    *found = {40, 10};
    return is_broken ? 15 : 0;
  };
  made.memory_of = [](void*, nvml::memory_info* found) {
    *found = {100, 70, 30};
    return is_broken ? 15 : 0;
  };
  made.temperature_of = [](void*, int sensor, unsigned* degrees) {
    *degrees = 55;
    return sensor == 0 && !is_broken ? 0 : 15;
  };
  made.power_of = [](void*, unsigned*) { return 3; };  // not every GPU can tell
  made.link_state = [](void*, unsigned link, unsigned* is_active) {
    *is_active = link != 2 ? 1 : 0;
    return link < 5 ? 0 : 3;
  };
  return made;
}

}  // namespace

TEST_CASE("nvml: says how a GPU is, as far as that is known", "[device][nvml]") {
  nvml::monitor monitor(fake_library(), "GPU-1");
  const auto first = monitor.look();
  CHECK(first.busy_percent == 40U);
  CHECK(first.memory_used == 30U);
  CHECK(first.celsius == 55U);
  CHECK_FALSE(first.milliwatts);
  CHECK(monitor.links() == 4);
  is_broken = true;
  CHECK_FALSE(monitor.look().busy_percent);
  CHECK(looks == 2);
}

TEST_CASE("nvml: a GPU that it does not know has nothing to tell", "[device][nvml]") {
  nvml::monitor monitor(fake_library(), "GPU-2");
  CHECK_FALSE(monitor.look().memory_used);
  CHECK(monitor.links() == 0);
  CHECK(looks == 0);
}
