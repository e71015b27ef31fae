#include "libs/testing/test_dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fstream>
#include <utility>

#include "libs/base/check.h"
#include "libs/testing/eventually.h"

namespace holdfast::test {
namespace {

// A question for the A records of "x".
constexpr unsigned char kQuestion[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 1, 0, 1};

}  // namespace

TestDns::TestDns(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  SetHosts("");
  Restart();
}

void TestDns::Restart() {
  Process::Options options{
      .command = {"/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                  "--pid-file", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
                  "--no-hosts", "--local=/holdfast.internal/", "--log-facility=-", "--log-queries",
                  "--addn-hosts=" + dir_.File("hosts"), "--port=" + std::to_string(port_)},
      .log_file = dir_.File("log")};
  for (const std::string& argument : arguments_) options.command.push_back(argument);
  if (::geteuid() == 0) options.command.push_back("--user=root");
  absl::StatusOr<Process> started = Process::Start(options);
  HOLDFAST_CHECK(started.ok());
  server_ = std::make_unique<Process>(*std::move(started));
  HOLDFAST_CHECK(Eventually([&] { return Answers(); }));  // a signal before that would end it
}

bool TestDns::Answers() const {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 0, .tv_usec = 50'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(port_);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char answer[512];
  const bool answered =
      connect(fd, reinterpret_cast<sockaddr*>(&server), sizeof server) == 0 &&
      send(fd, kQuestion, sizeof kQuestion, 0) == static_cast<ssize_t>(sizeof kQuestion) &&
      recv(fd, answer, sizeof answer, 0) > 0;
  close(fd);
  return answered;
}

void TestDns::SetHosts(std::string_view hosts) {
  std::ofstream(dir_.File("hosts")) << hosts;
  if (server_ != nullptr && server_->running()) ::kill(server_->pid(), SIGHUP);
}

int TestDns::Questions(std::string_view type, std::string_view name) const {
  const std::string wanted = "query[" + std::string(type) + "] " + std::string(name) + " ";
  std::ifstream log(dir_.File("log"));
  int questions = 0;
  for (std::string line; std::getline(log, line);) {
    if (line.find(wanted) != std::string::npos) ++questions;
  }
  return questions;
}

}  // namespace holdfast::test
