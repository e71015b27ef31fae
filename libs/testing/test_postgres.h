// Real PostgreSQL, Redis and etcd for tests: private folders and ports, gone at the end. One per test
// program is enough: ask for a new database per test.
#pragma once

#include <memory>
#include <string>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

class TestPostgres {
 public:
  static std::unique_ptr<TestPostgres> Start();  // broken invariant if it cannot
  ~TestPostgres();

  std::uint16_t port() const { return port_; }
  std::string host() const { return "127.0.0.1"; }
  std::string user() const { return "holdfast"; }
  std::string NewDatabase();  // its name

  void Kill();      // kill -9 of the whole server
  void Hang();      // SIGSTOP of the whole server
  void Resume();    // SIGCONT
  void Restart();   // starts again on the same port and data

  // The one of this test program, started at first use, stopped at exit.
  static TestPostgres& Shared();

 private:
  TestPostgres() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::uint16_t port_ = 0;
};

}  // namespace holdfast::test
