// SPDX-License-Identifier: Apache-2.0
#include <modal/function.hpp>
#include <modal/function/typed_run.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

#include <stdexcept>

using modal::errc;
using modal::invocation;

namespace invoked {

struct rejected : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct report {
  std::string title;
  std::vector<float> values;
  bool operator==(const report&) const = default;
};

/// A function object whose state travels with the call.
struct scaler {
  float factor;
  float operator()(float x) const { return factor * x; }
};

int runs = 0;
const void* seen = nullptr;

int add(int a, int b) { return a + b; }
void count_run() { ++runs; }
int reject(int) { throw rejected("not this one"); }
float total(std::span<const float> values, std::string_view name) {
  seen = values.data();
  float sum = static_cast<float>(name.size());
  for (const float each : values) sum += each;
  return sum;
}
std::size_t length(const std::string& text) { return text.size(); }
int consume(std::unique_ptr<int> value) { return *value; }
std::vector<float> ramp(int size) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values;
}
report make_report(int size) { return {"ramp", ramp(size)}; }
std::span<const float> without_first(const std::vector<float>& values) {
  return std::span(values).subspan(1);
}
std::string_view same_text(const std::string& text) { return text; }
const std::string& same_reference(const std::string& text) { return text; }
std::string not_utf8() { return "\xff"; }
template <class T>
T twice(T value) {
  return value * 2;
}
inline constexpr auto square = [](int x) { return x * x; };

modal::device_vector<float> scale_all(modal::device_span<const float> values, float by,
                                      const modal::device_span<const int>& offsets) {
  modal::device_vector<float> made(values.size());
  const modal::device_span<float> out = made;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = values[i] * by + static_cast<float>(offsets.empty() ? 0 : offsets[i % offsets.size()]);
  return made;
}
inline int count_there(modal::device_span<const double> values) {
  return static_cast<int>(values.size());
}

}  // namespace invoked

MODAL_FUNCTION(invoked::scale_all)
MODAL_FUNCTION(invoked::count_there)
MODAL_FUNCTION(invoked::add, .timeout = 30s, .retries = 2, .description = "adds")
MODAL_FUNCTION(invoked::count_run)
MODAL_FUNCTION(invoked::reject)
MODAL_FUNCTION(invoked::total)
MODAL_FUNCTION(invoked::length)
MODAL_FUNCTION(invoked::consume)
MODAL_FUNCTION(invoked::ramp)
MODAL_FUNCTION(invoked::make_report)
MODAL_FUNCTION(invoked::without_first)
MODAL_FUNCTION(invoked::same_text)
MODAL_FUNCTION(invoked::same_reference)
MODAL_FUNCTION(invoked::not_utf8)
MODAL_FUNCTION(invoked::scaler)
MODAL_FUNCTION(invoked::square)
MODAL_FUNCTION_AS("team.twice", invoked::twice<int>, .max_queue = 7)

