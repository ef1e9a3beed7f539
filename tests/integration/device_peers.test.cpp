// SPDX-License-Identifier: Apache-2.0
// Peers that go, stall, trickle or send nonsense while their arguments go to a device.
#include "integration/serving.hpp"
#include "support/catch.hpp"
#include "support/scripted_peer.hpp"
#include "support/wire.hpp"

#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace device_peers {

double total(modal::device_span<const float> values, int more) {
  return std::accumulate(values.begin(), values.end(), double(more));
}

}  // namespace device_peers

MODAL_FUNCTION(device_peers::total)

namespace {

using modal::remote;

constexpr std::size_t mib = std::size_t{1} << 20;

struct bench {
  explicit bench(modal::executor_config config = quiet_config()) : here(std::move(config)) {}

  test::scripted_connection connect() const {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(here.executor.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    return test::scripted_connection(descriptor);
  }
  static std::string head_for(std::size_t body) {
    const auto function = modal::make_descriptor<device_peers::total>();
    return "POST " + modal::call_path(function.name) +
           " HTTP/1.1\r\nhost: x\r\ncontent-type: application/vnd.modal.call\r\nmodal-signature: " +
           function.signature().id.to_string() + "\r\ncontent-length: " + std::to_string(body) +
           "\r\n\r\n";
  }
  static std::string body_of(std::size_t floats) {
    const auto bytes = test::encode(std::vector<float>(floats, .5F), 1);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string devices() { return here.executor.handle({"GET", "/v1/devices", {}, {}}).body; }
  // Everything was given back, as soon as those who went are noticed.
  void wait_until_idle() {
    const auto is_idle = [this] {
      const std::string told = devices();
      for (const char* each : {"\"used_bytes\": 0", "\"reserved_bytes\": 0", "\"calls\": 0"})
        if (told.find(each) == std::string::npos) return false;
      return true;
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!is_idle()) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::yield();
    }
  }
  void check_others_go_on() {
    const std::vector<float> values(mib, 1.F);  // 4 MiB
    CHECK(remote<device_peers::total>.on(here.client)(values, 2) == mib + 2.0);
  }

  serving here;
};

}  // namespace

TEST_CASE("device peers: one that goes at any point of its upload leaves nothing",
          "[integration][devices]") {
  bench b;
  const std::string body = b.body_of(3 * mib);
  const std::string all = b.head_for(body.size()) + body;
  for (const std::size_t cut :
       {all.size() - body.size(), all.size() - body.size() + 20, all.size() - body.size() + 200,
        mib, 5 * mib, 9 * mib + 1, all.size() - 1, all.size()}) {
    INFO("after " << cut << " bytes");
    auto peer = b.connect();
    peer.send(std::string_view(all).substr(0, cut));
    b.check_others_go_on();
    peer.close();
    b.wait_until_idle();
  }
}

TEST_CASE("device peers: those that stall half way keep nobody from the device",
          "[integration][devices]") {
  auto config = quiet_config();
  config.host_device_memory = 64 * mib;
  config.pinned_memory = 8 * mib;  // of which two peers can hold all
  bench b(config);
  const std::string body = b.body_of(5 * mib);
  const std::string all = b.head_for(body.size()) + body;
  {
    std::vector<test::scripted_connection> stalled;
    for (int i = 0; i < 6; ++i) {
      stalled.push_back(b.connect());
      stalled.back().send(std::string_view(all).substr(0, 6 * mib));
      b.check_others_go_on();
    }
  }
  b.wait_until_idle();
}

TEST_CASE("device peers: however the bytes come, they are put together", "[integration][devices]") {
  bench b;
  const std::string body = b.body_of(2 * mib);
  const std::string all = b.head_for(body.size()) + body;
  std::mt19937 random(3);
  for (int round = 0; round < 3; ++round) {
    auto peer = b.connect();
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t most = round == 0 ? 70'000 : round == 1 ? 2 * mib : 1'000'000;
      const std::size_t size = std::min(all.size() - at, 1 + random() % most);
      peer.send(std::string_view(all).substr(at, size));
      at += size;
    }
    const std::string head = peer.read_head();
    CHECK_THAT(head, test::contains("200 OK"));
    CHECK_THAT(head, test::contains("bytes-up=8388608"));
  }
  b.wait_until_idle();
}

TEST_CASE("device peers: nonsense is refused, wherever it has come to", "[integration][devices]") {
  bench b;
  std::string body = b.body_of(2 * mib);
  SECTION("an argument that is not there") {
    const auto bytes = test::encode(std::vector<float>(2 * mib, .5F));
    body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  SECTION("elements that end in the middle") {
    const auto bytes = test::encode(std::vector<char>(8 * mib + 2, 'x'), 1);
    body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  SECTION("one argument too many") {
    const auto bytes = test::encode(std::vector<float>(2 * mib), 1, std::vector<float>(2 * mib));
    body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  auto peer = b.connect();
  peer.send(b.head_for(body.size()) + body);
  const std::string head = peer.read_head();
  CHECK_THAT(head, test::contains("400 Bad Request"));
  b.wait_until_idle();
  b.check_others_go_on();
}
