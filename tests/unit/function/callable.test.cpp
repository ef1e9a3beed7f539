// SPDX-License-Identifier: Apache-2.0
#include <modal/function/callable.hpp>

#include "support/catch.hpp"

using namespace modal::detail;

namespace called {

int add(int a, int b) noexcept { return a + b; }
std::string_view name(const std::string& text, std::span<const float>) { return text; }
void nothing() {}
inline constexpr auto square = [](int x) { return x * x; };
struct scaler {
  float factor;
  float operator()(float x) const noexcept { return factor * x; }
};
struct counter {
  int count;
  int operator()() { return ++count; }
};

template <auto& F>
using traits = target_traits<function_target<F>>;

}  // namespace called

TEST_CASE("callable: finds result and parameters of functions", "[function][callable]") {
  using traits = called::traits<called::add>;
  CHECK(traits::arity == 2);
  CHECK(std::is_same_v<traits::result, int>);
  CHECK(std::is_same_v<traits::held, std::tuple<int, int>>);
  CHECK(called::traits<called::nothing>::arity == 0);
  CHECK(std::is_void_v<called::traits<called::nothing>::result>);
}

TEST_CASE("callable: finds result and parameters of lambdas", "[function][callable]") {
  using traits = called::traits<called::square>;
  CHECK(std::is_same_v<traits::held, std::tuple<int>>);
  traits::held arguments{7};
  CHECK(traits::apply(arguments) == 49);
}

TEST_CASE("callable: a function object's state is its first parameter", "[function][callable]") {
  using traits = target_traits<object_target<called::scaler>>;
  CHECK(std::is_same_v<traits::held, std::tuple<called::scaler, float>>);
  traits::held arguments{{2.5f}, 4.f};
  CHECK(traits::apply(arguments) == 10.f);
}

TEST_CASE("callable: a function object may change its copy of the state", "[function][callable]") {
  using traits = target_traits<object_target<called::counter>>;
  traits::held arguments{{41}};
  CHECK(traits::apply(arguments) == 42);
}

TEST_CASE("callable: parameters are held as values, views as views", "[function][callable]") {
  using traits = called::traits<called::name>;
  CHECK(std::is_same_v<traits::held, std::tuple<std::string, std::span<const float>>>);
}

TEST_CASE("callable: the caller gets an owner for a view", "[function][callable]") {
  CHECK(std::is_same_v<called::traits<called::name>::result, std::string>);
  CHECK(std::is_same_v<modal::caller_type_t<std::span<const float>>, std::vector<float>>);
  CHECK(std::is_same_v<modal::caller_type_t<const int&>, int>);
}

TEST_CASE("callable: values are moved in, references are lent", "[function][callable]") {
  CHECK(std::is_same_v<decltype(parameter<std::string>::pass(std::declval<std::string&>())),
                       std::string&&>);
  CHECK(std::is_same_v<decltype(parameter<const std::string&>::pass(std::declval<std::string&>())),
                       const std::string&>);
}

TEST_CASE("callable: the signature is built once", "[function][callable]") {
  using traits = called::traits<called::name>;
  CHECK(traits::signature().text == "(str, [f32]) -> str");
  CHECK(&traits::signature() == &traits::signature());
}

TEST_CASE("callable: a target has the name that the compiler gives it", "[function][callable]") {
  CHECK(portable_name<function_target<called::add>>() == "called::add");
  CHECK(portable_name<object_target<called::scaler>>() == "called::scaler");
}
