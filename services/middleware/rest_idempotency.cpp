#include "services/middleware/rest_idempotency.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/deadline.h"
#include "libs/base/encoding.h"
#include "libs/security/hmac.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = 700ms;
constexpr std::int64_t kRememberMs = 24 * 3'600'000;  // as long as those of operators
constexpr auto kRememberHere = 24h;
constexpr std::size_t kMostHere = 20'000;
constexpr std::size_t kLongestKey = 200;

bool IsKey(std::string_view key) {
  return key.size() <= kLongestKey &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// Names of operators have no line ends: these keys are never theirs.
std::string OwnerOf(const RestCall& call) {
  return absl::StrCat("app\n", call.account().value(), "\n", call.device->mac);
}

std::string HashOf(const RestCall& call) {
  static const security::HmacKey key("holdfast rest request");
  const auto tag = key.Sign(absl::StrCat(call.request_line, "\n", call.profile, "\n", call.body));
  return ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), tag.size()));
}

http::Response Again(int status, std::string text) {
  if (status == 204) return NoContent();
  http::Response response = FreshJson(std::move(text));
  response.status = status;
  if (status >= 400) response.content_type = "application/problem+json";
  return response;
}

http::Response Misused() {
  return FieldProblem(409, "idempotency-key-reused", "Idempotency-Key",
                      "the key came with another request before");
}

std::string NameOf(const KeyedRequest& request) { return request.op + "\n" + request.key; }

}  // namespace

http::Response IdempotentAnswers::Once(const RestCall& call,
                                       const std::function<http::Response()>& act) {
  if (call.idempotency_key.empty()) return act();
  if (!IsKey(call.idempotency_key)) {
    return FieldProblem(400, "bad-idempotency-key", "Idempotency-Key",
                        "Idempotency-Key is not of at most 200 visible ASCII characters");
  }
  const KeyedRequest request{OwnerOf(call), call.idempotency_key, HashOf(call)};
  if (auto before = FromMemory(request)) return *std::move(before);
  const std::optional<KeyedAnswer> taken = Take(request);
  if (taken && taken->state == KeyedAnswer::State::kMisused) return Misused();
  if (taken && taken->state == KeyedAnswer::State::kAnswered) {
    return Again(taken->status, taken->body);
  }
  // One that is under way elsewhere, or was when its instance died, is done again: see above.
  http::Response response = act();
  if (response.status >= 500) {
    if (taken) store_.ReleaseKey(Deadline::After(kTimeout), request).IgnoreError();
  } else if (!taken || !Keep(request, response)) {
    Remember(request, response);
  }
  return response;
}

std::optional<KeyedAnswer> IdempotentAnswers::Take(const KeyedRequest& request) {
  if (!database_.usable()) return std::nullopt;
  const std::int64_t now = EpochMillis(clock_.Now());
  auto taken =
      store_.TakeKey(Deadline::After(kTimeout), request, now, now - kRememberMs, now - kRememberMs);
  if (!taken.ok()) return std::nullopt;
  return *std::move(taken);
}

bool IdempotentAnswers::Keep(const KeyedRequest& request, const http::Response& response) {
  return store_.KeepAnswer(Deadline::After(kTimeout), request, response.status, response.text).ok();
}

std::optional<http::Response> IdempotentAnswers::FromMemory(const KeyedRequest& request) {
  absl::MutexLock lock(&mutex_);
  const Answer* before = Find(answers_, NameOf(request));
  if (before == nullptr || clock_.SteadyNow() - before->at >= kRememberHere) return std::nullopt;
  if (before->hash != request.hash) return Misused();
  return Again(before->status, before->text);
}

void IdempotentAnswers::Remember(const KeyedRequest& request, const http::Response& response) {
  absl::MutexLock lock(&mutex_);
  std::string name = NameOf(request);
  if (!answers_.contains(name)) {
    if (answers_.size() >= kMostHere) {
      answers_.erase(oldest_first_.front());
      oldest_first_.pop_front();
    }
    oldest_first_.push_back(name);
  }
  answers_[std::move(name)] = {request.hash, response.status, response.text, clock_.SteadyNow()};
}

}  // namespace holdfast::middleware
