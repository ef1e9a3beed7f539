// SPDX-License-Identifier: Apache-2.0
// An executor of the photo filters: any program becomes one with the lines around `executor` below.
// The filters come in by linking registrations.cpp. Ctrl-C or SIGTERM ends it.
#include <modal/executor.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

/// Has the kernel end us when the program that started us ends, however it ends.
void stop_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) std::exit(EXIT_FAILURE);  // it ended before we could ask
}

}  // namespace

int main(int argc, char** argv) {
  const pid_t parent = ::getppid();
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;
  std::size_t threads = 0;

  CLI::App options{"Serves denoise, edges and thumbnail to modal clients."};
  options.add_option("--address", address, "IP address or unix:/path to listen on")
      ->capture_default_str();
  options.add_option("--port", port, "TCP port; 0 takes any that is free")->capture_default_str();
  options.add_option("--threads", threads, "worker threads; 0 is one for each core")
      ->capture_default_str();
  bool stops_with_parent = false;
  options.add_flag("--stop-with-parent", stops_with_parent,
                   "end when the program ends that started this one");
  CLI11_PARSE(options, argc, argv);
  if (stops_with_parent) stop_with(parent);

  try {
    modal::executor executor{{.address = address, .port = port, .threads = threads}};
    executor.start();
    std::cout << "listening on " << executor.url() << std::endl;
    executor.run();
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "photos_executor: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
