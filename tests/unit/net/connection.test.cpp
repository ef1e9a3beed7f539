// SPDX-License-Identifier: Apache-2.0
#include "net/connection.hpp"

#include "raw_peer.hpp"

using namespace test;

TEST_CASE("connection: answers a request that comes byte by byte", "[net][connection]") {
  live_executor server;
  raw_peer peer(server.self);
  for (const char c : json_call("test::echo", "[1,2]")) peer.send(std::string(1, c));
  const auto answer = peer.read_response();
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, contains("\"result\":[1,2]"));
  CHECK(answer.field("modal-call-id").size() == 32);
  CHECK_FALSE(answer.field("date").empty());
}

TEST_CASE("connection: answers pipelined requests in order", "[net][connection]") {
  live_executor server;
  raw_peer peer(server.self);
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += json_call("test::echo", std::to_string(i)) + get_request("/healthz");
  peer.send(all);
  for (int i = 0; i < 50; ++i) {
    CHECK_THAT(peer.read_response().body, contains("\"result\":" + std::to_string(i) + ","));
    CHECK(peer.read_response().body == "ok\n");
  }
}

TEST_CASE("connection: takes more pipelined bytes than it holds", "[net][connection]") {
  live_executor server(net_config({.header_bytes = 1024}));
  raw_peer peer(server.self);
  peer.send(json_call("test::wait", "0"));
  REQUIRE(the_gate().wait_entered(1));
  std::string all;
  for (int i = 0; i < 200; ++i) all += get_request("/healthz");
  peer.send(all);
  the_gate().open();
  CHECK(peer.read_response().status == 200);
  for (int i = 0; i < 200; ++i) REQUIRE(peer.read_response().status == 200);
}

TEST_CASE("connection: says 100 only to those that it admits", "[net][connection]") {
  live_executor server(net_config({.body_bytes = 100}));
  raw_peer peer(server.self);
  peer.send(post_head("test::echo", 3, "expect: 100-continue\r\n"));
  CHECK(peer.read_response().status == 100);
  peer.send("123");
  CHECK(peer.read_response().status == 200);

  peer.send(post_head("test::echo", 101, "expect: 100-continue\r\n"));
  const auto refused = peer.read_response();
  CHECK(refused.status == 413);
  CHECK(refused.field("connection") == "close");
  CHECK(peer.is_closed());
}

TEST_CASE("connection: does not say 100 when the body is there", "[net][connection]") {
  live_executor server;
  raw_peer peer(server.self);
  peer.send(json_call("test::echo", "1", "expect: 100-continue\r\n"));
  CHECK(peer.read_response().status == 200);
}

TEST_CASE("connection: answers HEAD without a body", "[net][connection]") {
  live_executor server;
  raw_peer peer(server.self);
  peer.send("HEAD /v1/functions HTTP/1.1\r\nhost: a\r\n\r\n" + get_request("/v1/functions"));
  const auto head = peer.read_response(false);
  const auto get = peer.read_response();
  CHECK(head.status == 200);
  CHECK(head.field("content-length") == std::to_string(get.body.size()));
  CHECK(head.field("etag") == get.field("etag"));
  peer.send(get_request("/v1/functions", "if-none-match: " + get.field("etag") + "\r\n"));
  CHECK(peer.read_response().status == 304);
  peer.send("HEAD /nothing HTTP/1.1\r\nhost: a\r\n\r\n" + get_request("/healthz"));
  CHECK(peer.read_response(false).status == 404);
  CHECK(peer.read_response().status == 200);
}

TEST_CASE("connection: reads chunked bodies", "[net][connection]") {
  live_executor server(net_config({.body_bytes = 10}));
  const std::string head = "POST " + call_path("test::echo") +
                           " HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                           "transfer-encoding: chunked\r\n\r\n";
  raw_peer peer(server.self);
  for (const char c : head + "2\r\n12\r\n3\r\n345\r\n0\r\n\r\n") peer.send(std::string(1, c));
  CHECK_THAT(peer.read_response().body, contains("\"result\":12345,"));
  peer.send(head + "0\r\n\r\n" + head + "a\r\n1234567890\r\n0\r\n\r\n");
  CHECK(peer.read_response().status == 200);
  CHECK_THAT(peer.read_response().body, contains("\"result\":1234567890,"));
  SECTION("but not one byte more than allowed") {
    peer.send(head + "a\r\n1234567890\r\n1\r\n1\r\n0\r\n\r\n");
    CHECK(peer.read_response().status == 413);
    CHECK(peer.is_closed());
  }
  SECTION("nor malformed ones") {
    peer.send(head + "zz\r\n");
    CHECK(peer.read_response().status == 400);
    CHECK(peer.is_closed());
  }
  CHECK(server.self.stats().bytes_in_flight == 0);
}

