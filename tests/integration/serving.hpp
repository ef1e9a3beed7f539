// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

/// An executor on a port of its own, which logs nothing.
inline modal::executor_config quiet_config(std::size_t threads = 2) {
  modal::executor_config config;
  config.port = 0;
  config.threads = threads;
  config.grace = std::chrono::seconds(10);
  config.log = [](const modal::log_record&) {};
  return config;
}

/// Such an executor, and a client of it.
struct serving {
  explicit serving(modal::executor_config config = quiet_config())
      : executor(std::move(config)), client(start_and_tell(executor)) {}

  static std::string start_and_tell(modal::executor& starting) {
    starting.start();
    return starting.url();
  }

  modal::executor executor;
  modal::client client;
};
