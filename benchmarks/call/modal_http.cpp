// SPDX-License-Identifier: Apache-2.0
//
// modal as its README shows it: an executor and a client, each with its defaults (but a quiet log).
// The function that takes the numbers sees them where they arrived. One client serves all threads,
// which is how it is meant to be used: each call in flight has a connection to itself.

#include <modal/executor.hpp>
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include "stack.hpp"

namespace bench_functions {

std::int32_t add(std::int32_t a, std::int32_t b) { return a + b; }
std::int64_t take(std::span<const float> numbers) { return bench::digest(numbers); }

}  // namespace bench_functions

MODAL_FUNCTION(bench_functions::add)
MODAL_FUNCTION(bench_functions::take)

namespace bench {
namespace {

class modal_connection final : public connection {
 public:
  explicit modal_connection(std::shared_ptr<modal::client> client) : client_(std::move(client)) {}

  std::int32_t add(std::int32_t a, std::int32_t b) override {
    return modal::remote<bench_functions::add>.on(*client_)(a, b);
  }

  std::int64_t send(std::span<const float> numbers) override {
    return modal::remote<bench_functions::take>.on(*client_)(numbers);
  }

 private:
  std::shared_ptr<modal::client> client_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  modal::executor executor{
      {.address = address, .port = 0, .log = modal::log_to_stderr(modal::log_level::warning)}};
  executor.start();
  ready(executor.url());
  executor.run();
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  static const auto shared = std::make_shared<modal::client>(endpoint);
  return std::make_unique<modal_connection>(shared);
}

}  // namespace bench
