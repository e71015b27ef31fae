// A refund that goes through a payment gateway: the way back of an attempt (attempt.h).
//
//   STARTED --> PENDING --> SENT        the payer has the money
//      |           |----> REFUSED       the money stays in the wallet
//      |--> SENT, REFUSED directly
//      '--> ABSENT   the gateway says, long after, that it never got it
//
//   any of them --> BOUNCED            it was sent and came back: the money is the wallet's again
//
// It is written down as STARTED, and its money held, before the gateway is asked. Money that the
// gateway says it has sent is always taken out, whatever was thought before: SENT can be reached
// from every state but BOUNCED, which is left by none: what was sent before it is told of late.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/billing/domain/attempt.h"
#include "services/billing/domain/ledger.h"

namespace holdfast::billing {

using RefundId = StrongId<struct RefundIdTag>;

struct GatewayRefund : Followed {
  enum class State { kStarted, kPending, kSent, kRefused, kAbsent, kBounced };
  RefundId id;
  PaymentId payment;
  AccountId account;
  std::string charge;  // what the gateway calls the payment
  State state = State::kStarted;
  bool held = true;  // its money is held in the wallet

  bool open() const { return state == State::kStarted || state == State::kPending; }
};

// "started", "pending", "sent", "refused", "absent", "bounced".
std::string_view NameOf(GatewayRefund::State state);
std::optional<GatewayRefund::State> RefundStateOf(std::string_view name);

// What the news make of it; nothing if they change nothing. Of a refund kPaid means that it was
// sent, kDeclined that it was refused. FAILED_PRECONDITION ("wrong_amount: ", "not_open: "): they
// cannot be believed; a person has to look.
absl::StatusOr<std::optional<GatewayRefund>> Learn(const GatewayRefund& refund,
                                                   const GatewayNews& news, WallTime now);

// A person says how it ended, because the gateway never will. FAILED_PRECONDITION
// ("not_open: ...").
enum class RefundEnd { kSent, kNotSent };
absl::StatusOr<GatewayRefund> CloseByHand(const GatewayRefund& refund, RefundEnd end,
                                          std::string_view why);

// A person knows that it came back. FAILED_PRECONDITION ("not_sent: ...").
absl::StatusOr<GatewayRefund> BounceByHand(const GatewayRefund& refund, std::string_view why);

// wallet ..> clearing: the money is held while the end is unknown ...
Entry HoldFor(const GatewayRefund& refund);
// ... then it leaves, or is the wallet's again. `hold`: the transfer of HoldFor.
absl::StatusOr<Entry> EndHold(const GatewayRefund& refund, const Transfer& hold, RefundEnd end);
TransferId HoldIdOf(const RefundId& id);

// The gateway sent what it was thought not to have: the wallet gives what it holds, up to the
// amount; the rest is the operator's loss (promotion/refunds).
Entry TakeLate(const GatewayRefund& refund, std::int64_t wallet_holds);

// The entry that took the money out, of one whose hold was ended so or that was sent late.
enum class Sent { kInTime, kLate };
EntryId SentEntryOf(const RefundId& id, Sent sent);
// It came back: all of that entry the other way round, what the operator lost included.
absl::StatusOr<Entry> Bounce(const GatewayRefund& refund, const Entry& sent);

}  // namespace holdfast::billing
