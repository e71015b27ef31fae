// holdfast-keys: makes what the services sign and recognise each other with.
//
//   holdfast-keys certificates FOLDER billing middleware ...   development authority, certificates
//   holdfast-keys new FOLDER KEY_ID                            a key for tokens or entitlements
//
// Exits 0 when all is there, 1 when it could not be made, 2 when called wrongly.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/status.h"
#include "libs/security/key_set.h"
#include "libs/security/tls.h"

namespace {

constexpr char kUsage[] =
    "usage: holdfast-keys certificates FOLDER SERVICE...\n"
    "           makes FOLDER/ca.pem and SERVICE.pem, SERVICE.key; keeps what is there and valid\n"
    "       holdfast-keys new FOLDER KEY_ID\n"
    "           makes FOLDER/KEY_ID.key (secret) and KEY_ID.pub; the greatest id signs\n";

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "holdfast-keys: %s\n", holdfast::ToString(status).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "--help") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (arguments.size() >= 3 && arguments[0] == "certificates") {
    return Report(holdfast::security::CreateDevelopmentCertificates(
        arguments[1], {arguments.begin() + 2, arguments.end()}));
  }
  if (arguments.size() == 3 && arguments[0] == "new") {
    return Report(holdfast::security::CreateKey(arguments[1], arguments[2]));
  }
  std::fputs(kUsage, stderr);
  return 2;
}
