#include "services/billing/domain/refund.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

// In the order of GatewayRefund::State.
constexpr std::array<std::string_view, 6> kStates = {"started", "pending", "sent",
                                                     "refused", "absent",  "bounced"};

// Ends of the names of its entries.
constexpr std::string_view kSentInTime = "-sent";
constexpr std::string_view kSentLate = "-late";
constexpr std::string_view kKept = "-kept";
constexpr std::string_view kCameBack = "-bounced";

std::string EntryNameOf(const RefundId& id, std::string_view end) {
  return fmt::format("refund-{}{}", id.value(), end);
}

LedgerAccountId ClearingOf(const GatewayRefund& refund) {
  return {LedgerKind::kClearing, refund.gateway, refund.amount.currency()};
}

Entry NewEntry(const GatewayRefund& refund, std::string_view end) {
  return {EntryId(EntryNameOf(refund.id, end)), "refund of payment " + refund.payment.value(), {}};
}

using State = GatewayRefund::State;

// That the gateway speaks of all of the money, if it says how much.
absl::Status CheckAmount(const GatewayRefund& refund, const GatewayNews& news,
                         std::string_view did) {
  if (!news.amount || *news.amount == refund.amount) return absl::OkStatus();
  return FailedPrecondition("wrong_amount: gateway {} {} {} {} for refund {} of {} {}",
                            refund.gateway, did, news.amount->minor_units(),
                            news.amount->currency(), refund.id.value(), refund.amount.minor_units(),
                            refund.amount.currency());
}

}  // namespace

std::string_view NameOf(State state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<State> RefundStateOf(std::string_view name) {
  const auto found = std::find(kStates.begin(), kStates.end(), name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<State>(found - kStates.begin());
}

absl::StatusOr<std::optional<GatewayRefund>> Learn(const GatewayRefund& refund,
                                                   const GatewayNews& news, WallTime now) {
  std::optional<GatewayRefund> next;
  if (refund.state == State::kBounced) return next;
  if (refund.state == State::kSent && news.state != GatewayNews::State::kBounced) {
    if (news.state != GatewayNews::State::kDeclined) return next;
    // A late word of before it was sent, or a bounce by a wrong name: only a person can tell.
    return FailedPrecondition("not_open: refund {} was sent, gateway {} says now that it was not",
                              refund.id.value(), refund.gateway);
  }
  switch (news.state) {
    case GatewayNews::State::kPaid:
      HOLDFAST_RETURN_IF_ERROR(CheckAmount(refund, news, "sent"));
      next = refund;
      next->state = State::kSent;
      next->reference = news.reference;
      next->reason.clear();
      return next;
    case GatewayNews::State::kDeclined:
      if (!refund.open()) return next;
      next = refund;
      next->state = State::kRefused;
      next->reason = news.reason;
      return next;
    case GatewayNews::State::kPending:
      if (refund.state != State::kStarted && refund.state != State::kAbsent) return next;
      next = refund;
      next->state = State::kPending;
      next->look_at = now + PauseBeforeLook(refund.looks);
      return next;
    case GatewayNews::State::kAbsent:
      if (refund.state != State::kStarted || !HasNeverArrived(refund, now)) return next;
      next = refund;
      next->state = State::kAbsent;
      return next;
    case GatewayNews::State::kBounced:
      HOLDFAST_RETURN_IF_ERROR(CheckAmount(refund, news, "got back"));
      next = refund;
      next->state = State::kBounced;
      next->reason = news.reason;
      return next;
  }
  return next;
}

absl::StatusOr<GatewayRefund> CloseByHand(const GatewayRefund& refund, RefundEnd end,
                                          std::string_view why) {
  if (!refund.open()) {
    return FailedPrecondition("not_open: refund {} is {}", refund.id.value(), NameOf(refund.state));
  }
  GatewayRefund next = refund;
  next.state = end == RefundEnd::kSent ? State::kSent : State::kRefused;
  next.reason = fmt::format("closed by hand: {}", why);
  return next;
}

absl::StatusOr<GatewayRefund> BounceByHand(const GatewayRefund& refund, std::string_view why) {
  if (refund.state != State::kSent) {
    return FailedPrecondition("not_sent: refund {} is {}", refund.id.value(), NameOf(refund.state));
  }
  GatewayRefund next = refund;
  next.state = State::kBounced;
  next.reason = fmt::format("came back: {}", why);
  return next;
}

TransferId HoldIdOf(const RefundId& id) {
  return TransferId(fmt::format("refund-{}.hold", id.value()));
}

Entry HoldFor(const GatewayRefund& refund) {
  Entry entry = NewEntry(refund, "");
  entry.transfers.push_back({.id = HoldIdOf(refund.id),
                             .kind = Transfer::Kind::kPending,
                             .debit = WalletOf(refund.account, refund.amount.currency()),
                             .credit = ClearingOf(refund),
                             .amount = refund.amount.minor_units()});
  return entry;
}

absl::StatusOr<Entry> EndHold(const GatewayRefund& refund, const Transfer& hold, RefundEnd end) {
  const bool sent = end == RefundEnd::kSent;
  Entry entry = NewEntry(refund, sent ? kSentInTime : kKept);
  const TransferId id(entry.id.value() + ".1");
  HOLDFAST_ASSIGN_OR_RETURN(Transfer ended,
                            sent ? DecidePost(hold, id, hold.amount) : DecideVoid(hold, id));
  entry.transfers.push_back(std::move(ended));
  return entry;
}

Entry TakeLate(const GatewayRefund& refund, std::int64_t wallet_holds) {
  const std::int64_t amount = refund.amount.minor_units();
  const std::int64_t from_wallet = std::clamp<std::int64_t>(wallet_holds, 0, amount);
  const std::string& currency = refund.amount.currency();
  Entry entry = NewEntry(refund, kSentLate);
  entry.Move(WalletOf(refund.account, currency), ClearingOf(refund), from_wallet);
  entry.Move({LedgerKind::kPromotion, "refunds", currency}, ClearingOf(refund),
             amount - from_wallet);
  return entry;
}

EntryId SentEntryOf(const RefundId& id, Sent sent) {
  return EntryId(EntryNameOf(id, sent == Sent::kInTime ? kSentInTime : kSentLate));
}

absl::StatusOr<Entry> Bounce(const GatewayRefund& refund, const Entry& sent) {
  Entry entry = NewEntry(refund, kCameBack);
  for (const Transfer& transfer : sent.transfers) {
    const TransferId id(fmt::format("{}.{}", entry.id.value(), entry.transfers.size() + 1));
    HOLDFAST_ASSIGN_OR_RETURN(Transfer back, DecideReversal(transfer, id));
    entry.transfers.push_back(std::move(back));
  }
  return entry;
}

}  // namespace holdfast::billing
