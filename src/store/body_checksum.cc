#include "store/body_checksum.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

namespace cdc::store {
namespace {

constexpr size_t kMd5Bytes = 16;
constexpr int64_t kChunkBytes = 64 << 10;

arrow::Result<std::string> Md5Of(const Spool& body) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  // Machines that allow only what FIPS 140 approves have none.
  if (EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) {
    return arrow::Status::NotImplemented("this machine's OpenSSL computes no MD5");
  }
  std::string chunk(static_cast<size_t>(std::min(kChunkBytes, body.size_bytes())), '\0');
  for (int64_t offset = 0; offset < body.size_bytes();) {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, body.ReadAt(offset, chunk.data(), std::ssize(chunk)));
    if (got == 0) return arrow::Status::IOError("the body is shorter than it was");
    EVP_DigestUpdate(context.get(), chunk.data(), static_cast<size_t>(got));
    offset += got;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
  return std::string(digest.begin(), digest.begin() + kMd5Bytes);
}

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock adds a NUL
  text.resize(static_cast<size_t>(EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(text.data()),
      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()))));
  return text;
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

arrow::Result<std::optional<std::pair<std::string, std::string>>> ChecksumHeader(
    BodyChecksum checksum, const Spool& body) {
  switch (checksum) {
    case BodyChecksum::kSha256:
      return std::pair<std::string, std::string>("x-amz-checksum-sha256", ToBase64(body.sha256()));
    case BodyChecksum::kMd5: {
      ARROW_ASSIGN_OR_RAISE(const std::string md5, Md5Of(body));
      return std::pair<std::string, std::string>("content-md5", Base64(md5));
    }
    case BodyChecksum::kNone:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<BodyChecksum> WantedInstead(BodyChecksum sent, const S3Error& error) {
  if (error.status != 400 && error.status != 501) return std::nullopt;
  const std::string said = LowerCase(error.code + " " + error.message);
  const auto says = [&](const char* what) { return said.find(what) != std::string::npos; };
  // "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object
  // Lock parameters", also from stores that know the first alone.
  if (says("content-md5") && says("required")) {
    return sent == BodyChecksum::kMd5 ? std::nullopt : std::optional(BodyChecksum::kMd5);
  }
  if (says("x-amz-checksum") && sent == BodyChecksum::kSha256) return BodyChecksum::kNone;
  return std::nullopt;
}

std::string Describe(BodyChecksum checksum) {
  switch (checksum) {
    case BodyChecksum::kSha256:
      return "bodies are sent with x-amz-checksum-sha256";
    case BodyChecksum::kMd5:
      return "the store asks for Content-MD5: bodies are sent with it";
    case BodyChecksum::kNone:
      return "the store refuses x-amz-checksum-sha256: bodies are sent without it; the signed "
             "x-amz-content-sha256 covers them";
  }
  return "";
}

}  // namespace cdc::store
