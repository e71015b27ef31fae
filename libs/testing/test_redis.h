// A real Redis for tests; see test_postgres.h.
#pragma once

#include <memory>
#include <string>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

class TestRedis {
 public:
  static std::unique_ptr<TestRedis> Start();

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void Kill() { process_->Kill(); }
  void Hang() { process_->Stop(); }
  void Resume() { process_->Continue(); }
  void Restart();  // same port, empty

 private:
  TestRedis() = default;
  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace holdfast::test
