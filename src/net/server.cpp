// SPDX-License-Identifier: Apache-2.0
#include "net/server.hpp"

#include "net/connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace modal::detail {
namespace {

namespace asio = boost::asio;
using protocol = asio::generic::stream_protocol;
using endpoint = protocol::endpoint;

constexpr std::string_view unix_prefix = "unix:";
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::seconds last_wait{1};  // for threads of a host
constexpr std::chrono::nanoseconds longest_self_wait = std::chrono::seconds{1};
constexpr std::size_t most_refusals = 64;  // connections that are being told to come later

[[noreturn]] void throw_configuration(const std::string& message) {
  throw_error(error(errc::bad_configuration, message));
}

[[noreturn]] void throw_listen(const server_config& config, const std::string& why) {
  throw_configuration("cannot listen on " + config.address +
                      (config.address.starts_with(unix_prefix)
                           ? std::string()
                           : " port " + std::to_string(config.port)) +
                      ": " + why);
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A socket file outlives its listener. It is removed only if nobody answers there, and never if it
// is something else than a socket.
void remove_stale_socket(const server_config& config, const std::string& path,
                         const endpoint& where) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return;
  if (!S_ISSOCK(found.st_mode)) throw_listen(config, "a file that is no socket is in the way");
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) throw_listen(config, std::strerror(errno));
  const int connected = ::connect(probe, where.data(), static_cast<socklen_t>(where.size()));
  const int why = errno;
  ::close(probe);
  // A full backlog (EAGAIN) is a sign of life too.
  if (connected == 0 || why != ECONNREFUSED) throw_listen(config, "somebody listens there already");
  ::unlink(path.c_str());
}

// What Asio's accepted sockets run on: the context itself where one thread runs it, else a strand.
struct io_lane {
  std::unique_ptr<asio::io_context> own;
  asio::any_io_executor executor;
};

}  // namespace

struct server::impl : std::enable_shared_from_this<impl> {
  impl(server_config settings, std::shared_ptr<request_handler> handler)
      : config(std::move(settings)),
        shared(std::make_shared<server_state>(std::move(handler), config)) {}

  void open();
  void close_entry();
  void remove_socket_file() const;
  void each_connection(void (connection::*act)());
  bool close_longest_idle();
  bool wait_for_connections(time_point until);
  void run(asio::io_context& context, bool accepts);
  void end_threads();
  void accept() noexcept;
  void begin_accept();
  void on_accept(const boost::system::error_code& failed, connection::socket peer) noexcept;
  void serve(connection::socket peer);
  void pause(const boost::system::error_code& why);
  /// Logs, unless that fails: no memory, or a sink that throws against its contract.
  void say(log_level level, std::string_view what, std::string_view why = {}) const noexcept {
    try {
      if (config.log)
        config.log({.level = level,
                    .time = std::chrono::system_clock::now(),
                    .message = std::string(what).append(why),
                    .function = {},
                    .call = {},
                    .fields = {}});
    } catch (...) {
    }
  }

  server_config config;
  std::shared_ptr<server_state> shared;
  std::vector<io_lane> lanes;  // before all that runs on them
  asio::io_context* host = nullptr;
  asio::any_io_executor executor;  // of the four below
  std::optional<asio::basic_socket_acceptor<protocol>> acceptor;
  std::optional<asio::steady_timer> timer;
  std::atomic<bool> closed{false};
  bool is_stopped = false;
  bool pausing = false;
  /// Held by the handler that accepts: alone here, nobody accepts any more.
  const std::shared_ptr<char> accepting = std::make_shared<char>();
  std::promise<void> gone;
  std::future<void> is_gone = gone.get_future();
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
  std::vector<std::thread> threads;
  std::size_t next_lane = 0;
  bool is_tcp = true;
  std::string path;  // of a Unix socket
  struct stat path_identity {};
  std::string url;
  std::uint16_t port = 0;
};

server::server(server_config config, std::shared_ptr<request_handler> handler)
    : impl_(std::make_shared<impl>(std::move(config), std::move(handler))) {}
server::~server() = default;

const std::string& server::url() const noexcept { return impl_->url; }
std::uint16_t server::port() const noexcept { return impl_->port; }

