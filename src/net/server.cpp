// SPDX-License-Identifier: Apache-2.0
#include "net/server.hpp"

#include <modal/base/ids.hpp>
#include <modal/base/insist.hpp>

#include "net/acceptor.hpp"
#include "net/connection.hpp"
#include "net/event_loop.hpp"
#include "net/host_context.hpp"

#include <algorithm>
#include <pthread.h>
#include <sys/random.h>
#include <system_error>
#include <thread>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t most_refusals = 64;  // connections that are being told to come later
constexpr std::chrono::milliseconds last_look{100};

// Makes room for one that wants something: of those that want nothing, the longest idle goes.
// Returns whether there is one.
bool close_longest_idle(server_state& shared) {
  std::shared_ptr<open_connection> found;
  time_point longest = never;
  std::vector<std::shared_ptr<event_loop::target>> others;  // destroyed without the lock
  {
    const mutex_lock lock(shared.mutex);
    others.reserve(shared.open.size());
    for (open_connection* each : shared.open) {
      const auto since = each->idle_since();
      if (!since || *since >= longest) continue;
      auto owner = each->weak_from_this().lock();
      if (!owner) continue;
      longest = *since;
      if (found) others.push_back(std::move(found));
      found = std::static_pointer_cast<open_connection>(std::move(owner));
    }
  }
  return found != nullptr && found->close_if_idle(longest);
}

void serve(const std::shared_ptr<server_state>& shared, stream peer) {
  const std::size_t most = shared->bounds.connections;
  const std::size_t open_now = shared->count->load(std::memory_order_relaxed);
  const std::size_t beyond = open_now >= most ? open_now - most : 0;
  if (beyond >= most_refusals) return;
  // One is let in for each that is asked to go; only where too many do not go, others wait.
  const bool has_idle = open_now >= most && close_longest_idle(*shared);
  const auto made = std::make_shared<connection>(std::move(peer), shared);
  if (beyond >= most_refusals / 2 || (open_now >= most && !has_idle))
    made->start_refusing();
  else
    made->start();
}

// What is being caught.
[[noreturn]] void rethrow(const server_config& config) {
  try {
    throw;
  } catch (const std::system_error& failed) {
    throw_error(error(errc::bad_configuration,
                      "cannot serve at " + config.address +
                          ": no thread or descriptor to be had: " + failed.what()));
  }
}

}  // namespace

struct server::impl {
  impl(server_config settings, std::shared_ptr<request_handler> handler)
      : config(std::move(settings)),
        shared(std::make_shared<server_state>(std::move(handler), config)) {}

  void offer_local();
  void start_threads();
  void end_threads();
  void each_connection(void (open_connection::*act)() noexcept);
  bool wait_for_connections(time_point until);

  const server_config config;
  const std::shared_ptr<server_state> shared;
  std::shared_ptr<acceptor> entry;
  std::shared_ptr<acceptor> local_entry;  // null: there is none
  std::unique_ptr<host_context> host;
  std::vector<std::thread> threads;
  bool is_stopped = false;
};

server::server(server_config config, std::shared_ptr<request_handler> handler)
    : impl_(std::make_unique<impl>(std::move(config), std::move(handler))) {}
server::~server() = default;

const std::string& server::url() const noexcept { return impl_->entry->url(); }
std::uint16_t server::port() const noexcept { return impl_->entry->port(); }

void server::start(boost::asio::io_context* host) {
  impl& self = *impl_;
  self.entry = std::make_shared<acceptor>(
      self.config, self.shared,
      [shared = self.shared](stream peer) { serve(shared, std::move(peer)); });
  if (self.config.local && self.entry->is_tcp()) self.offer_local();
  try {
    if (host != nullptr) self.host = std::make_unique<host_context>(*host, self.config.loop);
    self.start_threads();
    if (self.local_entry) self.local_entry->start();
    self.entry->start();
  } catch (...) {
    if (self.host) insist([&] { self.host->end(); });
    if (self.local_entry) self.local_entry->stop();
    self.entry->stop();
    self.end_threads();
    rethrow(self.config);
  }
}

// A name that nobody can foresee, and a secret that only those have who were told it.
void server::impl::offer_local() {
  id128 secret;
  constexpr auto size = static_cast<ssize_t>(sizeof secret.bytes);
  if (::getrandom(secret.bytes.data(), sizeof secret.bytes, 0) != size) return;
  const std::string name = "modal-" + id128::random().to_string();
  try {
    local_entry = std::make_shared<acceptor>(
        config, name, shared, [to = shared](stream peer) { serve(to, std::move(peer)); });
  } catch (const call_error& failed) {
    return shared->log.say(log_level::warning, "no Unix socket for this host: ", failed.what());
  }
  shared->local_name = name;
  shared->local_token = secret.to_string();
}

// On a host's context they have nothing to do before `drain`; then there is no time to fail.
void server::impl::start_threads() {
  for (std::size_t i = 0; i < config.io_threads; ++i) {
    threads.emplace_back([loop = config.loop] { loop->keep(); });
    pthread_setname_np(threads.back().native_handle(), "modal-io");
  }
}

void server::impl::end_threads() {
  config.loop->end();
  for (auto& each : threads) each.join();
  threads.clear();
  config.loop->forget();  // it may own the acceptor, which owns it
  shared->log.end();
}

// The host's threads may wait for whoever drains.
void server::drain() {
  impl_->shared->draining.store(true);
  if (impl_->host) impl_->host->end();
}

void server::impl::each_connection(void (open_connection::*act)() noexcept) {
  std::vector<std::shared_ptr<open_connection>> alive;  // destroyed without the lock
  {
    const mutex_lock lock(shared->mutex);
    alive.reserve(shared->open.size());
    for (open_connection* each : shared->open)
      if (auto owner = each->weak_from_this().lock())
        alive.push_back(std::static_pointer_cast<open_connection>(std::move(owner)));
  }
  for (const auto& each : alive) (each.get()->*act)();
}

bool server::impl::wait_for_connections(time_point until) {
  mutex_lock lock(shared->mutex);
  for (bool in_time = true;;) {
    if (shared->alive == 0) return true;
    if (!in_time) return false;
    in_time = shared->all_gone.wait_until(lock, until);
  }
}

void server::stop(std::chrono::nanoseconds flush) {
  impl& self = *impl_;
  if (self.entry == nullptr || self.is_stopped) return;
  drain();
  self.entry->stop();
  if (self.local_entry) self.local_entry->stop();
  self.each_connection(&open_connection::close_soon);
  const auto in = [](std::chrono::nanoseconds wait) {
    return saturating_add(std::chrono::steady_clock::now(), wait);
  };
  if (!self.wait_for_connections(in(flush))) {
    // Again, where a thread was late to give away what it had accepted.
    do {
      self.each_connection(&open_connection::close_now);
    } while (!self.wait_for_connections(in(last_look)));
  }
  self.end_threads();
  self.is_stopped = true;
}

}  // namespace modal::detail
