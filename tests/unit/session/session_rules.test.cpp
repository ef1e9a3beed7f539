// SPDX-License-Identifier: Apache-2.0
// What a session does about ends that are slow, silent, or break its rules.
#include <modal/session/session_fsm.hpp>

#include "support/catch.hpp"
#include "support/lone_end.hpp"

using namespace std::chrono_literals;
using modal::detail::frame_kind;
using modal::detail::session_side;
using test::lone_end;
using test::session_kind;

TEST_CASE("session: an end that says nothing, or little, is given up", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  SECTION("no hello") {
    CHECK(end.machine.due() == end.now + 10s);
    end.machine.on_time(end.now + 10s);
    CHECK(end.machine.is_over());
  }
  SECTION("half a frame") {
    end.feed(end.hello_frame + "x");
    CHECK(end.machine.due() == end.now + 10s);
    end.machine.on_time(end.now + 10s);
    CHECK(end.why() == "a frame came too slowly");
  }
  SECTION("nothing of what it has credit for") {
    end.feed(end.hello_frame + lone_end::call(0, "", 5000, modal::detail::frame_has_more));
    end.machine.allow(0, 5000);
    end.now += 500ms;
    end.feed(lone_end::frame({.kind = frame_kind::segment, .call = 0}, "some"));
    for (int i = 0; i < 29; ++i) {  // pings do not help
      end.now += 1s;
      end.machine.on_time(end.now);
      end.feed(lone_end::frame({.kind = frame_kind::pong}, ""));
    }
    CHECK_FALSE(end.machine.is_over());
    end.now += 1s;
    end.machine.on_time(end.now);
    CHECK(end.why() == "nothing came of a payload for too long");
  }
  SECTION("takes nothing") {
    end.feed(end.hello_frame);
    (void)end.machine.batch();
    end.machine.on_blocked(end.now);
    CHECK(end.machine.due() == end.now + 30s);
    end.machine.on_time(end.now + 30s);
    CHECK(end.why() == "the other end took nothing for too long");
  }
}

TEST_CASE("session: what breaks the rules ends it, and is named", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  const auto ends_with = [&end](const std::string& bytes, const std::string& why) {
    INFO(why);
    CHECK(end.feed(bytes) == session_kind::over);
    CHECK(end.why().find(why) != std::string::npos);
    CHECK(end.machine.failure() == modal::errc::malformed_request);
    CHECK(end.machine.has_output());  // it says so
  };
  const auto segment = [](std::uint32_t call, std::string_view bytes) {
    return lone_end::frame({.kind = frame_kind::segment, .call = call}, bytes);
  };
  constexpr auto more = modal::detail::frame_has_more;
  SECTION("a call before the hello") { ends_with(lone_end::call(0, "", 0), "is no hello"); }
  SECTION("two hellos") { ends_with(end.hello_frame + end.hello_frame, "second hello"); }
  SECTION("an unknown kind") {
    ends_with(end.hello_frame + lone_end::frame({.kind = frame_kind{77}}, ""), "kind 77");
  }
  SECTION("reserved bytes") {
    std::string bad = lone_end::frame({.kind = frame_kind::ping}, "");
    bad[6] = 1;
    ends_with(end.hello_frame + bad, "reserved");
  }
  SECTION("a frame that is too long") {
    std::string bad = lone_end::frame({.kind = frame_kind::ping}, "");
    bad[2] = 1;
    ends_with(end.hello_frame + bad, "longer than");
  }
  SECTION("a number that is in use") {
    ends_with(end.hello_frame + lone_end::call(3, "", 0) + lone_end::call(3, "", 0), "under way");
  }
  SECTION("a number out of range") {
    ends_with(end.hello_frame + lone_end::call(8, "", 0), "number 8");
  }
  SECTION("an answer") {
    ends_with(end.hello_frame + lone_end::frame({.kind = frame_kind::result}, ""),
              "for the other end");
  }
  SECTION("a payload of another size") {
    ends_with(end.hello_frame + lone_end::call(0, "abc", 2), "another size");
  }
  SECTION("a payload that has no more") {
    ends_with(end.hello_frame + lone_end::call(0, "abc", 3, more), "another size");
  }
  SECTION("a segment of no call") {
    ends_with(end.hello_frame + segment(1, "abc"), "no more bytes");
  }
  SECTION("an empty segment") {
    ends_with(end.hello_frame + lone_end::call(0, "", 3, more) + segment(0, ""), "wrong size");
  }
  SECTION("a segment without credit") {
    ends_with(end.hello_frame + lone_end::call(0, "", 3, more) + segment(0, "abc"), "credit");
  }
  SECTION("a segment beyond its credit") {
    end.feed(end.hello_frame + lone_end::call(0, "", 9, more));
    end.machine.allow(0, 4);
    ends_with(segment(0, "abcde"), "credit");
  }
  SECTION("a segment beyond the payload") {
    end.feed(end.hello_frame + lone_end::call(0, "", 4, more));
    end.machine.allow(0, 4);
    ends_with(segment(0, "abcde"), "beyond its payload");
  }
  SECTION("a segment behind a cancel") {
    end.feed(end.hello_frame + lone_end::call(0, "", 4, more));
    end.machine.allow(0, 4);
    ends_with(lone_end::frame({.kind = frame_kind::cancel}, "") + segment(0, "abcd"),
              "no more bytes");
  }
}

