// SPDX-License-Identifier: Apache-2.0
#include <modal/client/session_attempt.hpp>

#include <utility>

namespace modal::detail {
namespace {

constexpr int most_turns = 3;
constexpr std::size_t longest_function_name = 512;

}  // namespace

void session_attempt::start(attempt_request request, std::shared_ptr<wakeable> owner,
                            time_point now) {
  close();
  request_ = std::move(request);
  owner_ = std::move(owner);
  turns_ = 0;
  begin(now);
}

void session_attempt::begin(time_point now) {
  // What cannot be said in a frame is refused by name over HTTP.
  const std::size_t name = request_.head.function.size();
  if (name == 0 || name > longest_function_name) return begin_http(now);
  while (turns_++ < most_turns) {
    link_ = sessions_.take(request_.head.function, request_.arguments->wire_size(), now);
    if (link_ == nullptr) break;
    const bool is_taken = link_->submit(call_, request_, owner_, now);
    if (is_taken && events_ != nullptr) link_->attach(*events_);
    if (is_taken) return;
    link_.reset();
  }
  begin_http(now);
}

void session_attempt::begin_http(time_point now) {
  if (link_ != nullptr) keep_connection(now);
  link_.reset();
  owner_.reset();  // who owns this, and is told of nothing any more
  http_.emplace(target_, events_ != nullptr);
  if (may_be_interrupted_) http_->allow_interrupts();
  http_->start(request_, {}, now);
}

// What said that it is no session is a connection all the same, and the next one that is asked for.
void session_attempt::keep_connection(time_point now) {
  bool is_watched = false;
  stream kept = link_->take_kept(is_watched);
  if (!kept.is_open()) return;
  auto made =
      std::make_unique<http_connection>(std::move(kept), target_.config.limits, target_.pool);
  made->is_watched = is_watched;
  target_.connections.give_back(std::move(made), now);
}

bool session_attempt::advance(time_point now) {
  while (!http_) {
    if (!link_->is_over(call_)) return false;
    switch (call_.how) {
      case session_call::ending::answered:
      case session_call::ending::lost:
        return true;
      case session_call::ending::refused:
        sessions_.refuse(*call_.failure);
        begin_http(now);
        continue;
      case session_call::ending::not_now:
        begin_http(now);
        continue;
      case session_call::ending::broken:
        sessions_.note_broken(*link_);
        begin_http(now);
        continue;
      case session_call::ending::unseen:
        begin(now);
    }
  }
  return http_->advance(now);
}

interest session_attempt::wants() const noexcept { return http_ ? http_->wants() : interest{}; }

void session_attempt::wait(time_point until) {
  if (http_) return http_->wait(until);
  link_->wait(call_, until);
}

void session_attempt::interrupt() noexcept {
  if (http_) return http_->interrupt();
  link_->interrupt(call_);
}

attempt_progress session_attempt::reached() const noexcept {
  return http_ ? http_->reached() : call_.progress;
}

attempt_result session_attempt::take(time_point now) {
  if (http_) {
    auto came = http_->take(now);
    http_.reset();
    return came;
  }
  attempt_result came{.body = error(errc::connection_lost),
                      .report = call_.report,
                      .progress = call_.progress,
                      .path = call_.path};
  if (call_.failure)
    came.body = *std::move(call_.failure);
  else if (call_.how == session_call::ending::answered)
    came.body = std::move(call_.body);
  if (call_.how == session_call::ending::answered) sessions_.note_open();
  if (came.body) sessions_.note_result(request_.head.function, came.body->size());
  link_.reset();
  owner_.reset();
  return came;
}

void session_attempt::close() noexcept {
  http_.reset();
  owner_.reset();
  if (const auto link = std::exchange(link_, nullptr); link != nullptr) link->abandon(call_);
}

}  // namespace modal::detail
