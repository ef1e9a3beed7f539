// SPDX-License-Identifier: Apache-2.0
//
// gRPC C++ with its newer interfaces, many calls under way on one channel, which is one connection:
//
//     bench_call_grpc_callback  a stub and a service with callbacks; each completion starts a call
//     bench_call_grpc_stream    BENCH_STREAM=1: calls are messages of one bidirectional stream,
//     sent
//                               ahead and collected in their order by one thread

#include "stack.hpp"
#include "sum.grpc.pb.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <future>
#include <optional>
#include <stdexcept>

#ifndef BENCH_STREAM
#define BENCH_STREAM 0
#endif

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

void check(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error("gRPC: " + status.error_message());
}

class callback_service final : public rpc::Sum::CallbackService {
 public:
  grpc::ServerUnaryReactor* Add(grpc::CallbackServerContext* context,
                                const rpc::AddRequest* request, rpc::AddReply* reply) override {
    reply->set_sum(request->a() + request->b());
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class stream_service final : public rpc::Sum::Service {
 public:
  grpc::Status AddAll(grpc::ServerContext*,
                      grpc::ServerReaderWriter<rpc::AddReply, rpc::AddRequest>* stream) override {
    rpc::AddRequest request;
    rpc::AddReply reply;
    while (stream->Read(&request)) {
      reply.set_sum(request.a() + request.b());
      if (!stream->Write(reply)) break;
    }
    return grpc::Status::OK;
  }
};

std::unique_ptr<rpc::Sum::Stub> make_stub(const std::string& endpoint) {
  return rpc::Sum::NewStub(grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()));
}

/// Completions run on gRPC's own threads and start the next calls there.
class callback_flight final : public flight {
 public:
  explicit callback_flight(const std::string& endpoint) : stub_(make_stub(endpoint)) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    times.resize(calls);
    times_ = &times;
    left_ = static_cast<std::int32_t>(calls);
    under_way_ = static_cast<std::int32_t>(in_flight);
    is_right_ = true;
    over_ = {};
    auto ended = over_.get_future();
    std::deque<one> each(in_flight);
    for (one& next : each) start(next);
    ended.get();
    if (!is_right_) throw std::runtime_error("gRPC: a call failed");
  }

 private:
  struct one {
    std::optional<grpc::ClientContext> context;
    rpc::AddRequest request;
    rpc::AddReply reply;
  };

  void start(one& call) {
    const std::int32_t index = left_.fetch_sub(1) - 1;
    if (index < 0) {
      if (under_way_.fetch_sub(1) == 1) over_.set_value();
      return;
    }
    call.context.emplace();
    call.request.set_a(index);
    call.request.set_b(2);
    stub_->async()->Add(&*call.context, &call.request, &call.reply,
                        [this, &call, index, begun = clock::now()](const grpc::Status& status) {
                          if (!status.ok() || call.reply.sum() != index + 2) is_right_ = false;
                          (*times_)[static_cast<std::size_t>(index)] = clock::now() - begun;
                          start(call);
                        });
  }

  std::unique_ptr<rpc::Sum::Stub> stub_;
  std::vector<std::chrono::nanoseconds>* times_ = nullptr;
  std::atomic<std::int32_t> left_{0};
  std::atomic<std::int32_t> under_way_{0};
  std::atomic<bool> is_right_{true};
  std::promise<void> over_;
};

class stream_flight final : public flight {
 public:
  explicit stream_flight(const std::string& endpoint)
      : stub_(make_stub(endpoint)), stream_(stub_->AddAll(&context_)) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    std::deque<std::pair<std::int32_t, clock::time_point>> under_way;
    rpc::AddRequest request;
    rpc::AddReply reply;
    for (std::size_t i = 0; i < calls || !under_way.empty();) {
      if (i < calls && under_way.size() < in_flight) {
        const auto number = static_cast<std::int32_t>(i++);
        under_way.emplace_back(number, clock::now());
        request.set_a(number);
        request.set_b(2);
        if (!stream_->Write(request)) check(stream_->Finish());
        continue;
      }
      const auto [number, begin] = under_way.front();
      under_way.pop_front();
      if (!stream_->Read(&reply)) check(stream_->Finish());
      if (reply.sum() != number + 2) throw std::runtime_error("the server gave a wrong answer");
      times.push_back(clock::now() - begin);
    }
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<rpc::Sum::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<rpc::AddRequest, rpc::AddReply>> stream_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  callback_service with_callbacks;
  stream_service with_streams;
  grpc::Service* const service =
      BENCH_STREAM != 0 ? static_cast<grpc::Service*>(&with_streams) : &with_callbacks;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address + ":0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) throw std::runtime_error("gRPC cannot listen at " + address);
  ready(address + ":" + std::to_string(port));
  server->Wait();
}

std::unique_ptr<connection> open_connection(const std::string&) {
  throw std::runtime_error("gRPC, callback and stream: only for many calls at once");
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string& endpoint) {
  if (BENCH_STREAM != 0) return std::make_unique<stream_flight>(endpoint);
  return std::make_unique<callback_flight>(endpoint);
}

}  // namespace bench
