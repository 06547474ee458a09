#pragma once

#include <arrow/result.h>

#include <chrono>
#include <string>

#include "odbc/server_address.h"

namespace cdc::odbc {

// What a server showed of its TLS. Drivers tell little of why a handshake failed, FreeTDS nothing
// at all; so after a failed login the server is looked at once more, by ourselves and without
// logging in: no name and no password is sent.
struct ServerTls {
  bool offered = false;     // what it answers to PRELOGIN (MS-TDS 2.2.6.5)
  std::string failure;      // why no TLS came about though it was offered; "" if it did
  bool hung_up = false;     // `failure` is that the server went without a word of TLS about it
  bool older = false;       // strict: it hung up on TDS 8 at once, and answers TDS 7
  std::string certificate;  // "for db1.example (issued by Example CA, valid until …)"
  std::string names;        // that the certificate is for: "db1.example, 10.0.0.7"
  std::string distrust;     // why the certificate is not trusted; "" if it is
  bool for_host = false;    // the certificate is for the wanted name
};

struct TlsQuestion {
  ServerAddress server;   // its port must be known
  std::string host_name;  // that the certificate should be for
  std::string ca_file;    // empty: the system's
  bool strict = false;    // TDS 8: TLS first
  std::chrono::seconds timeout{5};
};

// An error: the server could not be reached, or does not speak TDS.
arrow::Result<ServerTls> ExamineTls(const TlsQuestion& question);

}  // namespace cdc::odbc
