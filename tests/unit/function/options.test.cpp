// SPDX-License-Identifier: Apache-2.0
#include <modal/function/options.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using modal::function_options;

namespace {

bool options_are_valid(const function_options& options) {
  return modal::detail::options_are_valid(options, 2);
}

}  // namespace

TEST_CASE("function options: the defaults are valid", "[function][options]") {
  CHECK(options_are_valid({}));
}

TEST_CASE("function options: the ends of each range are valid", "[function][options]") {
  CHECK(options_are_valid({.timeout = std::chrono::milliseconds::max()}));
  CHECK(options_are_valid({.retries = 100}));
  CHECK(options_are_valid({.retry_delay = 0ms}));
  CHECK(options_are_valid({.retry_delay = 60s}));
}

TEST_CASE("function options: one past each end is not", "[function][options]") {
  CHECK_FALSE(options_are_valid({.timeout = -1ms}));
  CHECK_FALSE(options_are_valid({.retries = -1}));
  CHECK_FALSE(options_are_valid({.retries = 101}));
  CHECK_FALSE(options_are_valid({.retry_delay = -1ms}));
  CHECK_FALSE(options_are_valid({.retry_delay = 60'001ms}));
  CHECK_FALSE(options_are_valid({.description = nullptr}));
}

TEST_CASE("function options: name all arguments or none", "[function][options]") {
  CHECK(options_are_valid({.arguments = {"a", "b"}}));
  CHECK_FALSE(options_are_valid({.arguments = {"a"}}));
  CHECK_FALSE(options_are_valid({.arguments = {"a", "b", "c"}}));
  CHECK_FALSE(options_are_valid({.arguments = {"a", nullptr}}));
  const modal::argument_names names{"x", "y"};
  CHECK(std::string(*names.begin()) == "x");
  CHECK(names.end() - names.begin() == 2);
}

TEST_CASE("function options: compare by value", "[function][options]") {
  const function_options one{.retries = 1};
  CHECK(one == function_options{.retries = 1});
  CHECK_FALSE(one == function_options{});
}

TEST_CASE("options: what a function asks of a device", "[function][options]") {
  using modal::detail::parse_capability;
  CHECK(parse_capability("") == 0);
  CHECK(parse_capability("sm_90") == 90);
  CHECK(parse_capability("sm_120") == 120);
  for (const char* wrong : {"90", "sm_", "sm_9", "sm_9.0", "sm_90a", "sm_9000", "SM_90", "s"})
    CHECK(parse_capability(wrong) == -1);
  CHECK(parse_capability(nullptr) == -1);
  CHECK(modal::detail::options_are_valid({.gpu = 1, .gpu_model = "*A100*"}, 0));
  CHECK_FALSE(modal::detail::options_are_valid({.gpu = 2}, 0));
  CHECK_FALSE(modal::detail::options_are_valid({.gpu_capability = "hopper"}, 0));
  CHECK_FALSE(modal::detail::options_are_valid({.gpu_model = nullptr}, 0));
}
