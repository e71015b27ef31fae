#include "libs/testing/test_postgres.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/testing/eventually.h"
#include "libs/testing/process_tree.h"

namespace holdfast::test {
namespace {

constexpr char kServerUser[] = "postgres";  // the server refuses to run as root

std::string BinFolder() {
  std::vector<std::string> versions;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (std::filesystem::exists(entry.path() / "bin/initdb")) versions.push_back(entry.path());
  }
  HOLDFAST_CHECK(!versions.empty());
  return *std::max_element(versions.begin(), versions.end()) + "/bin";
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

struct TestPostgres::Impl {
  TempDir dir;
  std::optional<Process> process;
  std::vector<pid_t> stopped;
  int databases = 0;

  std::string log() const { return dir.File("log"); }

  void Init() {
    if (geteuid() == 0) {
      const passwd* user = getpwnam(kServerUser);
      HOLDFAST_CHECK(user != nullptr);
      HOLDFAST_CHECK(chown(dir.path().c_str(), user->pw_uid, user->pw_gid) == 0);
    }
    auto initdb = Process::Start(
        {.command = {BinFolder() + "/initdb", "-D", dir.File("data"), "-U", "holdfast",
                     "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync"},
         .log_file = log(),
         .run_as = kServerUser});
    HOLDFAST_CHECK(initdb.ok());
    HOLDFAST_CHECK(Eventually([&] { return !initdb->running(); }, std::chrono::seconds(60)));
    if (initdb->Terminate() != 0) CheckFailed(__FILE__, __LINE__, ReadAll(log()));
  }

  // False: the server ended at once, probably because somebody took the port.
  bool StartServer(std::uint16_t port) {
    auto started = Process::Start({.command = {BinFolder() + "/postgres",
                                               "-D",
                                               dir.File("data"),
                                               "-p",
                                               std::to_string(port),
                                               "-c",
                                               "listen_addresses=127.0.0.1",
                                               "-c",
                                               "unix_socket_directories=",
                                               "-c",
                                               "fsync=off",
                                               "-c",
                                               "max_connections=200",
                                               "-c",
                                               "shared_buffers=32MB",
                                               "-c",
                                               "timezone=UTC",
                                               "-c",
                                               "log_timezone=UTC",
                                               "-c",
                                               "jit=off"},
                                   .log_file = log(),
                                   .run_as = kServerUser});
    HOLDFAST_CHECK(started.ok());
    process = *std::move(started);
    const std::string where =
        fmt::format("host=127.0.0.1 port={} user=holdfast dbname=postgres connect_timeout=5", port);
    return Eventually([&] { return !process->running() || PQping(where.c_str()) == PQPING_OK; },
                      std::chrono::seconds(60)) &&
           process->running();
  }

  // Leaves nothing behind that holds the data folder's shared memory: a restart would be refused.
  void KillAll() {
    if (!process) return;
    const std::vector<pid_t> children = ChildrenOf(process->pid());
    process->Kill();
    for (const pid_t child : children) kill(child, SIGKILL);
    HOLDFAST_CHECK(
        Eventually([&] { return std::none_of(children.begin(), children.end(), Alive); }));
    process.reset();
    stopped.clear();
  }
};

std::unique_ptr<TestPostgres> TestPostgres::Start() {
  std::unique_ptr<TestPostgres> server(new TestPostgres);
  server->impl_ = std::make_unique<Impl>();
  server->impl_->Init();
  for (int attempt = 0; attempt < 5; ++attempt) {
    server->port_ = FreePort();
    if (server->impl_->StartServer(server->port_)) return server;
  }
  CheckFailed(__FILE__, __LINE__, ReadAll(server->impl_->log()));
}

TestPostgres::~TestPostgres() {
  if (impl_ != nullptr) impl_->KillAll();
}

std::string TestPostgres::NewDatabase() {
  const std::string name = fmt::format("test_{}", ++impl_->databases);
  const std::string where =
      fmt::format("host=127.0.0.1 port={} user=holdfast dbname=postgres connect_timeout=10", port_);
  PGconn* connection = PQconnectdb(where.c_str());
  // Without fsync a copy of the template's files is the cheapest way: a third of the other one.
  PGresult* result =
      PQexec(connection,
             fmt::format("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy", name).c_str());
  if (PQresultStatus(result) != PGRES_COMMAND_OK) {
    CheckFailed(__FILE__, __LINE__, PQerrorMessage(connection));
  }
  PQclear(result);
  PQfinish(connection);
  return name;
}

void TestPostgres::Kill() { impl_->KillAll(); }

void TestPostgres::Hang() {
  HOLDFAST_CHECK(impl_->process.has_value());
  impl_->process->Stop();  // first, so that it starts no more children
  impl_->stopped = ChildrenOf(impl_->process->pid());
  for (const pid_t child : impl_->stopped) kill(child, SIGSTOP);
}

void TestPostgres::Resume() {
  for (const pid_t child : impl_->stopped) kill(child, SIGCONT);
  impl_->stopped.clear();
  if (impl_->process) impl_->process->Continue();
}

void TestPostgres::Restart() {
  impl_->KillAll();
  if (!impl_->StartServer(port_)) CheckFailed(__FILE__, __LINE__, ReadAll(impl_->log()));
}

TestPostgres& TestPostgres::Shared() {
  static const std::unique_ptr<TestPostgres> server = Start();
  return *server;
}

}  // namespace holdfast::test
