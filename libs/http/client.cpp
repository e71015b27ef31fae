#include "libs/http/client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/http/body_reader.h"
#include "libs/http/head_parser.h"
#include "libs/http/tls_session.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::uint64_t kMaxBody = 64ull << 20;

struct Url {
  bool tls = false;
  std::string host;
  std::string port = "80";
  std::string authority;  // as written, for the Host field
  std::string target = "/";
};

bool HasControlOrBlank(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; });
}

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  Url url{.tls = text.starts_with(kTls)};
  if ((!url.tls && !text.starts_with(kPlain)) || HasControlOrBlank(text)) {
    return InvalidArgument("not an http:// or https:// URL");
  }
  if (url.tls) url.port = "443";
  std::string_view rest = text.substr(url.tls ? kTls.size() : kPlain.size());
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  url.authority = rest.substr(0, end);
  rest = rest.substr(end, rest.find('#', end) - end);
  if (!rest.empty()) url.target = rest.front() == '/' ? std::string(rest) : "/" + std::string(rest);

  std::string_view host = url.authority;
  if (host.find('@') != std::string_view::npos) return InvalidArgument("URL with credentials");
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return InvalidArgument("URL with a broken host");
  const std::size_t colon = host.find(':', bracket);
  if (colon != std::string_view::npos) {
    url.port = host.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, error] =
        std::from_chars(url.port.data(), url.port.data() + url.port.size(), port);
    if (error != std::errc() || *stop != '\0' || port == 0) {
      return InvalidArgument("URL with a broken port");
    }
    host = host.substr(0, colon);
  }
  if (bracket > 0) host = host.substr(1, bracket - 1);
  if (host.empty()) return InvalidArgument("URL without a host");
  url.host = host;
  return url;
}

struct Addresses {
  ~Addresses() {
    if (list != nullptr) freeaddrinfo(list);
  }
  addrinfo* list = nullptr;
  int error = 0;
};

std::shared_ptr<Addresses> ResolveNow(const Url& url, int flags) {
  auto found = std::make_shared<Addresses>();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  found->error = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found->list);
  return found;
}

// The system's resolver keeps no deadline, so a name is asked for on a thread that may outlive us.
absl::StatusOr<std::shared_ptr<Addresses>> Resolve(const Url& url, Deadline deadline) {
  auto numeric = ResolveNow(url, AI_NUMERICHOST);
  if (numeric->error == 0) return numeric;

  struct Answer {
    bool arrived() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return addresses != nullptr; }
    absl::Mutex mutex;
    std::shared_ptr<Addresses> addresses ABSL_GUARDED_BY(mutex);
  };
  auto answer = std::make_shared<Answer>();
  std::thread([answer, url] {
    auto addresses = ResolveNow(url, 0);
    absl::MutexLock lock(&answer->mutex);
    answer->addresses = std::move(addresses);
  }).detach();
  absl::MutexLock lock(&answer->mutex);
  if (!answer->mutex.AwaitWithTimeout(absl::Condition(answer.get(), &Answer::arrived),
                                      absl::FromChrono(deadline.Remaining()))) {
    return DeadlineExceeded("resolving {}", url.host);
  }
  if (answer->addresses->error != 0) {
    return Unavailable("resolving {}: {}", url.host, gai_strerror(answer->addresses->error));
  }
  return answer->addresses;
}

// A non-blocking socket whose waits end by the deadline.
class Stream {
 public:
  explicit Stream(Deadline deadline) : deadline_(deadline) {}
  ~Stream() {
    if (fd_ >= 0) close(fd_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  absl::Status Connect(const addrinfo& address) {
    if (fd_ >= 0) close(fd_);
    fd_ = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return Unavailable("socket: {}", std::strerror(errno));
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd_, address.ai_addr, address.ai_addrlen) == 0) return absl::OkStatus();
    if (errno != EINPROGRESS) return Unavailable("connect: {}", std::strerror(errno));
    HOLDFAST_RETURN_IF_ERROR(Wait(POLLOUT));
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Unavailable("connect: {}", std::strerror(error));
    return absl::OkStatus();
  }

  absl::Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        HOLDFAST_RETURN_IF_ERROR(Wait(POLLOUT));
      } else if (errno != EINTR) {
        return Unavailable("send: {}", std::strerror(errno));
      }
    }
    return absl::OkStatus();
  }

  // 0 at the end of the stream.
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size) {
    while (true) {
      HOLDFAST_RETURN_IF_ERROR(Wait(POLLIN));
      const ssize_t got = recv(fd_, buffer, size, 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EAGAIN && errno != EINTR) return Unavailable("recv: {}", std::strerror(errno));
    }
  }

 private:
  absl::Status Wait(short events) {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_.Remaining());
      if (left.count() <= 0) return DeadlineExceeded("no answer in time");
      pollfd entry{.fd = fd_, .events = events, .revents = 0};
      const int ready =
          poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60000)));
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return Unavailable("poll: {}", std::strerror(errno));
    }
  }

  const Deadline deadline_;
  int fd_ = -1;
};

