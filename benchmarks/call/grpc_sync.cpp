// SPDX-License-Identifier: Apache-2.0
//
// gRPC C++, the synchronous interface on both ends: a stub that blocks, and a server with gRPC's
// own thread pool. Numbers travel as `bytes`, which gRPC copies fewer times than `repeated float`,
// in a message that is kept from call to call.

#include "stack.hpp"
#include "sum.grpc.pb.h"

#include <grpcpp/grpcpp.h>

#include <stdexcept>

namespace bench {
namespace {

class sum_service final : public rpc::Sum::Service {
 public:
  grpc::Status Add(grpc::ServerContext*, const rpc::AddRequest* request,
                   rpc::AddReply* reply) override {
    reply->set_sum(request->a() + request->b());
    return grpc::Status::OK;
  }

  grpc::Status Send(grpc::ServerContext*, const rpc::SendRequest* request,
                    rpc::SendReply* reply) override {
    const std::string& bytes = request->numbers();
    reply->set_digest(
        digest({reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)}));
    return grpc::Status::OK;
  }

  grpc::Status Echo(grpc::ServerContext*, const rpc::SendRequest* request,
                    rpc::EchoReply* reply) override {
    reply->set_numbers(request->numbers());
    return grpc::Status::OK;
  }
};

class grpc_connection final : public connection {
 public:
  explicit grpc_connection(const std::string& endpoint) {
    grpc::ChannelArguments options;
    options.SetMaxSendMessageSize(-1);
    options.SetMaxReceiveMessageSize(-1);
    // Else channels of one process to one server share a connection.
    options.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = rpc::Sum::NewStub(
        grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), options));
  }

  std::int32_t add(std::int32_t a, std::int32_t b) override {
    add_request_.set_a(a);
    add_request_.set_b(b);
    grpc::ClientContext context;
    check(stub_->Add(&context, add_request_, &add_reply_));
    return add_reply_.sum();
  }

  std::int64_t send(std::span<const float> numbers) override {
    send_request_.set_numbers(numbers.data(), numbers.size_bytes());
    grpc::ClientContext context;
    check(stub_->Send(&context, send_request_, &send_reply_));
    return send_reply_.digest();
  }

  std::int64_t echo(std::span<const float> numbers) override {
    send_request_.set_numbers(numbers.data(), numbers.size_bytes());
    grpc::ClientContext context;
    check(stub_->Echo(&context, send_request_, &echo_reply_));
    const std::string& bytes = echo_reply_.numbers();
    return digest({reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)});
  }

 private:
  static void check(const grpc::Status& status) {
    if (!status.ok()) throw std::runtime_error("gRPC: " + status.error_message());
  }

  std::unique_ptr<rpc::Sum::Stub> stub_;
  rpc::AddRequest add_request_;
  rpc::AddReply add_reply_;
  rpc::SendRequest send_request_;
  rpc::SendReply send_reply_;
  rpc::EchoReply echo_reply_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  const bool local = !unix_path(address).empty();
  sum_service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(local ? address : address + ":0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  builder.SetMaxSendMessageSize(-1);
  builder.SetMaxReceiveMessageSize(-1);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) throw std::runtime_error("gRPC cannot listen at " + address);
  ready(local ? address : address + ":" + std::to_string(port));
  server->Wait();
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<grpc_connection>(endpoint);
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string&) {
  throw std::runtime_error("gRPC, sync: one call at a time on a connection");
}

}  // namespace bench
