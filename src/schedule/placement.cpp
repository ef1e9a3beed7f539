// SPDX-License-Identifier: Apache-2.0
#include "schedule/placement.hpp"

#include <algorithm>
#include <tuple>

namespace modal::detail {
namespace {

char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool can_serve(const device_need& need, const device_place& device) noexcept {
  return need.what == device.what && need.memory <= device.memory &&
         need.capability <= device.capability &&
         (need.model.empty() || matches_glob(need.model, device.model));
}

bool has_room(const device_need& need, const device_place& device) noexcept {
  return device.calls < device.most_calls && device.reserved <= device.memory &&
         need.memory <= device.memory - device.reserved;
}

std::string in_mebibytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

template <class May>
std::optional<std::size_t> find_best(std::span<const device_place> devices, May may) noexcept {
  std::optional<std::size_t> best;
  const auto rank = [&](std::size_t which) {
    const device_place& each = devices[which];
    // More memory left is better.
    return std::tuple(each.has_failed, each.calls,
                      ~(each.memory - std::min(each.memory, each.reserved)));
  };
  for (std::size_t i = 0; i < devices.size(); ++i)
    if (may(devices[i]) && (!best || rank(i) < rank(*best))) best = i;
  return best;
}

}  // namespace

bool matches_glob(std::string_view glob, std::string_view text) noexcept {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one, which may have to take more
  std::size_t taken = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      taken = t;
    } else if (g < glob.size() && (glob[g] == '?' || lower(glob[g]) == lower(text[t]))) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

std::string obstacle(const device_need& need, const device_place& device) {
  const auto of = [&device](const std::string& what) { return std::string(device.name) + what; };
  if (need.what != device.what) return of(" is of another kind");
  if (need.capability > device.capability)
    return of(" is sm_" + std::to_string(device.capability) + ", and sm_" +
              std::to_string(need.capability) + " is needed");
  if (!need.model.empty() && !matches_glob(need.model, device.model))
    return of(" is \"" + std::string(device.model) + "\", and \"" + std::string(need.model) +
              "\" is needed");
  if (need.memory > device.memory)
    return of(" has " + in_mebibytes(device.memory) + ", and " + in_mebibytes(need.memory) +
              " are needed");
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

std::optional<std::size_t> guess_place(const device_need& need,
                                       std::span<const device_place> devices) noexcept {
  return find_best(devices, [&need](const device_place& each) { return can_serve(need, each); });
}

}  // namespace modal::detail
