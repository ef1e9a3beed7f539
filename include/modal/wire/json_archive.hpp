// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/archive_facade.hpp>
#include <modal/wire/containers.hpp>
#include <modal/wire/fields.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/json_value.hpp>
#include <modal/wire/make_schema.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

/// @file
/// Values as JSON, from the same `serialize` functions as the binary payload.
///
///     C++                              JSON
///     bool, integers, floating point   true or false, numbers
///     text                             string
///     bytes (ranges of std::byte or std::uint8_t)   base64 string
///     vector, array, set, span         array
///     tensor                           {"shape": [2, 3], "data": array, or string where bytes}
///     map with string keys             object; other maps and multimaps: array of [key, value]
///     optional, unique_ptr             null or the value; as a member also absent
///     variant                          {"index": i, "value": v}
///     pair, tuple                      array
///     plain aggregate                  object; read from an array of the fields too
///     struct with MODAL_FIELDS         the same
///     struct with a cereal function    object, if it names fields (an unnamed field n is
///                                      "value<n>"); else array
///     bitset                           string of 0 and 1, as std::bitset writes it
///     enumeration                      string where MODAL_ENUM names it, else number
///     duration, time_point             number of ticks (since the Unix epoch)

namespace modal {
namespace detail {

template <class T>
const std::vector<std::string>& member_names() {
  static const std::vector<std::string> names = modal::member_names(make_schema<T>());
  return names;
}

template <class T>
bool is_json_object() {
  if constexpr (is_function(field_source_of<T>))
    return !member_names<T>().empty();
  else
    return !std::is_empty_v<T>;
}

/// Quotes a name of the peer's for a message, of which it must not make more than a line.
inline std::string quoted(std::string_view name) {
  constexpr std::size_t longest = 64;
  std::string text = "\"";
  if (name.size() <= longest) return text.append(name).append("\"");
  std::size_t end = longest;  // not inside of a character
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0U) == 0x80U) --end;
  return text.append(name.substr(0, end)).append("…\"");
}

template <class T>
inline constexpr bool is_byte = std::is_same_v<T, std::byte> || std::is_same_v<T, std::uint8_t>;

template <class T>
concept blob_range = flat_range<T> && is_byte<std::remove_const_t<typename T::value_type>>;

template <class T>
inline constexpr bool has_text_key = false;
template <map_like T>
inline constexpr bool has_text_key<T> =
    std::is_same_v<typename T::key_type, std::string>&& has_unique_keys<T>;

/// What may be absent where it is a member.
template <class T>
inline constexpr bool is_absentable =
    category_of<T> == category::optional || category_of<T> == category::pointer;

}  // namespace detail

