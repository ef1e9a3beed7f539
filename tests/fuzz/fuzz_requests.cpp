// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a client sends on one connection, up to its end: what becomes of it does not
// depend on how they are cut, and each request that is let in ends once.
#include "cuts.hpp"
#include "support/machine_bench.hpp"

namespace {

class connection {
 public:
  explicit connection(const modal::limits& bounds) : bench_(bounds) {
    bench_.terms.most_bytes = bounds.body_bytes;
    bench_.lets_in = [this, most = bounds.body_bytes](const modal::detail::request_head& head) {
      bench_.terms.is_payload = head.target.size() % 4 == 0;
      return head.target.size() % 2 == 0 && head.content_length.value_or(0) <= most;
    };
  }

  void take(std::string_view bytes) { bench_.send(bytes); }
  [[nodiscard]] const std::string& end() {
    bench_.end();
    if (!bench_.is_closed || bench_.is_open || bench_.opened < bench_.submitted + bench_.refused)
      std::abort();
    return bench_.text;
  }

 private:
  test::machine_bench bench_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzzed::compare_cuts<connection, modal::limits>(data, size);
}
