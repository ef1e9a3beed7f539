// SPDX-License-Identifier: Apache-2.0
// Any bytes as what the other end of a session sends. The first byte says which end it is, and how
// the bytes are cut; an application that does what it is told gives credit and answers.
#include "cuts.hpp"
#include "support/session_pair.hpp"

namespace {

using modal::detail::session_side;

template <class Application>
void take(session_side side, const std::uint8_t* data, std::size_t size) {
  modal::time_point now{std::chrono::seconds{1000}};
  test::session_fsm machine(test::session_config_of(side), now);
  Application application(machine);
  fuzzed::cuts cut(data[0]);
  std::string written;
  for (std::size_t done = 1; done < size && !machine.is_over();) {
    const auto room = machine.prepare();
    if (room.empty()) std::abort();  // it would stand still
    const std::size_t some = std::min(cut.next(size - done), room.size());
    std::memcpy(room.data(), data + done, some);
    done += some;
    machine.on_bytes(some, now);
    application.take(now);
    if (machine.has_output()) {
      std::size_t out = 0;
      for (const auto each : machine.batch()) out += each.size();
      machine.note_written(out, now);
    }
    if (machine.backlog() > (1U << 20)) std::abort();  // it is made to buffer without a bound
    now += std::chrono::milliseconds(some);
    machine.on_time(now);
  }
  machine.on_end();
  application.take(now);
  if (!machine.is_over()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  if ((data[0] & 1) != 0)
    take<test::echo_executor>(session_side::executor, data, size);
  else
    take<test::echo_caller>(session_side::caller, data, size);
  return 0;
}