TEST_CASE("connection: a body that is refused while it comes counts as that", "[net][connection]") {
  live_executor server(net_config({.body_bytes = 10}));
  {
    raw_peer peer(server.self);
    peer.send("POST " + call_path("test::echo") +
              " HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
              "transfer-encoding: chunked\r\n\r\na\r\n1234567890\r\n1\r\n1\r\n0\r\n\r\n");
    CHECK(peer.read_response().status == 413);
  }
  raw_peer peer(server.self);
  peer.send(get_request("/metrics"));
  const auto text = peer.read_response().body;
  const auto count_of = [&](const std::string& code) {
    const auto at =
        text.find("modal_calls_total{function=\"test::echo\",outcome=\"" + code + "\"}");
    return at == std::string::npos ? std::string("none")
                                   : text.substr(at, text.find('\n', at) - at);
  };
  INFO(text);
  CHECK_THAT(count_of("too_large"), contains("} 1"));
  CHECK(count_of("cancelled") == "none");
}

TEST_CASE("connection: carries large bodies both ways unchanged", "[net][connection]") {
  live_executor server;
  raw_peer peer(server.self);
  std::string body = binary_body(8 << 20, '\0');
  for (std::size_t i = payload_head_bytes; i < body.size(); ++i)
    body[i] = static_cast<char>(i * 31 >> 7);
  std::thread sender([&] {
    peer.try_send("POST " + call_path("test::echo") +
                  " HTTP/1.1\r\nhost: a\r\ncontent-type: application/vnd.modal.call\r\n"
                  "modal-signature: " +
                  bytes_signature().id.to_string() +
                  "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  const auto answer = peer.read_response();
  sender.join();
  CHECK(answer.status == 200);
  CHECK((answer.body == body));
}

TEST_CASE("connection: bounds the header", "[net][connection]") {
  live_executor server(net_config({.header_bytes = 1024}));
  raw_peer peer(server.self);
  peer.send("GET /" + std::string(2000, 'x'));
  CHECK(peer.read_response().status == 431);
  CHECK(peer.is_closed());
}

TEST_CASE("connection: refuses what is no HTTP and goes on serving others", "[net][connection]") {
  live_executor server;
  raw_peer bad(server.self);
  bad.send("\x16\x03\x01 hello\r\n\r\n");
  CHECK(bad.read_response().status == 400);
  CHECK(bad.is_closed());
  raw_peer good(server.self);
  good.send(get_request("/healthz"));
  CHECK(good.read_response().status == 200);
}

TEST_CASE("connection: keeps or closes as the client asks", "[net][connection]") {
  live_executor server;
  SECTION("close") {
    raw_peer peer(server.self);
    peer.send(get_request("/healthz", "connection: close\r\n"));
    CHECK(peer.read_response().field("connection") == "close");
    CHECK(peer.is_closed());
  }
  SECTION("close after a call") {
    raw_peer peer(server.self);
    peer.send(json_call("test::echo", "1", "connection: close\r\n"));
    CHECK(peer.read_response().status == 200);
    CHECK(peer.is_closed());
  }
  SECTION("HTTP/1.0") {
    raw_peer peer(server.self);
    peer.send("GET /healthz HTTP/1.0\r\n\r\n");
    CHECK(peer.read_response().status == 200);
    CHECK(peer.is_closed());
  }
  SECTION("HTTP/1.0 with keep-alive") {
    raw_peer peer(server.self);
    peer.send("GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    CHECK(peer.read_response().field("connection") == "keep-alive");
    peer.send("GET /healthz HTTP/1.0\r\n\r\n");
    CHECK(peer.read_response().status == 200);
  }
}

TEST_CASE("connection: lets a client read why its body was refused", "[net][connection]") {
  live_executor server(net_config({.body_bytes = 1000}));
  SECTION("a small body is dropped, and the connection stays") {
    raw_peer peer(server.self);
    peer.send(json_call("test::echo", std::string(5000, ' ')) + get_request("/healthz"));
    CHECK(peer.read_response().status == 413);
    CHECK(peer.read_response().status == 200);
  }
  SECTION("a large one ends the connection after the answer") {
    raw_peer peer(server.self);
    peer.send(json_call("test::echo", std::string(4 << 20, ' ')));
    const auto answer = peer.read_response();
    CHECK(answer.status == 413);
    CHECK(answer.field("connection") == "close");
    CHECK(peer.is_closed());
  }
}
