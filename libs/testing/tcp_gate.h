// A TCP relay between a client and a server under test that can be made to misbehave.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace holdfast::test {

// Thread-safe. Owns its threads; the destructor closes everything.
class TcpGate {
 public:
  explicit TcpGate(std::uint16_t target_port);  // on 127.0.0.1, as the gate itself
  // At an address and port of the caller's choice; broken invariant if that is taken. With the
  // target's own port on 127.0.0.2, say, whoever is told another address goes through the gate.
  TcpGate(std::uint16_t target_port, const std::string& address, std::uint16_t port);
  ~TcpGate();

  std::uint16_t port() const;
  std::string address() const;

  void Open();       // passes everything on (the state at start)
  void Cut();        // closes all connections, refuses new ones
  void Blackhole();  // accepts and keeps connections, passes nothing
  void Delay(std::chrono::milliseconds each_way);
  void Throttle(std::size_t bytes_per_second);  // 0: no limit
  void CorruptNextBytes(std::size_t count);     // towards the client

  std::uint64_t connections_seen() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::test
