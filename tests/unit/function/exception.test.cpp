// SPDX-License-Identifier: Apache-2.0
#include <modal/function/exception.hpp>

#include "support/catch.hpp"

#include <stdexcept>

namespace thrown {

struct bad_extent : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct by_pointer {
  explicit by_pointer(const char* text) : what(text) {}
  std::string what;
};
struct stranger : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace thrown

MODAL_EXCEPTION(thrown::bad_extent)
MODAL_EXCEPTION(thrown::by_pointer)

namespace {

modal::error failure(std::string type, std::string message) {
  modal::error reason(modal::errc::function_failed, std::move(message));
  reason.details().exception_type = std::move(type);
  return reason;
}

}  // namespace

TEST_CASE("exception: a registered type is thrown as itself, with its text",
          "[function][exception]") {
  CHECK_THROWS_AS(modal::throw_error(failure("thrown::bad_extent", "0 x 0")), thrown::bad_extent);
  CHECK_THROWS_WITH(modal::throw_error(failure("thrown::bad_extent", "0 x 0")), "0 x 0");
}

TEST_CASE("exception: a constructor from const char* is enough", "[function][exception]") {
  try {
    modal::throw_error(failure("thrown::by_pointer", "text"));
  } catch (const thrown::by_pointer& caught) {
    CHECK(caught.what == "text");
  }
}

TEST_CASE("exception: other types become a call_error", "[function][exception]") {
  CHECK_THROWS_AS(modal::throw_error(failure("thrown::stranger", "?")), modal::call_error);
  CHECK_THROWS_AS(modal::throw_error(failure("", "?")), modal::call_error);
}

TEST_CASE("exception: only failed functions throw registered types", "[function][exception]") {
  modal::error reason(modal::errc::cancelled);
  reason.details().exception_type = "thrown::bad_extent";
  CHECK_THROWS_AS(modal::throw_error(reason), modal::call_error);
}

TEST_CASE("exception: result::value() throws the registered type", "[function][exception]") {
  const modal::result<int> failed = failure("thrown::bad_extent", "0 x 0");
  CHECK_THROWS_AS(failed.value(), thrown::bad_extent);
}

TEST_CASE("current_exception_type: spells the type as MODAL_EXCEPTION does",
          "[function][exception]") {
  try {
    throw thrown::bad_extent("x");
  } catch (...) {
    CHECK(modal::detail::current_exception_type() == "thrown::bad_extent");
  }
  try {
    throw 1;
  } catch (...) {
    CHECK(modal::detail::current_exception_type() == "int");
  }
  CHECK(modal::detail::current_exception_type() == "unknown");
}
