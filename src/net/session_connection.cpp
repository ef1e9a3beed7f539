// SPDX-License-Identifier: Apache-2.0
// How a session is driven, read, written and closed; session_calls.cpp has what becomes of its
// calls.
#include "net/session_connection.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

// Others have their turn before one that sends a lot at once.
constexpr std::size_t most_bytes_in_turn = 1 << 20;
constexpr std::chrono::microseconds most_time_in_turn{100};
constexpr std::size_t long_read = 16 << 10;   // takes long enough to look at the clock again
constexpr std::size_t most_read = 128 << 10;  // at once: about 40 us, in which nothing else is done
// Answers that the client does not take are a reason not to read on.
constexpr std::size_t most_backlog = 1 << 20;
// A client that is still sending must read our last words before the connection is reset.
constexpr std::size_t most_lingered = 16 << 20;
constexpr std::chrono::seconds linger_time{2};
constexpr std::size_t most_unanswered = 16;
constexpr std::chrono::seconds quiet_time{1};  // then memory is given back

session_config config_of(const limits& bounds, session_hello own) {
  session_config config{.side = session_side::executor, .own = std::move(own)};
  config.hello_timeout = saturated(bounds.header_timeout);
  config.transfer_timeout = saturated(bounds.transfer_timeout);
  config.idle_timeout = saturated(bounds.idle_timeout);
  config.rate = rate_guard(bounds);
  return config;
}

}  // namespace

session_connection::session_connection(std::shared_ptr<server_state> shared,
                                       std::shared_ptr<session_exchange> calls)
    : open_connection(stream(), std::move(shared)),
      calls_(std::move(calls)),
      machine_(config_of(shared_->bounds, calls_->hello()), steady_clock::now()) {}

session_connection::~session_connection() {
  for (const auto& each : slots_)
    if (each != nullptr) release(*each);
}

void session_connection::start(stream socket, std::string_view ahead) {
  socket_ = std::move(socket);
  now_ = steady_clock::now();
  for (bytes_view left = std::as_bytes(std::span(ahead)); !left.empty();) {
    const auto room = machine_.prepare();
    const std::size_t size = std::min(room.size(), left.size());
    std::memcpy(room.data(), left.data(), size);
    left = left.subspan(size);
    machine_.on_bytes(size, now_);
    if (size == 0) break;  // cannot be: a hello is shorter than the room there is
  }
  greet();
  open_connection::start();
}

// Says that this is a session, and hello, at once: a caller needs both before its first call.
void session_connection::greet() {
  constexpr std::string_view switching =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: modal/1\r\nconnection: upgrade\r\n\r\n";
  parts_.assign(1, std::as_bytes(std::span(switching)));
  const auto hello = machine_.batch();
  parts_.insert(parts_.end(), hello.begin(), hello.end());
  const auto sent = socket_.try_write(parts_);
  // Nothing else is on its way, so that there is room for so little.
  const bool is_said = sent.what == io_result::kind::some && sent.size >= switching.size();
  machine_.note_written(is_said ? sent.size - switching.size() : 0, now_);
  if (!is_said) machine_.on_end();
  parts_.clear();
}

void session_connection::take_events(events what) {
  if ((what & replied) != 0) collect_answers();
  if (is_closed()) return;
  take_in(what);
  advance();
}

void session_connection::take_in(events what) {
  if ((what & begins) != 0) enter();
  if ((what & event_loop::readable) != 0) may_read_ = true;
  if ((what & (event_loop::ended | event_loop::urgent)) != 0) reads_to_end_ = true;
  if ((what & event_loop::writable) != 0) may_write_ = true;
  if ((what & resumed) != 0) resume_paused();
  if ((what & event_loop::late) != 0) {
    note_late();
    end_late();
    if (is_to_trim() && now_ >= machine_.idle_since() + quiet_time) {
      machine_.trim();
      trimmed_of_ = machine_.idle_since();
    }
    if (now_ >= linger_until_) return shut();
  }
  if ((what & yields) != 0 && machine_.is_idle() && is_to_yield(machine_.idle_since()))
    machine_.go_away("there are more connections than limits.connections", now_);
  if ((what & begins) != 0 && shared_->draining.load(std::memory_order_relaxed))
    what |= closes_soon;
  if ((what & closes_soon) != 0) machine_.go_away("the executor is stopping", now_);
  if ((what & closes_now) != 0) shut();
}

