#include <fmt/format.h>

#include <string>

#include "app/verbs/check_parts.h"

namespace cdc::app {

void CheckEncryption(source::Source& source, const source::DatabaseIdentity& identity,
                     Findings* findings) {
  const auto& security = identity.security;
  const auto told = source.IsEncrypted();
  if (!told.ok()) findings->Note("encryption: " + told.status().message());
  const bool asked = told.ok() && told->has_value();
  const bool encrypted = asked && told->value();
  const std::string confirmed =
      asked ? "the server says the same"
            : "the server was not asked: its sys.dm_exec_connections needs VIEW SERVER STATE";
  const std::string driver = "driver " + identity.driver + ": ";
  if (security.encrypted && asked && !encrypted) {
    findings->Bad(driver +
                  "the connection is encrypted here, but the server says that its end is not: "
                  "something in between ends the encryption; connect to the server itself");
  } else if (security.verified) {
    findings->Good(
        fmt::format("{}encrypted, the server's certificate verified: issued under {}, and for this "
                    "host name; {}",
                    driver, security.authorities, confirmed));
  } else if (security.encrypted) {
    findings->Note(fmt::format(
        "{}encrypted, but the server's certificate is not verified (neither who issued it nor its "
        "host name): somebody in between could read and change everything; set [source] ca_file, "
        "or encrypt = \"yes\" for the system's authorities; {}",
        driver, confirmed));
  } else if (encrypted) {
    findings->Note(driver +
                   "the server insists on encryption, so the connection is encrypted, but its "
                   "certificate need not have been verified; set [source] encrypt = \"yes\"");
  } else {
    findings->Note(fmt::format(
        "{}data is in clear, only the login is encrypted if the server offers it, its certificate "
        "not verified; set [source] encrypt = \"yes\", or use a network that you trust; {}",
        driver, confirmed));
  }
}

}  // namespace cdc::app
