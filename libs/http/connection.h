// One connection: reads a request, hands it to its route, writes the answer, again.
//
//   IDLE --first byte--> READING --complete--> HANDLING --answer--> WRITING --+--> IDLE / READING
//                           |  malformed                                      |
//                           +--------> WRITING ----------> LINGERING <--------+ must close
//
// LINGERING: the answer is out and our side closed; what the client still sends is read over for a
// moment, since closing at once would reset the connection and could destroy the answer.
//
// All state belongs to its IoThread; only Send and gone may be called from elsewhere. Kept alive by
// its pending operation or by the unanswered Reply.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/http/body_reader.h"
#include "libs/http/head_parser.h"
#include "libs/http/io_thread.h"
#include "libs/http/server.h"

namespace holdfast::http {

class Connection final : public Request,
                         public Reply::Target,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<IoThread> thread, Socket socket);
  ~Connection() override;

  void Start();
  void Close();
  void CloseIfExpired(std::chrono::steady_clock::time_point now);
  // For a draining server: an idle connection gets until then to send one more request.
  void LeaveIfIdleAt(std::chrono::steady_clock::time_point when);

  void Send(Response response) override;  // any thread

  std::string_view method() const override { return head_.method; }
  std::string_view target() const override { return head_.target; }
  std::string_view path() const override { return head_.path; }
  std::string_view query() const override { return head_.query; }
  std::string_view Header(std::string_view name) const override {
    return FindField(head_.fields, name);
  }
  std::string_view body() const override { return body_.body(); }
  std::string_view remote_address() const override { return remote_address_; }
  const std::vector<std::string>& captures() const override { return captures_; }
  Criticality criticality() const override { return criticality_; }
  bool Admits(Criticality criticality, std::string_view who) const override {
    return thread_->Admits(criticality, who);
  }
  Deadline deadline() const override;
  bool gone() const override;

 private:
  friend class IoThread;  // the links of its list
  enum class Phase { kIdle, kReading, kHandling, kWriting, kLingering, kClosed };
  using TimePoint = std::chrono::steady_clock::time_point;

  // Reading.
  void Read();
  void OnRead(std::size_t size);
  void Process();      // takes requests out of the input until one is not complete
  bool TakeRequest();  // false: more bytes are needed
  bool SkipEmptyLines();
  bool TakeHead();
  bool TakeBody();
  void SendContinue();
  void Dispatch();
  void Refuse(int status);

  // Writing.
  void Answer(Response response);
  void MakeHead(const Response& response, std::size_t body_size);
  void Write();
  std::ptrdiff_t SendSome();  // as send(2)
  void OnWritten();
  void Linger();

  const std::shared_ptr<IoThread> thread_;
  Socket socket_;
  const int descriptor_;  // its, while it is open
  // Held to close the socket, and to look at it from elsewhere.
  mutable absl::Mutex closing_;
  bool closed_ ABSL_GUARDED_BY(closing_) = false;
  std::string remote_address_;
  Connection* previous_ = nullptr;
  Connection* next_ = nullptr;

  Phase phase_ = Phase::kIdle;
  bool processing_ = false;   // inside Process: an answer given now must not call it again
  bool have_head_ = false;    // of the request that is being read
  bool close_after_ = false;  // the present answer is the last one
  TimePoint expires_at_;
  TimePoint retires_at_;  // after its next answer

  std::vector<char> input_;  // [0, filled_): the request's head, then what follows it
  std::size_t filled_ = 0;
  std::size_t consumed_ = 0;  // of input_: head and body bytes of the present request
  HeadScanner scanner_;
  RequestHead head_;
  BodyReader body_;
  std::vector<std::string> captures_;
  const RouteMetrics* metrics_ = nullptr;
  Criticality criticality_ = Criticality::kInteractive;
  TimePoint read_at_;      // the last bytes came
  TimePoint received_at_;  // the last bytes of the present request

  int status_ = 0;
  std::string response_head_;
  Response response_;
  std::array<iovec, 2> output_{};  // what is left to write: head, body in memory
  std::size_t file_left_ = 0;      // and then of the body's file
  off_t file_at_ = 0;
};

}  // namespace holdfast::http
