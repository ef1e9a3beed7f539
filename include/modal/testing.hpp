// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// For tests of programs that call remote functions: no server, no network, answers by script.

#include <modal/client/fake_executor.hpp>
#include <modal/modal.hpp>
