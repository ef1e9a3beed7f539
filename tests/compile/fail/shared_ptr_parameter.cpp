// SPDX-License-Identifier: Apache-2.0
// expect: modal: std::shared_ptr cannot be sent
#include <modal/function.hpp>

#include <memory>

#ifdef MODAL_EXPECT_FAILURE
using handle = std::shared_ptr<int>;
#else
using handle = std::unique_ptr<int>;
#endif

int value_of(const handle& value) { return *value; }

MODAL_FUNCTION(value_of)
