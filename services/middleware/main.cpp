// Middleware: devices, lineup, portal sessions; the portal that set-top boxes talk to. Owns golden
// data (devices, favourites, lineup). Start reading at domain/, then portal_http.h, then jobs.h.

#include "libs/app/app.h"
#include "services/middleware/config.h"
#include "services/middleware/middleware.h"

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::middleware::Config>(argc, argv, "middleware",
                                                           holdfast::middleware::Run);
}
