// A footer's key-values and an object's user metadata, of any bytes: lines of name=value.

#include <map>

#include "parquet/footer_record.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      values[std::string(line.substr(0, equals))] = std::string(line.substr(equals + 1));
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  (void)cdc::pq::IdentityFromUserMetadata(values);
  const auto record = cdc::pq::FooterRecord::FromKeyValues(values);
  if (!record.ok()) return 0;
  const auto again = cdc::pq::FooterRecord::FromKeyValues(record->ToKeyValues());
  Require(again.ok() && *again == *record, "what was read can be written and read as the same");
  return 0;
}
