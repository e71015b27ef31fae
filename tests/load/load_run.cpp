#include "tests/load/load_run.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>

#include "libs/base/check.h"
#include "libs/http/head_parser.h"

namespace holdfast::load {
namespace {

constexpr int kEventsAtOnce = 256;

int Connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EINPROGRESS) {
    return fd;
  }
  close(fd);
  return -1;
}

// One box at work.
struct Session {
  int fd = -1;
  StartSequence sequence;
  SteadyClock::time_point switched_on;
  SteadyClock::time_point due;  // of the present request
  std::string output;           // what is left to send of it
  std::string input;
  bool answered = false;  // the present request is
  std::list<Session*>::iterator by_age;
};

class Run {
 public:
  Run(const LoadOptions& options, std::vector<ScheduledBox> boxes)
      : options_(options), random_(options.seed), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    HOLDFAST_CHECK(epoll_ >= 0);
    result_.boxes = boxes.size();
    for (ScheduledBox& box : boxes) waiting_.emplace(box.at, std::move(box.sequence));
  }
  ~Run() { close(epoll_); }

  LoadResult Play() {
    began_ = SteadyClock::now();
    while (!waiting_.empty() || !open_.empty()) {
      SwitchOnWhatIsDue();
      TakeEvents();
      EndTheImpatient();
    }
    result_.seconds = std::chrono::duration<double>(SteadyClock::now() - began_).count();
    return std::move(result_);
  }

 private:
  static double Since(SteadyClock::time_point then) {
    return Milliseconds(SteadyClock::now() - then).count();
  }

  void SwitchOnWhatIsDue() {
    const auto now = SteadyClock::now();
    while (!waiting_.empty() && began_ + waiting_.begin()->first <= now) {
      const auto switched_on = began_ + waiting_.begin()->first;
      StartSequence sequence = std::move(waiting_.extract(waiting_.begin()).mapped());
      result_.late_ms.push_back(Milliseconds(now - switched_on).count());
      const int fd = open_.size() < options_.max_connections ? Connect(options_.port) : -1;
      if (fd < 0) {
        if (!TriesAgain(sequence)) ++result_.shed;
        continue;
      }
      auto session = std::make_unique<Session>(Session{.fd = fd,
                                                       .sequence = std::move(sequence),
                                                       .switched_on = switched_on,
                                                       .due = switched_on});
      session->output = session->sequence.Request();
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = session.get()}};
      HOLDFAST_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0);
      session->by_age = by_age_.insert(by_age_.end(), session.get());
      open_.emplace(session.get(), std::move(session));
    }
  }

  // Waits at most until the next box is due.
  void TakeEvents() {
    int wait_ms = 20;
    if (!waiting_.empty()) {
      const auto left = began_ + waiting_.begin()->first - SteadyClock::now();
      wait_ms = static_cast<int>(std::clamp<double>(Milliseconds(left).count(), 0, wait_ms));
    }
    std::array<epoll_event, kEventsAtOnce> events;
    const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, wait_ms);
    for (int i = 0; i < count; ++i) {
      auto* const session = static_cast<Session*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (open_.contains(session)) Serve(*session);
    }
  }

  void Serve(Session& session) {
    while (!session.output.empty()) {
      const ssize_t sent =
          send(session.fd, session.output.data(), session.output.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) return End(session, result_.shed);
      session.output.erase(0, static_cast<std::size_t>(sent));
    }
    while (true) {
      const ssize_t got = recv(session.fd, buffer_.data(), buffer_.size(), 0);
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) return End(session, result_.shed);
      session.input.append(buffer_.data(), static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < buffer_.size()) break;
    }
    TakeAnswer(session);
  }

  void TakeAnswer(Session& session) {
    http::HeadScanner scanner;
    if (scanner.Scan(session.input) != http::HeadScanner::Result::kComplete) return;
    http::ResponseHead head;
    if (!http::ParseResponseHead(std::string_view(session.input).substr(0, scanner.size()), head)) {
      return Break(session, "not HTTP");
    }
    if (session.input.size() < scanner.size() + head.content_length) return;
    const Answer answer{.status = head.status,
                        .body = std::string_view(session.input).substr(scanner.size()),
                        .gzipped = http::FindField(head.fields, "content-encoding") == "gzip"};
    result_.request_ms.push_back(Since(session.due));
    session.answered = true;
    switch (session.sequence.Take(answer)) {
      case Verdict::kShed:
        return End(session, result_.shed);
      case Verdict::kBroken:
        return Break(session, answer.body.substr(0, 200));
      case Verdict::kGood:
        break;
    }
    session.input.clear();
    if (session.sequence.finished()) {
      result_.finished.push_back(session.sequence);
      return End(session, result_.started);
    }
    session.due = SteadyClock::now();
    session.answered = false;
    session.output = session.sequence.Request();
    Serve(session);
  }

  void Break(Session& session, std::string_view answer) {
    ++result_.broken_answers;
    if (result_.first_broken.empty()) {
      result_.first_broken = std::string(session.sequence.action()) + ": " + std::string(answer);
    }
    End(session, result_.broken);
  }

  // Off and on again, with what token the box holds by then.
  bool TriesAgain(const StartSequence& sequence) {
    if (options_.retry_pause.count() == 0) return false;
    const auto passed = SteadyClock::now() - began_;
    if (passed > options_.last_try) return false;
    std::uniform_real_distribution<double> part(0.5, 1.5);
    waiting_.emplace(passed + std::chrono::duration_cast<SteadyClock::duration>(
                                  options_.retry_pause * part(random_)),
                     sequence.FromTheBeginning());
    ++result_.retries;
    return true;
  }

  void End(Session& session, std::size_t& counter) {
    const bool started = &counter == &result_.started;
    if (started) result_.last_start_s = Since(began_) / 1e3;
    if (started || !TriesAgain(session.sequence)) ++counter;
    if (!session.answered) result_.request_ms.push_back(Since(session.due));
    result_.start_ms.push_back(Since(session.switched_on));
    close(session.fd);
    by_age_.erase(session.by_age);
    open_.erase(&session);
  }

  void EndTheImpatient() {
    const auto limit = SteadyClock::now() - options_.patience;
    while (!by_age_.empty() && by_age_.front()->switched_on < limit) {
      End(*by_age_.front(), result_.gave_up);
    }
  }

  const LoadOptions options_;
  std::mt19937_64 random_;
  std::multimap<SteadyClock::duration, StartSequence> waiting_;  // by when they are switched on
  const int epoll_;
  SteadyClock::time_point began_;
  std::unordered_map<Session*, std::unique_ptr<Session>> open_;
  std::list<Session*> by_age_;
  std::array<char, 256 * 1024> buffer_;
  LoadResult result_;
};

}  // namespace

LoadResult RunLoad(const LoadOptions& options, std::vector<ScheduledBox> boxes) {
  return std::make_unique<Run>(options, std::move(boxes))->Play();
}

double Percentile(std::vector<double>& samples, double percent) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const double rank = std::ceil(percent / 100 * static_cast<double>(samples.size()));
  return samples[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace holdfast::load
