// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

namespace photos {

/// What a progress bar shows.
struct progress {
  std::string_view title;
  std::size_t done = 0;
  std::size_t items = 0;
  std::chrono::milliseconds elapsed{0};
  std::string_view last;  ///< the item that was finished last
};

/// Returns the bar as one line of at most `columns` characters; the bar itself takes what the texts
/// leave, and is left out where that is too little. Colours count as no characters.
std::string render_bar(const progress& state, std::size_t columns, bool colour);

/// Shows on a file descriptor how many items are finished. On a terminal it is one line, drawn
/// again in place, as wide as the terminal; elsewhere one plain line for each finished item.
/// Colours only on a terminal, and not if NO_COLOR is set (https://no-color.org) or TERM is "dumb".
/// **Thread safety**: all methods may be called from several threads at once.
class progress_bar {
 public:
  /// @param items  how many `finish` will be called for.
  progress_bar(std::string title, std::size_t items, int file_descriptor);

  /// Leaves the bar as it stands and goes on to the next line.
  ~progress_bar();
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  /// Counts one item, and draws.
  void finish(std::string_view item);

  /// Draws again, so that the time goes on while nothing is finished.
  void refresh();

 private:
  void draw();
  void write(std::string_view text) const;
  std::size_t columns() const;

  const std::string title_;
  const std::size_t items_;
  const int file_descriptor_;
  const bool terminal_;
  const bool colour_;
  const std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;  // guards what follows, and the order of what is written
  std::size_t done_ = 0;
  std::string last_;
};

}  // namespace photos
