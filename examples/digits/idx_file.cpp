// SPDX-License-Identifier: Apache-2.0
#include "idx_file.hpp"

#include "network.hpp"

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <zlib.h>

namespace digits {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 28;

[[noreturn]] void fail(const std::filesystem::path& file, const char* why) {
  throw std::runtime_error(file.string() + ": " + why);
}

struct close_file {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

// Big-endian numbers: a magic one with the type and the dimensions, then each extent; then bytes.
std::vector<std::uint8_t> read_idx(const std::filesystem::path& name,
                                   std::initializer_list<std::size_t> inner) {
  const std::unique_ptr<gzFile_s, close_file> file(gzopen(name.c_str(), "rb"));
  if (file == nullptr) fail(name, "it cannot be opened");
  const auto read_number = [&] {
    std::array<std::uint8_t, 4> bytes{};
    if (gzread(file.get(), bytes.data(), 4) != 4) fail(name, "it ends too early");
    std::size_t number = 0;
    for (const std::uint8_t each : bytes) number = number << 8 | each;
    return number;
  };
  constexpr std::size_t of_bytes = 0x0800;
  if (read_number() != of_bytes + 1 + inner.size()) fail(name, "it is no IDX file of this kind");
  std::size_t size = read_number();
  for (const std::size_t extent : inner)
    if (read_number() != extent) fail(name, "its images have another size");
  for (const std::size_t extent : inner) size *= extent;
  if (size == 0 || size > most_bytes) fail(name, "it says that it has more or less than can be");
  std::vector<std::uint8_t> bytes(size);
  if (gzread(file.get(), bytes.data(), static_cast<unsigned>(size)) != static_cast<int>(size))
    fail(name, "it ends too early");
  return bytes;
}

}  // namespace

data_set read_data(const std::filesystem::path& images, const std::filesystem::path& labels) {
  data_set found{read_idx(images, {side, side}), read_idx(labels, {})};
  if (found.images.size() != found.labels.size() * pixels)
    fail(labels, "not a label for each image");
  for (const std::uint8_t each : found.labels)
    if (each >= classes) fail(labels, "a label is from 0 to 9");
  return found;
}

}  // namespace digits
