// Another system that billing tells of what happened (webhooks): over TLS, and now and then it
// refuses an event at first.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_tls.h"

namespace holdfast::test {

// Thread-safe.
class EventReceiver {
 public:
  EventReceiver() {
    std::ofstream(dir_.File("ca.pem")) << authority_.pem();
    std::ofstream(dir_.File("secret")) << "a secret of both";
  }

  // What an instance of billing needs to find it.
  std::vector<std::string> Flags() const {
    return {"--webhook_url=https://localhost:" + std::to_string(server_.port()) + "/events",
            "--webhook_ca_file=" + dir_.File("ca.pem"),
            "--webhook_secret_file=" + dir_.File("secret")};
  }

  // How often each event was taken, by its id.
  std::map<std::string, int> taken() const {
    absl::MutexLock lock(&mutex_);
    return taken_;
  }
  int refused() const {
    absl::MutexLock lock(&mutex_);
    return refused_;
  }

 private:
  std::string Take(const std::string& request) {
    const std::string id = EventIn(request);
    absl::MutexLock lock(&mutex_);
    if (id.empty()) return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    // Of ten new ones one is refused once.
    if (!taken_.contains(id) && ++seen_ % 10 == 0) {
      ++refused_;
      return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    }
    ++taken_[id];
    return "HTTP/1.1 204 No Content\r\n\r\n";
  }
  static std::string EventIn(const std::string& request) {
    static const std::string kName = "\"event_id\":\"";
    const std::size_t from = request.find(kName);
    if (from == request.npos || request.find("Holdfast-Signature: t=") == request.npos) return "";
    const std::size_t begin = from + kName.size();
    return request.substr(begin, request.find('"', begin) - begin);
  }

  TempDir dir_;
  const TestAuthority authority_;
  mutable absl::Mutex mutex_;
  std::map<std::string, int> taken_ ABSL_GUARDED_BY(mutex_);
  int refused_ ABSL_GUARDED_BY(mutex_) = 0;
  int seen_ ABSL_GUARDED_BY(mutex_) = 0;
  TestTlsServer server_{authority_.Issue("DNS:localhost"),
                        [this](const std::string& request) { return Take(request); }};
};

}  // namespace holdfast::test
