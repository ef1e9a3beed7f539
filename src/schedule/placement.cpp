// SPDX-License-Identifier: Apache-2.0
#include "schedule/placement.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <tuple>

namespace modal::detail {
namespace {

enum class lack : unsigned char { none, kind, capability, model, memory };

lack find_lack(const device_need& need, const device_place& device) noexcept {
  if (need.what != device.what) return lack::kind;
  if (need.capability > device.capability) return lack::capability;
  if (*need.model != '\0' && ::fnmatch(need.model, device.model, FNM_CASEFOLD) != 0)
    return lack::model;
  return need.memory > device.memory ? lack::memory : lack::none;
}

bool has_memory(std::size_t bytes, const device_place& device) noexcept {
  return device.reserved <= device.memory && bytes <= device.memory - device.reserved;
}

bool has_room(const device_need& need, const device_place& device) noexcept {
  return device.calls < device.most_calls && has_memory(need.memory, device);
}

std::string in_mebibytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

template <class May>
std::optional<std::size_t> find_best(std::span<const device_place> devices, May may) noexcept {
  std::optional<std::size_t> best;
  const auto rank = [&](std::size_t which) {
    const device_place& each = devices[which];
    // More memory left is better.
    return std::tuple(each.has_failed, each.calls + each.coming,
                      ~(each.memory - std::min(each.memory, each.reserved)));
  };
  for (std::size_t i = 0; i < devices.size(); ++i)
    if (may(devices[i]) && (!best || rank(i) < rank(*best))) best = i;
  return best;
}

}  // namespace

bool can_serve(const device_need& need, const device_place& device) noexcept {
  return find_lack(need, device) == lack::none;
}

std::string obstacle(const device_need& need, const device_place& device) {
  const std::string name(device.name);
  switch (find_lack(need, device)) {
    case lack::none:
      return {};
    case lack::kind:
      return name + " is of another kind";
    case lack::capability:
      return name + " is sm_" + std::to_string(device.capability) + ", and sm_" +
             std::to_string(need.capability) + " is needed";
    case lack::model:
      return name + " is \"" + device.model + "\", and \"" + need.model + "\" is needed";
    case lack::memory:
      return name + " has " + in_mebibytes(device.memory) + ", and " + in_mebibytes(need.memory) +
             " are needed";
  }
  return {};
}

std::optional<std::string> why_never(const device_need& need,
                                     std::span<const device_place> devices) {
  std::string all;
  for (const device_place& each : devices) {
    if (each.what != need.what) continue;
    std::string why = obstacle(need, each);
    if (why.empty()) return std::nullopt;
    all += (all.empty() ? "" : "; ") + std::move(why);
  }
  return all;
}

std::optional<std::size_t> place(const device_need& need,
                                 std::span<const device_place> devices) noexcept {
  const bool only_failed = std::none_of(
      devices.begin(), devices.end(),
      [&need](const device_place& each) { return can_serve(need, each) && !each.has_failed; });
  return find_best(devices, [&need, only_failed](const device_place& each) {
    return can_serve(need, each) && has_room(need, each) && each.has_failed == only_failed;
  });
}

std::optional<std::size_t> place_early(const device_need& need, std::size_t bytes,
                                       std::span<const device_place> devices) noexcept {
  const bool all_full =
      std::none_of(devices.begin(), devices.end(), [&need](const device_place& each) {
        return can_serve(need, each) && !each.has_failed && each.calls < each.most_calls;
      });
  return find_best(devices, [&need, bytes, all_full](const device_place& each) {
    const std::size_t most = each.memory / 2;
    return can_serve(need, each) && !each.has_failed &&
           (all_full || each.calls < each.most_calls) && bytes <= most &&
           each.arriving <= most - bytes && has_memory(bytes, each) &&
           each.largest_need <= each.memory - each.reserved - bytes;
  });
}

std::size_t largest_need(const device_place& device, std::span<const device_need> needs) noexcept {
  std::size_t most = 0;
  for (const device_need& each : needs)
    if (can_serve(each, device)) most = std::max(most, each.memory);
  return most;
}

std::optional<std::size_t> guess_place(const device_need& need,
                                       std::span<const device_place> devices) noexcept {
  return find_best(devices, [&need](const device_place& each) { return can_serve(need, each); });
}

}  // namespace modal::detail
