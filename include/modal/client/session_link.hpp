// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/mutex.hpp>
#include <modal/client/attempt.hpp>
#include <modal/client/connector.hpp>
#include <modal/client/options.hpp>
#include <modal/net/bell.hpp>
#include <modal/net/poll_guard.hpp>
#include <modal/net/reactor.hpp>
#include <modal/session/session_fsm.hpp>

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace modal::detail {

class session_link;

/// A Unix socket that an executor on this host has offered.
struct local_offer {
  endpoint where;  ///< an abstract one: its path begins with a zero
  std::string token;
};

/// One call's place on a session. Pinned while it is there. What it has is its link's, until it
/// `is_over`.
class session_call {
 public:
  /// What came of it.
  enum class ending : std::uint8_t {
    answered,  ///< `body`, or `failure`
    lost,      ///< the session ended: `failure`
    unseen,    ///< the executor has not looked at it, or there was no session: try another one
    not_now,   ///< the executor is busy: `failure`
    broken,    ///< there was none in the end, for no reason that was told: `failure`
    refused,   ///< there are no sessions: `failure` says why
  };

  ending how = ending::lost;
  buffer body;
  std::optional<error> failure;
  executor_report report;
  path_kind path = path_kind::none;
  attempt_progress progress = attempt_progress::not_sent;

 private:
  friend class session_link;
  using list_hook = boost::intrusive::list_member_hook<>;

  const attempt_request* request_ = nullptr;
  std::shared_ptr<wakeable> owner_;  ///< null: somebody waits
  std::optional<std::uint32_t> number_;
  bool is_answered_ = false;
  bool is_over_ = false;
  bool is_interrupted_ = false;  ///< nobody is to wait for it
  list_hook queue_hook_;         ///< among those without a number
  list_hook follower_hook_;      ///< among those that wait while another one reads
  condition_variable changed_;
};

/// What sessions need to know of their client.
struct session_settings {
  const endpoint* where = nullptr;
  const client_config* config = nullptr;
  buffer_pool* pool = nullptr;
};

/// One session of a client: the connection, how it comes to be, and the calls on it. Whoever waits
/// for a call reads for all (the *leader*); one that has its answer hands that on, to another that
/// waits (a *follower*), else to the client's reactor. Whoever sends writes for all that send at
/// that moment. Safe to share. Owners: the client, its calls, and the reactor's list of posts.
class session_link final : public reactor::target {
 public:
  /// @param local where to connect instead; null: nowhere.
  session_link(const session_settings& settings, time_point now,
               std::shared_ptr<const local_offer> local = nullptr);
  ~session_link() override;

  /// Takes a call, and sends it as far as that goes at once. @param request lives until the call is
  /// over or abandoned. @param owner is told then; null: the caller `wait`s. Returns
  /// false where it takes no more calls. Throws `std::bad_alloc`.
  bool submit(session_call& call, const attempt_request& request, std::shared_ptr<wakeable> owner,
              time_point now);

  /// Returns whether `call` is over.
  [[nodiscard]] bool is_over(const session_call& call) const;

  /// Waits until `call` is over, or until `until`; does meanwhile what the session needs.
  void wait(session_call& call, time_point until);

  /// Lets `wait` for this call return, now and later. Another thread than that one's.
  void interrupt(session_call& call) noexcept;

  /// Ends `call`, unless it is over: its request is not looked at any more.
  void abandon(session_call& call) noexcept;

  /// `events` sees to the session while nobody waits: after each `submit` with an owner. Always the
  /// same one. Any thread.
  void attach(reactor& events);
  /// Says nothing any more: the executor is to see that the connection ends, not that somebody has
  /// cancelled its calls one by one.
  void fall_silent() noexcept;
  /// Ends the session, and the watch of the reactor, whose thread this is.
  void detach() noexcept;

  /// Returns the connection of a session that was refused, where it serves HTTP as well; once.
  /// @param is_watched whether the reactor knows it.
  stream take_kept(bool& is_watched);

  /// Returns why the connection did not become a session, where nobody has said; once.
  std::optional<error> take_break() noexcept;

  /// Returns whether new calls may come. @param offered is set where the executor has offered a
  /// Unix socket.
  [[nodiscard]] bool takes_calls(std::shared_ptr<const local_offer>& offered) const;
  /// Takes no new calls, and ends with the last one.
  void retire();
  /// Returns the offer that this was to use, where nobody who made it was there.
  [[nodiscard]] std::shared_ptr<const local_offer> missed_local() const;

 private:
  enum class phase : std::uint8_t { connecting, upgrading, open, over };

  /// What belongs to the number of a call.
  struct entry {
    session_call* call = nullptr;
    buffer body;  ///< of the result
    std::size_t filled = 0;
  };
  using call_queue =
      boost::intrusive::list<session_call,
                             boost::intrusive::member_hook<session_call, session_call::list_hook,
                                                           &session_call::queue_hook_>>;
  using follower_list =
      boost::intrusive::list<session_call,
                             boost::intrusive::member_hook<session_call, session_call::list_hook,
                                                           &session_call::follower_hook_>>;

  void on_posted() override;
  void on_ready() override;
  void on_time() override;
  void on_error(const char* what) noexcept override;
  void watch_and_wait();
  void arm(time_point when) MODAL_REQUIRES(mutex_);

  // Reading, by one at a time.
  void look() MODAL_REQUIRES(mutex_);
  void wake_leader() MODAL_REQUIRES(mutex_);
  void lead(session_call& call, time_point until) MODAL_REQUIRES(mutex_);
  bool look_for(const session_call& call) MODAL_REQUIRES(mutex_);
  bool pump(const session_call* until_over) MODAL_REQUIRES(mutex_);
  bool connect() MODAL_REQUIRES(mutex_);
  bool upgrade() MODAL_REQUIRES(mutex_);
  void read_upgrade() MODAL_REQUIRES(mutex_);
  void open(std::string_view ahead) MODAL_REQUIRES(mutex_);
  bool read() MODAL_REQUIRES(mutex_);
  void dispatch() MODAL_REQUIRES(mutex_);
  void take(const session_fsm::event& told) MODAL_REQUIRES(mutex_);
  void take_result(const session_fsm::event& told) MODAL_REQUIRES(mutex_);
  void take_piece(const session_fsm::event& told) MODAL_REQUIRES(mutex_);
  void take_error(const session_fsm::event& told) MODAL_REQUIRES(mutex_);
  void take_all(std::uint32_t number) MODAL_REQUIRES(mutex_);
  void note_function(const session_call& call, std::uint32_t number) MODAL_REQUIRES(mutex_);
  void tell_ended() noexcept MODAL_EXCLUDES(mutex_);
  void pass_on() MODAL_REQUIRES(mutex_);
  void post_pump() MODAL_REQUIRES(mutex_);
  [[nodiscard]] interest wants() MODAL_REQUIRES(mutex_);

  // Writing, by one at a time.
  bool begin(session_call& call, time_point now) MODAL_REQUIRES(mutex_);
  void begin_queued(time_point now) MODAL_REQUIRES(mutex_);
  void flush() MODAL_REQUIRES(mutex_);
  void flush_soon() MODAL_REQUIRES(mutex_);

  void end_call(session_call& call, session_call::ending how) MODAL_REQUIRES(mutex_);
  void end_if_sent(session_call& call) MODAL_REQUIRES(mutex_);
  void end_with(session_call& call, session_call::ending how, const error& reason)
      MODAL_REQUIRES(mutex_);
  void say_last_words() noexcept MODAL_REQUIRES(mutex_);
  void end_if_forgotten(std::uint32_t number) MODAL_REQUIRES(mutex_);
  void settle() noexcept MODAL_REQUIRES(mutex_);
  void forget(session_call& call) noexcept MODAL_REQUIRES(mutex_);
  void end(session_call::ending how, const error& reason) MODAL_REQUIRES(mutex_);
  void end_saying(const char* why, std::string_view more) noexcept MODAL_REQUIRES(mutex_);

  /// Tells those whose calls have ended; without the lock, for they may end what they are.
  class telling;

  [[nodiscard]] const endpoint& where() const noexcept {
    return local_ != nullptr ? local_->where : *settings_.where;
  }
  /// A Unix socket that says nothing must not hold up calls for as long as a network may.
  [[nodiscard]] std::chrono::milliseconds opening_timeout() const noexcept {
    constexpr std::chrono::milliseconds of_local{1000};
    const auto most = settings_.config->connect_timeout;
    return local_ != nullptr ? std::min(most, of_local) : most;
  }
  void take_ready() MODAL_REQUIRES(mutex_);

  const session_settings settings_;
  const std::shared_ptr<const local_offer> local_;
  bell bell_;         ///< wakes the leader
  poll_guard guard_;  ///< the leader's

  mutable detail::mutex mutex_;
  condition_variable written_;  ///< nobody writes any more
  phase phase_ MODAL_GUARDED_BY(mutex_) = phase::connecting;
  connector connector_ MODAL_GUARDED_BY(mutex_);
  unsigned serial_ MODAL_GUARDED_BY(mutex_) = 0;
  stream socket_ MODAL_GUARDED_BY(mutex_);
  stream kept_ MODAL_GUARDED_BY(mutex_);  ///< for HTTP
  std::optional<error> break_ MODAL_GUARDED_BY(mutex_);
  std::shared_ptr<const local_offer> offered_ MODAL_GUARDED_BY(mutex_);
  bool is_ready_ MODAL_GUARDED_BY(mutex_) = false;    ///< the other end has said hello
  bool is_retired_ MODAL_GUARDED_BY(mutex_) = false;  ///< it ends with its last call
  bool is_silent_ MODAL_GUARDED_BY(mutex_) = false;
  bool is_watched_ MODAL_GUARDED_BY(mutex_) = false;
  std::string request_ MODAL_GUARDED_BY(mutex_);  ///< for the upgrade: what is left of it to send
  std::string answer_ MODAL_GUARDED_BY(mutex_);   ///< to that, as far as it has come
  std::size_t answer_size_ MODAL_GUARDED_BY(mutex_) = 0;
  std::optional<session_fsm> machine_ MODAL_GUARDED_BY(mutex_);
  std::vector<entry> entries_ MODAL_GUARDED_BY(mutex_);  ///< by number
  std::map<std::string, std::pair<signature_id, std::uint32_t>, std::less<>> functions_
      MODAL_GUARDED_BY(mutex_);
  call_queue queued_ MODAL_GUARDED_BY(mutex_);
  follower_list followers_ MODAL_GUARDED_BY(mutex_);
  std::size_t woken_calls_ MODAL_GUARDED_BY(mutex_) = 0;  ///< calls for which nobody waits
  std::atomic<bool> has_ended_{false};                    ///< there are some of these
  /// Owners of calls that are over, who have not been told.
  std::vector<std::shared_ptr<wakeable>> ended_ MODAL_GUARDED_BY(mutex_);
  std::vector<bytes_view> parts_ MODAL_GUARDED_BY(mutex_);
  bool has_leader_ MODAL_GUARDED_BY(mutex_) = false;
  session_call* leader_ MODAL_GUARDED_BY(mutex_) = nullptr;  ///< for whose call
  bool sleeps_ MODAL_GUARDED_BY(mutex_) = false;             ///< the leader, and nobody has rung
  interest sleeps_for_ MODAL_GUARDED_BY(mutex_);
  unsigned room_seen_ MODAL_GUARDED_BY(mutex_) = 0;  ///< how often the socket said it takes more
  bool is_writing_ MODAL_GUARDED_BY(mutex_) = false;
  bool is_in_write_ MODAL_GUARDED_BY(mutex_) = false;  ///< memory of calls is being read
  bool may_write_ MODAL_GUARDED_BY(mutex_) = true;
  std::optional<std::uint32_t> reads_for_ MODAL_GUARDED_BY(mutex_);  ///< straight into its body
  time_point moved_at_ MODAL_GUARDED_BY(mutex_);

  // Of the reactor's thread, once it is there.
  reactor* events_ MODAL_GUARDED_BY(mutex_) = nullptr;
  bool is_flush_posted_ MODAL_GUARDED_BY(mutex_) = false;  ///< it will write for others
  unsigned unflushed_ MODAL_GUARDED_BY(mutex_) = 0;        ///< calls since then
  bool is_pump_posted_ MODAL_GUARDED_BY(mutex_) = false;   ///< it will look whether to read
  bool is_timer_posted_ MODAL_GUARDED_BY(mutex_) = false;  ///< it will set that
  int watched_descriptor_ MODAL_GUARDED_BY(mutex_) = -1;
  unsigned watched_serial_ MODAL_GUARDED_BY(mutex_) = 0;
  time_point timer_at_ MODAL_GUARDED_BY(mutex_) = never;
  std::shared_ptr<reactor::target> self_;  ///< while the reactor knows it
};

class session_link::telling {
 public:
  explicit telling(session_link& of) noexcept : link_(of) {}
  ~telling() { link_.tell_ended(); }
  telling(const telling&) = delete;
  telling& operator=(const telling&) = delete;

 private:
  session_link& link_;
};

/// The sessions of a client, made anew when they have ended: one for small calls, and one for those
/// with large arguments or results, so that what the kernel holds of the latter is in no one's way
/// (ADR 0035). Safe to share.
class session_pool {
 public:
  explicit session_pool(const session_settings& settings) : settings_(settings) {}

  /// Returns a session that takes calls of `function`, with arguments of `size` bytes; null where
  /// the executor, or something on the way to it, knows no sessions.
  std::shared_ptr<session_link> take(std::string_view function, std::size_t size, time_point now);
  /// A result of `function` had `size` bytes: the next one may have as many.
  void note_result(std::string_view function, std::size_t size) noexcept;
  /// There are none at this executor. Says so, once.
  void refuse(const error& why) noexcept;
  /// `link` ended, perhaps instead of becoming a session. That means the same when it happens to
  /// two connections, and no session has come to be in between.
  void note_broken(session_link& link) noexcept;
  void note_open() noexcept { broken_count_.store(0, std::memory_order_relaxed); }
  /// Their calls are about to end because their client does.
  void fall_silent() noexcept;
  /// Ends them. On the reactor's thread, if there is one.
  void detach() noexcept;

 private:
  void leave(std::shared_ptr<session_link>& link) noexcept MODAL_REQUIRES(mutex_);
  void note_offer(const std::shared_ptr<const local_offer>& offered) MODAL_REQUIRES(mutex_);
  [[nodiscard]] static bool stands(const std::shared_ptr<session_link>& link);

  const session_settings settings_;
  mutex mutex_;
  std::shared_ptr<session_link> links_[2] MODAL_GUARDED_BY(mutex_);    ///< small calls, large ones
  std::shared_ptr<const local_offer> local_ MODAL_GUARDED_BY(mutex_);  ///< where they connect
  std::string missed_token_ MODAL_GUARDED_BY(mutex_);  ///< of one that was not there
  unsigned missed_count_ MODAL_GUARDED_BY(mutex_) = 0;
  std::set<std::string, std::less<>> large_ MODAL_GUARDED_BY(mutex_);  ///< functions, by results
  std::atomic<std::size_t> large_count_{0};
  std::atomic<int> broken_count_{0};
  /// Those that take no calls, and end with their last one.
  std::vector<std::weak_ptr<session_link>> going_ MODAL_GUARDED_BY(mutex_);
  bool is_refused_ MODAL_GUARDED_BY(mutex_) = false;
};

}  // namespace modal::detail
