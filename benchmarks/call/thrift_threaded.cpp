// SPDX-License-Identifier: Apache-2.0
//
// Apache Thrift, with framed messages of its binary protocol and the server that gives each
// connection a thread: its fastest for few connections. Numbers travel as `binary`. Its client can
// send calls before earlier answers are there, and collects those in order: that is "spawn", on one
// connection; of completions it knows nothing.

#include "Sum.h"
#include "stack.hpp"

#include <deque>
#include <stdexcept>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TServerSocket.h>
#include <thrift/transport/TSocket.h>

namespace bench {
namespace {

using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::protocol::TBinaryProtocolFactory;
using apache::thrift::transport::TFramedTransport;
using apache::thrift::transport::TFramedTransportFactory;
using apache::thrift::transport::TServerSocket;
using apache::thrift::transport::TSocket;

// Larger than any message here: its own default is 100 MiB, and 16 MiB a frame.
constexpr int most_bytes = 1 << 30;

std::shared_ptr<TConfiguration> roomy() {
  return std::make_shared<TConfiguration>(most_bytes, most_bytes);
}

// Its bound of a message counts all that a connection has ever brought (Thrift 0.17), unless each
// frame begins anew.
class framed final : public TFramedTransport {
 public:
  explicit framed(std::shared_ptr<apache::thrift::transport::TTransport> inner)
      : TFramedTransport(std::move(inner), 512, most_bytes, roomy()) {
    setMaxFrameSize(most_bytes);
  }

 protected:
  bool readFrame() override {
    resetConsumedMessageSize();
    return TFramedTransport::readFrame();
  }
};

class sum_handler final : public thrifted::SumIf {
 public:
  std::int32_t add(const std::int32_t a, const std::int32_t b) override { return a + b; }
  std::int64_t send(const std::string& numbers) override {
    return digest({reinterpret_cast<const float*>(numbers.data()), numbers.size() / sizeof(float)});
  }
  void echo(std::string& back, const std::string& numbers) override { back = numbers; }
};

class framed_factory final : public TFramedTransportFactory {
 public:
  std::shared_ptr<apache::thrift::transport::TTransport> getTransport(
      std::shared_ptr<apache::thrift::transport::TTransport> inner) override {
    return std::make_shared<framed>(std::move(inner));
  }
};

class listener final : public TServerSocket {
 public:
  explicit listener(const std::string& address) : TServerSocket(address, 0) {}

 protected:
  std::shared_ptr<TSocket> createSocket(THRIFT_SOCKET peer) override {
    return std::make_shared<TSocket>(peer, roomy());
  }
};

std::shared_ptr<TSocket> connect_to(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  auto made = std::make_shared<TSocket>(endpoint.substr(0, colon),
                                        std::stoi(endpoint.substr(colon + 1)), roomy());
  made->open();
  return made;
}

class thrift_connection final : public connection {
 public:
  explicit thrift_connection(const std::string& endpoint)
      : client_(std::make_shared<TBinaryProtocol>(std::make_shared<framed>(connect_to(endpoint)))) {
  }

  std::int32_t add(std::int32_t a, std::int32_t b) override { return client_.add(a, b); }
  std::int64_t send(std::span<const float> numbers) override {
    numbers_.assign(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
    return client_.send(numbers_);
  }
  std::int64_t echo(std::span<const float> numbers) override {
    numbers_.assign(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
    client_.echo(back_, numbers_);
    return digest({reinterpret_cast<const float*>(back_.data()), back_.size() / sizeof(float)});
  }

  thrifted::SumClient& client() { return client_; }

 private:
  thrifted::SumClient client_;
  std::string numbers_;
  std::string back_;
};

class pipelined_flight final : public flight {
 public:
  explicit pipelined_flight(const std::string& endpoint) : to_(endpoint) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    using clock = std::chrono::steady_clock;
    std::deque<std::pair<std::int32_t, clock::time_point>> under_way;
    for (std::size_t i = 0; i < calls || !under_way.empty();) {
      if (i < calls && under_way.size() < in_flight) {
        const auto number = static_cast<std::int32_t>(i++);
        under_way.emplace_back(number, clock::now());
        to_.client().send_add(number, 2);
        continue;
      }
      const auto [number, begin] = under_way.front();
      under_way.pop_front();
      if (to_.client().recv_add() != number + 2)
        throw std::runtime_error("the server gave a wrong answer");
      times.push_back(clock::now() - begin);
    }
  }

 private:
  thrift_connection to_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  const auto listens = std::make_shared<listener>(address);
  struct started final : apache::thrift::server::TServerEventHandler {
    explicit started(std::function<void()> tell) : ready(std::move(tell)) {}
    void preServe() override { ready(); }  // it listens
    const std::function<void()> ready;
  };
  apache::thrift::server::TThreadedServer server(
      std::make_shared<thrifted::SumProcessor>(std::make_shared<sum_handler>()), listens,
      std::make_shared<framed_factory>(), std::make_shared<TBinaryProtocolFactory>());
  server.setServerEventHandler(std::make_shared<started>(
      [&] { ready(address + ":" + std::to_string(listens->getPort())); }));
  server.serve();
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<thrift_connection>(endpoint);
}

std::unique_ptr<flight> open_flight(const std::string& kind, const std::string& endpoint) {
  if (kind.ends_with("spawn")) return std::make_unique<pipelined_flight>(endpoint);
  throw std::runtime_error("Thrift: its client has no completions");
}

}  // namespace bench
