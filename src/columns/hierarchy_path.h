#pragma once

#include <cstdint>
#include <string>

namespace cdc::columns {

// Appends the path ("/1/3.1/", "/" for no bytes) that a hierarchyid's native bytes stand for, as
// SQL Server's ToString() writes it; at most 4 characters for each byte, and one. Returns nullptr,
// or what is wrong with the bytes: then a part of the path may have been appended. Every path has
// exactly one encoding, and bytes that differ from it are wrong.
// Source: [MS-SSCLRT] 2.2, HIERARCHYID structure.
const char* AppendHierarchyPath(const uint8_t* bytes, int64_t size, std::string* path);

}  // namespace cdc::columns
