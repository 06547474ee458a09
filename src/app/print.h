#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/printable.h"

// The one way in which verbs write for people. The format's own line breaks stand; in what it is
// filled with nothing steers the terminal, and nothing begins a line.
namespace cdc::app {

// Text of several lines that has been made printable.
struct Lines {
  std::string text;
};

// Every line but the first indented by `indent` blanks at least, so that none looks like one of
// the program's own.
Lines PrintableLines(std::string_view text, size_t indent);

template <typename T>
auto ForPeople(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return Printable(value);
  } else {
    static_assert(std::is_arithmetic_v<T> || std::is_same_v<T, Lines>, "text first");
    return value;
  }
}

template <typename... Args>
using FormatForPeople = fmt::format_string<decltype(ForPeople(std::declval<const Args&>()))...>;

// On standard output.
template <typename... Args>
void Say(FormatForPeople<Args...> format, const Args&... args) {
  std::fputs(fmt::format(format, ForPeople(args)...).c_str(), stdout);
}

// On standard error.
template <typename... Args>
void SayError(FormatForPeople<Args...> format, const Args&... args) {
  std::fputs(fmt::format(format, ForPeople(args)...).c_str(), stderr);
}

}  // namespace cdc::app

template <>
struct fmt::formatter<cdc::app::Lines> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const cdc::app::Lines& lines, Context& context) const {
    return fmt::formatter<std::string_view>::format(lines.text, context);
  }
};
