// SPDX-License-Identifier: Apache-2.0
// expect: modal: MODAL_EXCEPTION needs a type with a constructor from std::string
#include <modal/function.hpp>

#include <stdexcept>

struct failure : std::runtime_error {
#ifdef MODAL_EXPECT_FAILURE
  explicit failure(int code) : runtime_error("code " + std::to_string(code)) {}
#else
  using runtime_error::runtime_error;
#endif
};

MODAL_EXCEPTION(failure)