TEST_CASE("session: what may come, and means nothing, changes nothing", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  end.feed(end.hello_frame);
  CHECK(end.feed(lone_end::frame({.kind = frame_kind{200}, .call = 9}, "?")) == session_kind::wait);
  CHECK(end.feed(lone_end::frame({.kind = frame_kind::cancel, .call = 99}, "")) ==
        session_kind::wait);
  CHECK(end.feed(lone_end::frame({.kind = frame_kind::credit, .call = 99, .value = ~0U}, "")) ==
        session_kind::wait);
  for (int i = 0; i < 1000; ++i) end.feed(lone_end::frame({.kind = frame_kind::ping}, ""));
  std::size_t size = 0;
  for (const auto part : end.machine.batch()) size += part.size();
  CHECK(size < 1000);  // one pong for all
}

TEST_CASE("session: a version or feature that it lacks is refused by name",
          "[session][session_fsm]") {
  lone_end end(session_side::executor);
  SECTION("version") {
    std::string other = end.hello_frame;
    other[12] = 9;
    CHECK(end.feed(other) == session_kind::over);
    CHECK(end.machine.failure() == modal::errc::unsupported_feature);
    CHECK(end.why().find("version 9") != std::string::npos);
  }
  const auto with_feature = [&end](char is_required) {
    std::string body = end.hello_frame.substr(16);
    body.resize(8 + 6 + 32);  // the limits
    body += std::string{is_required, 5, 0, 0, 1, 0, 0, 0} + "magic" + "!";
    return lone_end::frame({.kind = frame_kind::hello, .value = 1}, body);
  };
  SECTION("required feature") {
    CHECK(end.feed(with_feature(1)) == session_kind::over);
    CHECK(end.why().find("'magic'") != std::string::npos);
  }
  SECTION("optional feature") { CHECK(end.feed(with_feature(0)) == session_kind::ready); }
}

TEST_CASE("session: a caller takes nothing that belongs to no call", "[session][session_fsm]") {
  lone_end end(session_side::caller);
  end.feed(end.hello_frame);
  const auto result = [](std::uint32_t call) {
    std::vector<std::byte> body(modal::detail::result_frame_bytes({}));
    modal::detail::write_result_frame(body.data(), {}, {}, 0);
    return lone_end::frame({.kind = frame_kind::result, .call = call}, test::text_of(body));
  };
  SECTION("a result") { CHECK(end.feed(result(0)) == session_kind::over); }
  SECTION("an error") {
    CHECK(end.feed(lone_end::frame({.kind = frame_kind::error}, std::string(8, '\0'))) ==
          session_kind::over);
  }
  SECTION("a second result") {
    modal::call_head head;
    head.function = "f";
    REQUIRE(end.machine.begin_call(head, 0, {}, 0, end.now) == 0U);
    CHECK(end.feed(result(0)) == session_kind::result);
    CHECK(end.feed(result(0)) == session_kind::over);
  }
  if (end.machine.is_over()) CHECK(end.machine.failure() == modal::errc::bad_response);
}

TEST_CASE("session: bytes may be read to where they belong", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  end.feed(end.hello_frame + lone_end::call(0, "", 100, modal::detail::frame_has_more));
  end.machine.allow(0, 100);
  const std::string text = (std::string(50, 'a') + std::string(50, 'b'));
  const std::string frame = lone_end::frame({.kind = frame_kind::segment}, text);
  end.feed(frame.substr(0, 16));
  REQUIRE(end.machine.direct().left == 100);
  CHECK_FALSE(end.machine.note_direct(60, end.now));
  CHECK(end.machine.direct().left == 40);
  CHECK(end.feed(frame.substr(76)) == session_kind::piece);
  CHECK(end.machine.direct().left == 0);
  CHECK(end.machine.left_of(0) == 0);
  CHECK(end.feed(lone_end::call(1, "", 0)) == session_kind::call);
}

TEST_CASE("session: frames that follow each other are not one that is slow",
          "[session][session_fsm]") {
  lone_end end(session_side::executor);
  end.feed(end.hello_frame);
  const std::string ping = lone_end::frame({.kind = frame_kind::ping}, "");
  end.feed(ping.substr(0, 5));
  for (int i = 0; i < 30; ++i) {  // never just at the end of one
    end.now += 1s;
    end.feed(ping.substr(5) + ping.substr(0, 5));
    end.machine.on_time(end.now);
  }
  CHECK_FALSE(end.machine.is_over());
}

