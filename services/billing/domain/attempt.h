// A try to collect money through a payment gateway.
//
//   STARTED --> PENDING --> PAID
//      |           |----> DECLINED
//      |--> PAID, DECLINED directly
//      '--> ABSENT   the gateway says, long after, that it never got it
//
// It is written down as STARTED before the gateway is asked. Money that the gateway says it has is
// always taken in, whatever was thought before: PAID can be reached from every state and is left by
// none.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/money.h"
#include "services/billing/domain/ids.h"

namespace holdfast::billing {

using AttemptId = StrongId<struct AttemptIdTag>;

// No request can still be under way to the gateway so long after the last one was sent.
inline constexpr std::chrono::minutes kNeverArrivedAfter{15};

// What a gateway is asked for and followed until its end is known: what attempts and refunds
// (refund.h) share.
struct Followed {
  std::string gateway;
  Money amount;
  std::string reference;  // the gateway's, of what it did; it may have none
  std::string reason;     // why it did not, or what became of it since
  int looks = 0;          // how often the gateway was asked what became of it
  WallTime look_at;       // when it is asked next
  WallTime created_at;
  std::optional<WallTime> sent_at;  // when the gateway was asked for it again last

  WallTime last_sent() const { return sent_at.value_or(created_at); }
};

struct PaymentAttempt : Followed {
  enum class State { kStarted, kPending, kPaid, kDeclined, kAbsent };
  AttemptId id;
  AccountId account;
  std::string source;  // a token of the gateway; may be empty
  State state = State::kStarted;
  std::optional<PaymentId> payment;  // kPaid

  bool open() const { return state == State::kStarted || state == State::kPending; }
};

// "started", "pending", "paid", "declined", "absent".
std::string_view NameOf(PaymentAttempt::State state);
std::optional<PaymentAttempt::State> AttemptStateOf(std::string_view name);

// What a gateway says of an attempt.
struct GatewayNews {
  enum class State { kPaid, kDeclined, kPending, kAbsent, kBounced };  // the last: of refunds only
  State state = State::kPending;
  std::string reference;  // needed when paid
  std::string reason;
  std::optional<Money> amount;  // that was paid; nothing: not said
};

// What the news make of it; nothing if they change nothing. FAILED_PRECONDITION ("wrong_amount: ",
// "no_reference: "): they cannot be believed; a person has to look.
absl::StatusOr<std::optional<PaymentAttempt>> Learn(const PaymentAttempt& attempt,
                                                    const GatewayNews& news, WallTime now);

// A person says how it ended, because the gateway never will: paid by `payment`, or, without one,
// not at all. FAILED_PRECONDITION ("not_open: ...").
absl::StatusOr<PaymentAttempt> CloseByHand(const PaymentAttempt& attempt,
                                           std::optional<PaymentId> payment, std::string_view why);

// When the gateway is asked again what became of it, after it was asked `looks` times: at first
// soon, then less and less often.
std::chrono::seconds PauseBeforeLook(int looks);

// Whether the gateway's "never heard of it" proves that it never got it.
bool HasNeverArrived(const Followed& followed, WallTime now);

}  // namespace holdfast::billing
