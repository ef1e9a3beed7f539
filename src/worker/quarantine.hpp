// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace modal::detail {

/// What holds memory that a device may use.
class quarantined {
 public:
  quarantined() = default;
  virtual ~quarantined() = default;
  quarantined(const quarantined&) = delete;
  quarantined& operator=(const quarantined&) = delete;

 private:
  friend void keep_for_ever(std::unique_ptr<quarantined> which) noexcept;

  quarantined* next_ = nullptr;
};

/// Keeps what a device that was given up may still read and write, so that nobody else is ever
/// given that memory. Takes none for it. Safe to call from any thread.
void keep_for_ever(std::unique_ptr<quarantined> which) noexcept;

}  // namespace modal::detail
