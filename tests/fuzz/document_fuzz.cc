// A state document of any bytes: refused, or read, and then written and read again as the same.
// Inputs get a right digest, so that the fuzzer comes past it; those that are no JSON stay as they
// are, and the digest's own check is a unit test's.

#include <fmt/format.h>
#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "state/document.h"
#include "tests/fuzz/fuzz.h"

namespace {

// docs/FORMAT.md: over the document without the digest, as it is written.
std::string WithDigest(const std::string& text) {
  using Json = nlohmann::ordered_json;
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return text;
  json.erase("sha256");
  const auto dump = [&] { return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"; };
  const std::string bytes = dump();
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += fmt::format("{:02x}", digest[i]);
  json["sha256"] = hex;
  return dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  const std::string text = WithDigest({reinterpret_cast<const char*>(data), size});
  const auto document = cdc::state::Document::FromJson(text);
  if (!document.ok()) {
    Require(!document.status().message().empty(), "a refusal says why");
    return 0;
  }
  const auto again = cdc::state::Document::FromJson(document->ToJson());
  Require(again.ok(), "what was read can be written and read again");
  Require(*again == *document, "and is the same");
  for (const auto& [name, table] : document->tables) (void)document->ResumePosition(table);
  return 0;
}
