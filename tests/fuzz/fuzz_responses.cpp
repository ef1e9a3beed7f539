// SPDX-License-Identifier: Apache-2.0
// Any bytes as what an executor answers to one call.
#include <modal/client/http_exchange.hpp>

#include "cuts.hpp"

#include <cstring>

namespace {

constexpr auto call = "5f0c2b6e9d3a4f718c2d6a0b1e4f7a90";

/// Lets an exchange take the bytes in pieces; writes down how it ended.
class caller {
 public:
  explicit caller(const modal::client_limits& bounds) : exchange_(bounds, pool_) {
    modal::call_head head;
    modal::call_id::from_string(call, head.id);
    exchange_.start("host", "/v1/functions/f/call", head, arguments_,
                    modal::http_exchange::consent::expect);
  }

  // An answer may come before all is sent; here all goes out as soon as it may.
  void take(std::string_view bytes) {
    while (!bytes.empty() && text_.empty()) {
      for (const auto part : exchange_.to_send()) exchange_.note_sent(part.size());
      const auto room = exchange_.prepare();
      const std::size_t size = std::min(room.size(), bytes.size());
      if (size == 0) std::abort();  // nothing would ever happen again
      std::memcpy(room.data(), bytes.data(), size);
      bytes.remove_prefix(size);
      note(exchange_.commit(size));
    }
  }
  std::string end() {
    if (text_.empty()) note(exchange_.commit(0));
    return text_;
  }

 private:
  void note(const modal::result<modal::http_exchange::progress>& step) {
    if (!step) {
      text_ = "failed: " + step.error().message();
    } else if (*step == modal::http_exchange::progress::done) {
      const auto answer = exchange_.take_answer("() -> void");
      if (answer)
        text_ = "answered: " +
                std::string(reinterpret_cast<const char*>(answer->data()), answer->size());
      else
        text_ = "refused: " + answer.error().message();
    }
  }

  modal::buffer_pool pool_;
  modal::payload arguments_;
  modal::http_exchange exchange_;
  std::string text_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzzed::compare_cuts<caller, modal::client_limits>(data, size);
}
