#include "base/json_text.h"

#include <algorithm>

namespace cdc {

namespace {

// Brackets outside of strings. Of a text that is no JSON it may be anything.
int DepthOf(std::string_view text) {
  int depth = 0;
  int most = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      most = std::max(most, ++depth);
    } else if (!in_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return most;
}

}  // namespace

arrow::Result<Json> ParseJson(std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return arrow::Status::Invalid("it has ", text.size(), " bytes, more than the ", bytes_max,
                                  " that it may have");
  }
  if (DepthOf(text) > kJsonDepthMax) {
    return arrow::Status::Invalid("it nests deeper than ", kJsonDepthMax, " levels");
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return arrow::Status::Invalid("it is not JSON");
  return json;
}

}  // namespace cdc
