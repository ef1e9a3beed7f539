// SPDX-License-Identifier: Apache-2.0
#include <modal/base/error.hpp>

#include "support/catch.hpp"

#include <map>
#include <set>
#include <stdexcept>

using modal::condition;
using modal::errc;

namespace {

struct expected_error {
  errc value;
  int number;
  std::string name;
  modal::condition reaction;
};

// The numbers and names are part of the protocol: this table may grow, and never change.
const std::vector<expected_error> all_errors{
    {errc::queue_full, 10, "queue_full", condition::retry_later},
    {errc::draining, 11, "draining", condition::retry_later},
    {errc::device_out_of_memory, 12, "device_out_of_memory", condition::retry_later},
    {errc::connect_failed, 20, "connect_failed", condition::reconnect},
    {errc::connection_lost, 21, "connection_lost", condition::reconnect},
    {errc::bad_response, 22, "bad_response", condition::reconnect},
    {errc::unknown_function, 30, "unknown_function", condition::not_supported},
    {errc::unsupported_media, 31, "unsupported_media", condition::not_supported},
    {errc::unsupported_feature, 32, "unsupported_feature", condition::not_supported},
    {errc::unknown_route, 33, "unknown_route", condition::not_supported},
    {errc::no_device, 34, "no_device", condition::not_supported},
    {errc::device_fault, 35, "device_fault", condition::not_supported},
    {errc::signature_mismatch, 40, "signature_mismatch", condition::caller_bug},
    {errc::malformed_payload, 41, "malformed_payload", condition::caller_bug},
    {errc::too_large, 42, "too_large", condition::caller_bug},
    {errc::malformed_request, 43, "malformed_request", condition::caller_bug},
    {errc::bad_configuration, 44, "bad_configuration", condition::caller_bug},
    {errc::duplicate_function, 45, "duplicate_function", condition::caller_bug},
    {errc::duplicate_call, 46, "duplicate_call", condition::caller_bug},
    {errc::function_failed, 50, "function_failed", condition::function_failed},
    {errc::result_too_large, 51, "result_too_large", condition::function_failed},
    {errc::cancelled, 60, "cancelled", condition::cancelled},
    {errc::deadline_exceeded, 70, "deadline_exceeded", condition::deadline},
};

}  // namespace

TEST_CASE("errc: every value keeps its number and its name", "[base][error]") {
  for (const auto& each : all_errors) {
    INFO(each.name);
    CHECK(static_cast<int>(each.value) == each.number);
    CHECK(modal::to_string(each.value) == each.name);
    errc found{};
    REQUIRE(modal::from_string(each.name, found));
    CHECK(found == each.value);
  }
}

TEST_CASE("errc: every value has its condition", "[base][error]") {
  for (const auto& each : all_errors) {
    INFO(each.name);
    CHECK(modal::to_condition(each.value) == each.reaction);
    CHECK(modal::error(each.value).condition() == each.reaction);
  }
}

TEST_CASE("errc: as an error_code, equals its own condition only", "[base][error]") {
  for (const auto& each : all_errors) {
    const boost::system::error_code code = each.value;
    for (int number = 1; number <= 7; ++number) {
      const auto other = static_cast<condition>(number);
      INFO(each.name << " and " << modal::to_string(other));
      CHECK((code == other) == (other == each.reaction));
    }
  }
}

TEST_CASE("errc: every value has a text of its own", "[base][error]") {
  std::set<std::string> texts;
  for (const auto& each : all_errors) texts.insert(make_error_code(each.value).message());
  CHECK(texts.size() == all_errors.size());
  CHECK(texts.count("unknown error") == 0);
}

TEST_CASE("errc: numbers that are not values have a name too", "[base][error]") {
  CHECK(modal::to_string(static_cast<errc>(12345)) == "unknown");
  CHECK(modal::to_condition(static_cast<errc>(12345)) == condition::reconnect);
  CHECK(make_error_code(static_cast<errc>(12345)).message() == "unknown error");
}

TEST_CASE("errc: an unknown name leaves the output alone", "[base][error]") {
  auto value = errc::cancelled;
  CHECK_FALSE(modal::from_string("queue_ful", value));
  CHECK_FALSE(modal::from_string("", value));
  CHECK(value == errc::cancelled);
}

TEST_CASE("condition: every value has a name", "[base][error]") {
  const std::map<condition, std::string> names{{condition::retry_later, "retry_later"},
                                               {condition::reconnect, "reconnect"},
                                               {condition::not_supported, "not_supported"},
                                               {condition::caller_bug, "caller_bug"},
                                               {condition::function_failed, "function_failed"},
                                               {condition::cancelled, "cancelled"},
                                               {condition::deadline, "deadline"}};
  for (const auto& [value, name] : names) {
    CHECK(modal::to_string(value) == name);
    CHECK(make_error_condition(value).message() == name);
  }
  CHECK(modal::to_string(static_cast<condition>(99)) == "unknown");
  CHECK(modal::to_string(static_cast<condition>(-1)) == "unknown");
}

TEST_CASE("categories: have names and differ", "[base][error]") {
  CHECK(std::string(modal::error_category().name()) == "modal");
  CHECK(std::string(modal::condition_category().name()) == "modal.condition");
  CHECK(modal::error_category() != modal::condition_category());
}

TEST_CASE("error: a code of another category is a lost connection", "[base][error]") {
  const modal::error reason(make_error_code(boost::system::errc::connection_reset),
                            modal::diagnostics{});
  CHECK(reason == errc::connection_lost);
  CHECK(reason == condition::reconnect);
}

TEST_CASE("error: its message has the function, the exception and the text", "[base][error]") {
  modal::error reason(errc::function_failed, "out of ink");
  reason.details().function = "demo::print";
  reason.details().exception_type = "std::runtime_error";
  CHECK(reason.message() == "demo::print: the function failed with std::runtime_error: out of ink");
}

TEST_CASE("error: its message is the code's text where nothing more is known", "[base][error]") {
  CHECK(modal::error(errc::draining).message() == "the executor is stopping");
}

TEST_CASE("call_error: says what its reason says", "[base][error]") {
  const modal::error reason(errc::too_large, "17 segments");
  const modal::call_error thrown(reason);
  CHECK(thrown.what() == reason.message());
  CHECK(thrown.reason() == errc::too_large);
  CHECK(thrown.condition() == condition::caller_bug);
  CHECK(thrown.details().message == "17 segments");
  CHECK(thrown.code() == errc::too_large);
}

TEST_CASE("result: value() of an error throws it", "[base][error]") {
  const modal::result<int> failed = modal::error(errc::cancelled, "by the caller");
  REQUIRE_FALSE(failed.has_value());
  CHECK_THROWS_AS(failed.value(), modal::call_error);
  CHECK_THROWS_WITH(failed.value(), test::contains("by the caller"));
}

TEST_CASE("diagnostics: compare by value", "[base][error]") {
  modal::diagnostics a{.message = "m",
                       .function = "f",
                       .call_id = {},
                       .exception_type = {},
                       .signature = {},
                       .retry_after = std::chrono::milliseconds{3}};
  auto b = a;
  CHECK(a == b);
  b.retry_after = {};
  CHECK_FALSE(a == b);
}
