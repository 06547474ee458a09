#pragma once

#include <arrow/result.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace cdc {

using Json = nlohmann::ordered_json;

// None of the program's own records nests deeper than a few levels.
inline constexpr int kJsonDepthMax = 32;
// Of a state document or a footer: 1,000 tables take 300 KB.
inline constexpr size_t kRecordBytesMax = 16 << 20;

// JSON from outside: what a store, a server or a person holds, who need not mean well. Length and
// depth are looked at first, because what walks a value goes as deep as it nests, and its values
// take many times the memory of their text. Invalid: says which bound, or "it is not JSON".
arrow::Result<Json> ParseJson(std::string_view text, size_t bytes_max = kRecordBytesMax);

}  // namespace cdc
