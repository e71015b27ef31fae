#include "services/billing/domain/refund.h"

#include <algorithm>
#include <array>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

// In the order of GatewayRefund::State.
constexpr std::array<std::string_view, 5> kStates = {"started", "pending", "sent", "refused",
                                                     "absent"};

LedgerAccountId ClearingOf(const GatewayRefund& refund) {
  return {LedgerKind::kClearing, refund.gateway, refund.amount.currency()};
}

Entry NewEntry(const GatewayRefund& refund, std::string_view end) {
  return {EntryId(fmt::format("refund-{}{}", refund.id.value(), end)),
          "refund of payment " + refund.payment.value(),
          {}};
}

using State = GatewayRefund::State;

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
  if (refund.state == State::kSent) {
    if (news.state != GatewayNews::State::kDeclined) return next;
    // It bounced: its money is at the gateway again, and that is a payment for a person to record.
    return FailedPrecondition("not_open: refund {} was sent, gateway {} says now that it was not",
                              refund.id.value(), refund.gateway);
  }
  switch (news.state) {
    case GatewayNews::State::kPaid:
      if (news.amount && *news.amount != refund.amount) {
        return FailedPrecondition("wrong_amount: gateway {} sent {} {} for refund {} of {} {}",
                                  refund.gateway, news.amount->minor_units(),
                                  news.amount->currency(), refund.id.value(),
                                  refund.amount.minor_units(), refund.amount.currency());
      }
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
      if (refund.state != State::kStarted || now - refund.last_sent() < kNeverArrivedAfter) {
        return next;
      }
      next = refund;
      next->state = State::kAbsent;
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
  Entry entry = NewEntry(refund, sent ? "-sent" : "-kept");
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
  Entry entry = NewEntry(refund, "-late");
  entry.Move(WalletOf(refund.account, currency), ClearingOf(refund), from_wallet);
  entry.Move({LedgerKind::kPromotion, "refunds", currency}, ClearingOf(refund),
             amount - from_wallet);
  return entry;
}

}  // namespace holdfast::billing
