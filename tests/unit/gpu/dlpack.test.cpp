// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/dlpack.hpp>

#include "support/catch.hpp"
#include "support/noting_stream.hpp"

#include <functional>
#include <numeric>
#include <vector>

namespace {

// As dlpack.h 1.0 has them.
namespace dlpack {
enum DLDeviceType { kDLCPU = 1, kDLCUDA = 2 };
struct DLDevice {
  DLDeviceType device_type;
  std::int32_t device_id;
};
struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};
struct DLPackVersion {
  std::uint32_t major;
  std::uint32_t minor;
};
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  std::uint64_t flags;
  DLTensor dl_tensor;
};
}  // namespace dlpack

using dlpack::DLManagedTensor;
using dlpack::DLManagedTensorVersioned;
using test::contains;

// Another library's tensor of 2 times 3 floats, which counts how often it was given back.
template <class Managed>
struct foreign {
  foreign() {
    std::iota(values.begin(), values.end(), 0.F);
    managed.dl_tensor = {.data = values.data(),
                         .device = {dlpack::kDLCPU, 0},
                         .ndim = 2,
                         .dtype = {2, 32, 1},
                         .shape = shape.data(),
                         .strides = nullptr,
                         .byte_offset = 0};
    managed.manager_ctx = &given_back;
    managed.deleter = [](Managed* self) { ++*static_cast<int*>(self->manager_ctx); };
    if constexpr (requires { managed.version; }) managed.version = {1, 1};
  }
  std::vector<float> values = std::vector<float>(6);
  std::array<std::int64_t, 2> shape{2, 3};
  std::array<std::int64_t, 2> strides{3, 1};
  int given_back = 0;
  Managed managed{};
};

std::string refusal(const std::function<void()>& of) {
  try {
    of();
  } catch (const std::invalid_argument& thrown) {
    return thrown.what();
  }
  return "accepted";
}

template <class T, std::size_t Rank, class Managed>
std::string refusal(const Managed& which) {
  return refusal([&] { (void)modal::view_dlpack<T, Rank>(which); });
}

}  // namespace

TEST_CASE("dlpack: views and takes over what another library has", "[gpu][dlpack]") {
  foreign<DLManagedTensor> theirs;
  const auto view = modal::view_dlpack<const float, 2>(theirs.managed);
  CHECK(view(1, 2) == 5);
  CHECK(view.data() == theirs.values.data());
  modal::view_dlpack<float, 2>(theirs.managed)(0, 0) = 9;
  {
    const auto ours = modal::from_dlpack<float, 2>(&theirs.managed);
    CHECK(ours.data() == theirs.values.data());
    CHECK(ours.shape() == std::array<std::size_t, 2>{2, 3});
    CHECK(theirs.given_back == 0);
  }
  CHECK(theirs.given_back == 1);
  CHECK(theirs.values[0] == 9);
  // Transposed, and from the second element on.
  theirs.strides = {1, 2};
  theirs.managed.dl_tensor.strides = theirs.strides.data();
  CHECK(modal::view_dlpack<const float, 2>(theirs.managed)(1, 2) == 5);
  theirs.shape = {2, 1};
  theirs.managed.dl_tensor.byte_offset = 4;
  CHECK(modal::view_dlpack<const float, 2>(theirs.managed)(1, 0) == 2);
}

TEST_CASE("dlpack: refuses what it cannot use, and leaves it where it was", "[gpu][dlpack]") {
  using wrong = std::pair<const char*, std::function<void(foreign<DLManagedTensorVersioned>&)>>;
  const std::vector<wrong> all = {
      {"is of version 2", [](auto& t) { t.managed.version.major = 2; }},
      {"is read only", [](auto& t) { t.managed.flags = 1; }},
      {"elements of code 0, 32 bits", [](auto& t) { t.managed.dl_tensor.dtype.code = 0; }},
      {"16 bits", [](auto& t) { t.managed.dl_tensor.dtype.bits = 16; }},
      {"4 lanes", [](auto& t) { t.managed.dl_tensor.dtype.lanes = 4; }},
      {"has 3 dimensions: expected 2", [](auto& t) { t.managed.dl_tensor.ndim = 3; }},
      {"is on device 2:1",
       [](auto& t) {
         t.managed.dl_tensor.device = {dlpack::kDLCUDA, 1};
       }},
      {"has a negative extent", [](auto& t) { t.shape[1] = -1; }},
      {"has more elements than fit",
       [](auto& t) {
         t.shape = {INT64_MAX, 4};
       }},
      {"has more elements than fit",
       [](auto& t) {
         t.shape = {INT64_MAX / 2, 2};
       }},
      {"is not aligned", [](auto& t) { t.managed.dl_tensor.byte_offset = 2; }},
      {"is not dense", [](auto& t) {
         t.strides = {1, 2};
         t.managed.dl_tensor.strides = t.strides.data();
       }}};
  for (const auto& [why, change] : all) {
    INFO(why);
    foreign<DLManagedTensorVersioned> theirs;
    CHECK(refusal<float, 2>(theirs.managed) == "accepted");
    change(theirs);
    CHECK_THAT(refusal([&] { (void)modal::from_dlpack<float, 2>(&theirs.managed); }),
               contains(why));
    CHECK(theirs.given_back == 0);
  }
  foreign<DLManagedTensorVersioned> theirs;
  theirs.managed.flags = 1;
  CHECK(refusal<const float, 2>(theirs.managed) == "accepted");
  const auto stream = std::make_shared<test::noting_stream>();
  stream->is_gpu = true;
  const modal::gpu::stream_scope scope(stream);
  CHECK_THAT((refusal<const float, 2>(theirs.managed)), contains("on device 1:0"));
  theirs.managed.dl_tensor.device.device_type = dlpack::kDLCUDA;
  CHECK(refusal<const float, 2>(theirs.managed) == "accepted");
}

TEMPLATE_TEST_CASE("dlpack: hands tensors over", "[gpu][dlpack]", DLManagedTensor,
                   DLManagedTensorVersioned) {
  const auto stream = std::make_shared<test::noting_stream>();
  modal::tensor<std::int16_t, 2> ours({4, 2}, stream);
  ours.view()(3, 1) = 7;
  const void* const where = ours.data();
  auto* const theirs = modal::to_dlpack<TestType>(std::move(ours));
  CHECK(theirs->dl_tensor.data == where);
  CHECK(theirs->dl_tensor.device.device_type == dlpack::kDLCPU);
  CHECK(theirs->dl_tensor.ndim == 2);
  CHECK(theirs->dl_tensor.dtype.code == 0);
  CHECK(theirs->dl_tensor.dtype.bits == 16);
  CHECK(theirs->dl_tensor.shape[0] == 4);
  CHECK(theirs->dl_tensor.strides[0] == 2);
  CHECK(modal::view_dlpack<const std::int16_t, 2>(*theirs)(3, 1) == 7);
  CHECK(stream->taken == 16);
  theirs->deleter(theirs);
  CHECK(stream->taken == 0);
}
