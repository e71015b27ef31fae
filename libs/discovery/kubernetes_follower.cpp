#include "libs/discovery/kubernetes_follower.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/security/secret_file.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstRetry = 100ms;
constexpr Duration kLongestRetry = 5s;
constexpr Duration kAnswerTimeout = 5s;
constexpr Duration kWatchMargin = 5s;  // what the end of a watch may be late
constexpr Duration kShortWatch = 1s;   // a watch that ends sooner without a word is a failure
constexpr std::size_t kMaxBody = 32 << 20;
constexpr int kPageSize = 500;

// Names and revisions need it only for ':', '/' and the like in a `continue` token.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

}  // namespace

KubernetesFollower::KubernetesFollower(const KubernetesEnvironment& environment,
                                       std::string service)
    : kubernetes_(environment),
      service_(std::move(service)),
      backoff_(kFirstRetry, kLongestRetry, environment.random),
      answer_(kMaxBody) {}

int KubernetesFollower::fd() const { return connection_ == nullptr ? -1 : connection_->fd(); }

short KubernetesFollower::events() const {
  return connection_ == nullptr ? short{0} : connection_->events();
}

void KubernetesFollower::Work(SteadyTime now) {
  if (phase_ == Phase::kWaiting) {
    if (now >= due_) Begin(now);
    return;
  }
  if (connection_ != nullptr) Receive(now);
  if (phase_ != Phase::kWaiting && now >= due_) {
    Fail(now, DeadlineExceeded("no answer in time"));
  }
}

void KubernetesFollower::Begin(SteadyTime now) {
  phase_ = listed_ ? Phase::kWatching : Phase::kListing;
  listing_.clear();
  next_page_.clear();
  lines_.clear();
  watch_told_something_ = false;
  watch_began_ = now;
  // So that a fleet that started together does not ask together for ever.
  const auto jittered = kubernetes_.watch_time * (0.9 + 0.2 * kubernetes_.random.Uniform());
  watch_time_ = std::max(std::chrono::floor<std::chrono::seconds>(jittered), 1s);
  Ask(now);
}

void KubernetesFollower::Ask(SteadyTime now) {
  due_ = now + kAnswerTimeout;
  answer_ = HttpAnswer(kMaxBody);
  if (const absl::Status sent = SendRequest(); !sent.ok()) return Fail(now, sent);
  Receive(now);
}

std::string KubernetesFollower::Query() const {
  std::string query =
      "labelSelector=kubernetes.io%2Fservice-name%3D" + kubernetes_.access.NameOf(service_);
  if (phase_ == Phase::kWatching) {
    query += "&watch=1&allowWatchBookmarks=true&resourceVersion=" + Escaped(resource_version_);
    return query + fmt::format("&timeoutSeconds={}", watch_time_.count());
  }
  query += fmt::format("&limit={}", kPageSize);
  if (!next_page_.empty()) return query + "&continue=" + Escaped(next_page_);
  return query + "&resourceVersion=" + Escaped(resource_version_);
}

absl::Status KubernetesFollower::SendRequest() {
  const KubernetesAccess& access = kubernetes_.access;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string token,
                            security::ReadTrimmedSecret(access.token_file));
  if (token.empty() || !std::all_of(token.begin(), token.end(), [](char c) { return c > ' '; })) {
    return FailedPrecondition("{} holds no token", access.token_file);
  }
  reused_ = connection_ != nullptr;
  if (!reused_) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string ca, security::ReadSecretFile(access.ca_file));
    HOLDFAST_ASSIGN_OR_RETURN(connection_, HttpsConnection::Connect(access.server, ca));
  }
  connection_->Send(fmt::format(
      "GET /apis/discovery.k8s.io/v1/namespaces/{}/endpointslices?{} HTTP/1.1\r\n"
      "Host: {}\r\nAuthorization: Bearer {}\r\nAccept: application/json\r\n"
      "User-Agent: holdfast-discovery\r\n\r\n",
      access.name_space, Query(),
      access.server.name.empty() ? "kubernetes.default.svc" : access.server.name, token));
  return absl::OkStatus();
}

void KubernetesFollower::Receive(SteadyTime now) {
  std::string received;
  const absl::Status worked = connection_->Work(received);
  const bool ended = !worked.ok() || connection_->closed();
  if (!received.empty()) {
    HttpsConnection* const asked = connection_.get();
    const absl::Status status = OnBytes(now, received);
    if (!status.ok()) return Fail(now, status);
    if (phase_ == Phase::kWaiting || connection_.get() != asked) return;
  }
  if (!ended) return;
  connection_.reset();
  // An idle connection may have been closed just when we wrote to it: that says nothing.
  if (reused_ && !answer_.begun()) return Ask(now);
  Fail(now, worked.ok() ? Unavailable("connection closed by the API server") : worked);
}

