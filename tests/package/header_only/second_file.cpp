// SPDX-License-Identifier: Apache-2.0
// Every other file uses modal without its bodies.
#include <modal/modal.hpp>

#include "../program/greetings.hpp"

std::string greet_from_second_file() { return modal::remote<greetings::hello>("second file"); }
