// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/function_run.hpp>
#include <modal/function/options.hpp>
#include <modal/wire/signature.hpp>

#include <string>

namespace modal {

/// A registered function. A value; the functions that it points to live as long as the program.
struct function_descriptor {
  std::string name;
  const function_signature& (*signature)() = nullptr;   ///< built on first use; safe to share
  function_run& (*prepare)(run_slot& where) = nullptr;  ///< makes one run of it
  bool uses_device = false;  ///< an argument or the result is in device memory
  function_options options;
  const char* file = "";  ///< where it was registered
  int line = 0;
};

}  // namespace modal
