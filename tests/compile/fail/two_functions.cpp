// SPDX-License-Identifier: Apache-2.0
// expect: modal: cereal finds more than one function for this type
#include <modal/modal.hpp>

namespace doubled {

struct both {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
  }
};
template <class Archive>
void save(Archive& archive, const both& each) {
  archive(each.value);
}
template <class Archive>
void load(Archive& archive, both& each) {
  archive(each.value);
}

both echo(both);

}  // namespace doubled

#ifndef MODAL_EXPECT_FAILURE
CEREAL_SPECIALIZE_FOR_ALL_ARCHIVES(doubled::both, cereal::specialization::member_serialize)
#endif

void call() { (void)modal::remote<doubled::echo>(doubled::both{}); }
