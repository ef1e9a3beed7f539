// SPDX-License-Identifier: Apache-2.0
#include "device/cuda/driver.hpp"

#include <algorithm>
#include <dlfcn.h>
#include <type_traits>

namespace modal::detail::cuda {

result<driver> load_driver() {
  void* const library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = ::dlerror();
    return error(errc::no_device, std::string("there is no NVIDIA driver (") +
                                      (why != nullptr ? why : "libcuda.so.1") +
                                      "): install one to use a GPU");
  }
  driver table;
  const char* missing = nullptr;
  for_each_function(table, [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr && missing == nullptr) missing = name;
  });
  if (missing != nullptr)
    return error(errc::no_device, std::string("the NVIDIA driver is too old, and has no ") +
                                      missing + ": install one for CUDA 13");
  return table;
}

std::string to_text(const driver& table, status which) {
  const char* name = nullptr;
  std::string text =
      table.error_name(which, &name) == success && name != nullptr ? name : "an unknown CUDA error";
  return text + " (" + std::to_string(which) + ")";
}

// CUDA Driver API, "Data types used by CUDA driver": those of which it says that the process must
// be terminated and relaunched.
bool is_sticky(status which) noexcept {
  constexpr std::array sticky{214, 220, 226, 700, 702, 709, 710, 714, 715,
                              716, 717, 718, 719, 721, 810, 911, 999};
  return std::find(sticky.begin(), sticky.end(), which) != sticky.end();
}

}  // namespace modal::detail::cuda
