// SPDX-License-Identifier: Apache-2.0
#include <modal/function.hpp>
#include <modal/function/descriptor.hpp>

#include "support/catch.hpp"

TEST_CASE("descriptor: is empty until filled", "[function][descriptor]") {
  const modal::function_descriptor empty;
  CHECK(empty.name.empty());
  CHECK(empty.prepare == nullptr);
  CHECK(empty.signature == nullptr);
  CHECK(empty.options == modal::function_options{});
  CHECK(empty.line == 0);
}

namespace descriptors {
int on_host(int x) { return x; }
}  // namespace descriptors

TEST_CASE("descriptor: types and options say where a function runs", "[function][descriptor]") {
  using modal::device_use;
  using modal::make_descriptor;
  CHECK(make_descriptor<descriptors::on_host>().device == device_use::none);
  CHECK(make_descriptor<descriptors::on_host>({.gpu = 1}).device == device_use::host);
  CHECK(make_descriptor<descriptors::on_host>({.gpu_memory = 1}).device == device_use::host);
  CHECK(make_descriptor<descriptors::on_host>({.gpu_model = "*"}).device == device_use::cuda);
  // What another registration knows counts too.
  modal::catalog all;
  REQUIRE(all.add(make_descriptor<descriptors::on_host>()).has_value());
  REQUIRE(all.add(make_descriptor<descriptors::on_host>({.gpu_capability = "sm_80"})).has_value());
  CHECK(all.find("descriptors::on_host")->device == device_use::cuda);
  CHECK(all.find("descriptors::on_host")->options.gpu_capability == std::string("sm_80"));
}

TEST_CASE("invocation: starts with nothing decoded, in binary", "[function][descriptor]") {
  modal::invocation call;
  CHECK(call.encoding == modal::encoding::binary);
  CHECK(call.at == modal::invocation::stage::decode);
  CHECK(call.result.envelope_size() == 0);
  CHECK(call.json.empty());
  CHECK(call.run_time.count() == 0);
}
