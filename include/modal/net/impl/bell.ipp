// SPDX-License-Identifier: Apache-2.0
#include <modal/net/bell.hpp>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace modal::detail {
namespace {

constexpr std::chrono::milliseconds without_bell{10};

}  // namespace

bell::bell() noexcept : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void bell::wait(int descriptor, readiness what, time_point until) const noexcept {
  pollfd looked[2] = {{descriptor, 0, 0}, {wake_.native_handle(), POLLIN, 0}};
  if (includes(what, readiness::read)) looked[0].events |= POLLIN;
  if (includes(what, readiness::write)) looked[0].events |= POLLOUT;
  if (!wake_.is_open())
    until = std::min(until, saturating_add(std::chrono::steady_clock::now(), without_bell));
  timespec left{};
  if (until != never) {
    const auto rest = std::max<std::int64_t>((until - std::chrono::steady_clock::now()).count(), 0);
    left = {static_cast<std::time_t>(rest / 1'000'000'000), rest % 1'000'000'000};
  }
  (void)!::ppoll(looked, 2, until == never ? nullptr : &left, nullptr);
}

void bell::ring() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(wake_.native_handle(), &one, sizeof one);
}

void bell::clear() noexcept {
  std::uint64_t count = 0;
  (void)!::read(wake_.native_handle(), &count, sizeof count);
}

}  // namespace modal::detail
