// SPDX-License-Identifier: Apache-2.0
// You learn: the same with a server that has a thread for each connection, here cpp-httplib.
// Run:  ./04_own_server_httplib
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include <httplib.h>

#include <iostream>
#include <thread>

namespace text {
std::size_t count_words(std::string_view line) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : line) {
    words += c != ' ' && !inside ? 1 : 0;
    inside = c != ' ';
  }
  return words;
}
}  // namespace text
MODAL_FUNCTION(text::count_words)

int main() {
  modal::executor executor{{.address = ""}};  // no listener of its own
  executor.start();

  const auto pass_on = [&executor](const httplib::Request& request, httplib::Response& response) {
    modal::http_request call{
        .method = request.method, .target = request.target, .headers = {}, .body = request.body};
    for (const auto& [name, value] : request.headers) call.headers.emplace_back(name, value);
    const modal::http_response result = executor.handle(std::move(call));
    response.status = result.status;
    std::string type = "application/octet-stream";
    for (const auto& [name, value] : result.headers) {
      if (name == "content-type")
        type = value;
      else
        response.set_header(name, value);
    }
    response.set_content(result.body, type);
  };

  httplib::Server server;
  server.Post("/v1/functions/.*", pass_on);
  server.Get("/v1/functions|/openapi.json|/healthz|/readyz|/metrics", pass_on);
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("my own page\n", "text/plain");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread listening([&server] { server.listen_after_bind(); });

  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  {
    modal::client client(url);  // gone before the server stops, which waits for its connections
    std::cout << modal::remote<text::count_words>.on(client)("five words in this line") << '\n';
    std::cout << httplib::Client(url).Get("/")->body;
  }

  server.stop();
  listening.join();
  executor.stop();
}