// The heart: carries out what has come, reads on, and writes what came of it.
void session_connection::advance() {
  const auto begun = now_;
  std::size_t bytes = 0;
  while (!is_closed()) {
    if (is_lingering_) {
      if (!linger()) return;
      break;
    }
    if (!perform_all()) {
      flush();
      // Who has closed its side needs no last words.
      if (machine_.failure() == errc::connection_lost) return shut();
      begin_linger();
      continue;
    }
    const bool is_held = machine_.backlog() >= most_backlog;
    if (is_held) machine_.hold(now_);
    const std::size_t more = is_held ? 0 : read();
    bytes += more;
    if (more >= long_read) now_ = steady_clock::now();
    if (more != 0 && bytes < most_bytes_in_turn && now_ - begun < most_time_in_turn) continue;
    if (!perform_all()) continue;
    collect_answers();  // of what has run where it was read
    flush();
    if (!perform_all()) continue;  // memory of what is out is given back
    set_heavy(more != 0);
    if (more != 0) return shared_->loop->tell(shared_from_this(), goes_on);
    if (is_held && machine_.backlog() < most_backlog) continue;
    // What has come is read before anybody is found to be late.
    if (now_ >= machine_.due()) {
      machine_.on_time(now_);
      if (!perform_all()) continue;
      flush();
    }
    if (!machine_.is_going() || machine_.owes_answers() || machine_.has_output()) break;
    begin_linger();
  }
  if (is_closed()) return;
  set_idle(machine_.is_idle() && !is_lingering_ ? std::optional(machine_.idle_since())
                                                : std::nullopt);
  arm(due());
}

time_point session_connection::due() const noexcept {
  if (is_lingering_) return linger_until_;
  time_point first = machine_.due();
  for (const slot* each : arriving_) first = std::min(first, each->deadline);
  if (is_to_trim()) first = std::min(first, machine_.idle_since() + quiet_time);
  return first;
}

// Returns false where the session is over. Calls that run where they are read are answered a few at
// a time, so that the caller has something to do meanwhile.
bool session_connection::perform_all() {
  for (std::size_t i = 1;; ++i) {
    const auto told = machine_.next();
    if (told.what == kind::wait) return true;
    if (told.what == kind::over) return false;
    perform(told);
    if (i % most_unanswered != 0 || answered_.load(std::memory_order_relaxed) == nullptr) continue;
    collect_answers();
    flush();
  }
}

// Returns how much has come, or 1 where that is the end.
std::size_t session_connection::read() {
  if (!may_read_) return 0;
  const auto straight = machine_.direct();
  std::array<mutable_bytes_view, 2> rooms{};
  std::size_t first = 0;
  if (straight.left != 0) {
    const auto room = std::as_writable_bytes(slot_of(straight.call).body.room());
    rooms[0] = room.first(std::min({room.size(), straight.left, most_read}));
    first = rooms[0].size();
  }
  // What comes behind a part of it is not looked for.
  if (first < most_read) rooms[1] = machine_.prepare();
  const auto got = first != 0 ? socket_.try_read(rooms) : socket_.try_read(rooms[1]);
  if (got.what == io_result::kind::would_block) {
    may_read_ = false;
    return 0;
  }
  if (got.what != io_result::kind::some) {
    may_read_ = false;
    machine_.on_end();
    return 1;
  }
  if (got.size < first + rooms[1].size() && !got.is_cut && !reads_to_end_) may_read_ = false;
  const std::size_t there = std::min(first, got.size);
  if (there != 0) {
    slot& which = slot_of(straight.call);
    which.body.commit(there);
    machine_.note_direct(there, now_);
    supply(which);
  }
  if (got.size > there) machine_.on_bytes(got.size - there, now_);
  return got.size;
}

void session_connection::flush() {
  std::size_t bytes = 0;
  while (may_write_ && machine_.has_output() && bytes < most_bytes_in_turn) {
    const auto sent = socket_.try_write(machine_.batch());
    if (sent.what == io_result::kind::would_block) {
      may_write_ = false;
      machine_.on_blocked(now_);
      break;
    }
    if (sent.what != io_result::kind::some) {
      machine_.note_written(0, now_);
      machine_.on_end();
      may_write_ = false;
      return;
    }
    bytes += sent.size;
    machine_.note_written(sent.size, now_);
  }
  if (bytes >= most_bytes_in_turn) shared_->loop->tell(shared_from_this(), goes_on);
}

void session_connection::begin_linger() {
  is_lingering_ = true;
  linger_left_ = most_lingered;
  linger_until_ = now_ + linger_time;
  for (const auto& each : slots_)
    if (each != nullptr) release(*each);
  arriving_.clear();
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

// Drops what comes. Returns false where the connection is closed.
bool session_connection::linger() {
  std::array<std::byte, 16 << 10> dropped;
  while (may_read_) {
    const auto got = socket_.try_read(dropped);
    if (got.what == io_result::kind::would_block) {
      may_read_ = false;
      break;
    }
    if (got.what != io_result::kind::some || got.size > linger_left_) {
      shut();
      return false;
    }
    linger_left_ -= got.size;
  }
  return true;
}

void session_connection::shut() noexcept {
  if (!shut_socket()) return;
  for (const auto& each : slots_)
    if (each != nullptr) release(*each);
  arriving_.clear();
  leave();
}

}  // namespace modal::detail
