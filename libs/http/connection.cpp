#include "libs/http/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "libs/telemetry/trace.h"

namespace holdfast::http {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kFirstInputSize = 4096;
constexpr std::size_t kBodyReadSize = 64 * 1024;
constexpr std::size_t kKeptInputSize = 32 * 1024;
constexpr std::int64_t kSlowestBytesPerSecond = 8 * 1024;  // of a client that takes an answer
constexpr milliseconds kLingerRefused(2000);  // the client may still be sending what was refused
constexpr milliseconds kLingerAnswered(200);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

bool IsKnownMethod(std::string_view method) {
  constexpr std::string_view kKnown[] = {"GET",    "HEAD",  "POST",   "PUT",
                                         "DELETE", "PATCH", "OPTIONS"};
  return std::find(std::begin(kKnown), std::end(kKnown), method) != std::end(kKnown);
}

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

// A header that holds a line break would start another answer.
bool IsSafe(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool IsOurs(std::string_view name) {
  return EqualsIgnoringCase(name, "content-length") || EqualsIgnoringCase(name, "connection") ||
         EqualsIgnoringCase(name, "transfer-encoding") || EqualsIgnoringCase(name, "date");
}

void AppendNumber(std::size_t number, std::string& out) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

Response RefusalFor(int status) {
  return Response::Text(status, std::string(ReasonPhrase(status)) + "\n");
}

}  // namespace

Connection::Connection(std::shared_ptr<IoThread> thread, Socket socket)
    : thread_(std::move(thread)),
      socket_(std::move(socket)),
      descriptor_(socket_.native_handle()),
      input_(kFirstInputSize) {
  error_code error;
  const auto endpoint = socket_.remote_endpoint(error);
  if (!error) remote_address_ = endpoint.address().to_string();
}

Connection::~Connection() = default;

void Connection::Start() {
  thread_->Link(*this);
  const TimePoint now = steady_clock::now();
  expires_at_ = now + thread_->state().options.idle_timeout;
  retires_at_ = thread_->RetirementOf(now);
  Read();
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  {
    absl::MutexLock lock(&closing_);
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
  }
  thread_->Unlink(*this);
}

Deadline Connection::deadline() const {
  return Deadline(received_at_ + thread_->state().options.client_patience);
}

// A client that has closed only its sending side looks the same as one that has left. So it does to
// the balancers in front of us, which give it up as well.
bool Connection::gone() const {
  absl::MutexLock lock(&closing_);
  if (closed_) return true;
  pollfd asked{.fd = descriptor_, .events = POLLRDHUP, .revents = 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Connection::CloseIfExpired(TimePoint now) {
  if (now >= expires_at_) Close();
}

void Connection::LeaveIfIdleAt(TimePoint when) {
  if (phase_ == Phase::kIdle) expires_at_ = std::min(expires_at_, when);
}

void Connection::Read() {
  const auto room = asio::buffer(input_.data() + filled_, input_.size() - filled_);
  socket_.async_read_some(room, [self = shared_from_this()](error_code error, std::size_t size) {
    if (self->phase_ == Phase::kClosed) return;
    if (error) {
      self->Close();
    } else {
      self->OnRead(size);
    }
  });
}

void Connection::OnRead(std::size_t size) {
  if (phase_ == Phase::kLingering) {
    Read();
    return;
  }
  filled_ += size;
  const TimePoint now = steady_clock::now();
  read_at_ = now;
  if (phase_ == Phase::kIdle) {
    phase_ = Phase::kReading;
    expires_at_ = now + thread_->state().options.read_timeout;
  }
  Process();
}

void Connection::Process() {
  processing_ = true;
  bool wants_more = false;
  while (!wants_more && (phase_ == Phase::kIdle || phase_ == Phase::kReading)) {
    wants_more = !TakeRequest();
  }
  processing_ = false;
  if (wants_more && phase_ != Phase::kClosed) Read();
}

bool Connection::TakeRequest() {
  if (!have_head_ && !TakeHead()) return false;
  if (phase_ != Phase::kReading) return true;  // refused
  if (!TakeBody()) return false;
  if (phase_ == Phase::kReading) Dispatch();
  return true;
}

// Some clients end a body with an empty line that is not part of it. False: more bytes are needed.
bool Connection::SkipEmptyLines() {
  if (scanner_.size() > 0) return true;
  std::size_t skipped = 0;
  while (filled_ - skipped >= 2 && std::memcmp(input_.data() + skipped, "\r\n", 2) == 0)
    skipped += 2;
  filled_ -= skipped;
  std::memmove(input_.data(), input_.data() + skipped, filled_);
  return filled_ > 1 || (filled_ == 1 && input_[0] != '\r');
}

bool Connection::TakeHead() {
  const auto max_size = static_cast<std::size_t>(thread_->state().options.max_head_bytes);
  if (!SkipEmptyLines()) return false;
  const auto result = scanner_.Scan({input_.data(), filled_});
  if (result == HeadScanner::Result::kMalformed) {
    Refuse(400);
    return true;
  }
  if (scanner_.size() > max_size) {
    Refuse(431);
    return true;
  }
  if (result == HeadScanner::Result::kNeedMore) {
    if (filled_ == input_.size()) input_.resize(std::min(input_.size() * 2, max_size + 1));
    return false;
  }

  const std::size_t size = scanner_.size();
  const int refusal = ParseRequestHead({input_.data(), size}, head_);
  if (refusal != 0 || !IsKnownMethod(head_.method)) {
    Refuse(refusal != 0 ? refusal : 501);
    return true;
  }
  const auto max_body = static_cast<std::uint64_t>(thread_->state().options.max_body_bytes);
  body_.Start(head_.body, head_.content_length, max_body);
  have_head_ = true;
  consumed_ = size;
  if (head_.body != BodyKind::kNone) {
    const auto wanted = head_.body == BodyKind::kLength
                            ? std::min<std::uint64_t>(head_.content_length, kBodyReadSize)
                            : kFirstInputSize;
    if (input_.size() < size + wanted) {
      input_.resize(size + wanted);
      ParseRequestHead({input_.data(), size}, head_);  // the bytes have moved
    }
  }
  return true;
}

bool Connection::TakeBody() {
  const std::size_t head_size = scanner_.size();
  const std::size_t used = body_.Feed({input_.data() + head_size, filled_ - head_size});
  switch (body_.state()) {
    case BodyReader::State::kDone:
      consumed_ = head_size + used;
      return true;
    case BodyReader::State::kMalformed:
      Refuse(400);
      return true;
    case BodyReader::State::kTooLarge:
      Refuse(413);
      return true;
    case BodyReader::State::kNeedMore:
      break;
  }
  if (head_.expects_continue && filled_ == head_size) SendContinue();
  head_.expects_continue = false;
  filled_ = head_size;  // the room behind the head takes the next part
  return phase_ == Phase::kClosed;
}

void Connection::SendContinue() {
  // Nothing else is being sent, so 25 bytes fit in the socket's buffer.
  const auto sent =
      ::send(socket_.native_handle(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(kContinue.size())) Close();
}

void Connection::Dispatch() {
  phase_ = Phase::kHandling;
  expires_at_ = TimePoint::max();
  received_at_ = read_at_;
  close_after_ = !head_.keep_alive || received_at_ >= retires_at_;
  ServerState& state = thread_->state();
  thread_->probe().Tick(received_at_);

  const Route* const route = state.routes->Match(head_.path, captures_);
  metrics_ = route != nullptr ? &*route->metrics : &state.unmatched;
  if (route == nullptr) {
    Answer(RefusalFor(404));
    return;
  }
  const Handler* const handler = route->Find(head_.method);
  if (handler == nullptr) {
    Response refusal = RefusalFor(405);
    refusal.headers.emplace_back("Allow", route->allow);
    Answer(std::move(refusal));
    return;
  }
  criticality_ = route->criticality;
  const bool sheds = thread_->probe().load().sheds();
  if (sheds && !Admits(criticality_, ViewerOf(*this))) return Answer(Busy(criticality_));
  auto trace = telemetry::TraceContext::Parse(Header("traceparent"));
  if (!trace) trace = telemetry::TraceContext::Start(thread_->random());
  const telemetry::ScopedTrace scope(*trace);
  (*handler)(*this, Reply(shared_from_this()));
}

// Afterwards nobody can say where the next request starts.
void Connection::Refuse(int status) {
  phase_ = Phase::kHandling;
  expires_at_ = TimePoint::max();
  received_at_ = steady_clock::now();
  close_after_ = true;
  metrics_ = &thread_->state().malformed;
  consumed_ = filled_;
  head_.method = {};
  Answer(RefusalFor(status));
}

void Connection::Send(Response response) {
  if (thread_->IsCurrent()) {
    Answer(std::move(response));
    return;
  }
  thread_->Post([self = shared_from_this(), response = std::move(response)]() mutable {
    self->Answer(std::move(response));
  });
}

void Connection::Answer(Response response) {
  if (phase_ != Phase::kHandling) return;  // the connection was closed meanwhile
  response_ = std::move(response);
  if (response_.status == kClientLeft) thread_->state().shed.Add(criticality_, "gone");
  const StoredBody* const stored = response_.stored.get();
  const std::string_view body = stored != nullptr            ? stored->heap()
                                : response_.bytes != nullptr ? *response_.bytes
                                                             : response_.text;
  const std::size_t size = stored != nullptr ? stored->size() : body.size();
  MakeHead(response_, size);
  const bool sends_body = HasBody(status_) && head_.method != "HEAD";
  output_[0] = {response_head_.data(), response_head_.size()};
  output_[1] = {const_cast<char*>(body.data()), sends_body ? body.size() : 0};
  file_left_ = sends_body && stored != nullptr && stored->file() >= 0 ? size : 0;
  file_at_ = 0;
  phase_ = Phase::kWriting;
  Write();
}

void Connection::MakeHead(const Response& response, std::size_t body_size) {
  status_ = response.status >= 200 && response.status <= 599 ? response.status : 500;
  close_after_ = close_after_ || thread_->state().draining.load(std::memory_order_relaxed);
  bool has_type = response.content_type.empty();
  std::string& head = response_head_;
  head.assign("HTTP/1.1 ");
  AppendNumber(static_cast<std::size_t>(status_), head);
  head.append(" ").append(ReasonPhrase(status_));
  head.append("\r\n").append(thread_->DateLine()).append(response.header_lines);
  for (const auto& [name, value] : response.headers) {
    if (EqualsIgnoringCase(name, "connection") && HasToken(value, "close")) close_after_ = true;
    if (IsOurs(name) || !IsSafe(name) || !IsSafe(value)) continue;
    has_type = has_type || EqualsIgnoringCase(name, "content-type");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (HasBody(status_)) {
    if (!has_type) head.append("Content-Type: ").append(response.content_type).append("\r\n");
    head.append("Content-Length: ");
    AppendNumber(body_size, head);
    head.append("\r\n");
  }
  if (close_after_) {
    head.append("Connection: close\r\n");
  } else if (head_.http_1_0) {
    head.append("Connection: keep-alive\r\n");
  }
  head.append("\r\n");
}

// Sends a piece of what is left; what send(2) returns.
std::ptrdiff_t Connection::SendSome() {
  if (output_[0].iov_len + output_[1].iov_len == 0) {
    const ssize_t sent =
        ::sendfile(socket_.native_handle(), response_.stored->file(), &file_at_, file_left_);
    file_left_ -= static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    return sent;
  }
  msghdr message{};
  message.msg_iov = output_.data();
  message.msg_iovlen = output_.size();
  const int more = file_left_ > 0 ? MSG_MORE : 0;  // the head shares a segment with the file
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | more);
  ssize_t left = sent;
  for (iovec& part : output_) {
    if (left <= 0) break;
    const std::size_t done = std::min(part.iov_len, static_cast<std::size_t>(left));
    part.iov_base = static_cast<char*>(part.iov_base) + done;
    part.iov_len -= done;
    left -= static_cast<ssize_t>(done);
  }
  return sent;
}

void Connection::Write() {
  while (output_[0].iov_len + output_[1].iov_len + file_left_ > 0) {
    const std::ptrdiff_t sent = SendSome();
    if (sent > 0 || (sent < 0 && errno == EINTR)) continue;
    if (sent == 0 || errno != EAGAIN) {
      Close();
      return;
    }
    if (expires_at_ == TimePoint::max()) {
      const auto size =
          static_cast<std::int64_t>(output_[0].iov_len + output_[1].iov_len + file_left_);
      expires_at_ = steady_clock::now() + thread_->state().options.read_timeout +
                    seconds(size / kSlowestBytesPerSecond);
    }
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](error_code) {
      if (self->phase_ == Phase::kWriting) self->Write();
    });
    return;
  }
  OnWritten();
}

void Connection::OnWritten() {
  const TimePoint now = steady_clock::now();
  metrics_->Answered(status_, now - received_at_);
  read_at_ = now;  // a request that has been waiting behind this one begins to be served
  response_ = {};
  have_head_ = false;
  scanner_.Reset();
  filled_ -= consumed_;
  std::memmove(input_.data(), input_.data() + consumed_, filled_);
  consumed_ = 0;
  if (close_after_) {
    Linger();
    return;
  }
  if (input_.size() > kKeptInputSize && filled_ <= kFirstInputSize) {
    input_.resize(kFirstInputSize);
    input_.shrink_to_fit();
  }
  const ServerOptions& options = thread_->state().options;
  phase_ = filled_ > 0 ? Phase::kReading : Phase::kIdle;
  expires_at_ = now + (filled_ > 0 ? options.read_timeout : options.idle_timeout);
  if (!processing_) Process();
}

void Connection::Linger() {
  phase_ = Phase::kLingering;
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  filled_ = 0;
  const bool refused = metrics_ == &thread_->state().malformed;
  expires_at_ = steady_clock::now() + (refused ? kLingerRefused : kLingerAnswered);
  Read();
}

}  // namespace holdfast::http
