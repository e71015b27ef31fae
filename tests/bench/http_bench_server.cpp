// The bare HTTP server with answers from memory: what every endpoint costs at least. Prints its
// port, serves until it is killed.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "libs/http/server.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::http {
namespace {

Handler Body(std::size_t size) {
  return Inline([bytes = MakeShared(std::string(size, 'x'))](const Request&) {
    return Response{.content_type = "application/octet-stream", .bytes = bytes};
  });
}

// As channel lists and guide blocks are sent.
Handler Stored(std::size_t size) {
  return Inline([body = Store(std::string(size, 'x'))](const Request&) {
    return Response{.content_type = "application/octet-stream", .stored = body};
  });
}

int Main() {
  Router router;
  router.Get("/1k", Body(1024));
  router.Get("/64k", Body(64 * 1024));
  router.Get("/64k-stored", Stored(64 * 1024));
  telemetry::Metrics metrics;
  Server server(ServerOptions{}, std::move(router), metrics);
  if (!server.Start().ok()) return 1;
  std::printf("port=%d\n", server.port());
  std::fflush(stdout);
  while (true) pause();
}

}  // namespace
}  // namespace holdfast::http

int main() { return holdfast::http::Main(); }
