#include "odbc/server_tls.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

// PRELOGIN and the TLS handshake inside of it, as MS-TDS 2.2.6.5 and 3.2.5.1 have them: the flights
// of the handshake travel as TDS packets of type 0x12, through two memory BIOs.

namespace cdc::odbc {
namespace {

using arrow::Result;
using arrow::Status;
using Bytes = std::vector<uint8_t>;

template <auto kFree>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Socket = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using Context = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using Tls = std::unique_ptr<SSL, FreeBy<SSL_free>>;

constexpr uint8_t kPrelogin = 0x12;
constexpr uint8_t kEndOfMessage = 0x01;
constexpr size_t kHeaderBytes = 8;
constexpr size_t kPacketBytesMax = 4096;
constexpr size_t kMessageBytesMax = 1 << 20;  // a chain of certificates is far below
constexpr uint8_t kVersionOption = 0, kEncryptionOption = 1, kEndOfOptions = 0xFF;
constexpr uint8_t kOn = 1, kNotSupported = 2;

constexpr const char* kHungUp = "the server hung up";

std::string OpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
      ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return kHungUp;
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason != nullptr ? reason : kHungUp;
}

Result<Socket> Dial(const TlsQuestion& question) {
  const std::string& host = question.server.host;
  const bool is_ipv6 = host.find(':') != host.npos;
  const std::string where =
      fmt::format("{}:{}", is_ipv6 ? fmt::format("[{}]", host) : host, question.server.port);
  Socket socket(BIO_new_connect(where.c_str()));
  if (socket == nullptr) return Status::OutOfMemory("no socket");
  if (BIO_do_connect_retry(socket.get(), static_cast<int>(question.timeout.count()), 10) != 1) {
    return Status::IOError("cannot connect to ", where, ": ", OpenSslError());
  }
  int descriptor = -1;
  BIO_get_fd(socket.get(), &descriptor);
  BIO_socket_nbio(descriptor, 0);
  const timeval limit{.tv_sec = question.timeout.count(), .tv_usec = 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  return socket;
}

Status SendMessage(BIO* socket, const Bytes& payload) {
  for (size_t sent = 0; sent < payload.size();) {
    const size_t part = std::min(payload.size() - sent, kPacketBytesMax - kHeaderBytes);
    const size_t whole = part + kHeaderBytes;
    const bool last = sent + part == payload.size();
    Bytes packet = {kPrelogin,
                    last ? kEndOfMessage : uint8_t{0},
                    static_cast<uint8_t>(whole >> 8),
                    static_cast<uint8_t>(whole & 0xFF),
                    0,
                    0,
                    1,
                    0};
    packet.insert(packet.end(), payload.begin() + static_cast<ptrdiff_t>(sent),
                  payload.begin() + static_cast<ptrdiff_t>(sent + part));
    if (BIO_write(socket, packet.data(), static_cast<int>(whole)) != static_cast<int>(whole)) {
      return Status::IOError(kHungUp);
    }
    sent += part;
  }
  return Status::OK();
}

Status ReadExactly(BIO* socket, uint8_t* target, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const int read = BIO_read(socket, target + done, static_cast<int>(bytes - done));
    if (read <= 0) return Status::IOError(kHungUp);
    done += static_cast<size_t>(read);
  }
  return Status::OK();
}

// The payload of the packets up to the end of the message.
Result<Bytes> ReadMessage(BIO* socket) {
  Bytes payload;
  std::array<uint8_t, kHeaderBytes> header{};
  do {
    ARROW_RETURN_NOT_OK(ReadExactly(socket, header.data(), header.size()));
    const size_t whole = static_cast<size_t>(header[2] << 8 | header[3]);
    if (whole < kHeaderBytes || payload.size() + whole > kMessageBytesMax) {
      return Status::IOError("the server does not speak TDS");
    }
    const size_t before = payload.size();
    payload.resize(before + whole - kHeaderBytes);
    ARROW_RETURN_NOT_OK(ReadExactly(socket, payload.data() + before, whole - kHeaderBytes));
  } while ((header[1] & kEndOfMessage) == 0);
  return payload;
}

// The server's ENCRYPTION byte for a client that wants everything encrypted.
Result<uint8_t> AskForEncryption(BIO* socket) {
  const Bytes request = {kVersionOption,
                         0,
                         11,
                         0,
                         6,
                         kEncryptionOption,
                         0,
                         17,
                         0,
                         1,
                         kEndOfOptions,
                         9,
                         0,
                         0,
                         0,
                         0,
                         0,
                         kOn};
  ARROW_RETURN_NOT_OK(SendMessage(socket, request));
  ARROW_ASSIGN_OR_RAISE(const Bytes reply, ReadMessage(socket));
  for (size_t at = 0; at + 5 <= reply.size() && reply[at] != kEndOfOptions; at += 5) {
    const size_t offset = static_cast<size_t>(reply[at + 1] << 8 | reply[at + 2]);
    if (reply[at] == kEncryptionOption && offset < reply.size()) return reply[offset];
  }
  return Status::IOError("the server does not say whether it encrypts");
}

// A server before SQL Server 2022 hangs up on TDS 8; so does one that is just going down.
bool SpeaksOlder(const TlsQuestion& question) {
  const auto socket = Dial(question);
  return socket.ok() && AskForEncryption(socket->get()).ok();
}

// "" when TLS came about.
std::string ShakeHands(BIO* socket, SSL* tls) {
  BIO* incoming = BIO_new(BIO_s_mem());
  BIO* outgoing = BIO_new(BIO_s_mem());
  SSL_set_bio(tls, incoming, outgoing);
  while (true) {
    const int result = SSL_do_handshake(tls);
    const int why = SSL_get_error(tls, result);
    if (const size_t flight = BIO_ctrl_pending(outgoing); flight > 0) {
      Bytes bytes(flight);
      BIO_read(outgoing, bytes.data(), static_cast<int>(flight));
      if (const Status sent = SendMessage(socket, bytes); !sent.ok()) return sent.message();
    }
    if (result == 1) return "";
    if (why != SSL_ERROR_WANT_READ) return OpenSslError();
    const auto answer = ReadMessage(socket);
    if (!answer.ok()) return answer.status().message();
    BIO_write(incoming, answer->data(), static_cast<int>(answer->size()));
  }
}

// TDS 8: TLS on the bare socket.
std::string ShakeHandsFirst(BIO* socket, SSL* tls) {
  constexpr std::array<uint8_t, 8> kProtocol = {7, 't', 'd', 's', '/', '8', '.', '0'};
  SSL_set_alpn_protos(tls, kProtocol.data(), kProtocol.size());
  BIO_up_ref(socket);
  SSL_set_bio(tls, socket, socket);
  return SSL_do_handshake(tls) == 1 ? "" : OpenSslError();
}

std::string NameText(const X509_NAME* name) {
  Socket text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<size_t>(bytes)};
}

