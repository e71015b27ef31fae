#include "tests/billing/replicated_postgres.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/testing/eventually.h"
#include "libs/testing/process_tree.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr char kServerUser[] = "postgres";  // the server refuses to run as root
constexpr auto kPatience = std::chrono::seconds(60);

std::string BinFolder() {
  std::vector<std::string> versions;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (std::filesystem::exists(entry.path() / "bin/pg_basebackup")) {
      versions.push_back(entry.path());
    }
  }
  HOLDFAST_CHECK(!versions.empty());
  return *std::max_element(versions.begin(), versions.end()) + "/bin/";
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Where(std::uint16_t port, const std::string& database) {
  return fmt::format("host=127.0.0.1 port={} user=holdfast dbname={} connect_timeout=5", port,
                     database);
}

// The processes of a server: the postmaster's children carry its data folder's lock and must go
// with it.
void KillGroup(pid_t postmaster) {
  const std::vector<pid_t> children = ChildrenOf(postmaster);
  kill(postmaster, SIGKILL);
  for (const pid_t child : children) kill(child, SIGKILL);
  HOLDFAST_CHECK(Eventually([&] { return std::none_of(children.begin(), children.end(), Alive); }));
}

}  // namespace

ReplicatedPostgres::ReplicatedPostgres() {
  if (geteuid() == 0) {
    const passwd* user = getpwnam(kServerUser);
    HOLDFAST_CHECK(user != nullptr);
    HOLDFAST_CHECK(chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) == 0);
  }
  for (std::uint16_t& port : ports_) port = FreePort();
  Run({"initdb", "-D", Data(0), "-U", user(), "--auth=trust", "-E", "UTF8", "--no-locale",
       "--no-sync"});
  Start(0);
  Copy(0, 1);
  Start(1);
  WaitForStandby(0);
}

ReplicatedPostgres::~ReplicatedPostgres() {
  for (int i = 0; i < kServers; ++i) Kill(i);
}

std::string ReplicatedPostgres::address(int server) const {
  return "127.0.0.1:" + std::to_string(ports_[static_cast<std::size_t>(server)]);
}

void ReplicatedPostgres::Run(const std::vector<std::string>& command) {
  Process::Options options{.command = command, .log_file = Log(), .run_as = kServerUser};
  options.command.front() = BinFolder() + options.command.front();
  auto process = Process::Start(options);
  HOLDFAST_CHECK(process.ok());
  HOLDFAST_CHECK(Eventually([&] { return !process->running(); }, kPatience));
  if (process->Terminate() != 0) CheckFailed(__FILE__, __LINE__, ReadAll(Log()));
}

void ReplicatedPostgres::Copy(int from, int to) {
  std::filesystem::remove_all(Data(to));
  Run({"pg_basebackup", "-h", "127.0.0.1", "-p",
       std::to_string(ports_[static_cast<std::size_t>(from)]), "-U", user(), "-D", Data(to),
       "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"});
}

void ReplicatedPostgres::Start(int server) {
  const std::uint16_t port = ports_[static_cast<std::size_t>(server)];
  auto started = Process::Start(
      {.command = {BinFolder() + "postgres", "-D", Data(server), "-p", std::to_string(port), "-c",
                   "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c",
                   "max_connections=100", "-c", "shared_buffers=32MB", "-c", "jit=off", "-c",
                   "synchronous_commit=on", "-c", "wal_keep_size=256MB"},
       .log_file = Log(),
       .run_as = kServerUser});
  HOLDFAST_CHECK(started.ok());
  Process& process = servers_[static_cast<std::size_t>(server)].emplace(*std::move(started));
  const bool up = Eventually(
      [&] { return !process.running() || PQping(Where(port, "postgres").c_str()) == PQPING_OK; },
      kPatience);
  if (!up || !process.running()) CheckFailed(__FILE__, __LINE__, ReadAll(Log()));
}

std::string ReplicatedPostgres::Ask(int server, const std::string& sql,
                                    const std::string& database) {
  const std::uint16_t port = ports_[static_cast<std::size_t>(server)];
  PGconn* connection = PQconnectdb(Where(port, database).c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    CheckFailed(__FILE__, __LINE__, PQerrorMessage(connection));
  }
  std::string value;
  if (status == PGRES_TUPLES_OK && PQntuples(result) > 0) value = PQgetvalue(result, 0, 0);
  PQclear(result);
  PQfinish(connection);
  return value;
}

void ReplicatedPostgres::WaitForStandby(int primary) {
  Ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'");
  Ask(primary, "SELECT pg_reload_conf()");
  HOLDFAST_CHECK(Eventually(
      [&] {
        return Ask(primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") ==
               "1";
      },
      kPatience));
}

std::string ReplicatedPostgres::NewDatabase() {
  Ask(0, "CREATE DATABASE billing");
  return "billing";
}

void ReplicatedPostgres::Kill(int server) {
  std::optional<Process>& process = servers_[static_cast<std::size_t>(server)];
  if (!process) return;
  KillGroup(process->pid());
  process.reset();
}

void ReplicatedPostgres::Promote() {
  // The only one left waits for nobody; what was acknowledged before is on its disk.
  Ask(1, "SELECT pg_promote(true, 60)");
  Ask(1, "ALTER SYSTEM SET synchronous_standby_names = ''");
  Ask(1, "SELECT pg_reload_conf()");
}

void ReplicatedPostgres::Rejoin() {
  Copy(1, 0);
  Start(0);
  WaitForStandby(1);
}

}  // namespace holdfast::test
