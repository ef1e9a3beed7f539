// SPDX-License-Identifier: Apache-2.0
//
// Cap'n Proto's two-party RPC with the EzRpc setup: one event loop thread in the server, one in
// each client thread. Numbers travel as `Data` that the message refers to without a copy; a buffer
// that does not end at a word boundary would have to be copied.

#include "stack.hpp"
#include "sum.capnp.h"

#include <capnp/ez-rpc.h>
#include <capnp/message.h>
#include <kj/async.h>

#include <limits>
#include <stdexcept>

namespace bench {
namespace {

capnp::ReaderOptions without_limit() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = std::numeric_limits<std::uint64_t>::max();
  return options;
}

class sum_server final : public rpc::Sum::Server {
 public:
  kj::Promise<void> add(AddContext context) override {
    const auto parameters = context.getParams();
    context.getResults().setSum(parameters.getA() + parameters.getB());
    return kj::READY_NOW;
  }

  kj::Promise<void> send(SendContext context) override {
    const capnp::Data::Reader bytes = context.getParams().getNumbers();
    context.getResults().setDigest(
        digest({reinterpret_cast<const float*>(bytes.begin()), bytes.size() / sizeof(float)}));
    return kj::READY_NOW;
  }

  kj::Promise<void> echo(EchoContext context) override {
    context.getResults().setNumbers(context.getParams().getNumbers());
    return kj::READY_NOW;
  }
};

class capnproto_connection final : public connection {
 public:
  explicit capnproto_connection(const std::string& endpoint)
      : client_(endpoint, 0, without_limit()), sum_(connected_main()) {}
  ~capnproto_connection() noexcept override {}  // the client's own destructor may throw

  std::int32_t add(std::int32_t a, std::int32_t b) override {
    auto request = sum_.addRequest();
    request.setA(a);
    request.setB(b);
    return request.send().wait(client_.getWaitScope()).getSum();
  }

  std::int64_t send(std::span<const float> numbers) override {
    auto request = sum_.sendRequest();
    refer<rpc::Sum::SendParams::Builder>(request, numbers);
    return request.send().wait(client_.getWaitScope()).getDigest();
  }

  std::int64_t echo(std::span<const float> numbers) override {
    auto request = sum_.echoRequest();
    refer<rpc::Sum::EchoParams::Builder>(request, numbers);
    const auto answer = request.send().wait(client_.getWaitScope());
    const capnp::Data::Reader bytes = answer.getNumbers();
    return digest({reinterpret_cast<const float*>(bytes.begin()), bytes.size() / sizeof(float)});
  }

  rpc::Sum::Client& sum() { return sum_; }
  kj::WaitScope& scope() { return client_.getWaitScope(); }

 private:
  template <class Builder, class Request>
  static void refer(Request& request, std::span<const float> numbers) {
    const kj::ArrayPtr<const kj::byte> bytes(reinterpret_cast<const kj::byte*>(numbers.data()),
                                             numbers.size_bytes());
    const auto orphanage = capnp::Orphanage::getForMessageContaining(static_cast<Builder>(request));
    request.adoptNumbers(orphanage.referenceExternalData(bytes));
  }

  // What getMain() gives before the connection stands copies each request once more, for good.
  rpc::Sum::Client connected_main() {
    client_.getMain<rpc::Sum>().whenResolved().wait(client_.getWaitScope());
    return client_.getMain<rpc::Sum>();
  }

  capnp::EzRpcClient client_;
  rpc::Sum::Client sum_;
};

/// Each call's promise makes the next one, all on the thread that waits for the last.
class promised_flight final : public flight {
 public:
  explicit promised_flight(const std::string& endpoint) : to_(endpoint) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    left_ = calls;
    times_ = &times;
    auto chains = kj::heapArrayBuilder<kj::Promise<void>>(in_flight);
    for (std::size_t i = 0; i < in_flight; ++i) chains.add(go_on());
    kj::joinPromises(chains.finish()).wait(to_.scope());
  }

 private:
  kj::Promise<void> go_on() {
    if (left_ == 0) return kj::READY_NOW;
    const auto index = static_cast<std::int32_t>(left_--);
    auto request = to_.sum().addRequest();
    request.setA(index);
    request.setB(2);
    return request.send().then(
        [this, index, begun = std::chrono::steady_clock::now()](auto&& answer) {
          if (answer.getSum() != index + 2)
            throw std::runtime_error("the server gave a wrong answer");
          times_->push_back(std::chrono::steady_clock::now() - begun);
          return go_on();
        });
  }

  capnproto_connection to_;
  std::size_t left_ = 0;
  std::vector<std::chrono::nanoseconds>* times_ = nullptr;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  capnp::EzRpcServer server(kj::heap<sum_server>(), address, 0, without_limit());
  kj::WaitScope& scope = server.getWaitScope();
  const unsigned port = server.getPort().wait(scope);
  ready(unix_path(address).empty() ? address + ":" + std::to_string(port) : address);
  kj::NEVER_DONE.wait(scope);
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<capnproto_connection>(endpoint);
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string& endpoint) {
  return std::make_unique<promised_flight>(endpoint);
}

}  // namespace bench
