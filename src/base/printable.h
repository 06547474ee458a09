#pragma once

#include <string>
#include <string_view>

// What people read may hold names, texts of servers and error bodies of stores, which anybody may
// have written. All of it passes here before it is shown.
namespace cdc {

// The next code point of UTF-8, and moves on; U+FFFD for a byte that begins none.
char32_t NextCodePoint(std::string_view* text);
void AppendUtf8(std::string* out, char32_t point);

// Whether a terminal does something else with it than show it in its place: control characters
// (line breaks and C1 too), separators of lines, and what turns the direction of text.
bool SteersTerminal(char32_t point);

// One line of a terminal: what steers it, and what is no UTF-8, becomes U+FFFD.
std::string Printable(std::string_view text);

// JSON text with the same value in which nothing steers a terminal but its own line breaks.
std::string EscapeInJson(std::string_view json);

}  // namespace cdc
