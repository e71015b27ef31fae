// Plays HTTP clients, each with one connection that it keeps, whatever the servers do (open loop):
// a request's time counts from when its client wanted to send it, so that waiting is measured and
// not avoided.
//
// A client has several addresses of the same service and moves as any careful client may, because
// nothing can be done twice by it:
//   - not let in (refused, reset while connecting): the next address, before anything was sent;
//   - its kept connection ended without a byte of an answer: the request is sent again, once, on a
//     new connection (RFC 9110, 9.2.2). Only GET requests are played.
// Everything else that is not a whole answer is an Outcome without a status.
//
// One thread, that of Play. Clients must outlive it and are called from it only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::load {

using SteadyClock = std::chrono::steady_clock;

struct Outcome {
  int status = 0;  // 0: no answer, see `trouble`
  std::string_view body;
  bool gzipped = false;
  bool degraded = false;     // X-Degraded is there
  std::string_view trouble;  // "refused by all", "ended without an answer", "late" ...
  double took_ms = 0;        // since the request was due
};

class Client {
 public:
  virtual ~Client() = default;
  // When it wants to send its next request; max(): not any more. Asked while it waits for nothing.
  virtual SteadyClock::time_point Due() const = 0;
  virtual std::string Request() = 0;  // as it goes over the wire
  virtual void Take(const Outcome& outcome) = 0;
};

struct OpenLoopCounts {
  std::size_t requests = 0;
  std::size_t moved = 0;       // not let in, and asked another address
  std::size_t sent_again = 0;  // the kept connection had ended
};

class OpenLoop {
 public:
  // `patience`: how long a client waits for an answer since it was due.
  explicit OpenLoop(std::chrono::milliseconds patience);
  ~OpenLoop();

  // `ports` of this machine, the favourite first.
  void Add(Client& client, std::vector<std::uint16_t> ports);

  // Until `finished` says so and nothing is under way.
  OpenLoopCounts Play(const std::function<bool()>& finished);

 private:
  struct Line;  // a client and its connection

  void Begin(Line& line, SteadyClock::time_point due);
  void Attempt(Line& line);
  bool Connect(Line& line);
  void Disconnect(Line& line);
  void NotLetIn(Line& line);
  void Serve(Line& line, std::uint32_t events);
  void Send(Line& line);
  void Receive(Line& line);
  void Ended(Line& line);
  void TakeAnswer(Line& line);
  void Finish(Line& line, Outcome outcome);
  void LookAtTheClock(bool starting);

  const std::chrono::milliseconds patience_;
  const int epoll_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<char> buffer_;
  std::size_t under_way_ = 0;
  OpenLoopCounts counts_;
};

}  // namespace holdfast::load
