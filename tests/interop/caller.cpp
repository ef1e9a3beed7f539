// SPDX-License-Identifier: Apache-2.0
// Calls every function at MODAL_URL and prints name, signature and whether the result is right. It
// has no definition of them, and its own expectations.
#include <modal/modal.hpp>
#include <modal/wire/field_names.hpp>

#include "functions.hpp"

#include <iostream>
#include <limits>
#include <numeric>

namespace {

bool all_right = true;

template <auto& F, class... A>
auto call(const A&... arguments) {
  const auto& signature = modal::remote<F>.signature();
  std::cout << modal::remote<F>.name() << ' ' << signature.id.to_string() << ' ' << signature.text
            << '\n';
  return modal::remote<F>.try_call(arguments...);
}

template <class T>
void expect(const modal::result<T>& result, const auto& is_right) {
  if (!result) {
    std::cout << "failed: " << result.error().message() << '\n';
    all_right = false;
  } else if (!is_right(result.value())) {
    std::cout << "a wrong result\n";
    all_right = false;
  }
}

bool same(const interop::point& a, const interop::point& b) { return a.x == b.x && a.y == b.y; }

// Compilers spell them differently: the two callers must print the same.
template <class T>
void print_field_names() {
  for (const auto name : modal::detail::field_names<T>) std::cout << name << ' ';
  std::cout << '\n';
}

void call_all() {
  using namespace interop;
  using namespace std::chrono_literals;

  expect(call<add>(std::numeric_limits<int>::max(), -1),
         [](int sum) { return sum == std::numeric_limits<int>::max() - 1; });

  std::vector<float> many(100'000);
  std::iota(many.begin(), many.end(), 0.F);
  expect(call<scale>(many, 0.5F), [&](const std::vector<float>& out) {
    return out.size() == many.size() && out[99'999] == 49'999.5F && out[1] == 0.5F;
  });

  expect(call<shout>("quiet"), [](const std::string& text) { return text == "QUIET"; });
  expect(call<next_colour>(colour::green, mode::fast),
         [](colour now) { return now == colour::blue; });

  const record sent{.name = "sent",
                    .paint = colour::blue,
                    .how = mode::exact,
                    .outline = {{1, 2}, {3, 4}},
                    .tables = {{"a", {1.F}}},
                    .limit = -5,
                    .tag = point{5, 6},
                    .age = 7ms};
  expect(call<annotate>(sent, std::map<std::string, std::int64_t>{{"a", 2}, {"b", 3}}),
         [](const record& back) {
           return back.name == "sent annotated" && back.paint == colour::blue &&
                  back.how == mode::exact && back.outline.size() == 2 &&
                  same(back.outline[1], {3, 4}) &&
                  back.tables == decltype(back.tables){{"a", {1.F, 2.F}}, {"b", {3.F}}} &&
                  back.limit == -5 && same(std::get<point>(back.tag), {5, 6}) && back.age == 7ms;
         });

  expect(call<mirror>(std::vector<point>{{1, 2}, {3, 4}}), [](const std::vector<point>& out) {
    return out.size() == 2 && same(out[0], {-1, 2}) && same(out[1], {-3, 4});
  });
  expect(call<measure>(range{1, 2}, extent{3, 4}), [](const std::pair<range, extent>& out) {
    return out.first.begin == 1 && out.first.end == 3 && out.second.width == 4 &&
           out.second.height == 3;
  });
  expect(call<collect>(std::vector<std::string>{"b", "a", "b"}), [](const auto& out) {
    return std::get<0>(out) == std::set<std::string>{"a", "b"} && std::get<1>(out).at(2) == "b" &&
           std::get<2>(out)[3] == 255;
  });
  expect(call<double_it>(21us), [](std::chrono::nanoseconds out) { return out == 42us; });

  if (const auto done = call<nothing>(std::monostate{}); !done) {
    std::cout << "failed: " << done.error().message() << '\n';
    all_right = false;
  }
}

}  // namespace

int main() {
  print_field_names<interop::point>();
  print_field_names<interop::record>();
  call_all();
  return all_right ? 0 : 1;
}
