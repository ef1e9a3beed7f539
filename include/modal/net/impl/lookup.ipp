// SPDX-License-Identifier: Apache-2.0
#include <modal/base/mutex.hpp>
#include <modal/net/lookup.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace modal::detail {

struct lookup::shared {
  std::string host;
  std::string port;
  stream ready;                   // an eventfd; invalid where the search was over at once
  std::atomic<bool> over{false};  // then the two below are not written any more
  int failure = 0;                // of getaddrinfo
  std::vector<socket_address> found;

  void search(int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    failure = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
      socket_address address;
      std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
      address.size = each->ai_addrlen;
      found.push_back(address);
    }
    if (list != nullptr) ::freeaddrinfo(list);
  }

  /// Searches, and tells whoever waits.
  void search_and_tell() noexcept {
    try {
      search(AI_ADDRCONFIG | AI_NUMERICSERV);
    } catch (const std::bad_alloc&) {
      failure = EAI_MEMORY;
    }
    over.store(true);
    const std::uint64_t one = 1;
    (void)!::write(ready.native_handle(), &one, sizeof one);
  }
};

// The threads that search, because `getaddrinfo` blocks and cannot be given up: few, whatever the
// number of searches; the others wait for their turn, or for their callers to lose patience.
class lookup::searchers {
 public:
  /// Returns those of this process: the threads of a parent are not in the child of a fork.
  static searchers& all() {
    static std::atomic<searchers*> instance{nullptr};
    for (searchers* now = instance.load();;) {
      if (now != nullptr && now->process_ == ::getpid()) return *now;
      auto made = std::make_unique<searchers>();
      made->of_the_parent_ = now;
      if (instance.compare_exchange_strong(now, made.get())) return *made.release();
    }
  }

  /// Throws `std::system_error` where there is no thread, and none to be had.
  void add(std::shared_ptr<shared> wanted) {
    const mutex_lock lock(mutex_);
    waiting_.push_back(std::move(wanted));
    if (idle_ >= waiting_.size() || threads_ == most_threads) return changed_.notify_one();
    try {
      std::thread([this] { run(); }).detach();
      ++threads_;
    } catch (const std::system_error&) {
      if (threads_ != 0) return;
      waiting_.pop_back();
      throw;
    }
  }

 private:
  static constexpr std::size_t most_threads = 8;
  static constexpr std::chrono::seconds idle_time{10};

  void run() {
    mutex_lock lock(mutex_);
    for (;;) {
      if (waiting_.empty()) {
        ++idle_;
        const bool is_called =
            changed_.wait_until(lock, std::chrono::steady_clock::now() + idle_time);
        --idle_;
        if (is_called || !waiting_.empty()) continue;
        --threads_;
        return;
      }
      const auto next = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      if (next.use_count() > 1) next->search_and_tell();  // else nobody waits any more
      lock.lock();
    }
  }

  const pid_t process_ = ::getpid();
  const searchers* of_the_parent_ = nullptr;  // known to those who look for leaks
  mutex mutex_;
  condition_variable changed_;
  std::deque<std::shared_ptr<shared>> waiting_ MODAL_GUARDED_BY(mutex_);
  std::size_t threads_ MODAL_GUARDED_BY(mutex_) = 0;
  std::size_t idle_ MODAL_GUARDED_BY(mutex_) = 0;
};

lookup::lookup(const std::string& host, const std::string& port)
    : shared_(std::make_shared<shared>()) {
  shared_->host = host;
  shared_->port = port;
  shared_->search(AI_NUMERICHOST | AI_NUMERICSERV);
  if (shared_->failure == 0) {
    shared_->over.store(true);
    return;
  }
  shared_->ready = stream(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared_->ready.is_open()) throw std::system_error(errno, std::system_category(), "eventfd");
  searchers::all().add(shared_);
}

int lookup::descriptor() const noexcept { return shared_ ? shared_->ready.native_handle() : -1; }

bool lookup::is_over() const { return shared_->over.load(); }

result<std::vector<socket_address>> lookup::take() {
  const auto done = std::exchange(shared_, nullptr);
  (void)done->over.load();  // the descriptor only wakes: this orders what the other thread wrote
  if (done->failure != 0)
    return error(errc::connect_failed,
                 "cannot find " + done->host + ": " + ::gai_strerror(done->failure));
  return std::move(done->found);
}

connecting start_connect(const socket_address& to) noexcept {
  const int family = to.storage.ss_family;
  connecting made{stream(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  if (!made.socket.is_open()) return {.socket = {}, .code = errno};
  const int descriptor = made.socket.native_handle();
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0 &&
      errno != EINPROGRESS)
    made.code = errno;
  return made;
}

int connect_outcome(const stream& socket) noexcept {
  int failure = 0;
  socklen_t length = sizeof failure;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
    return errno;
  return failure;
}

socket_address unix_address(const std::string& path) noexcept {
  socket_address address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::size_t size = path.copy(name.sun_path, sizeof name.sun_path - 1);
  std::memcpy(&address.storage, &name, sizeof name);
  const bool is_abstract = size != 0 && path.front() == '\0';
  address.size =
      static_cast<socklen_t>(is_abstract ? offsetof(sockaddr_un, sun_path) + size : sizeof name);
  return address;
}

}  // namespace modal::detail