absl::Status KubernetesFollower::OnBytes(SteadyTime now, std::string_view bytes) {
  const bool had_head = answer_.status() != 0;
  HOLDFAST_RETURN_IF_ERROR(answer_.Feed(bytes));
  if (answer_.status() == 0) return absl::OkStatus();
  if (answer_.status() == 200 && phase_ == Phase::kWatching) {
    if (!had_head) {
      kubernetes_.board.BackendUp();
      kubernetes_.board.Confirm(service_);
      due_ = now + watch_time_ + kWatchMargin;
    }
    lines_ += answer_.TakeBody();
    HOLDFAST_RETURN_IF_ERROR(OnLines());
    if (phase_ != Phase::kWatching || !listed_) return absl::OkStatus();
  }
  if (!answer_.complete()) return absl::OkStatus();
  if (!answer_.reusable()) connection_.reset();
  if (answer_.status() != 200) return OnRefused();
  return phase_ == Phase::kListing ? OnPage(now) : OnWatchOver(now);
}

absl::Status KubernetesFollower::OnPage(SteadyTime now) {
  HOLDFAST_ASSIGN_OR_RETURN(EndpointSlicePage page,
                            ParseEndpointSlices(answer_.TakeBody(), kubernetes_.access.port_name));
  for (EndpointSlice& slice : page.slices) {
    const std::string name = slice.name;
    listing_[name] = std::move(slice);
  }
  if (!page.next.empty() && page.next != next_page_) {
    next_page_ = std::move(page.next);
    Ask(now);
    return absl::OkStatus();
  }
  slices_ = std::move(listing_);
  resource_version_ = page.resource_version;
  listed_ = true;
  kubernetes_.board.BackendUp();
  Offer();
  Begin(now);
  return absl::OkStatus();
}

absl::Status KubernetesFollower::OnLines() {
  bool changed = false;
  std::size_t begin = 0;
  for (std::size_t end; (end = lines_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(lines_).substr(begin, end - begin);
    HOLDFAST_ASSIGN_OR_RETURN(EndpointSliceEvent event,
                              ParseEndpointSliceEvent(line, kubernetes_.access.port_name));
    HOLDFAST_RETURN_IF_ERROR(OnEvent(std::move(event), changed));
    if (!listed_) break;
  }
  lines_.erase(0, begin);
  if (lines_.size() > kMaxBody) return DataLoss("an event of more than {} bytes", kMaxBody);
  if (changed) Offer();
  return absl::OkStatus();
}

absl::Status KubernetesFollower::OnEvent(EndpointSliceEvent event, bool& changed) {
  using Kind = EndpointSliceEvent::Kind;
  if (event.kind == Kind::kError) return Unavailable("watch: {}", event.reason);
  watch_told_something_ = true;
  if (event.kind == Kind::kExpired) {
    ListAnew(event.reason);
    return absl::OkStatus();
  }
  backoff_.Reset();
  resource_version_ = event.resource_version;
  if (event.kind == Kind::kBookmark) {
    kubernetes_.board.Confirm(service_);
    return absl::OkStatus();
  }
  changed = true;
  const std::string name = event.slice.name;
  if (event.kind == Kind::kDeleted) {
    slices_.erase(name);
  } else {
    slices_[name] = std::move(event.slice);
  }
  return absl::OkStatus();
}

absl::Status KubernetesFollower::OnWatchOver(SteadyTime now) {
  if (!watch_told_something_ && now - watch_began_ < kShortWatch) {
    return Unavailable("watch ended at once");
  }
  backoff_.Reset();
  kubernetes_.board.Confirm(service_);
  Begin(now);
  return absl::OkStatus();
}

absl::Status KubernetesFollower::OnRefused() {
  const std::string reason = ReasonOf(answer_.TakeBody());
  const int status = answer_.status();
  // Gone; or "Too large resource version": the server is behind what we have seen.
  if (status == 410 || status == 504) {
    ListAnew(reason);
    return absl::OkStatus();
  }
  connection_.reset();  // the next may reach another server, and shows the token as it is then
  const std::string_view hint =
      status == 401 || status == 403 ? " (may we get, list and watch endpointslices?)" : "";
  return Unavailable("API server says {} {}{}", status, reason, hint);
}

// What we know stays in use until the list is there.
void KubernetesFollower::ListAnew(std::string_view why) {
  telemetry::Log(telemetry::Info, "endpoint slices are listed anew",
                 {{"service", service_}, {"reason", why}});
  listed_ = false;
  resource_version_.clear();
  connection_.reset();
  Wait(SystemClock::Get().SteadyNow());
}

void KubernetesFollower::Fail(SteadyTime now, const absl::Status& why) {
  connection_.reset();
  kubernetes_.board.BackendDown(fmt::format("{}:{} {}", kubernetes_.access.server.host,
                                            kubernetes_.access.server.port, ToString(why)));
  Wait(now);
}

void KubernetesFollower::Wait(SteadyTime now) {
  phase_ = Phase::kWaiting;
  due_ = now + backoff_.Next();
}

void KubernetesFollower::Offer() { kubernetes_.board.Offer(service_, Merged(slices_)); }

}  // namespace holdfast::discovery
