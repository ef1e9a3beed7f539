// SPDX-License-Identifier: Apache-2.0
#include <modal/asio.hpp>
#include <modal/client/transport.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/scripted_peer.hpp"

#include <future>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace forked {
int none();
}

TEST_CASE("transport: refuses the calls of a child of its process", "[client][transport]") {
  modal::client parents("http://127.0.0.1:1");
  const auto function = modal::remote<forked::none>.on(parents).with({.retries = 0});
  CHECK(function.try_call().error() == modal::errc::connect_failed);
  CHECK(function.spawn().try_get().error() == modal::errc::connect_failed);  // starts the thread
  const pid_t child = ::fork();
  if (child == 0) {
    bool right = function.try_call().error() == modal::errc::bad_configuration;
    try {
      (void)function.spawn();
      right = false;
    } catch (const modal::call_error& refused) {
      right = right && refused.reason() == modal::errc::bad_configuration;
    }
    {
      modal::client own("http://127.0.0.1:1");
      const auto mine = modal::remote<forked::none>.on(own).with({.retries = 0});
      right = right && mine.spawn().try_get().error() == modal::errc::connect_failed;
      modal::client left = std::move(parents);  // whose destruction must not hang
    }
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

// A shared pointer in the handler is enough for that.
TEST_CASE("transport: a client may end in the handler of one of its calls", "[client][transport]") {
  auto owned = std::make_shared<modal::client>("http://127.0.0.1:1");
  modal::client& to = *owned;
  std::promise<void> done;
  const auto function = modal::remote<forked::none>.on(to).with({.retries = 0});
  modal::async(function, [&, owned = std::move(owned)](modal::result<int>) mutable {
    owned.reset();
    done.set_value();
  });
  done.get_future().get();
}

TEST_CASE("transport: calls that run end with their client, in a handler too",
          "[client][transport]") {
  test::scripted_peer silent;
  auto owned =
      std::make_shared<modal::client>(silent.url(), modal::client_config{.session = false});
  modal::client& to = *owned;
  const auto function = modal::remote<forked::none>.on(to).with({.retries = 0});
  const auto waits = function.spawn();
  auto connection = silent.accept();
  connection.read_request();
  std::promise<void> done;
  modal::async(function.with({.timeout = 0ms}),
               [&, owned = std::move(owned)](modal::result<int>) mutable {
                 owned.reset();
                 done.set_value();
               });
  done.get_future().get();
  CHECK(waits.try_get().error() == modal::errc::cancelled);
}

TEST_CASE("transport: the longest times mean none", "[client][transport]") {
  constexpr auto longest = std::chrono::milliseconds::max();
  test::scripted_peer peer;
  modal::client to(peer.url(), {.limits = {.transfer_timeout = longest},
                                .session = false,
                                .timeout = longest,
                                .connect_timeout = longest,
                                .idle_timeout = longest});
  const auto function = modal::remote<forked::none>.on(to).with({.retries = 0});
  const auto first = function.spawn();
  auto connection = peer.accept();
  connection.send(test::answer_to(connection.read_request(), 7));
  CHECK(first.wait_for(std::chrono::nanoseconds::max()));
  CHECK(first.try_get().value() == 7);
  auto second = std::async(std::launch::async, [&] { return function.try_call(); });
  connection.send(test::answer_to(connection.read_request(), 8));
  CHECK(second.get().value() == 8);
}
