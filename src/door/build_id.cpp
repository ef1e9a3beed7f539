// SPDX-License-Identifier: Apache-2.0
#include "door/routes.hpp"

#include <cstring>
#include <elf.h>
#include <link.h>

namespace modal::detail {
namespace {

void append_hex(std::string& out, const unsigned char* bytes, std::size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < size; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
}

// Looks through the notes of one segment: a head, a name and a description, each padded to 4 bytes.
void find_in_notes(const unsigned char* at, std::size_t left, std::string& out) {
  while (left >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, at, sizeof head);
    const std::size_t name_size = (head.n_namesz + 3U) & ~std::size_t{3};
    const std::size_t text_size = (head.n_descsz + 3U) & ~std::size_t{3};
    const std::size_t whole = sizeof head + name_size + text_size;
    if (whole > left) return;
    const unsigned char* name = at + sizeof head;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
      return append_hex(out, name + name_size, head.n_descsz);
    at += whole;
    left -= whole;
  }
}

// The first object is the program itself; the ones after it are shared libraries.
int visit_program(dl_phdr_info* object, std::size_t, void* out) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type == PT_NOTE)
      find_in_notes(reinterpret_cast<const unsigned char*>(object->dlpi_addr + part.p_vaddr),
                    part.p_memsz, *static_cast<std::string*>(out));
  }
  return 1;
}

}  // namespace

const std::string& build_id() {
  static const std::string id = [] {
    std::string found;
    dl_iterate_phdr(visit_program, &found);
    return found;
  }();
  return id;
}

std::string_view library_version() noexcept {
#ifdef MODAL_VERSION
  return MODAL_VERSION;
#else
  return "0.1.0";
#endif
}

}  // namespace modal::detail
