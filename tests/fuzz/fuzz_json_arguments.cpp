// SPDX-License-Identifier: Apache-2.0
// Any text as the JSON of a call's arguments, read as several types.
#include "stable.hpp"

namespace {

template <class T>
void decode(T& value, std::string_view text) {
  const modal::json_document document(text, modal::decode_limits{});
  const modal::json_view root(document);
  const auto list = root.member("args");
  list.expect_array(1);
  modal::json_arena arena;
  modal::json_input_archive archive(list, arena);
  archive(value);
}

template <class T>
std::string encode(const T& value) {
  std::string text = R"({"args":[)";
  modal::json_writer writer(text);
  modal::json_output_archive{writer}(value);
  return text + "]}";
}

template <class T>
void check(std::string_view input) {
  T first{};
  if (!fuzzed::accepted([&] { decode(first, input); })) return;
  const auto sent = encode(first);
  T second{};
  fuzzed::require(fuzzed::accepted([&] { decode(second, sent); }),
                  "what was encoded can be decoded");
  const auto again = encode(second);
  fuzzed::require(again.size() == sent.size(), "encode(decode(x)) keeps its size");
  if constexpr (!fuzzed::has_any_order<T>)
    fuzzed::require(again == sent, "encode(decode(x)) is stable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  fuzzed::each_type([&]<class T>(std::type_identity<T>) { check<T>(input); });
  return 0;
}
