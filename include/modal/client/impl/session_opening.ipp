// SPDX-License-Identifier: Apache-2.0
// How a session comes to be: a connection, which is upgraded.
#include <modal/client/session_link.hpp>
#include <modal/http1/head.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t most_answers = 4;  // with those that say that one is to come

session_config session_config_of(const client_config& config, std::chrono::milliseconds opening) {
  session_config made;
  made.side = session_side::caller;
  made.own.payload_bytes = config.limits.body_bytes;
  made.own.segment_bytes = most_segment;
  made.own.credit = 1 << 20;  // memory for a result is taken when its size is known
  made.hello_timeout = saturated(opening);
  made.transfer_timeout = saturated(config.limits.transfer_timeout);
  return made;
}

}  // namespace

session_link::session_link(const session_settings& settings, time_point now,
                           std::shared_ptr<const local_offer> local)
    : settings_(settings), local_(std::move(local)), guard_(settings.config->poll), moved_at_(now) {
  const mutex_lock lock(mutex_);
  connector_.start(where(), saturating_add(now, opening_timeout()), serial_);
  request_.append("GET ").append(session_path).append(" HTTP/1.1\r\nhost: ");
  request_.append(settings.where->authority);
  request_.append("\r\nconnection: upgrade\r\nupgrade: ").append(session_protocol);
  request_.append("\r\n\r\n");
}

bool session_link::connect() {
  switch (connector_.advance(std::chrono::steady_clock::now())) {
    case connector::step::wait:
      return false;
    case connector::step::failed:
      end(session_call::ending::lost, connector_.take_failure());
      return false;
    case connector::step::connected:
      break;
  }
  socket_ = connector_.take_socket(is_watched_);
  phase_ = phase::upgrading;
  moved_at_ = std::chrono::steady_clock::now();
  return true;
}

// Returns whether the session is open.
bool session_link::upgrade() {
  while (!request_.empty()) {
    const bytes_view rest = std::as_bytes(std::span(request_));
    const auto sent = socket_.try_write({&rest, 1});
    if (sent.what == io_result::kind::would_block) return false;
    if (sent.what != io_result::kind::some) break;  // what it had to say counts
    request_.erase(0, sent.size);
  }
  std::array<std::byte, 4096> room;
  for (;;) {
    const auto got = socket_.try_read(room);
    if (got.what == io_result::kind::would_block) {
      if (std::chrono::steady_clock::now() >= saturating_add(moved_at_, opening_timeout()))
        end(session_call::ending::broken,
            {errc::connect_failed, "no answer to the upgrade within connect_timeout"});
      return false;
    }
    if (got.what != io_result::kind::some) {
      end(session_call::ending::broken,
          {errc::connection_lost, "the connection ended instead of becoming a session"});
      return false;
    }
    answer_.append(reinterpret_cast<const char*>(room.data()), got.size);
    answer_size_ += got.size;
    if (answer_size_ > most_answers * settings_.config->limits.header_bytes) {
      end(session_call::ending::refused,
          {errc::bad_response, "the answer to the upgrade is endless"});
      return false;
    }
    read_upgrade();
    if (phase_ != phase::upgrading) return phase_ == phase::open;
  }
}

void session_link::read_upgrade() {
  http1::head_reader reader(settings_.config->limits.header_bytes);
  switch (reader.read(answer_)) {
    case http1::step::need_more:
      return;
    case http1::step::failed:
      return end(session_call::ending::refused,
                 {errc::bad_response, std::string("the answer's head ") + reader.failure()});
    case http1::step::done:
      break;
  }
  const auto line = http1::parse_status_line(reader.start_line());
  if (!line) return end(session_call::ending::refused, {errc::bad_response, "this is no HTTP"});
  if (line->status == 101 && http1::has_token(reader.fields(), "upgrade", session_protocol))
    return open(std::string_view(answer_).substr(reader.size()));
  if (line->status / 100 == 1 && line->status != 101) {  // something more is to come
    answer_.erase(0, reader.size());
    return read_upgrade();
  }
  // The connection serves HTTP as well as any, once the answer is read to its end.
  const auto framed = http1::read_framing(reader.fields());
  const bool is_kept = line->version > 10 && line->status != 101 && framed &&
                       framed->body == http1::framing::kind::length &&
                       framed->length <= settings_.config->limits.header_bytes &&
                       !http1::has_token(reader.fields(), "connection", "close");
  if (is_kept && answer_.size() < reader.size() + framed->length) return;
  if (is_kept && answer_.size() == reader.size() + framed->length) kept_ = std::move(socket_);
  // One that is busy, or about to end, says nothing about what it can do.
  const bool is_busy = line->status == 429 || line->status >= 502;
  end(is_busy ? session_call::ending::not_now : session_call::ending::refused,
      {is_busy ? errc::queue_full : errc::unsupported_feature,
       "the answer to the upgrade has status " + std::to_string(line->status)});
}

// Whoever listens there now may be somebody else.
void session_link::take_ready() {
  is_ready_ = true;
  const session_hello& peer = machine_->peer();
  if (local_ != nullptr) {
    if (peer.local_token != local_->token) {
      is_ready_ = false;
      end(session_call::ending::unseen,
          {errc::connection_lost, "the Unix socket is not that of the executor that offered it"});
    }
    return;
  }
  constexpr std::size_t longest = 100;  // of sun_path, see unix(7)
  if (!settings_.config->local || !settings_.where->unix_path.empty() || peer.local_name.empty() ||
      peer.local_name.size() > longest || !peer.local_name.starts_with("modal-") ||
      peer.local_token.empty())
    return;
  auto offered = std::make_shared<local_offer>();
  offered->where = *settings_.where;
  offered->where.unix_path = std::string(1, '\0') + peer.local_name;
  offered->token = peer.local_token;
  offered_ = std::move(offered);
}

stream session_link::take_kept(bool& is_watched) {
  const mutex_lock lock(mutex_);
  is_watched = is_watched_;
  return std::move(kept_);
}

void session_link::open(std::string_view ahead) {
  const auto now = std::chrono::steady_clock::now();
  machine_.emplace(session_config_of(*settings_.config, opening_timeout()), now);
  for (bytes_view left = std::as_bytes(std::span(ahead)); !left.empty();) {
    const auto room = machine_->prepare();
    const std::size_t size = std::min(room.size(), left.size());
    std::memcpy(room.data(), left.data(), size);
    left = left.subspan(size);
    machine_->on_bytes(size, now);
    dispatch();
  }
  give_back(answer_);
  give_back(request_);
  if (phase_ == phase::over) return;
  phase_ = phase::open;
}

}  // namespace modal::detail
