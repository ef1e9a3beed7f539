// SPDX-License-Identifier: Apache-2.0
#include "net/host_context.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace modal::detail {
namespace {

namespace asio = boost::asio;

using waited = asio::posix::basic_stream_descriptor<asio::strand<asio::io_context::executor_type>>;

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
      : loop(std::move(runs)), ready(asio::make_strand(host)) {
    open_copy(ready, loop->native_handle());
  }

  void wait();

  const std::shared_ptr<event_loop> loop;
  waited ready;
  std::atomic<bool> is_over{false};
};

void host_context::shared::wait() {
  ready.async_wait(asio::posix::descriptor_base::wait_read,
                   [self = shared_from_this()](const boost::system::error_code& failed) {
                     if (failed || self->is_over.load()) return;
                     self->loop->run_ready();
                     try {
                       self->wait();
                     } catch (const std::bad_alloc&) {  // others need none for it
                       self->loop->lend(false);
                     }
                   });
}

host_context::host_context(asio::io_context& host, std::shared_ptr<event_loop> loop)
    : shared_(std::make_shared<shared>(host, std::move(loop))) {
  shared_->loop->lend(true);
  shared_->wait();
}

host_context::~host_context() = default;

void host_context::end() {
  if (shared_ == nullptr) return;
  shared_->is_over.store(true);
  shared_->loop->lend(false);
  // On the strand: a handler may be using the descriptor.
  asio::post(shared_->ready.get_executor(), [own = shared_] { own->ready.close(); });
  shared_.reset();
}

}  // namespace modal::detail
