// SPDX-License-Identifier: Apache-2.0
#include <modal/function.hpp>
#include <modal/function/catalog.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

using modal::errc;

namespace catalogued {

int add(int a, int b) { return a + b; }
int subtract(int a, int b) { return a - b; }

}  // namespace catalogued

MODAL_FUNCTION(catalogued::add)

namespace {

modal::function_descriptor named(std::string name, const char* file = "", int line = 0) {
  auto entry = modal::make_descriptor<catalogued::add>();
  entry.name = std::move(name);
  entry.file = file;
  entry.line = line;
  return entry;
}

modal::catalog with_names(std::initializer_list<const char*> names) {
  modal::catalog made;
  for (const auto* name : names) made.add(named(name)).value();
  return made;
}

}  // namespace

TEST_CASE("catalog: finds what was added", "[function][catalog]") {
  const auto all = with_names({"a::f", "a::g"});
  CHECK(all.size() == 2);
  REQUIRE(all.find("a::f") != nullptr);
  CHECK(all.find("a::f")->name == "a::f");
  CHECK(all.find("a::h") == nullptr);
  CHECK(all.find("") == nullptr);
}

TEST_CASE("catalog: is in the order of names", "[function][catalog]") {
  std::string names;
  for (const auto& [name, entry] : with_names({"c", "a", "b"})) names += name;
  CHECK(names == "abc");
}

TEST_CASE("catalog: a duplicate names both places", "[function][catalog]") {
  modal::catalog all;
  REQUIRE(all.add(named("f", "one.cpp", 10)).has_value());
  const auto second = all.add(named("f", "two.cpp", 20));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error() == errc::duplicate_function);
  CHECK_THAT(second.error().message(), test::contains("one.cpp:10 and at two.cpp:20"));
  CHECK(all.size() == 1);
  auto other = modal::make_descriptor<catalogued::subtract>();
  other.name = "f";
  const auto third = all.add(other);
  REQUIRE_FALSE(third.has_value());
  CHECK_THAT(third.error().message(), test::contains("one.cpp:10 and at executor.add"));
}

TEST_CASE("catalog: one function is one, registered and added", "[function][catalog]") {
  modal::catalog all;
  auto registered = named("f", "one.cpp", 10);
  registered.options.retries = 2;
  REQUIRE(all.add(registered).has_value());
  CHECK(all.add(named("f")).has_value());
  CHECK(all.size() == 1);
  CHECK(all.find("f")->options.retries == 2);
  auto with_options = named("f");
  with_options.options.retries = 5;
  CHECK(all.add(with_options).has_value());
  CHECK(all.find("f")->options.retries == 5);
}

TEST_CASE("catalog: refuses names that cannot be", "[function][catalog]") {
  modal::catalog all;
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("a\nb"), std::string("\xc3\xa9"),
        std::string("a\"b"), std::string("a%b"), std::string("a\0b", 3), std::string(513, 'a')}) {
    INFO(name);
    const auto added = all.add(named(name));
    REQUIRE_FALSE(added.has_value());
    CHECK(added.error() == errc::bad_configuration);
  }
  CHECK(all.size() == 0);
}

TEST_CASE("catalog: takes names of every allowed character", "[function][catalog]") {
  modal::catalog all;
  CHECK(all.add(named("team.v2::f<int,-1>(a&b*)_Z9")).has_value());
  CHECK(all.add(named(std::string(512, 'a'))).has_value());
}

TEST_CASE("catalog: refuses options out of range", "[function][catalog]") {
  using namespace std::chrono_literals;
  modal::catalog all;
  for (const auto& options :
       {modal::function_options{.timeout = -1ms}, modal::function_options{.retries = -1},
        modal::function_options{.retries = 101}, modal::function_options{.retry_delay = -1ms},
        modal::function_options{.retry_delay = 61s},
        modal::function_options{.description = nullptr}}) {
    auto entry = named("f");
    entry.options = options;
    CHECK(all.add(entry).error() == errc::bad_configuration);
  }
}

TEST_CASE("catalog: refuses an entry without a body", "[function][catalog]") {
  auto entry = named("f");
  entry.prepare = nullptr;
  CHECK(modal::catalog().add(entry).error() == errc::bad_configuration);
}

TEST_CASE("catalog: the nearest name has the same last part, or few other letters",
          "[function][catalog]") {
  const auto all = with_names({"photos::denoise", "photos::edges", "mail::send"});
  CHECK(all.nearest("pictures::v2::denoise") == "photos::denoise");
  CHECK(all.nearest("photos::edgse") == "photos::edges");
  CHECK(all.nearest("mail::sent") == "mail::send");
}

TEST_CASE("catalog: nothing is near to what is far", "[function][catalog]") {
  const auto all = with_names({"photos::denoise"});
  CHECK(all.nearest("xyz").empty());
  CHECK(all.nearest(std::string(100'000, 'a')).empty());
  CHECK(modal::catalog().nearest("f").empty());
}

TEST_CASE("registered functions: have the macro's name and place", "[function][catalog]") {
  const auto all = modal::registered_functions().value();
  const auto* entry = all.find("catalogued::add");
  REQUIRE(entry != nullptr);
  CHECK_THAT(std::string(entry->file), test::contains("catalog.test.cpp"));
  CHECK(entry->line > 0);
  CHECK(entry->signature().text == "(i32, i32) -> i32");
}
