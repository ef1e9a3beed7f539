// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/function/descriptor.hpp>
#include <modal/function/lazy_stop.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/incoming_body.hpp>

#include "dispatch/device_run.hpp"
#include "dispatch/memory_budget.hpp"
#include "dispatch/principal.hpp"
#include "schedule/schedule.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace modal::detail {

struct served_function;
struct call;

/// The one answer of a call, seen from inside `call_sink::on_answer`.
struct call_answer {
  const call& about;
  const error* failure = nullptr;  ///< null: the call succeeded, and one of the next two is set
  payload* binary = nullptr;       ///< may be moved from
  std::string* json = nullptr;     ///< the text of the result's value; may be moved from
  executor_report report;
  /// The thread that answers runs another call next: where somebody else can deliver the answer, it
  /// need not.
  bool goes_on = false;
  /// What the result holds of the executor's memory; null where it is small. Kept until the result
  /// is written or copied.
  std::shared_ptr<const void> memory{};
};

/// What waits for a call.
class call_sink {
 public:
  virtual ~call_sink() = default;

  /// Takes the answer. Called exactly once for each submitted call, from any thread (also from
  /// inside `dispatcher::submit` and `cancel`), with no lock held and after the call's permits and
  /// its body were given back, unless the function is still running. Must not block.
  virtual void on_answer(const call_answer& answer) noexcept = 0;
};

/// What is called, how, and by whom.
struct call_subject {
  served_function* target = nullptr;
  modal::encoding encoding = modal::encoding::binary;
  principal_ptr caller;
};

/// One call, from its admission to the return of its function. One allocation.
struct call final : scheduled,
                    call_subject,
                    boost::intrusive_ref_counter<call, boost::thread_safe_counter> {
  enum class phase : std::uint8_t {
    none,       ///< not let in yet
    admitted,   ///< its body is being read
    queued,     ///< for a worker
    delayed,    ///< until it is repeated
    running,    ///< on a worker
    parked,     ///< has begun to run, and needs no worker now
    following,  ///< waits for the outcome of another call with its id
    over
  };
  [[nodiscard]] bool has_begun() const noexcept {
    return at == phase::running || at == phase::parked;
  }

  // Set by admission, then only read.
  call_head head;
  time_point deadline = never;
  std::size_t body_size = 0;       ///< as its head says; 0: it does not
  time_point complete_at = never;  ///< when it came in, where its body was there already

  // Set by submit. The sink is taken by the thread that turned `answered` to true.
  bool is_answered_quickly = false;  ///< its sink never blocks
  std::shared_ptr<call_sink> sink;

  // Guarded by the dispatcher's mutex.
  phase at = phase::none;
  bool answered = false;
  int attempt = 0;
  memory_share memory;
  time_point not_before;
  std::chrono::nanoseconds queue_time{0};
  std::optional<error> last_failure;  ///< of a run that is to be repeated
  bool is_named = false;              ///< its id is its caller's
  bool is_noted = false;              ///< and is remembered as this call's
  bool is_lost = false;               ///< its caller's connection has gone
  time_point abandoned_at = never;    ///< when a lost one ends, unless its caller comes again
  boost::intrusive_ptr<call> first;   ///< of a later attempt: the call whose outcome it waits for
  std::vector<boost::intrusive_ptr<call>> followers;  ///< later attempts that wait for this one's
  boost::intrusive::list_member_hook<> flight_hook;

  // The wish is made under the dispatcher's mutex; the function asks for its token at any time.
  lazy_stop stop;

  std::size_t device = 0;        ///< where it runs, of `dispatcher_config::devices`
  std::size_t device_bytes = 0;  ///< reserved there
  bool is_placed = false;        ///< it has not begun, and its arguments go there already
  boost::intrusive::list_member_hook<> resumed_hook;

  // Owned by the submitter, then by the worker that runs the call.
  incoming_body body;
  invocation work;
  time_point started_at;
  std::unique_ptr<device_run> on_device;  ///< while it runs, if its function uses a device
};

using call_ptr = boost::intrusive_ptr<call>;

}  // namespace modal::detail
