#include "odbc/tls_environment.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include "base/own_variables.h"

namespace cdc::odbc {
namespace {

// A file in memory: nothing to clean up, and no path that a configuration file could not spell.
class MemoryFile {
 public:
  static arrow::Result<std::string> Path(const char* name, const std::string& content,
                                         MemoryFile* file) {
    if (file->descriptor_ >= 0 && file->content_ == content) return file->PathText();
    const int descriptor = ::memfd_create(name, MFD_CLOEXEC);
    if (descriptor < 0 ||
        ::write(descriptor, content.data(), content.size()) != ssize_t(content.size())) {
      const int error = errno;
      if (descriptor >= 0) ::close(descriptor);
      return arrow::Status::IOError("no memory for ", name, ": ", std::strerror(error));
    }
    if (file->descriptor_ >= 0) ::close(file->descriptor_);
    file->descriptor_ = descriptor;
    file->content_ = content;
    return file->PathText();
  }

 private:
  std::string PathText() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

  int descriptor_ = -1;
  std::string content_;
};

arrow::Result<std::string> ReadAuthorities(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  if (!(content << in.rdbuf())) {
    return arrow::Status::Invalid("ca_file ", path, " cannot be read: ", std::strerror(errno));
  }
  if (content.str().find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return arrow::Status::Invalid("ca_file ", path,
                                  " holds no certificate in PEM; a .cer or .der "
                                  "becomes one by: openssl x509 -inform der -in <file> -out ",
                                  path);
  }
  return content.str();
}

}  // namespace

std::string FreeTdsConfiguration(const ServerAddress& server, const std::string& authorities) {
  const std::string where = server.instance.empty() ? fmt::format("port = {}", server.port)
                                                    : fmt::format("instance = {}", server.instance);
  return fmt::format(
      "[{}]\nhost = {}\n{}\nca file = {}\ncheck certificate hostname = yes\nencryption = "
      "require\ntds version = 7.4\n",
      kConfiguredServer, server.host, where, authorities);
}

arrow::Status PrepareEnvironment(const DriverProfile& profile, const ConnectOptions& options,
                                 const Encryption& encryption, const ServerAddress& server) {
  static std::mutex mutex;
  static MemoryFile authorities_file;
  static MemoryFile configuration_file;
  const std::lock_guard lock(mutex);

  std::string authorities;
  if (!options.ca_file.empty()) {
    ARROW_ASSIGN_OR_RAISE(authorities, ReadAuthorities(options.ca_file));
  }
  if (!profile.has_configuration_file) {
    if (authorities.empty()) {
      RestoreVariable("SSL_CERT_FILE");
      RestoreVariable("SSL_CERT_DIR");
    } else {
      SetOwnVariable("SSL_CERT_FILE", options.ca_file);
      SetOwnVariable("SSL_CERT_DIR", "");  // or the system's would count beside them
    }
    return arrow::Status::OK();
  }
  if (!encryption.verified) {
    RestoreVariable("FREETDSCONF");
    return arrow::Status::OK();
  }
  std::string path = "system";
  if (!authorities.empty()) {
    ARROW_ASSIGN_OR_RAISE(path, MemoryFile::Path("authorities", authorities, &authorities_file));
  }
  ARROW_ASSIGN_OR_RAISE(
      const std::string configuration,
      MemoryFile::Path("freetds.conf", FreeTdsConfiguration(server, path), &configuration_file));
  SetOwnVariable("FREETDSCONF", configuration);
  return arrow::Status::OK();
}

}  // namespace cdc::odbc