namespace {

const modal::limits bounds;

const modal::function_descriptor& entry_of(std::string_view name) {
  static const auto all = modal::registered_functions().value();
  const auto* entry = all.find(name);
  REQUIRE(entry != nullptr);
  return *entry;
}

void take_all_steps(std::string_view name, invocation& call) {
  modal::run_slot where;
  modal::function_run& run = entry_of(name).prepare(where);
  run.decode(call);
  run.upload(call);
  run.run(call);
  run.download(call);
  run.encode(call);
}

/// Runs the function on `arguments`; the request is gone when it returns.
template <class... A>
invocation run(std::string_view name, const A&... arguments) {
  const test::received body(test::encode(arguments...));
  invocation call;
  call.body = body.view();
  call.bounds = &bounds;
  take_all_steps(name, call);
  return call;
}

template <class R, class... A>
R call(std::string_view name, const A&... arguments) {
  auto done = run(name, arguments...);
  CHECK(done.at == invocation::stage::done);
  return test::decode<R>(done.result.to_bytes());
}

std::string call_json(std::string_view name, std::string_view arguments) {
  const std::string text = R"({"args":)" + std::string(arguments) + "}";
  invocation call;
  call.encoding = modal::encoding::json;
  call.body = std::as_bytes(std::span(text));
  call.bounds = &bounds;
  take_all_steps(name, call);
  return call.json;
}

/// Returns how far a call came that throws `E`.
template <class E>
invocation::stage stage_of(std::string_view name, modal::encoding how, modal::bytes_view body) {
  const test::received copy(body);
  invocation call;
  call.encoding = how;
  call.body = copy.view();
  call.bounds = &bounds;
  CHECK_THROWS_AS(take_all_steps(name, call), E);
  return call.at;
}

modal::bytes_view bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

TEST_CASE("typed_run: runs a function on binary arguments", "[function][typed_run]") {
  CHECK(call<int>("invoked::add", 2, 3) == 5);
  CHECK(call<std::uint64_t>("invoked::length", std::string(5000, 'x')) == 5000);
}

TEST_CASE("typed_run: runs a function on JSON arguments", "[function][typed_run]") {
  CHECK(call_json("invoked::add", "[2,3]") == "5");
  CHECK(call_json("invoked::total", R"([[1,2.5],"abc"])") == "6.5");
  CHECK(call_json("invoked::make_report", "[2]") == R"({"title":"ramp","values":[0,1]})");
}

TEST_CASE("typed_run: a lambda is called by its name", "[function][typed_run]") {
  CHECK(call<int>("invoked::square", 7) == 49);
}

TEST_CASE("typed_run: a function object brings its state", "[function][typed_run]") {
  CHECK(call<float>("invoked::scaler", invoked::scaler{2.5f}, 4.f) == 10.f);
  CHECK(call_json("invoked::scaler", "[[2.5],4]") == "10");
  CHECK(entry_of("invoked::scaler").signature().text == "(scaler{factor: f32}, f32) -> f32");
}

TEST_CASE("typed_run: MODAL_FUNCTION_AS gives a template a name", "[function][typed_run]") {
  CHECK(call<int>("team.twice", 21) == 42);
  CHECK(entry_of("team.twice").options.max_queue == 7);
}

TEST_CASE("MODAL_FUNCTION: keeps the options", "[function][typed_run]") {
  using namespace std::chrono_literals;
  const auto& options = entry_of("invoked::add").options;
  CHECK(options.timeout == 30s);
  CHECK(options.retries == 2);
  CHECK(std::string(options.description) == "adds");
  CHECK(entry_of("invoked::total").options == modal::function_options{});
}

TEST_CASE("make_descriptor: describes as the macro does", "[function][typed_run]") {
  const auto made = modal::make_descriptor<invoked::add>({.retries = 3});
  CHECK(made.name == "invoked::add");
  CHECK(made.options.retries == 3);
  CHECK(&made.signature() == &entry_of("invoked::add").signature());
  CHECK(modal::make_descriptor<invoked::scaler>().name == "invoked::scaler");
  CHECK(modal::make_descriptor_as<invoked::add>("x.y").name == "x.y");
}

TEST_CASE("typed_run: a function without a result gives an empty payload, or null",
          "[function][typed_run]") {
  invoked::runs = 0;
  auto done = run("invoked::count_run");
  CHECK(done.result.envelope_size() == 0);
  CHECK(call_json("invoked::count_run", "[]") == "null");
  CHECK(invoked::runs == 2);
  CHECK(entry_of("invoked::count_run").signature().text == "() -> void");
}

TEST_CASE("typed_run: views refer to the request", "[function][typed_run]") {
  const test::received body(test::encode(std::vector<float>(2000, .5f), std::string("abc")));
  invocation call;
  call.body = body.view();
  call.bounds = &bounds;
  take_all_steps("invoked::total", call);
  CHECK(body.holds(invoked::seen));
  CHECK(test::decode<float>(call.result.to_bytes()) == 1003.f);
}

TEST_CASE("typed_run: an owner is moved into the function", "[function][typed_run]") {
  CHECK(call<int>("invoked::consume", std::make_unique<int>(5)) == 5);
}

TEST_CASE("typed_run: a large result lives in its payload", "[function][typed_run]") {
  auto done = run("invoked::ramp", 5000);
  REQUIRE(done.result.segments().size() == 1);
  CHECK(test::decode<std::vector<float>>(done.result.to_bytes()) == invoked::ramp(5000));
}

TEST_CASE("typed_run: a large result lives on when the payload moves", "[function][typed_run]") {
  modal::payload taken;
  {
    auto done = run("invoked::make_report", 5000);
    taken = std::move(done.result);
  }
  REQUIRE(taken.segments().size() == 1);
  CHECK(test::decode<invoked::report>(taken.to_bytes()) == invoked::make_report(5000));
}

TEST_CASE("typed_run: a returned view of an argument is copied in time", "[function][typed_run]") {
  for (const int size : {10, 5000}) {
    const auto values = invoked::ramp(size);
    auto done = run("invoked::without_first", values);
    CHECK(test::decode<std::vector<float>>(done.result.to_bytes()) ==
          std::vector<float>(values.begin() + 1, values.end()));
  }
  const std::string text(5000, 'x');
  CHECK(call<std::string>("invoked::same_text", text) == text);
  CHECK(call<std::string>("invoked::same_reference", text) == text);
}

TEST_CASE("typed_run: what the function throws comes out, in the stage of the run",
          "[function][typed_run]") {
  CHECK(stage_of<invoked::rejected>("invoked::reject", modal::encoding::binary, test::encode(1)) ==
        invocation::stage::run);
  CHECK(stage_of<invoked::rejected>("invoked::reject", modal::encoding::json,
                                    bytes_of(R"({"args":[1]})")) == invocation::stage::run);
}

TEST_CASE("typed_run: arguments that do not decode never reach the function",
          "[function][typed_run]") {
  const auto binary = [](modal::bytes_view body) {
    return stage_of<modal::call_error>("invoked::add", modal::encoding::binary, body);
  };
  const auto json = [](std::string_view text) {
    return stage_of<modal::call_error>("invoked::add", modal::encoding::json, bytes_of(text));
  };
  using stage = invocation::stage;
  CHECK(binary({}) == stage::decode);
  CHECK(binary(test::encode(1)) == stage::decode);
  CHECK(binary(test::encode(1, 2, 3)) == stage::decode);
  CHECK(json("") == stage::decode);
  CHECK(json("[1,2]") == stage::decode);
  CHECK(json(R"({"arguments":[1,2]})") == stage::decode);
  CHECK(json(R"({"args":[1]})") == stage::decode);
  CHECK(json(R"({"args":[1,2,3]})") == stage::decode);
  CHECK(json(R"({"args":[1,"2"]})") == stage::decode);
}

TEST_CASE("typed_run: JSON errors name the argument", "[function][typed_run]") {
  CHECK_THAT(test::error_of([] { call_json("invoked::add", R"([1,"x"])"); }).message(),
             test::contains("$.args[1]"));
}

TEST_CASE("typed_run: a result that has no JSON form fails while it is encoded",
          "[function][typed_run]") {
  CHECK(stage_of<modal::call_error>("invoked::not_utf8", modal::encoding::json,
                                    bytes_of(R"({"args":[]})")) == invocation::stage::encode);
}

TEST_CASE("typed_run: measures every stage", "[function][typed_run]") {
  auto done = run("invoked::ramp", 100'000);
  CHECK(done.decode_time.count() >= 0);
  CHECK(done.run_time.count() > 0);
  CHECK(done.encode_time.count() >= 0);
}

TEST_CASE("typed_run: stops decoding JSON for which nobody waits", "[function][typed_run]") {
  std::string numbers = "[[0";
  for (int i = 0; i < 10'000; ++i) numbers += ",1";
  numbers += R"(],"x"])";
  modal::call_context::state state;
  const auto reason = [&] {
    const modal::call_context context(state);
    const modal::detail::call_scope scope(context);
    return test::error_of([&] { call_json("invoked::total", numbers); });
  };
  SECTION("as the call was cancelled") {
    modal::detail::lazy_stop stop;
    stop.request();
    state.stop = &stop;
    CHECK(reason() == modal::errc::cancelled);
  }
  SECTION("as the deadline passed") {
    state.deadline = modal::time_point{};
    CHECK(reason() == modal::errc::deadline_exceeded);
  }
  SECTION("and decodes it else") { CHECK(call_json("invoked::total", numbers) == "10001"); }
}

TEST_CASE("typed_run: arguments in device memory are uploaded, and results come down",
          "[function][typed_run]") {
  CHECK(entry_of("invoked::scale_all").signature().text == "([f32], f32, [i32]) -> [f32]");
  CHECK(entry_of("invoked::scale_all").device == modal::device_use::host);
  CHECK(entry_of("invoked::count_there").device == modal::device_use::host);
  CHECK(entry_of("invoked::add").device == modal::device_use::none);
  for (const int size : {0, 3, 50'000}) {
    const auto values = invoked::ramp(size);
    auto expected = values;
    for (std::size_t i = 0; i < expected.size(); ++i)
      expected[i] = values[i] * 2 + static_cast<float>(i % 2);
    CHECK((call<std::vector<float>>("invoked::scale_all", values, 2.F, std::vector<int>{0, 1}) ==
           expected));
  }
  CHECK(call_json("invoked::scale_all", "[[1,2],3,[]]") == "[3,6]");
  CHECK(call<int>("invoked::count_there", std::vector<double>(7)) == 7);
}
