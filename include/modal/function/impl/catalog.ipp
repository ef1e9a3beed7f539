// SPDX-License-Identifier: Apache-2.0
#include <modal/function/catalog.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace modal {
namespace {

// What the macro fills before main; only read afterwards.
std::vector<function_descriptor>& registered_descriptors() {
  static std::vector<function_descriptor> list;
  return list;
}

constexpr std::size_t longest_name = 512;

bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_:.<>,-()&* ").find(c) != std::string_view::npos;
}

bool is_function_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= longest_name &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

std::string place_of(const function_descriptor& entry) {
  if (entry.line == 0) return "executor.add";
  return std::string(entry.file) + ":" + std::to_string(entry.line);
}

bool are_default(function_options options) noexcept {
  const function_options none;
  // Empty texts of other files are others.
  if (*options.description == '\0') options.description = none.description;
  if (*options.gpu_capability == '\0') options.gpu_capability = none.gpu_capability;
  if (*options.gpu_model == '\0') options.gpu_model = none.gpu_model;
  return options == none;
}

std::string_view last_part(std::string_view name) noexcept {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// Levenshtein's distance, by rows.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

result<void> catalog::add(function_descriptor entry) {
  if (!is_function_name(entry.name))
    return error(errc::bad_configuration, "\"" + entry.name + "\" is not a name for a function");
  if (entry.signature == nullptr || entry.prepare == nullptr)
    return error(errc::bad_configuration, entry.name + " has no body");
  if (!detail::options_are_valid(entry.options, entry.signature().parameters.size()))
    return error(errc::bad_configuration, entry.name + " has an option out of its range");
  if (entry.options.run == run_on::io && entry.device != device_use::none)
    return error(errc::bad_configuration,
                 entry.name + " uses a device, and cannot run on an I/O thread");
  const auto [place, added] = entries_.try_emplace(entry.name, entry);
  if (added) return {};
  if (place->second.prepare != entry.prepare || (place->second.line != 0 && entry.line != 0))
    return error(
        errc::duplicate_function,
        entry.name + " is registered at " + place_of(place->second) + " and at " + place_of(entry));
  if (!are_default(entry.options)) place->second.options = entry.options;
  // Only one of the two registrations may know which compiler made it, or what it asks for.
  place->second.device = std::max(place->second.device, entry.device);
  return {};
}

const function_descriptor* catalog::find(std::string_view name) const noexcept {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

std::string_view catalog::nearest(std::string_view name) const {
  // The name comes from the network, and there may be many functions: the work is bounded, and what
  // is beyond is not found.
  constexpr std::size_t most_work = 1'000'000;  // comparisons of letters
  std::size_t work = 0;
  if (name.size() > longest_name) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& [known, entry] : entries_) {
    const bool is_elsewhere = last_part(known) == last_part(name);
    const auto longer = std::max(known.size(), name.size());
    if (!is_elsewhere) {
      if (longer - std::min(known.size(), name.size()) >= best_distance) continue;
      if ((work += known.size() * name.size()) > most_work) continue;
    }
    const std::size_t distance = is_elsewhere ? 1 : edit_distance(known, name);
    if (distance >= best_distance) continue;
    best = known;
    best_distance = distance;
  }
  return best;
}

result<catalog> registered_functions() {
  catalog all;
  for (const auto& entry : registered_descriptors())
    if (auto added = all.add(entry); !added) return added.error();
  return all;
}

void detail::register_descriptor(function_descriptor entry) {
  registered_descriptors().push_back(std::move(entry));
}

}  // namespace modal
