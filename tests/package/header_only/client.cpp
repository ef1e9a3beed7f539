// SPDX-License-Identifier: Apache-2.0
// The file with modal's bodies, which may use the face as any other.
#include <modal/modal.hpp>
#include <modal/src.hpp>

#include "../program/greetings.hpp"

#include <iostream>

std::string greet_from_second_file();

int main() {
  std::cout << modal::remote<greetings::hello>("headers") << '\n'
            << greet_from_second_file() << '\n';
}