// A stream as it is, or within TLS.
class Channel {
 public:
  explicit Channel(Stream& stream) : stream_(stream) {}

  absl::Status Secure(const TlsTrust* trust, const std::string& host) {
    static const TlsTrust& system = *new TlsTrust();  // never destroyed: threads may outlive main
    HOLDFAST_ASSIGN_OR_RETURN(
        tls_, TlsSession::Begin(
                  trust == nullptr ? system : *trust, host,
                  {[this](std::string_view bytes) { return stream_.Write(bytes); },
                   [this](char* buffer, std::size_t size) { return stream_.Read(buffer, size); }}));
    return absl::OkStatus();
  }
  absl::Status Write(std::string_view bytes) {
    return tls_ ? tls_->Write(bytes) : stream_.Write(bytes);
  }
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size) {
    return tls_ ? tls_->Read(buffer, size) : stream_.Read(buffer, size);
  }

 private:
  Stream& stream_;
  std::unique_ptr<TlsSession> tls_;
};

absl::Status ConnectToAny(Stream& stream, const addrinfo* address) {
  absl::Status status = Unavailable("no address");
  for (; address != nullptr; address = address->ai_next) {
    status = stream.Connect(*address);
    if (status.ok() || absl::IsDeadlineExceeded(status)) break;
  }
  return status;
}

absl::StatusOr<std::string> Serialize(const ClientRequest& request, const Url& url) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\n", request.method, url.target);
  bool has_host = false;
  for (const auto& [name, value] : request.headers) {
    if (HasControlOrBlank(name) || name.empty() ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return InvalidArgument("a header with a line break");
    }
    has_host = has_host || EqualsIgnoringCase(name, "host");
    text += fmt::format("{}: {}\r\n", name, value);
  }
  if (!has_host) text += fmt::format("Host: {}\r\n", url.authority);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  text += "Connection: close\r\n\r\n";
  return text + request.body;
}

// Reads one head, skipping 1xx answers. `input` keeps what came after it.
absl::StatusOr<ResponseHead> ReadHead(Channel& stream, std::string& input,
                                      ClientResponse& response) {
  HeadScanner scanner;
  char buffer[16 * 1024];
  while (true) {
    const auto result = scanner.Scan(input);
    if (result == HeadScanner::Result::kMalformed || input.size() > kMaxHead) {
      return DataLoss("the answer is not HTTP");
    }
    if (result == HeadScanner::Result::kComplete) {
      ResponseHead head;
      const std::string bytes = input.substr(0, scanner.size());
      if (!ParseResponseHead(bytes, head)) return DataLoss("the answer is not HTTP");
      input.erase(0, scanner.size());
      scanner.Reset();
      if (head.status < 200 && head.status != 101) continue;
      response.status = head.status;
      for (const HeadField& field : head.fields) {
        response.headers.emplace_back(field.name, field.value);
      }
      head.fields.clear();  // views into `bytes`
      return head;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, stream.Read(buffer, sizeof(buffer)));
    if (got == 0 && input.empty()) return Unavailable("connection closed without an answer");
    if (got == 0) return DataLoss("the answer ends within its head");
    input.append(buffer, got);
  }
}

absl::StatusOr<std::string> ReadBody(Channel& stream, const ResponseHead& head, std::string input) {
  BodyReader reader;
  reader.Start(head.body, head.content_length, kMaxBody);
  reader.Feed(input);
  char buffer[64 * 1024];
  while (reader.state() == BodyReader::State::kNeedMore) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, stream.Read(buffer, sizeof(buffer)));
    if (got == 0 && head.body == BodyKind::kUntilClose) break;
    if (got == 0) return DataLoss("the answer ends within its body");
    reader.Feed({buffer, got});
  }
  if (reader.state() == BodyReader::State::kMalformed) return DataLoss("broken chunks");
  if (reader.state() == BodyReader::State::kTooLarge) {
    return DataLoss("the answer is larger than {} bytes", kMaxBody);
  }
  return reader.TakeBody();
}

}  // namespace

std::string_view ClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

absl::Status CheckUrl(std::string_view url) { return ParseUrl(url).status(); }

absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request, Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, Serialize(request, url));
  HOLDFAST_ASSIGN_OR_RETURN(const std::shared_ptr<Addresses> addresses, Resolve(url, deadline));
  Stream stream(deadline);
  HOLDFAST_RETURN_IF_ERROR(ConnectToAny(stream, addresses->list));
  Channel channel(stream);
  if (url.tls) HOLDFAST_RETURN_IF_ERROR(channel.Secure(request.trust, url.host));
  // A server may refuse a request before all of it was sent; its answer counts.
  const absl::Status written = channel.Write(bytes);
  if (absl::IsDeadlineExceeded(written)) return written;

  ClientResponse response;
  std::string rest;
  HOLDFAST_ASSIGN_OR_RETURN(ResponseHead head, ReadHead(channel, rest, response));
  if (request.method == "HEAD") head.body = BodyKind::kNone;
  HOLDFAST_ASSIGN_OR_RETURN(response.body, ReadBody(channel, head, std::move(rest)));
  return response;
}

}  // namespace holdfast::http
