// SPDX-License-Identifier: Apache-2.0
// You learn: to serve functions from an HTTP server of your own, here one written with Boost.Beast.
// Run:  ./04_own_server_beast
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <iostream>
#include <thread>

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

namespace text {
std::string shout(std::string_view quiet) {
  std::string loud(quiet);
  for (char& c : loud) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return loud;
}
}  // namespace text
MODAL_FUNCTION(text::shout)

// Answers one request: modal's routes are the executor's, everything else is this server's own.
http::response<http::string_body> answer(modal::executor& executor,
                                         const http::request<http::string_body>& request) {
  http::response<http::string_body> response{http::status::ok, request.version()};
  if (executor.serves(std::string_view(request.target().data(), request.target().size()))) {
    modal::http_request call{.method = std::string(request.method_string()),
                             .target = std::string(request.target()),
                             .headers = {},
                             .body = request.body()};
    for (const auto& field : request) call.headers.emplace_back(field.name_string(), field.value());
    const modal::http_response result = executor.handle(std::move(call));
    response.result(static_cast<unsigned>(result.status));
    for (const auto& [name, value] : result.headers) response.set(name, value);
    response.body() = result.body;
  } else {
    response.body() = "my own page\n";
  }
  response.keep_alive(request.keep_alive());
  response.prepare_payload();
  return response;
}

void serve(modal::executor& executor, tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  boost::system::error_code failure;
  for (;;) {
    http::request<http::string_body> request;
    http::read(socket, buffer, request, failure);
    if (failure) return;
    http::write(socket, answer(executor, request), failure);
    if (failure || !request.keep_alive()) return;
  }
}

int main() {
  modal::executor executor{{.address = ""}};  // no listener of its own
  executor.start();

  boost::asio::io_context context;
  tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  const auto url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  std::thread server([&] { serve(executor, acceptor.accept()); });
  {
    modal::client client(url);
    std::cout << modal::remote<text::shout>.on(client)("hello") << '\n';
    std::cout << modal::remote<text::shout>.on(client)("again, on the same connection") << '\n';
  }
  server.join();
  executor.stop();
}
