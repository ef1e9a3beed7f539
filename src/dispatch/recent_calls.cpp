// SPDX-License-Identifier: Apache-2.0
#include "dispatch/recent_calls.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <random>

namespace modal::detail {
namespace {

std::array<std::uint64_t, 2> make_seed() {
  std::random_device source;
  const auto word = [&] { return std::uint64_t{source()} << 32 | source(); };
  return {word(), word()};
}

// Callers choose their ids: without a secret they could have them all meet in one place.
std::uint64_t mix(const call_id& id, const std::array<std::uint64_t, 2>& seed) noexcept {
  std::array<std::uint64_t, 2> words;
  std::memcpy(words.data(), id.bytes.data(), sizeof words);
  // Two rounds of wyhash (Wang Yi, public domain): the halves of a 128-bit product, folded.
  __extension__ using wide = unsigned __int128;
  const auto fold = [](std::uint64_t a, std::uint64_t b) {
    const wide product = wide{a} * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  return fold(fold(words[0] ^ seed[0], words[1] ^ seed[1]) ^ seed[0], 0x9e3779b97f4a7c15);
}

const std::array<std::uint64_t, 2>& process_seed() {
  static const auto seed = make_seed();
  return seed;
}

}  // namespace

payload share_result(const std::shared_ptr<const call_outcome>& of) {
  payload shared;
  const bytes_view envelope = of->result.envelope();
  if (!envelope.empty())
    std::memcpy(shared.extend(envelope.size()), envelope.data(), envelope.size());
  for (const bytes_view segment : of->result.segments()) shared.add_segment(segment);
  shared.keep(of);
  return shared;
}

recent_ids::recent_ids(std::size_t count, duration window)
    : buckets_((count + bucket().size() - 1) / bucket().size()),
      window_(window),
      seed_(make_seed()),
      tag_seed_(make_seed()) {}

recent_ids::place recent_ids::place_of(const call_id& id) const noexcept {
  return {static_cast<std::size_t>(mix(id, seed_) % buckets_.size()), mix(id, tag_seed_)};
}

void recent_ids::note(const call_id& id, time_point now) noexcept {
  if (buckets_.empty()) return;
  const place where = place_of(id);
  bucket& those = buckets_[where.bucket];
  const auto older = [](const slot& a, const slot& b) { return a.at < b.at; };
  *std::min_element(those.begin(), those.end(), older) = {where.tag, now};
}

void recent_ids::forget(const call_id& id) noexcept {
  if (buckets_.empty()) return;
  const place where = place_of(id);
  for (slot& each : buckets_[where.bucket])
    if (each.tag == where.tag) each = {};
}

bool recent_ids::contains(const call_id& id, time_point now) const noexcept {
  if (buckets_.empty() || id.is_nil()) return false;
  const place where = place_of(id);
  const bucket& those = buckets_[where.bucket];
  return std::any_of(those.begin(), those.end(), [&](const slot& each) {
    return each.tag == where.tag && each.at != time_point::min() &&
           now < saturating_add(each.at, window_);
  });
}

std::size_t repeatable_calls::hash::operator()(const call_id& id) const noexcept {
  return static_cast<std::size_t>(mix(id, process_seed()));
}

const repeatable_calls::entry* repeatable_calls::find(const call_id& id, time_point now) {
  drop_late(now);
  const auto found = entries_.find(id);
  return found != entries_.end() ? &found->second : nullptr;
}

void repeatable_calls::begin(const call_id& id, call& which) {
  entries_.try_emplace(id).first->second.under_way = &which;
}

void repeatable_calls::end(const call_id& id, const call& which,
                           std::shared_ptr<const call_outcome> outcome, std::size_t bytes,
                           time_point now) noexcept {
  drop_late(now);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.under_way != &which) return;
  if (outcome == nullptr || bytes > most_bytes_) {
    entries_.erase(found);
    return;
  }
  try {
    kept_.push_back({id, std::move(outcome), bytes, saturating_add(now, window_)});
  } catch (...) {  // no memory for that: whoever asks again runs it again
    entries_.erase(found);
    return;
  }
  found->second = {nullptr, std::prev(kept_.end())};
  bytes_ += bytes;
  while (bytes_ > most_bytes_) drop_oldest();
}

void repeatable_calls::drop_oldest() noexcept {
  const kept& oldest = kept_.front();
  bytes_ -= oldest.bytes;
  entries_.erase(oldest.id);
  dropped_.splice(dropped_.end(), kept_, kept_.begin());
}

void repeatable_calls::drop_all() noexcept {
  while (!kept_.empty()) drop_oldest();
}

void repeatable_calls::drop_late(time_point now) noexcept {
  while (!kept_.empty() && kept_.front().until <= now) drop_oldest();
}

}  // namespace modal::detail
