// SPDX-License-Identifier: Apache-2.0
// expect: modal: this class has no fields that modal can see
#include <modal/function.hpp>

class counter {
 public:
  counter() = default;
  explicit counter(int start) : value_(start) {}
  int value() const { return value_; }
#ifndef MODAL_EXPECT_FAILURE
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value_);
  }
#endif

 private:
  int value_ = 0;
};

int value_of(const counter& value) { return value.value(); }

MODAL_FUNCTION(value_of)
