// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a client sends on one connection: requests, one after the other.
#include "cuts.hpp"
#include "http1/request_reader.hpp"

#include <vector>

namespace {

using modal::detail::request_reader;

/// Takes the bytes as a connection does; writes down all that it learns.
class connection {
 public:
  explicit connection(const modal::limits& bounds) : reader_(bounds) {}

  void take(std::string_view bytes) {
    input_.append(bytes);
    while (!is_over_ && step()) {
    }
  }
  [[nodiscard]] const std::string& end() const noexcept { return seen_; }

 private:
  enum class phase : std::uint8_t { head, body, chunks };

  // Returns whether there may be more to do with what has come.
  bool step() {
    switch (phase_) {
      case phase::head:
        return head();
      case phase::body: {
        const auto size = std::min<std::uint64_t>(left_, input_.size());
        seen_.append(input_, 0, size);
        input_.erase(0, size);
        left_ -= size;
        if (left_ > 0) return false;
        return end_request();
      }
      case phase::chunks: {
        std::vector<std::string_view> pieces;
        std::size_t used = 0;
        const auto outcome = reader_.read_chunks(input_, pieces, used);
        for (const auto piece : pieces) seen_ += piece;
        input_.erase(0, used);
        return go_on(outcome) && end_request();
      }
    }
    return false;
  }

  bool head() {
    if (!go_on(reader_.read_head(input_))) return false;
    const auto& head = reader_.head();
    seen_.append(head.method).append(" ").append(head.target).append("\n");
    for (const auto& [name, value] : head.fields)
      seen_.append(name).append(": ").append(value).append("\n");
    left_ = head.content_length.value_or(0);
    phase_ = head.is_chunked ? phase::chunks : phase::body;
    input_.erase(0, reader_.head_size());
    return true;
  }

  bool end_request() {
    seen_ += "\n--\n";
    phase_ = phase::head;
    is_over_ = !reader_.keeps_alive();
    return true;
  }

  bool go_on(request_reader::step outcome) {
    if (outcome == request_reader::step::failed) {
      seen_ += std::to_string(reader_.failure_status()) + reader_.failure().message();
      is_over_ = true;
    }
    return outcome == request_reader::step::done;
  }

  request_reader reader_;
  std::string input_;
  std::string seen_;
  phase phase_ = phase::head;
  std::uint64_t left_ = 0;
  bool is_over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzzed::compare_cuts<connection>(data, size);
}
