// What is asked for money, and how money that is there pays for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/billing/domain/ledger.h"
#include "services/billing/domain/period.h"

namespace holdfast::billing {

// One rate per region from a day on.
struct TaxRate {
  enum class Kind { kExclusive, kInclusive };  // comes on top of prices, or is part of them
  std::string region;
  std::string name;  // as printed: "VAT 19 %"
  int parts_per_million = 0;
  Kind kind = Kind::kExclusive;
  sys_days valid_from;
};

absl::Status CheckTaxRate(const TaxRate& rate);

// A price as it is quoted, split into what is earned and what is owed to the tax office. Rounded
// half away from zero to the minor unit; the parts always sum to what is paid.
struct Split {
  std::int64_t net = 0;
  std::int64_t tax = 0;
  std::int64_t total() const { return net + tax; }
};
Split SplitPrice(std::int64_t quoted, const TaxRate& rate);

struct InvoiceLine {
  std::string text;
  TariffPlanId plan;            // what earns it
  SubscriptionId subscription;  // empty: none
  Days days;                    // that it pays for; empty: none
  std::int64_t quoted = 0;      // with or without tax, as the rate says; negative: a discount
  Split amount{};               // derived from it
  std::string coupon{};         // of a discount: what gave it
  // What gives days back as they were charged: the price of so many days, or the discount on it,
  // and of a discount that is a part of the price, which part. 0: not known, a line of an older
  // release.
  std::int64_t period_price = 0;
  std::int64_t period_days = 0;
  int discount_ppm = 0;
};

struct Invoice {
  InvoiceId id;
  AccountId account;
  std::string currency;
  TaxRate rate;  // that it was made with
  std::vector<InvoiceLine> lines;
  std::int64_t net = 0;
  std::int64_t tax = 0;
  std::int64_t settled = 0;   // came from the wallet
  std::int64_t credited = 0;  // taken back by credit notes ...
  std::int64_t returned = 0;  // ... and, of what was settled, gone back into the wallet
  sys_days issued_on;
  sys_days due_on;
  bool voided = false;  // made in error

  std::int64_t total() const { return net + tax; }
  std::int64_t open() const { return total() - credited - settled + returned; }
};

// Completes an invoice from its lines' quoted amounts. INVALID_ARGUMENT: its total would be
// negative, or one plan would earn less than nothing.
absl::StatusOr<Invoice> MakeInvoice(Invoice draft);

// receivable <- revenue of each plan, tax.
Entry IssueEntry(const Invoice& invoice);

// How much of an invoice the wallet pays: all of what is open, or what there is. `n` tells the
// settlements of one invoice apart.
struct Settlement {
  Invoice invoice;
  Entry entry;  // wallet <- receivable
};
Settlement Settle(Invoice invoice, std::int64_t available, int n);
// The other way round, because a bank took the money back: up to `amount` of what was settled and
// not returned goes back into the wallet, and that much of the invoice is open again.
Settlement Unsettle(Invoice invoice, std::int64_t amount, int n);

// Part of one line that is taken back.
struct CreditLine {
  int line = 0;  // of the invoice, from 0
  Split amount;
};

struct CreditNote {
  CreditNoteId id;
  InvoiceId invoice;
  AccountId account;
  std::string reason;
  std::vector<CreditLine> lines;
  std::int64_t to_wallet = 0;  // was paid already: goes back into the wallet
  sys_days issued_on;

  Split total() const;
};

struct Credit {
  Invoice invoice;  // as it is afterwards
  CreditNote note;
  Entry entry;  // revenue, tax <- receivable; receivable <- wallet for what was paid
};

// What a credit note takes back. Nobody gets more back than was asked for: what earlier notes took
// (`before`) is left out.
struct CreditOrder {
  CreditNoteId id;
  std::string reason;
  sys_days today;
  std::vector<CreditNote> before;
};

// Takes back so many days of a subscription's lines: what charging them would cost, so that a plan
// that is left on the day on which it began costs nothing. What was used and what was not sum to
// the line. Nothing to take back: a note without lines.
Credit CreditUnusedDays(const Invoice& invoice, const CreditOrder& order,
                        const SubscriptionId& subscription, std::int64_t unused);

// FAILED_PRECONDITION ("already_credited: ..."): nothing is left.
absl::StatusOr<Credit> CreditAll(const Invoice& invoice, const CreditOrder& order);

// The same of one that was made in error and that nobody has paid anything of: it is void.
// FAILED_PRECONDITION also ("invoice_paid: ...").
absl::StatusOr<Credit> Void(const Invoice& invoice, const CreditOrder& order);

}  // namespace holdfast::billing
