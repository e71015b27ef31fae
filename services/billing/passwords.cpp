#include "services/billing/passwords.h"

#include "absl/synchronization/mutex.h"
#include "libs/security/password.h"

namespace holdfast::billing {
namespace {

constexpr int kAtOnce = 2;

class Turn {
 public:
  Turn() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* running) { return *running < kAtOnce; }, &running_));
    ++running_;
  }
  ~Turn() {
    absl::MutexLock lock(&mutex_);
    --running_;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  static inline absl::Mutex mutex_{absl::kConstInit};
  static inline int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::string HashSlowly(std::string_view secret) {
  const Turn turn;
  return security::HashPassword(secret);
}

bool MatchesSlowly(std::string_view secret, std::string_view hash) {
  const Turn turn;
  return security::PasswordMatches(secret, hash);
}

bool MatchesNothing(std::string_view secret) {
  static const std::string* const hash = new std::string(HashSlowly("nobody's"));
  (void)MatchesSlowly(secret, *hash);
  return false;
}

}  // namespace holdfast::billing
