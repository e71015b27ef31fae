#include "services/billing/domain/invoice.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/domain/part_of.h"

namespace holdfast::billing {
namespace {

// Not beyond `limit`, which has the sign of `amount` or is nothing.
std::int64_t AtMost(std::int64_t amount, std::int64_t limit) {
  return limit >= 0 ? std::clamp<std::int64_t>(amount, 0, limit)
                    : std::clamp<std::int64_t>(amount, limit, 0);
}

// What goes back of a discount (`wanted` and `left` are negative or nothing) when `price` of its
// price line does: both together give something back, and not more than both together have left. By
// themselves they are rounded, so that the tax of their difference is not the difference of their
// taxes.
std::int64_t Lowering(std::int64_t wanted, std::int64_t left, std::int64_t price,
                      std::int64_t price_left) {
  const std::int64_t least = std::max(left, -price);
  const std::int64_t most = std::min<std::int64_t>(0, price_left + left - price);
  return std::clamp(wanted, least, most);
}

LedgerAccountId RevenueOf(const TariffPlanId& plan, const std::string& currency) {
  return {LedgerKind::kRevenue, plan.value(), currency};
}

LedgerAccountId TaxOf(const Invoice& invoice) {
  return {LedgerKind::kTax, invoice.rate.region, invoice.currency};
}

// What is left of each line.
std::vector<Split> Remaining(const Invoice& invoice, const std::vector<CreditNote>& before) {
  std::vector<Split> left;
  for (const InvoiceLine& line : invoice.lines) left.push_back(line.amount);
  for (const CreditNote& note : before) {
    for (const CreditLine& line : note.lines) {
      Split& of = left[static_cast<std::size_t>(line.line)];
      of.net -= line.amount.net;
      of.tax -= line.amount.tax;
    }
  }
  return left;
}

Credit MakeCredit(const Invoice& invoice, const CreditOrder& order, std::vector<CreditLine> lines) {
  Credit credit{.invoice = invoice,
                .note = {.id = order.id,
                         .invoice = invoice.id,
                         .account = invoice.account,
                         .reason = order.reason,
                         .lines = std::move(lines),
                         .issued_on = order.today},
                .entry = {EntryId("credit-" + order.id.value()), order.reason, {}}};
  const LedgerAccountId receivable = ReceivableOf(invoice.account, invoice.currency);
  std::map<TariffPlanId, std::int64_t> net;
  for (const CreditLine& line : credit.note.lines) {
    net[invoice.lines[static_cast<std::size_t>(line.line)].plan] += line.amount.net;
  }
  for (const auto& [plan, amount] : net) {
    credit.entry.Move(RevenueOf(plan, invoice.currency), receivable, amount);
  }
  credit.entry.Move(TaxOf(invoice), receivable, credit.note.total().tax);
  credit.invoice.credited += credit.note.total().total();
  if (credit.invoice.open() < 0) {
    credit.note.to_wallet = -credit.invoice.open();
    credit.invoice.returned += credit.note.to_wallet;
    credit.entry.Move(receivable, WalletOf(invoice.account, invoice.currency),
                      credit.note.to_wallet);
  }
  return credit;
}

}  // namespace

absl::Status CheckTaxRate(const TaxRate& rate) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("region", rate.region));
  HOLDFAST_RETURN_IF_ERROR(CheckText("name of the tax", rate.name, 100));
  if (rate.parts_per_million < 0 || rate.parts_per_million > kMillion) {
    return InvalidArgument("parts_per_million must be 0 to {}", kMillion);
  }
  return absl::OkStatus();
}

Split SplitPrice(std::int64_t quoted, const TaxRate& rate) {
  if (rate.kind == TaxRate::Kind::kExclusive) {
    return {quoted, PartOf(quoted, rate.parts_per_million, kMillion)};
  }
  const std::int64_t tax =
      PartOf(quoted, rate.parts_per_million, kMillion + rate.parts_per_million);
  return {quoted - tax, tax};
}

absl::StatusOr<Invoice> MakeInvoice(Invoice draft) {
  std::map<TariffPlanId, Split> earned;
  for (InvoiceLine& line : draft.lines) {
    line.amount = SplitPrice(line.quoted, draft.rate);
    draft.net += line.amount.net;
    draft.tax += line.amount.tax;
    earned[line.plan].net += line.amount.net;
    earned[line.plan].tax += line.amount.tax;
  }
  for (const auto& [plan, amount] : earned) {
    if (amount.net < 0 || amount.tax < 0) {
      return InvalidArgument("tariff plan {} would earn less than nothing", plan.value());
    }
  }
  return draft;
}

