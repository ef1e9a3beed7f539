// SPDX-License-Identifier: Apache-2.0
// expect: modal: a result must own what is inside of it
#include <modal/modal.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace views {

template <class Text>
struct entry {
  std::vector<std::pair<Text, int>> words;
};

#ifdef MODAL_EXPECT_FAILURE
std::map<int, entry<std::string_view>> look_up(int);
#else
std::map<int, entry<std::string>> look_up(int);
std::string_view top(int);
#endif

}  // namespace views

void call() {
  (void)modal::remote<views::look_up>(1);
#ifndef MODAL_EXPECT_FAILURE
  const std::string owned = modal::remote<views::top>(1);
#endif
}
