// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/function_run.hpp>
#include <modal/function/options.hpp>
#include <modal/wire/signature.hpp>

#include <cstdint>
#include <string>

namespace modal {

/// Where a function finds the device memory that it takes or returns.
enum class device_use : std::uint8_t {
  none,  ///< it uses none
  host,  ///< on a host device: its code runs on the CPU
  cuda,  ///< on a GPU: it was compiled by nvcc
};

/// A registered function. A value; the functions that it points to live as long as the program.
struct function_descriptor {
  std::string name;
  const function_signature& (*signature)() = nullptr;   ///< built on first use; safe to share
  function_run& (*prepare)(run_slot& where) = nullptr;  ///< makes one run of it
  device_use device = device_use::none;
  /// Whether what is large among its arguments can only be what goes to the device.
  bool sends_to_device_only = false;
  function_options options;
  const char* file = "";  ///< where it was registered
  int line = 0;
};

}  // namespace modal
