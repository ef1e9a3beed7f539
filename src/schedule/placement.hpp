// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// @file
/// Which device a call runs on: pure functions of what is known of devices and of what a function
/// needs.

namespace modal::detail {

/// What a function needs of a device.
struct device_need {
  enum class kind : unsigned char { host, gpu } what = kind::host;
  std::size_t memory = 0;  ///< bytes that one call may take; 0: it does not say
  int capability = 0;      ///< at least: 90 is `sm_90`
  const char* model = "";  ///< a pattern of its name, as fnmatch(3) reads it; empty: any
};

/// A device, and what calls have of it.
struct device_place {
  device_need::kind what = device_need::kind::host;
  std::string_view name = {};  ///< as "cuda:0"
  const char* model = "";
  int capability = 0;
  std::size_t memory = 0;    ///< bytes that functions may have
  std::size_t reserved = 0;  ///< of those, by calls that said so
  std::size_t calls = 0;
  std::size_t most_calls = 1;
  std::size_t coming = 0;        ///< calls that will begin here: their arguments go there already
  std::size_t arriving = 0;      ///< of `reserved`, by those
  std::size_t largest_need = 0;  ///< of the functions that it serves
  bool is_full = false;          ///< has as many calls as it may
  bool has_failed = false;  ///< and fails every call: only for those that nobody else can serve
};

/// Returns whether the device can serve the need when it has room.
bool can_serve(const device_need& need, const device_place& device) noexcept;

/// Returns why the device can never serve the need; empty where it can.
std::string obstacle(const device_need& need, const device_place& device);

/// Returns why no device can ever serve the need; nothing where one can.
std::optional<std::string> why_never(const device_need& need,
                                     std::span<const device_place> devices);

/// Returns which device a call with this need begins on now: of those that have room, the one with
/// the fewest calls, then with the most memory left. Nothing: it waits.
std::optional<std::size_t> place(const device_need& need,
                                 std::span<const device_place> devices) noexcept;

/// Returns to which device the arguments of a call go while they come, where they are to stay until
/// its turn: nothing where the call had better wait for that on the host. There is still room then
/// for one more call of each function, beside what runs, and half of the memory is never taken so;
/// a device that has as many calls as it may is for when all have. @param bytes of memory that are
/// taken from now on, at least as many as the call needs.
std::optional<std::size_t> place_early(const device_need& need, std::size_t bytes,
                                       std::span<const device_place> devices) noexcept;

/// Returns the most memory that one call needs of those that the device can serve.
std::size_t largest_need(const device_place& device, std::span<const device_need> needs) noexcept;

/// Returns which device the call will most likely run on, whether there is room now or not: the one
/// with the fewest calls. Nothing where none can serve it.
std::optional<std::size_t> guess_place(const device_need& need,
                                       std::span<const device_place> devices) noexcept;

}  // namespace modal::detail