/// A cereal output archive that writes JSON. **Errors**: as `json_writer`. One thread at a time.
class json_output_archive
    : public detail::archive_facade<json_output_archive, cereal::detail::OutputArchiveBase>,
      public cereal::traits::TextArchive {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit json_output_archive(json_writer& out) noexcept : out_(out) {}

  template <class T>
  void value(const T& each) {
    begin_field();
    write(each);
  }

  void name(const char* text) { name_ = text; }
  void field_name(std::string_view text) { name_ = text; }
  void count(std::uint64_t size) { value(size); }
  void raw(const void* data, std::size_t size) {
    begin_field();
    out_.blob({static_cast<const std::byte*>(data), size});
  }

 private:
  template <class T>
  void write(const T& each) {
    using detail::category;
    constexpr category what = detail::category_of<T>;
    if constexpr (what == category::boolean) {
      out_.boolean(each);
    } else if constexpr (what == category::integer) {
      if constexpr (std::is_signed_v<T>)
        out_.integer(each);
      else
        out_.natural(each);
    } else if constexpr (what == category::byte) {
      out_.natural(std::to_integer<std::uint64_t>(each));
    } else if constexpr (what == category::floating) {
      out_.number(each);
    } else if constexpr (what == category::enumeration) {
      enumeration(each);
    } else if constexpr (what == category::text) {
      out_.text(each);
    } else if constexpr (what == category::elsewhere) {
      write(each.host_elements());
    } else if constexpr (what == category::tensor) {
      object([&] {
        out_.key("shape");
        write(each.shape());
        out_.key("data");
        if (each.is_dense())
          write(each.host_elements());
        else
          write(detail::pack_tensor(each));
      });
    } else if constexpr (detail::blob_range<T>) {
      blob(each);
    } else if constexpr (what == category::map) {
      map(each);
    } else if constexpr (what == category::sequence || what == category::set ||
                         what == category::span || what == category::array) {
      array([&] {
        for (const auto& element : each) write(element);
      });
    } else if constexpr (what == category::adaptor) {
      write(detail::opened_adaptor<T>::container(each));
    } else if constexpr (what == category::bits) {
      out_.text(each.to_string());
    } else if constexpr (what == category::atomic) {
      write(each.load());
    } else if constexpr (what == category::optional || what == category::pointer) {
      if (each)
        write(*each);
      else
        out_.null();
    } else if constexpr (what == category::variant) {
      object([&] {
        out_.key("index");
        out_.natural(each.index());
        out_.key("value");
        std::visit([&](const auto& held) { write(held); }, each);
      });
    } else if constexpr (what == category::tuple) {
      array([&] { std::apply([&](const auto&... part) { (write(part), ...); }, each); });
    } else if constexpr (what == category::monostate) {
      array([] {});
    } else if constexpr (what == category::complex) {
      array([&] {
        write(each.real());
        write(each.imag());
      });
    } else if constexpr (what == category::period) {
      write(each.count());
    } else if constexpr (what == category::instant) {
      write(each.time_since_epoch().count());
    } else if (detail::is_json_object<T>()) {
      object([&] {
        in_object_ = true;
        detail::visit_fields(*this, each);
      });
    } else {
      array([&] { detail::visit_fields(*this, each); });
    }
  }

  template <class T>
  void blob(const T& each) {
    if constexpr (detail::bulk_range<T>) {
      out_.blob(std::as_bytes(std::span(each.data(), each.size())));
    } else {
      const std::vector<typename T::value_type> copy(std::begin(each), std::end(each));
      out_.blob(std::as_bytes(std::span(copy)));
    }
  }

  // Inside an object every field needs its key first.
  void begin_field() {
    if (in_object_) {
      if (name_.empty())
        out_.key("value" + std::to_string(field_));
      else
        out_.key(name_);
      ++field_;
    }
    name_ = {};
  }

  template <class Visit>
  void level(Visit&& visit) {
    const bool outer = std::exchange(in_object_, false);
    const std::size_t outer_field = std::exchange(field_, 0);
    visit();
    in_object_ = outer;
    field_ = outer_field;
  }

  template <class Visit>
  void array(Visit&& visit) {
    out_.begin_array();
    level(visit);
    out_.end_array();
  }

  template <class Visit>
  void object(Visit&& visit) {
    out_.begin_object();
    level(visit);
    out_.end_object();
  }

  template <class E>
  void enumeration(E each) {
    if constexpr (enumerators<E>::declared) {
      for (const auto& [value, label] : enumerators<E>::list)
        if (value == each) return out_.text(label);
    }
    if constexpr (std::is_signed_v<std::underlying_type_t<E>>)
      out_.integer(static_cast<std::int64_t>(each));
    else
      out_.natural(static_cast<std::uint64_t>(each));
  }

  template <class T>
  void map(const T& each) {
    if constexpr (detail::has_text_key<T>) {
      object([&] {
        for (const auto& [key, mapped] : each) {
          out_.key(key);
          write(mapped);
        }
      });
    } else {
      array([&] {
        for (const auto& [key, mapped] : each)
          array([&, &key = key, &mapped = mapped] {
            write(key);
            write(mapped);
          });
      });
    }
  }

  json_writer& out_;
  std::string_view name_;
  std::size_t field_ = 0;
  bool in_object_ = false;
};

/// Owns what views decoded from JSON refer to.
class json_arena {
 public:
  template <class T>
  T& make() {
    auto owner = std::make_shared<T>();
    auto& made = *owner;
    owners_.push_back(std::move(owner));
    return made;
  }

