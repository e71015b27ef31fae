// Knobs of the API by which an operator's own billing and CRM scripts manage the portal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "libs/config/knobs.h"

namespace holdfast::middleware {

struct OssConfig {
  bool enabled = false;
  bool soap = false;
  std::string credentials;
  std::string profile_hook;
  std::string subscribe_hook;
  std::string unsubscribe_hook;
  std::string hook_ca_file;
  std::chrono::milliseconds hook_timeout = std::chrono::seconds(5);
  std::string restart_message = "Your subscription has changed. Please restart the device.";

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Bool("enabled", enabled, "Serve the OSS API under /stalker_portal/api.");
    k.Bool("soap", soap, "Serve the OSS API by SOAP, too, at /stalker_portal/api/soap.php.");
    k.Text("credentials", credentials,
           "File of who may use the OSS API, one `name:secret` a line: name and secret for Basic "
           "auth, or the secret alone as a bearer token.");
    k.Text("profile_hook", profile_hook,
           "http:// or https:// address that is told of each start of a box (oss_url); its answer "
           "may change "
           "the account. Empty: none.");
    k.Text("subscribe_hook", subscribe_hook,
           "http:// or https:// address that is told when a viewer adds a package on the box. "
           "Empty: none.");
    k.Text("unsubscribe_hook", unsubscribe_hook,
           "http:// or https:// address that is told when a viewer drops a package on the box. "
           "Empty: none.");
    k.Text("hook_ca_file", hook_ca_file,
           "Certificates (PEM) of the authorities that are believed about https:// hooks; read "
           "again when it changes. Empty: the system's.");
    k.Duration("hook_timeout", hook_timeout, {.min = 100ms, .max = 1min},
               "How long a hook may take; no box waits for it.");
    k.Text("restart_message", restart_message,
           "What boxes show when the OSS API changed what their account is subscribed to.");
  }

  // INVALID_ARGUMENT or UNAVAILABLE names the hook or the file at fault.
  absl::Status CheckHooks() const;
};

}  // namespace holdfast::middleware
