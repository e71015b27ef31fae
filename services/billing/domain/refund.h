// A refund that goes through a payment gateway: the way back of an attempt (attempt.h).
//
//   STARTED --> PENDING --> SENT        the payer has the money
//      |           |----> REFUSED       the money stays in the wallet
//      |--> SENT, REFUSED directly
//      '--> ABSENT   the gateway says, long after, that it never got it
//
// It is written down as STARTED, and its money held, before the gateway is asked. Money that the
// gateway says it has sent is always taken out, whatever was thought before: SENT can be reached
// from every state and is left by none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/billing/domain/attempt.h"
#include "services/billing/domain/ledger.h"

namespace holdfast::billing {

using RefundId = StrongId<struct RefundIdTag>;

struct GatewayRefund {
  enum class State { kStarted, kPending, kSent, kRefused, kAbsent };
  RefundId id;
  PaymentId payment;
  AccountId account;
  std::string gateway;
  std::string charge;  // what the gateway calls the payment
  Money amount;
  State state = State::kStarted;
  std::string reference;  // the gateway's, of the refund; it may have none
  std::string reason;     // why it was refused
  bool held = true;       // its money is held in the wallet
  int looks = 0;          // how often the gateway was asked what became of it
  WallTime look_at;       // when it is asked next
  WallTime created_at;
  std::optional<WallTime> sent_at;  // when the gateway was asked for it again last

  WallTime last_sent() const { return sent_at.value_or(created_at); }
  bool open() const { return state == State::kStarted || state == State::kPending; }
};

// "started", "pending", "sent", "refused", "absent".
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

// wallet ..> clearing: the money is held while the end is unknown ...
Entry HoldFor(const GatewayRefund& refund);
// ... then it leaves, or is the wallet's again. `hold`: the transfer of HoldFor.
absl::StatusOr<Entry> EndHold(const GatewayRefund& refund, const Transfer& hold, RefundEnd end);
TransferId HoldIdOf(const RefundId& id);

// The gateway sent what it was thought not to have: the wallet gives what it holds, up to the
// amount; the rest is the operator's loss (promotion/refunds).
Entry TakeLate(const GatewayRefund& refund, std::int64_t wallet_holds);

}  // namespace holdfast::billing
