// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// All that a caller needs: `modal::remote`, clients, errors. No Asio, Beast or nlohmann header.

#include <modal/base/error.hpp>
#include <modal/client/call_handle.hpp>
#include <modal/client/client.hpp>
#include <modal/client/options.hpp>
#include <modal/client/remote.hpp>
#include <modal/function/exception.hpp>
#include <modal/function/report.hpp>
#include <modal/wire/declare.hpp>
