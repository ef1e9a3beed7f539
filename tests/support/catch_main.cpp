// SPDX-License-Identifier: Apache-2.0
// For a Catch2 without the target Catch2WithMain.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
