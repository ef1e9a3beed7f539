// SPDX-License-Identifier: Apache-2.0
#include <modal/function/function_run.hpp>

#include "support/catch.hpp"

#include <array>
#include <stdexcept>
#include <string>

namespace {

using modal::function_run;
using modal::invocation;
using modal::run_slot;

int alive = 0;

template <std::size_t Bytes, std::size_t Alignment = 8>
class counted_run final : public function_run {
 public:
  counted_run() { ++alive; }
  ~counted_run() override { --alive; }

 private:
  void read_arguments(invocation& call) override { call.json += 'd'; }
  void call_function(invocation& call) override {
    if (call.body.size() == 1) throw std::runtime_error("no");
    call.json += 'r';
  }
  void write_result(invocation& call) override { call.json += 'e'; }

  alignas(Alignment) std::array<std::byte, Bytes> room_{};
};

template <class Run>
bool lies_within() {
  run_slot where;
  const auto* run = reinterpret_cast<const std::byte*>(&where.emplace<Run>());
  CHECK(reinterpret_cast<std::uintptr_t>(run) % alignof(Run) == 0);
  const auto* slot = reinterpret_cast<const std::byte*>(&where);
  return run >= slot && run < slot + sizeof(where);
}

}  // namespace

TEST_CASE("run_slot: small runs lie within, large and over-aligned ones elsewhere; all end",
          "[function][function_run]") {
  alive = 0;
  CHECK(lies_within<counted_run<64>>());
  CHECK_FALSE(lies_within<counted_run<run_slot::room_bytes>>());
  CHECK_FALSE(lies_within<counted_run<64, 128>>());
  CHECK(alive == 0);
  [[maybe_unused]] run_slot empty;
}

TEST_CASE("function_run: takes its steps and says which it is in", "[function][function_run]") {
  run_slot where;
  function_run& run = where.emplace<counted_run<8>>();
  invocation call;
  run.decode(call);
  CHECK(call.at == invocation::stage::decode);
  run.run(call);
  CHECK(call.at == invocation::stage::run);
  run.encode(call);
  CHECK(call.at == invocation::stage::done);
  CHECK(call.json == "dre");

  const std::array<std::byte, 1> body{};
  call.body = body;
  CHECK_THROWS_AS(run.run(call), std::runtime_error);
  CHECK(call.at == invocation::stage::run);
}
