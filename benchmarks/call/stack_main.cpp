// SPDX-License-Identifier: Apache-2.0
//
// The `main` of every stack's executable, started by bench_call:
//
//     bench_call_raw serve address=127.0.0.1 …            prints "ready <endpoint>", runs until
//     killed bench_call_raw client kind=add endpoint=… server=…  prints "name value" lines, then
//     "done"

#include "../harness/process.hpp"
#include "measure.hpp"
#include "stack.hpp"

#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>

namespace {

using words = std::map<std::string, std::string>;

words split_words(int argc, char** argv) {
  words found;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const auto equals = word.find('=');
    if (equals == std::string::npos) throw std::runtime_error("not name=value: " + word);
    found[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return found;
}

/// Places this process as told, before any thread starts.
void settle(const words& told) {
  bench::die_with_parent();
  if (const auto cpu = told.find("cpu"); cpu != told.end())
    bench::pin_to_cpu(std::stoi(cpu->second));
  if (told.contains("keep")) bench::keep_freed_memory();
}

void print(const bench::sample& result) {
  std::cout << std::setprecision(std::numeric_limits<double>::max_digits10);
  for (const auto& [name, value] : result.to_lines()) std::cout << name << ' ' << value << '\n';
  std::cout << "done" << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string mode = argc > 1 ? argv[1] : "";
  const words told = split_words(argc, argv);
  settle(told);
  if (mode == "serve") {
    bench::serve(told.at("address"), [](const std::string& endpoint) {
      std::cout << "ready " << endpoint << std::endl;
    });
    return EXIT_FAILURE;  // a server that stops by itself has failed
  }
  if (mode != "client") throw std::runtime_error("started by bench_call, not by hand");
  print(bench::measure(bench::measurement::from_words(told)));
  std::cout.flush();
  // The result is out; how a rival tears its threads down is not measured.
  std::_Exit(EXIT_SUCCESS);
} catch (const std::exception& failure) {
  std::cerr << argv[0] << ": " << failure.what() << std::endl;
  return EXIT_FAILURE;
}
