// A real etcd (one member) for tests; see test_postgres.h.
#pragma once

#include <memory>
#include <string>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

class TestEtcd {
 public:
  static std::unique_ptr<TestEtcd> Start();

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void Kill() { process_->Kill(); }
  void Hang() { process_->Stop(); }
  void Resume() { process_->Continue(); }
  void Restart();  // same port and data

 private:
  TestEtcd() = default;
  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace holdfast::test
