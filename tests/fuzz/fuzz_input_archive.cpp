// SPDX-License-Identifier: Apache-2.0
// Any bytes as a payload, read as several types.
#include "stable.hpp"

namespace {

constexpr std::align_val_t alignment{64};

struct release {
  void operator()(std::byte* data) const noexcept { ::operator delete(data, alignment); }
};

/// A copy, aligned as a received body is, and with nothing behind its end.
class body {
 public:
  explicit body(modal::bytes_view bytes)
      : data_(static_cast<std::byte*>(::operator new(bytes.size(), alignment))),
        size_(bytes.size()) {
    if (size_ != 0) std::memcpy(data_.get(), bytes.data(), size_);
  }
  [[nodiscard]] modal::bytes_view view() const noexcept { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte, release> data_;
  std::size_t size_;
};

template <class T>
void decode(T& value, modal::bytes_view bytes) {
  const modal::limits bounds;
  const auto view = modal::payload_view::parse(bytes, bounds.decode).value();
  modal::input_archive archive(view, bounds.decode);
  archive(value);
  archive.finish();
}

template <class T>
std::vector<std::byte> encode(const T& value) {
  modal::payload out;
  modal::output_archive{out}(value);
  return out.to_bytes();
}

template <class T>
void check(modal::bytes_view input) {
  T first{};
  if (!fuzzed::accepted([&] { decode(first, input); })) return;
  const body sent(encode(first));
  T second{};
  fuzzed::require(fuzzed::accepted([&] { decode(second, sent.view()); }),
                  "what was encoded can be decoded");
  const auto again = encode(second);
  fuzzed::require(again.size() == sent.view().size(), "encode(decode(x)) keeps its size");
  if constexpr (!fuzzed::has_any_order<T>)
    fuzzed::require(std::equal(again.begin(), again.end(), sent.view().begin()),
                    "encode(decode(x)) is stable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const body input(std::as_bytes(std::span(data, size)));
  fuzzed::each_type([&]<class T>(std::type_identity<T>) { check<T>(input.view()); });
  // Views need no budget and must stay inside the input; their bytes are touched.
  std::tuple<std::string_view, std::span<const double>> views;
  if (fuzzed::accepted([&] { decode(views, input.view()); })) encode(views);
  return 0;
}
