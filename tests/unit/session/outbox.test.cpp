// SPDX-License-Identifier: Apache-2.0
#include <modal/session/outbox.hpp>

#include "support/catch.hpp"

#include <cstring>
#include <map>
#include <string>

using namespace modal;
using namespace modal::detail;

namespace {

// Writes all there is, at most `step` bytes at a time; takes the frames apart again.
struct reader {
  void take(outbox& from, std::size_t step = SIZE_MAX) {
    while (from.has_output()) {
      const auto parts = from.batch(100, 250);
      std::size_t size = 0;
      for (const bytes_view each : parts) {
        const std::size_t some = std::min(each.size(), step - size);
        bytes.append(reinterpret_cast<const char*>(each.data()), some);
        size += some;
        if (size == step) break;
      }
      from.note_written(size);
      if (size == 0) return;
    }
  }
  void split() {
    while (!bytes.empty()) {
      frame_head head;
      REQUIRE(bytes.size() >= frame_head_bytes);
      REQUIRE(read_frame_head(reinterpret_cast<const std::byte*>(bytes.data()), head));
      REQUIRE(bytes.size() >= frame_bytes(head.size));
      order += std::to_string(head.call) + (head.kind == frame_kind::segment ? "s " : "f ");
      content[head.call] += bytes.substr(frame_head_bytes, head.size);
      bytes.erase(0, frame_bytes(head.size));
    }
  }
  std::string bytes;
  std::string order;
  std::map<std::uint32_t, std::string> content;
};

void add(outbox& to, std::uint32_t call, std::string_view body) {
  std::byte* const at = to.add(
      {.size = static_cast<std::uint32_t>(body.size()), .kind = frame_kind::call, .call = call});
  std::memcpy(at, body.data(), body.size());
}

bytes_view view(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("outbox: large payloads take turns, behind what is small", "[session][outbox]") {
  const std::string one(250, 'a');
  const std::string two(150, 'b');
  outgoing_payload first;
  outgoing_payload second;
  first.call = 1;
  second.call = 2;
  first.begin({view(one)}, 1000);
  second.begin({view(two).first(30), {}, view(two).subspan(30)}, 1000);
  outbox out;
  out.add(first);
  out.add(second);
  add(out, 3, "small");
  reader to;
  to.take(out, GENERATE(std::size_t{1}, std::size_t{64}, SIZE_MAX));
  to.split();
  CHECK(to.order == "3f 1s 2s 1s 2s 1s ");
  CHECK(to.content[1] == one);
  CHECK(to.content[2] == two);
  CHECK(outbox::is_out(first));
}

TEST_CASE("outbox: what has no credit waits", "[session][outbox]") {
  const std::string text(50, 'a');
  outgoing_payload large;
  large.begin({view(text)}, 20);
  outbox out;
  out.add(large);
  reader to;
  to.take(out);
  CHECK_FALSE(out.has_output());
  CHECK(large.left() == 30);
  CHECK(out.allow(large, 5));
  to.take(out);
  CHECK(large.left() == 25);
  CHECK(out.allow(large, 1'000'000));
  to.take(out);
  CHECK(outbox::is_out(large));
  to.split();
  CHECK(to.content[0] == text);
  CHECK_FALSE(out.allow(large, ~std::uint64_t{0}));
}

TEST_CASE("outbox: what is dropped is not looked at any more", "[session][outbox]") {
  std::string text(300, 'a');
  outgoing_payload large;
  large.begin({view(text)}, 1000);
  outbox out;
  out.add(large);
  (void)out.batch(100, 250);
  SECTION("at once where nobody writes") {
    out.note_written(50);
    out.drop(large);
  }
  SECTION("else when that is over") {
    out.drop(large);
    CHECK_FALSE(outbox::is_out(large));
    out.note_written(50);
  }
  CHECK(outbox::is_out(large));
  std::fill(text.begin(), text.end(), '!');
  reader to;
  to.take(out);
  CHECK(to.bytes.find('!') == std::string::npos);
  CHECK_FALSE(out.has_output());
  // The frames that were begun are whole: their lengths hold.
  CHECK(to.bytes.size() == 3 * 16 + 250 + 12 + 12 + 14 - 50);
}

TEST_CASE("outbox: others may add to it while a batch is written", "[session][outbox]") {
  outbox out;
  add(out, 1, "one");
  const auto parts = out.batch(100, 250);
  const auto before = parts.front();
  for (std::uint32_t i = 2; i < 100; ++i) add(out, i, std::string(1000, 'x'));
  CHECK(parts.front().data() == before.data());
  CHECK(out.backlog() > 90'000);
  out.note_written(32);
  CHECK(out.backlog() == 98 * 1024);
}

// The other end has it then, and may use its number at once.
TEST_CASE("outbox: what is out is out, though the batch is not", "[session][outbox]") {
  const std::string one(100, 'a');
  const std::string two(100, 'b');
  outgoing_payload first;
  first.call = 1;
  first.begin({view(one)}, 1000);
  outgoing_payload second;
  second.call = 2;
  second.begin({view(two)}, 1000);
  outbox out;
  out.add(first);
  out.add(second);
  (void)out.batch(100, 250);
  out.note_written(frame_head_bytes + 99);
  CHECK_FALSE(outbox::is_out(first));
  (void)out.batch(100, 250);
  out.note_written(1);
  CHECK(outbox::is_out(first));
  CHECK_FALSE(outbox::is_out(second));
  // A new payload in the same place is not taken for the old one.
  const std::string three(300, 'c');
  first.begin({view(three)}, 1000);
  (void)out.batch(100, 250);
  out.note_written(frame_bytes(100) + frame_bytes(100) - frame_head_bytes - 100);
  CHECK(outbox::is_out(second));
  CHECK_FALSE(outbox::is_out(first));
  out.add(first);
  reader to;
  to.take(out, 77);
  to.split();
  CHECK(to.content[1] == three);
  CHECK(outbox::is_out(first));
}
