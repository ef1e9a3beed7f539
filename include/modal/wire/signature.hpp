// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/ids.hpp>
#include <modal/wire/schema.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace modal {

/// What a function takes and returns, as both ends must agree. Built once per function, then shared
/// and never changed.
struct function_signature {
  std::vector<schema> parameters;
  schema result;
  std::string text;  ///< canonical: "(i32, inout [f32]) -> str"; grammar in design/wire_protocol.md
  signature_id id;   ///< `id128::from_name(text)`
};

/// Returns the shape of what a call brings back: the result, or the tuple of the result, if there
/// is one, and of the parameters that are in and out, in their order.
schema answer_of(const function_signature& signature);

/// Builds the signature whose parts these are: writes the text and derives the id.
function_signature make_signature(std::vector<schema> parameters, schema result);

/// Returns a sentence with both texts, one below the other, and a line of carets that marks where
/// they differ: the span between their common beginning and their common end.
std::string explain_difference(std::string_view expected, std::string_view received);

}  // namespace modal