 private:
  std::vector<std::shared_ptr<void>> owners_;
};

/// A cereal input archive that reads JSON, with the bounds of `decode_limits`. Spans and string
/// views refer to the arena and to the document. **Errors**: as `json_view`; a member that the type
/// does not have is an error, as it is most often a misspelt one. One thread at a time.
class json_input_archive
    : public detail::archive_facade<json_input_archive, cereal::detail::InputArchiveBase>,
      public cereal::traits::TextArchive {
 public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  json_input_archive(json_view from, json_arena& arena) noexcept : from_(from), arena_(arena) {}

  template <class T>
  void value(T& each) {
    if constexpr (detail::is_absentable<T>) {
      if (from_.is_object()) return absentable(each);
    }
    read(next(), each);
  }

  void name(const char* text) { name_ = text; }
  void field_name(std::string_view text) { name_ = text; }
  template <class Size>
  void count(Size& size) {
    std::uint64_t number = 0;
    value(number);
    size = static_cast<Size>(number);
  }
  void raw(void* data, std::size_t size) {
    const auto from = next();
    const auto bytes = from.to_blob();
    if (bytes.size() != size) from.fail("expected " + std::to_string(size) + " bytes");
    std::memcpy(data, bytes.data(), size);
  }

 private:
  // The view that holds the next field: a member by name, or the next element.
  json_view next() {
    if (from_.is_object()) return from_.member(next_name());
    name_ = {};
    return from_.element(field_++);
  }

  // Valid until the next call.
  std::string_view next_name() {
    const auto name = std::exchange(name_, {});
    const std::size_t field = field_++;
    if (!name.empty()) return name;
    number_name_ = "value" + std::to_string(field);
    return number_name_;
  }

  template <class T>
  void absentable(T& each) {
    if (const auto found = from_.find_member(next_name())) return read(*found, each);
    each.reset();
    ++absent_;
  }

  template <class T>
  void read(const json_view& from, T& each) {
    using detail::category;
    from.budget().step();
    constexpr category what = detail::category_of<T>;
    if constexpr (what == category::boolean) {
      each = from.to_boolean();
    } else if constexpr (what == category::integer) {
      using range = std::numeric_limits<T>;
      if constexpr (std::is_signed_v<T>)
        each = static_cast<T>(from.to_integer(range::min(), range::max()));
      else
        each = static_cast<T>(from.to_natural(range::max()));
    } else if constexpr (what == category::byte) {
      each = static_cast<std::byte>(from.to_natural(255));
    } else if constexpr (what == category::floating) {
      const double number = from.to_number();
      if constexpr (std::is_same_v<T, float>) {
        each = to_float(from, number);
      } else {
        each = number;
      }
    } else if constexpr (what == category::enumeration) {
      enumeration(from, each);
    } else if constexpr (what == category::text) {
      if constexpr (std::is_same_v<T, std::string>) from.budget().allocate(from.to_text().size());
      each = T(from.to_text());
    } else if constexpr (what == category::span) {
      span(from, each);
    } else if constexpr (what == category::elsewhere) {
      std::span<const typename T::value_type> elements;
      span(from, elements);
      each.refer_to_host(elements);
    } else if constexpr (what == category::tensor) {
      typename T::shape_type shape{};
      std::span<const typename T::value_type> elements;
      read(from.member("shape"), shape);
      for (const std::size_t extent : shape) from.budget().elements(extent);
      span(from.member("data"), elements);
      if (from.size() != 2) from.fail("expected only \"shape\" and \"data\"");
      if (!detail::fills(shape, elements.size()))
        from.fail("the tensor does not have as many elements as its shape says");
      each.refer_to_host(elements, shape);
    } else if constexpr (detail::blob_range<T>) {
      const auto bytes = from.to_blob();
      using element = typename T::value_type;
      detail::assign(each, std::span(reinterpret_cast<const element*>(bytes.data()), bytes.size()));
    } else if constexpr (what == category::sequence) {
      std::size_t index = 0;
      detail::fill(each, container_size(from, sizeof(typename T::value_type)),
                   [&](auto& element) { read(from.element(index++), element); });
    } else if constexpr (what == category::adaptor) {
      typename T::container_type elements;
      read(from, elements);
      each = detail::adapt<T>(std::move(elements));
    } else if constexpr (what == category::bits) {
      bits(from, each);
    } else if constexpr (what == category::atomic) {
      auto held = detail::make_default<typename T::value_type>();
      read(from, held);
      each.store(std::move(held));
    } else if constexpr (what == category::set) {
      detail::collector<T> collected(each);
      const std::size_t size = container_size(from, node_size<T>);
      for (std::size_t i = 0; i < size; ++i) {
        auto key = detail::make_default<typename T::key_type>();
        read(from.element(i), key);
        check_key(from, collected.add(std::move(key)), "the set has an element twice");
      }
      collected.finish();
    } else if constexpr (what == category::map) {
      map(from, each);
    } else if constexpr (what == category::array) {
      from.expect_array(std::size(each));
      for (std::size_t i = 0; i < std::size(each); ++i) read(from.element(i), each[i]);
    } else if constexpr (what == category::optional) {
      each.reset();
      if (!from.is_null()) read(from, detail::emplace_default(each));
    } else if constexpr (what == category::pointer) {
      each.reset();
      if (from.is_null()) return;
      from.budget().allocate(sizeof(typename T::element_type));
      each.reset(cereal::access::construct<typename T::element_type>());
      read(from, *each);
    } else if constexpr (what == category::variant) {
      variant(from, each, std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (what == category::tuple) {
      from.expect_array(std::tuple_size_v<T>);
      std::size_t index = 0;
      std::apply([&](auto&... part) { (read(from.element(index++), part), ...); }, each);
    } else if constexpr (what == category::monostate) {
      from.expect_array(0);
    } else if constexpr (what == category::complex) {
      typename T::value_type parts[2];
      from.expect_array(2);
      read(from.element(0), parts[0]);
      read(from.element(1), parts[1]);
      each = T(parts[0], parts[1]);
    } else if constexpr (what == category::period) {
      typename T::rep ticks{};
      read(from, ticks);
      each = T(ticks);
    } else if constexpr (what == category::instant) {
      typename T::rep ticks{};
      read(from, ticks);
      each = T(typename T::duration(ticks));
    } else {
      structure(from, each);
    }
  }

  // The shortest text of the largest float is a double a little above it, and rounds to it.
  // Infinity and NaN are values of float; other doubles beyond its range are not.
  static float to_float(const json_view& from, double number) {
    constexpr double most = std::numeric_limits<float>::max();
    constexpr double rounds_to_infinity = 0x1.ffffffp+127;
    const double size = std::abs(number);
    if (size <= most || !(size <= std::numeric_limits<double>::max()))
      return static_cast<float>(number);
    if (size >= rounds_to_infinity) from.fail("the number is out of range");
    return std::copysign(std::numeric_limits<float>::max(),
                         static_cast<float>(number < 0 ? -1 : 1));
  }

  // What an element of a tree or hash table takes, with about what its node costs beside it.
  template <class T>
  static constexpr std::size_t node_size = sizeof(typename T::value_type) + 48;

  // The elements of a container that is read from an array, and paid for.
  static std::size_t container_size(const json_view& from, std::size_t element_size) {
    if (!from.is_array()) from.fail("expected an array");
    const std::size_t size = from.size();
    from.budget().container(size, element_size);
    return size;
  }

  template <class T>
  void structure(const json_view& from, T& each) {
    // The fields of a plain or listed structure have an order that its user sees: an array has it
    // too.
    constexpr bool by_function = detail::is_function(detail::field_source_of<T>);
    if (by_function && detail::is_json_object<T>() != from.is_object())
      from.fail(from.is_object() ? "expected an array of fields" : "expected an object");
    json_input_archive inner(from, arena_);
    detail::visit_fields(inner, each);
    if (inner.field_ - inner.absent_ == from.size()) return;
    if (from.is_object()) fail_unknown(from, detail::member_names<T>());
    from.fail("there are members or elements that the type lacks");
  }

  [[noreturn]] static void fail_unknown(const json_view& from,
                                        const std::vector<std::string>& known) {
    from.each_member([&](std::string_view name, const json_view&) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        from.fail("there is no member " + detail::quoted(name) + ", only " + listed(known));
    });
    from.fail("there are members that the type lacks");
  }

  template <class Names>
  static std::string listed(const Names& names) {
    std::string text;
    for (const auto& name : names)
      text += (text.empty() ? "\"" : ", \"") + std::string(name) + "\"";
    return text.empty() ? "none" : text;
  }

  template <class E>
  void enumeration(const json_view& from, E& each) {
    using number = std::underlying_type_t<E>;
    if constexpr (enumerators<E>::declared) {
      if (from.is_text()) {
        for (const auto& [value, label] : enumerators<E>::list) {
          if (label != from.to_text()) continue;
          each = value;
          return;
        }
        from.fail(detail::quoted(from.to_text()) + " is not one of " + enumerator_names<E>());
      }
    }
    number value{};
    read(from, value);
    if constexpr (enumerators<E>::declared) {
      if (!enumerators<E>::contains(static_cast<E>(value)))
        from.fail(std::to_string(value) + " is not the number of one of " + enumerator_names<E>());
    }
    each = static_cast<E>(value);
  }

  template <class E>
  static std::string enumerator_names() {
    std::vector<std::string_view> names;
    for (const auto& [value, label] : enumerators<E>::list) names.emplace_back(label);
    return listed(names);
  }

  template <class T, std::size_t N>
  void span(const json_view& from, std::span<T, N>& each) {
    auto& owner = arena_.template make<std::vector<std::remove_const_t<T>>>();
    read(from, owner);
    if constexpr (N == std::dynamic_extent) {
      each = owner;
    } else {
      if (owner.size() != N) from.fail("expected an array of " + std::to_string(N));
      each = std::span<T, N>(owner.data(), N);
    }
  }

  template <class T>
  void map(const json_view& from, T& each) {
    detail::collector<T> collected(each);
    const auto insert = [&](typename T::key_type&& key, const json_view& mapped_from) {
      auto mapped = detail::make_default<typename T::mapped_type>();
      read(mapped_from, mapped);
      check_key(from, collected.add(std::move(key), std::move(mapped)), "the map has a key twice");
    };
    if constexpr (detail::has_text_key<T>) {
      if (!from.is_object()) from.fail("expected an object");
      from.budget().container(from.size(), node_size<T>);
      from.each_member([&](std::string_view key, const json_view& mapped) {
        from.budget().allocate(key.size());
        insert(std::string(key), mapped);
      });
    } else {
      const std::size_t size = container_size(from, node_size<T>);
      for (std::size_t i = 0; i < size; ++i) {
        const auto pair = from.element(i);
        pair.expect_array(2);
        auto key = detail::make_default<typename T::key_type>();
        read(pair.element(0), key);
        insert(std::move(key), pair.element(1));
      }
    }
    collected.finish();
  }

  static void check_key(const json_view& from, detail::key_state state, const char* if_twice) {
    if (state == detail::key_state::twice) from.fail(if_twice);
    if (state == detail::key_state::flooding) from.fail("too many keys of one hash value");
  }

  template <std::size_t N>
  static void bits(const json_view& from, std::bitset<N>& each) {
    const auto text = from.to_text();
    if (text.size() != N || text.find_first_not_of("01") != std::string_view::npos)
      from.fail("expected " + std::to_string(N) + " letters 0 or 1");
    each = std::bitset<N>(std::string(text));
  }

  template <class T, std::size_t... I>
  void variant(const json_view& from, T& each, std::index_sequence<I...>) {
    const auto index = from.member("index").to_natural(sizeof...(I) - 1);
    const auto held = from.member("value");
    if (from.size() != 2) from.fail("expected only \"index\" and \"value\"");
    ((index == I ? read(held, each.template emplace<I>()) : void()), ...);
  }

  json_view from_;
  json_arena& arena_;
  std::string_view name_;
  std::size_t field_ = 0;
  std::size_t absent_ = 0;
  std::string number_name_;
};

}  // namespace modal
