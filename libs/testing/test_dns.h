// A real dnsmasq for tests; see test_postgres.h. It knows the zone "holdfast.internal" and nothing
// else.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

class TestDns {
 public:
  // More of dnsmasq's arguments: "--srv-host=...", "--local-ttl=60".
  explicit TestDns(std::vector<std::string> arguments);

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Lines of a hosts file: address, name. Replaces the one before.
  void SetHosts(std::string_view hosts);

  // How often somebody asked for `name` with that record type ("A", "SRV").
  int Questions(std::string_view type, std::string_view name) const;

  void Kill() { server_->Kill(); }
  void Hang() { server_->Stop(); }
  void Resume() { server_->Continue(); }
  void Restart();

 private:
  bool Answers() const;

  const std::vector<std::string> arguments_;
  TempDir dir_;
  const std::uint16_t port_ = FreePort();
  std::unique_ptr<Process> server_;
};

}  // namespace holdfast::test
