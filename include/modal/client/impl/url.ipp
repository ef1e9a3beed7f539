// SPDX-License-Identifier: Apache-2.0
#include <modal/client/url.hpp>

#include <charconv>

namespace modal {

result<endpoint> parse_url(std::string_view url) {
  const auto refuse = [url](std::string_view why) {
    return error(errc::bad_configuration,
                 "the URL \"" + std::string(url) + "\" " + std::string(why));
  };
  endpoint parsed;
  constexpr std::string_view unix_scheme = "http+unix://";
  constexpr std::string_view http_scheme = "http://";
  if (url.starts_with(unix_scheme)) {
    parsed.unix_path = url.substr(unix_scheme.size());
    if (!parsed.unix_path.starts_with('/')) return refuse("needs an absolute path: http+unix:///…");
    if (parsed.unix_path.size() > 107) return refuse("has a path longer than a Unix socket's name");
    parsed.authority = "localhost";
    return parsed;
  }
  if (url.starts_with("https://")) return refuse("asks for TLS, which is not supported yet");
  if (!url.starts_with(http_scheme)) return refuse("does not start with http:// or http+unix://");
  auto rest = url.substr(http_scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos)
    return refuse("must name a host and perhaps a port, and nothing else");
  parsed.authority = rest;
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return refuse("has a bracket that is not closed");
    parsed.host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
  } else {
    const auto colon = rest.find(':');
    parsed.host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon);
  }
  if (parsed.host.empty()) return refuse("has no host");
  if (port.empty()) {
    parsed.port = "80";
    return parsed;
  }
  int number = 0;
  const auto [end, failure] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
  if (port[0] != ':' || failure != std::errc{} || end != port.data() + port.size() || number < 1 ||
      number > 65535)
    return refuse("has a port that is not a number from 1 to 65535");
  parsed.port = port.substr(1);
  return parsed;
}

}  // namespace modal
