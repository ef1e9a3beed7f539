// SPDX-License-Identifier: Apache-2.0
#include "net/host_context.hpp"

#include <modal/base/mutex.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace modal::detail {
namespace {

namespace asio = boost::asio;

using waited = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

// A descriptor of its own, so that the context may close it whenever it goes.
void open_copy(waited& to, int descriptor) {
  const int made = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (made < 0) throw std::system_error(errno, std::system_category(), "fcntl");
  try {
    to.assign(made);
  } catch (...) {
    ::close(made);
    throw;
  }
}

}  // namespace

struct host_context::shared : std::enable_shared_from_this<shared> {
  shared(asio::io_context& host, std::shared_ptr<event_loop> runs)
      : loop(std::move(runs)), ready(host.get_executor()) {
    open_copy(ready, loop->native_handle());
  }

  void wait();
  void end() noexcept;
  bool has_ended() {
    const mutex_lock lock(mutex);
    return is_over;
  }

  const std::shared_ptr<event_loop> loop;

  // One wait at a time is under way, and whoever begins it or ends it holds this: a strand, which
  // does the same, needs memory where nobody can bear that there is none.
  detail::mutex mutex;
  waited ready MODAL_GUARDED_BY(mutex);
  bool is_over MODAL_GUARDED_BY(mutex) = false;
};

void host_context::shared::wait() {
  const mutex_lock lock(mutex);
  if (is_over) return;
  ready.async_wait(asio::posix::descriptor_base::wait_read,
                   [self = shared_from_this()](const boost::system::error_code& failed) {
                     if (failed || self->has_ended()) return;
                     self->loop->run_ready();
                     try {
                       self->wait();
                     } catch (const std::bad_alloc&) {  // others need none for it
                       self->loop->lend(false);
                     }
                   });
}

void host_context::shared::end() noexcept {
  const mutex_lock lock(mutex);
  is_over = true;
  boost::system::error_code ignored;
  ready.close(ignored);
}

host_context::host_context(asio::io_context& host, std::shared_ptr<event_loop> loop)
    : shared_(std::make_shared<shared>(host, std::move(loop))) {
  shared_->loop->lend(true);
  shared_->wait();
}

host_context::~host_context() = default;

void host_context::end() {
  if (shared_ == nullptr) return;
  shared_->loop->lend(false);
  shared_->end();
  shared_.reset();
}

}  // namespace modal::detail
