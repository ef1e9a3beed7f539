// SPDX-License-Identifier: Apache-2.0
//
// How much memory of an executor does a session take that does nothing? Each session has served a
// call before. An executor in a process of its own, and as many processes with clients as the limit
// of descriptors makes necessary.
//
//     bench_idle [SESSIONS]      normally by benchmarks/run; 10000 by default

#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "../harness/process.hpp"
#include "../harness/table.hpp"
#include "functions.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// Raises the limit of descriptors as far as it goes, and returns it.
std::size_t raise_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("setrlimit");
  return static_cast<std::size_t>(limit.rlim_cur);
}

/// Returns the memory that process `id` has now and shares with no file: its heap and its stacks.
double own_memory_bytes(pid_t id) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stod(line.substr(8)) * 1024;
  throw std::runtime_error("/proc tells nothing about the executor");
}

[[noreturn]] void serve(const std::string& address, std::size_t sessions) {
  modal::executor executor({.address = address,
                            .port = 0,
                            .limits = {.connections = sessions, .idle_timeout = 10min},
                            .log = modal::log_to_stderr(modal::log_level::warning)});
  executor.start();
  std::cout << "ready " << executor.url() << std::endl;
  executor.run();
  std::exit(EXIT_FAILURE);
}

/// Opens the sessions, each with a call, and holds them until it is killed.
[[noreturn]] void hold(const std::string& url, std::size_t sessions) {
  std::deque<modal::client> clients;
  for (std::size_t i = 0; i < sessions; ++i) {
    clients.emplace_back(url, modal::client_config{.local = false});
    modal::call_report report;
    modal::remote<bench_load::work>.on(clients.back()).with({.report = &report})(0U, std::vector<std::byte>(16));
    if (report.path != modal::path_kind::session && report.path != modal::path_kind::session_unix)
      throw std::runtime_error("a call was made without a session");
  }
  std::cout << "ready " << sessions << std::endl;
  for (;;) pause();
}

std::string wait_until_ready(bench::child& started) {
  constexpr std::string_view word = "ready ";
  const auto line = started.read_line(60s);
  if (!line || !line->starts_with(word)) throw std::runtime_error("it failed: " + started.wait());
  return line->substr(word.size());
}

/// Returns what it is when it has not changed for a while: idle sessions give memory back.
double settled_memory(pid_t id) {
  double last = own_memory_bytes(id);
  for (int same = 0; same < 10;) {
    std::this_thread::sleep_for(200ms);
    const double next = own_memory_bytes(id);
    same = next == last ? same + 1 : 0;
    last = next;
  }
  return last;
}

void measure(bench::table& into, const std::string& name, const std::string& address,
             std::size_t sessions, std::size_t most_descriptors) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  bench::child server({self, "serve", address, std::to_string(sessions + 16)});
  const std::string url = wait_until_ready(server);
  std::deque<bench::child> holders;
  holders.emplace_back(std::vector<std::string>{self, "hold", url, "1"});  // first of all, pools
  wait_until_ready(holders.back());
  const double before = settled_memory(server.id());

  const std::size_t each = (most_descriptors - 64) / 2;  // a client has two
  for (std::size_t left = sessions; left != 0;) {
    const std::size_t now = std::min(left, each);
    holders.emplace_back(std::vector<std::string>{self, "hold", url, std::to_string(now)});
    left -= now;
  }
  for (std::size_t i = 1; i < holders.size(); ++i) wait_until_ready(holders[i]);
  const double after = settled_memory(server.id());
  into.add({name, std::to_string(sessions), bench::three_digits(before / (1 << 20)),
            bench::three_digits(after / (1 << 20)),
            bench::three_digits((after - before) / 1024 / static_cast<double>(sessions))});
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::size_t most_descriptors = raise_limit();
  if (words.size() == 3) {
    bench::die_with_parent();
    const std::size_t count = std::stoul(words[2]);
    if (words[0] == "serve") serve(words[1], count);
    hold(words[1], count);
  }
  bench::unwind_on_signals();
  std::size_t sessions = words.empty() ? 10'000 : std::stoul(words[0]);
  if (sessions + 64 > most_descriptors) {
    sessions = most_descriptors - 64;
    std::cerr << "bench_idle: the limit of descriptors allows " << sessions << " sessions\n";
  }
  const bench::scratch_directory scratch;
  bench::table made({"executor, its own memory", "idle sessions", "with one, MiB", "with all, MiB",
                     "KiB a session"});
  measure(made, "session over TCP", "127.0.0.1", sessions, most_descriptors);
  measure(made, "session over a unix socket", "unix:" + scratch.path() + "/socket", sessions,
          most_descriptors);
  std::cout << made << std::endl;
  return EXIT_SUCCESS;
} catch (const std::exception& failure) {
  std::cerr << "bench_idle: " << failure.what() << std::endl;
  return EXIT_FAILURE;
}
