#include "odbc/encryption.h"

#include <fmt/format.h>

namespace cdc::odbc {

std::string AuthoritiesText(const ConnectOptions& options) {
  return options.ca_file.empty() ? "the system's authorities"
                                 : fmt::format("the authorities in {}", options.ca_file);
}

ConnectionSecurity Encryption::Security(const ConnectOptions& options) const {
  return {.encrypted = mode != Mode::kLoginOnly,
          .verified = verified,
          .authorities = verified ? AuthoritiesText(options) : ""};
}

arrow::Result<Encryption> DecideEncryption(const DriverProfile& profile,
                                           const ConnectOptions& options) {
  using Mode = Encryption::Mode;
  const bool trust = options.trust_server_certificate;
  if (trust && !options.ca_file.empty()) {
    return arrow::Status::Invalid(
        "trust_server_certificate and ca_file contradict each other: take out one of them");
  }
  switch (options.encrypt) {
    case Encrypt::kNo:
      return Encryption{.mode = Mode::kLoginOnly, .verified = false};
    case Encrypt::kStrict:
      if (profile.strict_words.empty()) {
        return arrow::Status::Invalid("the driver ", profile.name,
                                      " cannot encrypt = strict (TDS 8); Microsoft's ODBC Driver "
                                      "18 can, or set encrypt = yes");
      }
      if (trust) {
        return arrow::Status::Invalid(
            "encrypt = strict always verifies the server's certificate: take out "
            "trust_server_certificate, or set encrypt = yes");
      }
      return Encryption{.mode = Mode::kStrict};
    case Encrypt::kAuto:
      if (!profile.verifies_by_default && !trust && options.ca_file.empty()) {
        return Encryption{.mode = Mode::kEverything, .verified = false, .or_clear = true};
      }
      [[fallthrough]];
    case Encrypt::kYes:
      return Encryption{.mode = Mode::kEverything, .verified = !trust};
  }
  return arrow::Status::UnknownError("encrypt has no such value");
}

}  // namespace cdc::odbc