Entry IssueEntry(const Invoice& invoice) {
  Entry entry{EntryId("invoice-" + invoice.id.value()), "invoice " + invoice.id.value(), {}};
  const LedgerAccountId receivable = ReceivableOf(invoice.account, invoice.currency);
  std::map<TariffPlanId, std::int64_t> net;
  for (const InvoiceLine& line : invoice.lines) net[line.plan] += line.amount.net;
  for (const auto& [plan, amount] : net) {
    entry.Move(receivable, RevenueOf(plan, invoice.currency), amount);
  }
  entry.Move(receivable, TaxOf(invoice), invoice.tax);
  return entry;
}

Settlement Settle(Invoice invoice, std::int64_t available, int n) {
  const std::int64_t amount = std::clamp<std::int64_t>(available, 0, invoice.open());
  const std::string id = fmt::format("settlement-{}-{}", invoice.id.value(), n);
  Settlement settlement{.entry = {EntryId(id), "paid invoice " + invoice.id.value(), {}}};
  settlement.entry.Move(WalletOf(invoice.account, invoice.currency),
                        ReceivableOf(invoice.account, invoice.currency), amount);
  invoice.settled += amount;
  settlement.invoice = std::move(invoice);
  return settlement;
}

Settlement Unsettle(Invoice invoice, std::int64_t amount, int n) {
  const std::int64_t undone =
      std::clamp<std::int64_t>(amount, 0, invoice.settled - invoice.returned);
  const std::string id = fmt::format("reopening-{}-{}", invoice.id.value(), n);
  Settlement settlement{.entry = {EntryId(id), "reopened invoice " + invoice.id.value(), {}}};
  settlement.entry.Move(ReceivableOf(invoice.account, invoice.currency),
                        WalletOf(invoice.account, invoice.currency), undone);
  invoice.settled -= undone;
  settlement.invoice = std::move(invoice);
  return settlement;
}

Split CreditNote::total() const {
  Split total;
  for (const CreditLine& line : lines) {
    total.net += line.amount.net;
    total.tax += line.amount.tax;
  }
  return total;
}

namespace {

// What charging so many days of a line would quote; of a discount, when its price line quotes
// `price`.
std::int64_t QuoteOf(const InvoiceLine& line, std::int64_t days, std::int64_t price) {
  if (line.period_days <= 0) return PartOf(line.quoted, days, line.days.count());
  if (line.coupon.empty()) return PartOf(line.period_price, days, line.period_days);
  const std::int64_t off = line.discount_ppm > 0
                               ? PartOf(price, line.discount_ppm, kMillion)
                               : PartOf(line.period_price, days, line.period_days);
  return -std::min(off, price);
}

}  // namespace

Credit CreditUnusedDays(const Invoice& invoice, const CreditOrder& order,
                        const SubscriptionId& subscription, std::int64_t unused) {
  const std::vector<Split> left = Remaining(invoice, order.before);
  std::vector<CreditLine> lines;
  Split price, price_left;  // of the last line that is no discount: those below it lower it
  std::int64_t price_quoted = 0;
  for (std::size_t i = 0; i < invoice.lines.size(); ++i) {
    const InvoiceLine& line = invoice.lines[i];
    if (line.subscription != subscription || line.days.count() <= 0) continue;
    const std::int64_t days = std::clamp<std::int64_t>(unused, 0, line.days.count());
    const std::int64_t quoted = QuoteOf(line, days, price_quoted);
    const Split wanted = SplitPrice(quoted, invoice.rate);
    Split amount;
    if (line.coupon.empty()) {
      amount = {AtMost(wanted.net, left[i].net), AtMost(wanted.tax, left[i].tax)};
      price = amount;
      price_quoted = quoted;
      price_left = left[i];
    } else {
      amount = {Lowering(wanted.net, left[i].net, price.net, price_left.net),
                Lowering(wanted.tax, left[i].tax, price.tax, price_left.tax)};
    }
    if (amount.net != 0 || amount.tax != 0) lines.push_back({static_cast<int>(i), amount});
  }
  return MakeCredit(invoice, order, std::move(lines));
}

absl::StatusOr<Credit> CreditAll(const Invoice& invoice, const CreditOrder& order) {
  const std::vector<Split> left = Remaining(invoice, order.before);
  std::vector<CreditLine> lines;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].net != 0 || left[i].tax != 0) lines.push_back({static_cast<int>(i), left[i]});
  }
  if (lines.empty()) {
    return FailedPrecondition("already_credited: nothing is left of invoice {}",
                              invoice.id.value());
  }
  return MakeCredit(invoice, order, std::move(lines));
}

absl::StatusOr<Credit> Void(const Invoice& invoice, const CreditOrder& order) {
  if (invoice.settled > 0) {
    return FailedPrecondition(
        "invoice_paid: {} of invoice {} are paid: CreditInvoice takes it back", invoice.settled,
        invoice.id.value());
  }
  HOLDFAST_ASSIGN_OR_RETURN(Credit credit, CreditAll(invoice, order));
  credit.invoice.voided = true;
  return credit;
}

}  // namespace holdfast::billing
