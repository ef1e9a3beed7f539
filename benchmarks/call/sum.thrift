// SPDX-License-Identifier: Apache-2.0
namespace cpp bench.thrifted

service Sum {
  i32 add(1: i32 a, 2: i32 b)
  i64 send(1: binary numbers)
  binary echo(1: binary numbers)
}
