// SPDX-License-Identifier: Apache-2.0
#include "door/mount.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace modal {

struct mounted_call::state {
  std::function<void()> cancel;
};

void mounted_call::cancel() {
  if (state_) state_->cancel();
}

std::string http_response::header(const std::string& name) const {
  for (const auto& [field, value] : headers)
    if (same_field(field, name)) return value;
  return {};
}

namespace detail {
namespace {

std::vector<http_field> views_of(const http_fields& fields) {
  std::vector<http_field> views;
  views.reserve(fields.size());
  for (const auto& [name, value] : fields) views.push_back({name, value});
  return views;
}

http_response to_response(const call_answer& answer, const std::string& answer_fields) {
  reply text;
  door::write_answer(answer, answer_fields, text);
  http_response response = to_http_response(text);
  if (answer.binary == nullptr) return response;
  std::vector<bytes_view> parts;
  answer.binary->gather(parts);
  response.body.reserve(answer.binary->wire_size());
  for (const auto part : parts)
    response.body.append(reinterpret_cast<const char*>(part.data()), part.size());
  return response;
}

class mounted_sink final : public call_sink {
 public:
  mounted_sink(std::string answer_fields, std::function<void(http_response)> done)
      : answer_fields_(std::move(answer_fields)), done_(std::move(done)) {}

  void on_answer(const call_answer& answer) noexcept override {
    http_response response;
    try {
      response = to_response(answer, answer_fields_);
    } catch (const std::bad_alloc&) {
      response = {.status = 500, .headers = {}, .body = {}};
    }
    const auto done = std::exchange(done_, nullptr);
    done(std::move(response));
  }

 private:
  const std::string answer_fields_;
  std::function<void(http_response)> done_;
};

}  // namespace

http_response to_http_response(reply& from) {
  http_response response;
  response.status = from.status;
  if (!from.content_type.empty())
    response.headers.emplace_back("content-type", std::string(from.content_type));
  for (std::string_view rest = from.fields; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos)
      response.headers.emplace_back(std::string(line.substr(0, colon)),
                                    std::string(line.substr(colon + 2)));
  }
  response.body = std::move(from.body);
  return response;
}

mounted_call handle_mounted(door& the_door, buffer_pool& pool, const http_request& request,
                            std::function<void(http_response)> done) {
  const std::vector<http_field> fields = views_of(request.headers);
  reply answer;
  const request_head head{.method = request.method,
                          .target = request.target,
                          .fields = fields,
                          .content_length = request.body.size(),
                          .is_chunked = false};
  auto opened = the_door.open({.head = head}, answer);
  if (!opened.admitted) {
    if (request.method == "HEAD") answer.body.clear();
    done(to_http_response(answer));
    return {};
  }
  // Copied, because segments want their alignment, which a string does not have.
  buffer body = pool.take(request.body.size());
  if (!request.body.empty()) std::memcpy(body.data(), request.body.data(), request.body.size());
  const call_ptr started = the_door.calls().submit(
      std::move(opened.admitted), std::move(body),
      std::make_shared<mounted_sink>(std::move(opened.answer_fields), std::move(done)));
  return mounted_call(std::make_shared<mounted_call::state>(
      mounted_call::state{the_door.calls().canceller(started)}));
}

std::optional<http_response> check_mounted(const door& the_door, const http_request_head& head) {
  const std::vector<http_field> fields = views_of(head.headers);
  request_head view{.method = head.method,
                    .target = head.target,
                    .fields = fields,
                    .content_length = {},
                    .is_chunked = !find_field(fields, "transfer-encoding").empty()};
  const std::string_view length = find_field(fields, "content-length");
  std::uint64_t size = 0;
  if (std::from_chars(length.data(), length.data() + length.size(), size).ec == std::errc{})
    view.content_length = size;
  reply answer;
  if (!the_door.refuses({.head = view}, answer)) return std::nullopt;
  if (head.method == "HEAD") answer.body.clear();
  return to_http_response(answer);
}

}  // namespace detail
}  // namespace modal
