// SPDX-License-Identifier: Apache-2.0
#include "progress_bar.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace photos {
namespace {

constexpr std::string_view clear_line = "\r\x1B[K";
constexpr std::size_t narrowest_bar = 8;
constexpr std::size_t widest_bar = 40;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

bool is_terminal(int file_descriptor) {
  return ::isatty(file_descriptor) == 1 && environment("TERM") != "dumb";
}

std::string counted(std::size_t done, std::size_t items) {
  const std::string of = std::to_string(items);
  const std::string count = std::to_string(done);
  const std::size_t width = std::max(of.size(), count.size());
  return std::string(width - count.size(), ' ').append(count).append("/").append(of);
}

std::string seconds(std::chrono::milliseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time.count()) / 1000);
  return text;
}

std::string bar(const progress& state, std::size_t width, bool colour) {
  const std::size_t items = std::max(state.items, std::size_t{1});
  const std::size_t full = width * std::min(state.done, items) / items;
  const std::string done(full, '#');
  const std::string open(width - full, '.');
  if (!colour) return "[" + done + open + "]";
  return "[\x1B[32m" + done + "\x1B[90m" + open + "\x1B[0m]";
}

}  // namespace

std::string render_bar(const progress& state, std::size_t columns, bool colour) {
  const std::string before = std::string(state.title) + " ";
  std::string after(" ");
  after.append(counted(state.done, state.items)).append("  ").append(seconds(state.elapsed));
  const std::size_t fixed = before.size() + after.size() + 2;  // 2: the brackets
  if (columns < fixed + narrowest_bar) return (before + after.substr(1)).substr(0, columns);

  const std::size_t width = std::min(columns - fixed, widest_bar);
  const std::size_t left = columns - fixed - width;
  if (!state.last.empty() && state.last.size() + 2 <= left) after.append("  ").append(state.last);
  return before + bar(state, width, colour) + after;
}

progress_bar::progress_bar(std::string title, std::size_t items, int file_descriptor)
    : title_(std::move(title)),
      items_(items),
      file_descriptor_(file_descriptor),
      terminal_(is_terminal(file_descriptor)),
      colour_(terminal_ && environment("NO_COLOR").empty()),
      start_(std::chrono::steady_clock::now()) {
  refresh();
}

progress_bar::~progress_bar() {
  if (terminal_) write("\n");
}

void progress_bar::finish(std::string_view item) {
  const std::lock_guard lock(mutex_);
  ++done_;
  last_ = item;
  if (terminal_) {
    draw();
  } else {
    write(title_ + " " + counted(done_, items_) + "  " + last_ + "\n");
  }
}

void progress_bar::refresh() {
  if (!terminal_) return;
  const std::lock_guard lock(mutex_);
  draw();
}

void progress_bar::draw() {
  const auto elapsed = std::chrono::steady_clock::now() - start_;
  const progress state{.title = title_,
                       .done = done_,
                       .items = items_,
                       .elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed),
                       .last = last_};
  write(std::string(clear_line) + render_bar(state, columns(), colour_));
}

// Past stdio: the line appears at once, whole, and in order with what others write there.
void progress_bar::write(std::string_view text) const {
  while (!text.empty()) {
    const auto count = ::write(file_descriptor_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // nobody sees it; the work goes on
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

// Asked each time, so that the bar follows when the window changes its size. One column stays free:
// some terminals wrap when the last one is written.
std::size_t progress_bar::columns() const {
  winsize size{};
  if (::ioctl(file_descriptor_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 79;
  return static_cast<std::size_t>(size.ws_col) - 1;
}

}  // namespace photos