void server::impl::open() {
  endpoint where;
  if (config.address.starts_with(unix_prefix)) {
    is_tcp = false;
    path = config.address.substr(unix_prefix.size());
    if (path.empty() || path.front() != '/')
      throw_listen(config, "a Unix socket needs an absolute path");
    if (path.size() >= sizeof(sockaddr_un::sun_path))
      throw_listen(config, "the path is longer than " +
                               std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
    where = asio::local::stream_protocol::endpoint(path);
    remove_stale_socket(config, path, where);
  } else {
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(config.address, failed);
    if (failed) throw_listen(config, "this is no IP address and does not start with unix:/");
    where = asio::ip::tcp::endpoint(address, config.port);
  }
  acceptor.emplace(executor);
  timer.emplace(executor);
  boost::system::error_code failed;
  const auto check = [&] {
    if (failed) throw_listen(config, failed.message());
  };
  acceptor->open(where.protocol(), failed);
  check();
  if (is_tcp) acceptor->set_option(asio::socket_base::reuse_address(true), failed);
  check();
  acceptor->bind(where, failed);
  check();
  acceptor->listen(asio::socket_base::max_listen_connections, failed);
  check();
  if (!is_tcp) {
    ::lstat(path.c_str(), &path_identity);
    url = "http+unix://" + path;
    return;
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(acceptor->native_handle(), reinterpret_cast<sockaddr*>(&bound), &size);
  const bool is_v6 = bound.ss_family == AF_INET6;
  port = ntohs(is_v6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                     : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  // A wildcard is no address to connect to.
  std::string name = config.address;
  if (name == "0.0.0.0") name = "127.0.0.1";
  if (name == "::") name = "::1";
  url = "http://" + (is_v6 ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

void server::start(asio::io_context* host) {
  impl& self = *impl_;
  self.host = host;
  if (host != nullptr) {
    self.lanes.push_back({nullptr, host->get_executor()});
  } else {
    for (std::size_t i = 0; i < std::max<std::size_t>(self.config.io_threads, 1); ++i) {
      auto context = std::make_unique<asio::io_context>(1);
      const auto executor = context->get_executor();
      self.guards.push_back(asio::make_work_guard(*context));
      self.lanes.push_back({std::move(context), executor});
    }
  }
  const asio::any_io_executor first = self.lanes.front().executor;
  self.executor = host != nullptr ? asio::any_io_executor(asio::make_strand(first)) : first;
  self.open();
  try {
    for (auto& each : self.lanes) {
      if (each.own == nullptr) continue;
      self.threads.emplace_back([&self, context = each.own.get(), accepts = self.threads.empty()] {
        self.run(*context, accepts);
      });
      pthread_setname_np(self.threads.back().native_handle(), "modal-io");
    }
  } catch (const std::system_error& failed) {
    self.end_threads();
    self.acceptor.reset();
    self.timer.reset();
    throw_listen(self.config, std::string("no thread to be had: ") + failed.what());
  }
  asio::post(self.executor, [impl = impl_] { impl->accept(); });
}

// What a handler throws, `bad_alloc` before all, ends that handler's connection at most.
void server::impl::run(asio::io_context& context, bool accepts) {
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& thrown) {
      say(log_level::error, "an I/O thread goes on after: ", thrown.what());
    } catch (...) {
      say(log_level::error, "an I/O thread goes on after something that is no std::exception");
    }
    if (accepts && accepting.use_count() == 1) accept();
  }
}

void server::impl::end_threads() {
  guards.clear();
  for (auto& each : lanes)
    if (each.own) each.own->stop();
  for (auto& each : threads) each.join();
  threads.clear();
  // A host's stays: its threads may be about to look at it.
  if (host != nullptr) return;
  acceptor.reset();  // where the thread that was to do it had no time
  timer.reset();
  lanes.clear();
}

// Never gives up: nobody else would begin again.
void server::impl::accept() noexcept {
  while (!closed) {
    try {
      return begin_accept();
    } catch (const std::exception& thrown) {
      say(log_level::error, "cannot accept connections for now: ", thrown.what());
      std::this_thread::sleep_for(accept_pause);
    }
  }
}

void server::impl::begin_accept() {
  const asio::any_io_executor& next = lanes[next_lane++ % lanes.size()].executor;
  acceptor->async_accept(host != nullptr ? asio::any_io_executor(asio::make_strand(next)) : next,
                         [self = shared_from_this(), mark = accepting](
                             const boost::system::error_code& failed, auto peer) {
                           if (!self->closed) self->on_accept(failed, std::move(peer));
                         });
}

void server::impl::on_accept(const boost::system::error_code& failed,
                             connection::socket peer) noexcept {
  if (failed && failed != asio::error::connection_aborted) {
    // Out of file descriptors, most often: accepting again at once would only burn a core.
    try {
      return pause(failed);
    } catch (const std::exception&) {
      std::this_thread::sleep_for(accept_pause);
    }
  } else if (!failed) {
    pausing = false;
    try {
      serve(std::move(peer));
    } catch (const std::exception& thrown) {
      say(log_level::error, "a connection was dropped: ", thrown.what());
    }
  }
  accept();
}

void server::impl::serve(connection::socket peer) {
  if (is_tcp) {
    const int on = 1;
    ::setsockopt(peer.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const std::size_t most = shared->bounds.connections;
  const std::size_t open_now = shared->count->load(std::memory_order_relaxed);
  const std::size_t beyond = open_now >= most ? open_now - most : 0;
  if (beyond >= most_refusals) return;
  // One is let in for each that is asked to go; only where too many do not go, others wait.
  const bool has_idle = open_now >= most && close_longest_idle();
  const auto made = std::make_shared<connection>(std::move(peer), shared);
  const bool is_refused = beyond >= most_refusals / 2 || (open_now >= most && !has_idle);
  asio::post(made->lane(), [made, is_refused] {
    if (is_refused)
      made->start_refusing();
    else
      made->start();
  });
}

void server::impl::pause(const boost::system::error_code& why) {
  if (!std::exchange(pausing, true))
    say(log_level::warning, "cannot accept connections for now: ", why.message());
  timer->expires_after(accept_pause);
  timer->async_wait(
      [self = shared_from_this(), mark = accepting](const boost::system::error_code& aborted) {
        if (!aborted) self->accept();
      });
}

void server::drain() { impl_->shared->draining.store(true); }

void server::impl::close_entry() {
  if (!acceptor) return;
  acceptor.reset();  // not later: the host may destroy its context as soon as `stop` has returned
  timer.reset();
  gone.set_value();
}

void server::impl::remove_socket_file() const {
  if (path.empty()) return;
  // Only our own: somebody may have put another socket there meanwhile.
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0 && is_same_file(found, path_identity))
    ::unlink(path.c_str());
}

// Makes room for one that wants something: of those that want nothing, the longest idle goes.
// Returns whether there is one.
bool server::impl::close_longest_idle() {
  std::shared_ptr<connection> found;
  time_point longest = never;
  std::vector<std::shared_ptr<connection>> others;  // destroyed without the lock
  {
    const mutex_lock lock(shared->mutex);
    for (connection* each : shared->open) {
      const auto since = each->idle_since();
      if (!since || *since >= longest) continue;
      auto owner = each->weak_from_this().lock();
      if (!owner) continue;
      longest = *since;
      if (found) others.push_back(std::move(found));
      found = std::move(owner);
    }
  }
  if (found) found->close_if_idle(longest);
  return found != nullptr;
}

void server::impl::each_connection(void (connection::*act)()) {
  std::vector<std::shared_ptr<connection>> alive;  // destroyed without the lock
  {
    const mutex_lock lock(shared->mutex);
    for (connection* each : shared->open)
      if (auto owner = each->weak_from_this().lock()) alive.push_back(std::move(owner));
  }
  for (const auto& each : alive) (each.get()->*act)();
}

bool server::impl::wait_for_connections(time_point until) {
  mutex_lock lock(shared->mutex);
  // Handlers of our own threads have to run before their contexts go; those of a host may be
  // waiting for this very thread.
  for (bool in_time = true;;) {
    if (host != nullptr ? shared->open.empty() : shared->alive == 0) return true;
    if (!in_time) return false;
    in_time = shared->all_gone.wait_until(lock, until);
  }
}

void server::stop(std::chrono::nanoseconds flush) {
  impl& self = *impl_;
  if (self.lanes.empty() || self.is_stopped) return;
  drain();
  self.closed = true;
  self.remove_socket_file();
  const auto in = [](std::chrono::nanoseconds wait) {
    return saturating_add(std::chrono::steady_clock::now(), wait);
  };
  // At once where this is the host's thread: it may be the only one.
  asio::dispatch(self.executor, [impl = impl_] { impl->close_entry(); });
  self.is_gone.wait_for(last_wait);
  self.each_connection(&connection::close_soon);
  // What this thread itself would have to do does not come while it waits: there may be others.
  const bool waits_for_itself = runs_on_this_thread();
  if (!self.wait_for_connections(
          in(waits_for_itself ? std::min(flush, longest_self_wait) : flush))) {
    self.each_connection(&connection::close_now);
    // Our own threads end them for sure, save while another thread is just handing over an answer,
    // which ends too.
    self.wait_for_connections(self.host != nullptr ? in(last_wait) : never);
  }
  self.end_threads();
  self.is_stopped = true;
}

bool server::runs_on_this_thread() const {
  return impl_->host != nullptr && impl_->host->get_executor().running_in_this_thread();
}

void server::give_up_arriving() { impl_->each_connection(&connection::give_up_arriving); }

}  // namespace modal::detail
