// SPDX-License-Identifier: Apache-2.0
// The end of a result is users' code, and may take its time: it holds up nobody.
#include "integration/serving.hpp"
#include "support/catch.hpp"

#include <memory>
#include <semaphore>
#include <string>
#include <vector>

namespace endings {

std::counting_semaphore<16> begun{0};
std::counting_semaphore<16> may_end{0};

/// What the function makes waits in its destructor; what a caller receives does not.
struct lingering {
  std::vector<float> values;
  std::shared_ptr<void> end;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(values);
  }
};

int tag = 0;

lingering linger(int size) {
  return {.values = std::vector<float>(static_cast<std::size_t>(size)),
          .end = std::shared_ptr<void>(&tag, [](void*) {
            begun.release();
            may_end.acquire();
          })};
}

int add(int a, int b) { return a + b; }

bool hold() {
  std::binary_semaphore asked{0};
  const std::stop_callback wake(modal::this_call().stop_token(), [&] { asked.release(); });
  asked.acquire();
  return true;
}

}  // namespace endings

MODAL_FUNCTION(endings::linger)
MODAL_FUNCTION(endings::add)
MODAL_FUNCTION(endings::hold)

namespace {

using namespace std::chrono_literals;

constexpr int large = 40'000;  // numbers: they are sent from where they lie

}  // namespace

TEST_CASE("the end of a result: keeps no thread that serves", "[integration][endings]") {
  serving s(quiet_config(1));
  CHECK(modal::remote<endings::linger>.on(s.client)(large).values.size() == large);
  endings::begun.acquire();
  CHECK(modal::remote<endings::add>.on(s.client)(1, 2) == 3);
  endings::may_end.release();
}

TEST_CASE("the end of a result: that was kept delays no deadline", "[integration][endings]") {
  auto config = quiet_config(1);
  config.limits.remembered_time = 1ms;
  serving s(config);
  (void)modal::remote<endings::linger>.on(s.client).with({.lost = modal::on_lost::repeat})(large);
  endings::begun.acquire();
  // The executor is told of this deadline by nobody but its housekeeper.
  const auto late = modal::remote<endings::hold>.on(s.client).spawn();
  modal::client other(s.executor.url());
  CHECK(modal::remote<endings::hold>.on(other).with({.timeout = 50ms}).try_call().error() ==
        modal::condition::deadline);
  endings::may_end.release();
  (void)late;
}

TEST_CASE("the end of a result: may come after the executor", "[integration][endings]") {
  auto config = quiet_config(1);
  config.stop_patience = 1ms;
  {
    serving s(config);
    (void)modal::remote<endings::linger>.on(s.client)(large);
    endings::begun.acquire();
  }
  endings::may_end.release();
}
