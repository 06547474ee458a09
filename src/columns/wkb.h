#pragma once

#include <cstdint>
#include <string>

namespace cdc::columns {

// Appends the well-known binary of a geometry's or geography's native bytes: ISO WKB,
// little-endian, types +1000 with Z, +2000 with M, +3000 with both, as SQL Server's AsBinaryZM()
// writes it; at most 5 times as long as the bytes. x is the longitude of a geography, which SQL
// Server keeps behind the latitude. Rings are in the order in which they are kept. An empty point
// has NaN for its coordinates, as GeoParquet wants it: WKB has no other word for it. A Z that
// single points of a value lack is NaN.
// `*srid` becomes the value's spatial reference id; -1 stands for an unknown one.
// Returns nullptr, or why there is no WKB: then a part of it may have been appended. Curves and
// FullGlobe have none that readers know. Memory is bounded by the length of the bytes.
// Source: [MS-SSCLRT] 2.1, versions 1 and 2.
const char* AppendWkb(const uint8_t* bytes, int64_t size, bool geography, std::string* wkb,
                      int32_t* srid);

}  // namespace cdc::columns