std::string EndText(const X509* certificate) {
  tm end{};
  ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end);
  return fmt::format("{:04}-{:02}-{:02}", end.tm_year + 1900, end.tm_mon + 1, end.tm_mday);
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  const uint8_t* bytes = ASN1_STRING_get0_data(address);
  if (ASN1_STRING_length(address) == 4) {
    return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  return "an IPv6 address";
}

// The alternative names; the subject where there are none, as clients take it.
std::string NamesText(const X509* certificate) {
  std::string names;
  auto* alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    std::string text;
    if (name->type == GEN_DNS) {
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      text = AddressText(name->d.iPAddress);
    }
    if (!text.empty()) names += (names.empty() ? "" : ", ") + text;
  }
  GENERAL_NAMES_free(alternatives);
  return names.empty() ? NameText(X509_get_subject_name(certificate)) : names;
}

void Judge(SSL* tls, const std::string& host_name, ServerTls* seen) {
  X509* certificate = SSL_get0_peer_certificate(tls);
  if (certificate == nullptr) {
    seen->distrust = "it showed no certificate";
    return;
  }
  seen->names = NamesText(certificate);
  seen->certificate =
      fmt::format("for {}, issued by {}, valid until {}", seen->names,
                  NameText(X509_get_issuer_name(certificate)), EndText(certificate));
  if (const long result = SSL_get_verify_result(tls); result != X509_V_OK) {
    seen->distrust = X509_verify_cert_error_string(result);
  }
  seen->for_host =
      X509_check_host(certificate, host_name.c_str(), host_name.size(), 0, nullptr) == 1 ||
      X509_check_ip_asc(certificate, host_name.c_str(), 0) == 1;
}

Result<Context> MakeContext(const TlsQuestion& question) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return Status::OutOfMemory("no TLS");
  // Looked at, not trusted: the handshake goes through whatever the certificate is.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  if (!question.strict) SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const bool loaded = question.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                          : SSL_CTX_load_verify_file(context.get(), question.ca_file.c_str()) == 1;
  if (!loaded) return Status::Invalid("no authorities: ", OpenSslError());
  return context;
}

}  // namespace

Result<ServerTls> ExamineTls(const TlsQuestion& question) {
  ARROW_ASSIGN_OR_RAISE(const Context context, MakeContext(question));
  ARROW_ASSIGN_OR_RAISE(const Socket socket, Dial(question));
  const Tls tls(SSL_new(context.get()));
  if (tls == nullptr) return Status::OutOfMemory("no TLS");
  SSL_set_connect_state(tls.get());
  SSL_set_tlsext_host_name(tls.get(), question.host_name.c_str());

  ServerTls seen;
  if (question.strict) {
    seen.offered = true;
    seen.failure = ShakeHandsFirst(socket.get(), tls.get());
    seen.hung_up = seen.failure == kHungUp;
    const bool answered = BIO_number_read(socket.get()) > 0;
    seen.older = seen.hung_up && !answered && SpeaksOlder(question);
  } else {
    ARROW_ASSIGN_OR_RAISE(const uint8_t answer, AskForEncryption(socket.get()));
    seen.offered = answer != kNotSupported;
    if (!seen.offered) return seen;
    seen.failure = ShakeHands(socket.get(), tls.get());
    seen.hung_up = seen.failure == kHungUp;
  }
  if (seen.failure.empty()) Judge(tls.get(), question.host_name, &seen);
  return seen;
}

}  // namespace cdc::odbc
