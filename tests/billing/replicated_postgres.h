// PostgreSQL with a hot standby that every commit waits for: a primary, its copy by pg_basebackup,
// synchronous streaming replication, and promotion. With fsync, as in production.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

// Used from one thread. Broken invariant whenever a server does not do what it is told.
class ReplicatedPostgres {
 public:
  static constexpr int kServers = 2;

  ReplicatedPostgres();  // server 0 is the primary, server 1 its synchronous standby
  ~ReplicatedPostgres();

  std::string NewDatabase();
  std::string user() const { return "holdfast"; }
  // As libpq and our `postgres_hosts` want it: both.
  std::string hosts() const { return address(0) + "," + address(1); }
  std::string address(int server) const;

  void Kill(int server);   // kill -9 of the whole server
  void Start(int server);  // again, as what it was
  // Makes the standby a primary that waits for nobody, and returns when it takes writes.
  void Promote();
  // Makes the killed old primary a standby of the new one (a new copy of it), and lets every commit
  // wait for it again.
  void Rejoin();

  // One line of SQL on one server; the first value of its answer.
  std::string Ask(int server, const std::string& sql, const std::string& database = "postgres");

 private:
  std::string Data(int server) const { return dir_.File("data-" + std::to_string(server)); }
  std::string Log() const { return dir_.File("log"); }
  void Run(const std::vector<std::string>& command);  // a program of PostgreSQL's, to its end
  void Copy(int from, int to);                        // pg_basebackup
  // Every commit waits until a standby has written it to its disk.
  void WaitForStandby(int primary);

  TempDir dir_;
  std::array<std::uint16_t, kServers> ports_;
  std::array<std::optional<Process>, kServers> servers_;
};

}  // namespace holdfast::test
