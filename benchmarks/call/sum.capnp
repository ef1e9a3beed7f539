# SPDX-License-Identifier: Apache-2.0
@0xb1f0c2f4c9d3a7e5;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("bench::rpc");

interface Sum {
  add @0 (a :Int32, b :Int32) -> (sum :Int32);
  send @1 (numbers :Data) -> (digest :Int64);
  echo @2 (numbers :Data) -> (numbers :Data);
}
