// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// All that a host needs: `modal::executor`, its settings, and the types to mount it in another
/// HTTP server. Link `modal::executor`.

#include <modal/executor/config.hpp>
#include <modal/executor/executor.hpp>
#include <modal/executor/http.hpp>
