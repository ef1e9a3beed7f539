// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/limits.hpp>
#include <modal/function/options.hpp>
#include <modal/wire/payload.hpp>
#include <modal/wire/signature.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace modal {

/// How the values of a call are written.
enum class encoding : std::uint8_t { binary, json };

/// One run of a function, with everything erased: bytes in, bytes out. Lives on a worker for the
/// length of the run; one thread uses it.
struct invocation {
  // In.
  modal::encoding encoding = encoding::binary;
  bytes_view body;                      ///< a payload, or the JSON text of the request
  const payload_view* parts = nullptr;  ///< the payload, where it does not lie in one block
  const modal::limits* bounds = nullptr;

  // Out.
  payload result;    ///< of `encoding::binary`; may borrow what `payload::keep` holds
  std::string json;  ///< of `encoding::json`: the text of the result's value

  /// How far the run came, so that an exception can be told apart.
  enum class stage : std::uint8_t { decode, run, encode, done } at = stage::decode;
  std::chrono::nanoseconds decode_time{0};
  std::chrono::nanoseconds run_time{0};
  std::chrono::nanoseconds encode_time{0};
};

/// A registered function. A value; the functions that it points to live as long as the program.
struct function_descriptor {
  std::string name;
  const function_signature& (*signature)() = nullptr;  ///< built on first use; safe to share
  /// Decodes, runs and encodes. Throws `call_error` for values that do not decode, and whatever
  /// the function throws; `invocation::at` tells which.
  void (*invoke)(invocation& call) = nullptr;
  function_options options;
  const char* file = "";  ///< where it was registered
  int line = 0;
};

}  // namespace modal