TEST_CASE("session: a result of which nobody wants the rest does not wait for credit",
          "[session][session_fsm]") {
  lone_end end(session_side::executor);
  end.feed(end.hello_frame + lone_end::call(0, "", 0));
  end.feed(lone_end::frame({.kind = frame_kind::cancel}, ""));
  const std::string large(100'000, 'x');
  const modal::bytes_view part = std::as_bytes(std::span(large));
  end.machine.send_result(0, 0, {}, {}, {&part, 1}, part.size());
  CHECK(end.machine.is_sent(0));
  CHECK(end.machine.open_calls() == 0);
}

TEST_CASE("session: a peer cannot have more copied than this end sends at once",
          "[session][session_fsm]") {
  lone_end end(session_side::executor);
  modal::detail::session_hello greedy;
  greedy.inline_bytes = ~0U;
  std::vector<std::byte> body;
  write_hello(body, greedy);
  end.feed(lone_end::frame({.kind = frame_kind::hello, .value = 1}, test::text_of(body)));
  CHECK(end.machine.peer().inline_bytes == modal::detail::most_inline);
}

TEST_CASE("session: what a caller leaves standing ends with its time", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  const auto live = [&end](int seconds) {
    for (int i = 0; i < seconds && !end.machine.is_over(); ++i) {
      end.now += 1s;
      end.machine.on_time(end.now);
      if (end.machine.has_output()) {
        std::size_t size = 0;
        for (const auto each : end.machine.batch()) size += each.size();
        end.machine.note_written(size, end.now);
      }
      end.feed(lone_end::frame({.kind = frame_kind::pong}, ""));
    }
  };
  SECTION("a result without credit") {
    end.feed(end.hello_frame + lone_end::call(0, "", 0));
    const std::string large(100'000, 'x');
    const modal::bytes_view part = std::as_bytes(std::span(large));
    end.machine.send_result(0, 0, {}, {}, {&part, 1}, part.size());
    live(10);
    end.feed(lone_end::frame({.kind = frame_kind::credit, .value = 100}, ""));
    live(29);
    CHECK_FALSE(end.machine.is_over());
    live(5);
    CHECK_THAT(end.why(), Catch::Matchers::Contains("wait for too long"));
  }
  SECTION("but for what this end has not written, or does not read") {
    end.feed(end.hello_frame + lone_end::call(0, "", 0));
    const std::string large(100'000, 'x');
    const modal::bytes_view part = std::as_bytes(std::span(large));
    end.machine.send_result(0, 0, {}, {}, {&part, 1}, part.size());
    const auto pass = [&end](std::size_t size) {
      for (int i = 0; i < 40; ++i) {
        (void)end.machine.batch();
        end.machine.note_written(size, end.now);
        end.now += 1s;
        end.machine.hold(end.now);
        end.machine.on_time(end.now);
      }
    };
    pass(1);
    CHECK_FALSE(end.machine.is_over());
    std::size_t size = 0;
    for (const auto each : end.machine.batch()) size += each.size();
    end.machine.note_written(size, end.now);
    pass(0);
    CHECK_FALSE(end.machine.is_over());
    live(35);
    CHECK_THAT(end.why(), Catch::Matchers::Contains("wait for too long"));
  }
  SECTION("arguments that do not end") {
    end.feed(end.hello_frame + lone_end::call(0, "", 5000, modal::detail::frame_has_more));
    end.machine.send_error(0, 0, 503, "no");
    live(29);
    CHECK_FALSE(end.machine.is_over());
    live(5);
    CHECK_THAT(end.why(), Catch::Matchers::Contains("wait for too long"));
  }
}

TEST_CASE("session: what is not read is not late", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  end.feed(end.hello_frame + lone_end::call(0, "", 5000, modal::detail::frame_has_more) + "x");
  end.machine.allow(0, 5000);
  for (int i = 0; i < 100; ++i) {
    end.now += 1s;
    end.machine.hold(end.now);
    end.machine.on_time(end.now);
  }
  CHECK_FALSE(end.machine.is_over());
  for (int i = 0; i < 11; ++i) {
    end.now += 1s;
    end.machine.on_time(end.now);
  }
  CHECK(end.why() == "the other end has not answered for too long");
}

TEST_CASE("session: nobody is given up who was not asked", "[session][session_fsm]") {
  lone_end end(session_side::executor);
  end.feed(end.hello_frame + lone_end::call(0, "", 0));
  end.now += 100s;  // this end was asleep
  end.machine.on_time(end.now);
  CHECK_FALSE(end.machine.is_over());
  end.now += 2s;
  end.machine.on_time(end.now);
  CHECK(end.machine.is_over());
}
