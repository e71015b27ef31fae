#include "tests/billing/inspection.h"

#include <map>
#include <set>
#include <utility>

#include "libs/base/status.h"
#include "tests/billing/inspection_rows.h"

namespace holdfast::test {
namespace {

using storage::PgResult;
namespace v1 = billing::v1;

// The answers that are kept, by the keys of their commands.
std::map<std::string, std::string> KeptAnswers(storage::PgPool& pool) {
  std::map<std::string, std::string> kept;
  const PgResult rows = MustQuery(pool, "SELECT idempotency_key, answer FROM command");
  for (int row = 0; row < rows.rows(); ++row) {
    kept[std::string(rows.Text(row, 0))] = rows.Bytes(row, 1);
  }
  return kept;
}

class Inspector {
 public:
  Inspector(storage::PgPool& pool, const RandomCommands& commands, const World& world)
      : pool_(pool), commands_(commands), world_(world), kept_(KeptAnswers(pool)) {}

  Findings Run() {
    // What leads from a row to the command that made it.
    payments_ = CountBy(pool_, "SELECT reference, count(*) FROM payment GROUP BY 1");
    reasons_ = CountBy(pool_, "SELECT reason, count(*) FROM ledger_transfer GROUP BY 1");
    credits_ = CountBy(pool_, "SELECT reason, count(*) FROM credit_note GROUP BY 1");
    reversals_ = CountBy(pool_,
                         "SELECT reason, count(DISTINCT entry_id) FROM ledger_transfer "
                         "WHERE reverses IS NOT NULL GROUP BY 1");
    entries_ = CountBy(pool_, "SELECT entry_id, 1 FROM ledger_transfer GROUP BY 1");
    resolved_ = CountBy(pool_,
                        "SELECT resolves, count(*) FROM ledger_transfer "
                        "WHERE resolves IS NOT NULL GROUP BY 1");
    subscriptions_ = CountBy(pool_, "SELECT subscription_id, 1 FROM subscription");
    rentals_ = CountBy(pool_, "SELECT rental_id, 1 FROM rental");
    stands_on_ = CountBy(pool_,
                         "SELECT subscription_id || ' on ' || coalesce(base_subscription_id, ''), 1"
                         " FROM subscription");
    for (const Sent& command : commands_.all()) Look(command);
    CompareAudit();
    CompareWallets();
    CompareRefundsAndRenewals();
    CompareAddOns();
    CompareResellers();
    CompareRentals();
    CompareCharges();
    findings_.rentals = static_cast<std::int64_t>(rentals_.size());
    findings_.kept = static_cast<int>(kept_.size());
    findings_.transfers = MustQuery(pool_, "SELECT count(*) FROM ledger_transfer").Int(0, 0);
    findings_.invoices = MustQuery(pool_, "SELECT count(*) FROM invoice").Int(0, 0);
    findings_.terms =
        MustQuery(pool_, "SELECT count(*) FROM subscription_term WHERE NOT void").Int(0, 0);
    findings_.add_on_terms = MustQuery(pool_, R"sql(
      SELECT count(*) FROM subscription_term t JOIN subscription s USING (subscription_id)
       WHERE NOT t.void AND s.base_subscription_id IS NOT NULL)sql")
                                 .Int(0, 0);
    return std::move(findings_);
  }

 private:
  void Wrong(const std::string& kind, const std::string& what) {
    if (++wrong_[kind] <= kShow) findings_.wrong.push_back(kind + ": " + what);
  }

  void Look(const Sent& command) {
    const auto found = kept_.find(command.key);
    const bool present = found != kept_.end();
    const std::string name = command.method + " " + command.key;
    if (command.acknowledged && !present) Wrong("acknowledged and lost", name);
    if (command.acknowledged && present && found->second != command.answer) {
      Wrong("kept another answer than was given", name);
    }
    if (command.refused && !command.acknowledged && present) {
      // Possible only if an earlier try had been carried out, and that must be answered then.
      Wrong("refused and done", name);
    }
    if (!command.acknowledged && !command.refused) {
      ++(present ? findings_.given_up_done : findings_.given_up_absent);
    }
    LookForEffect(command, present, present ? found->second : std::string(), name);
  }

  void Expect(std::int64_t found, std::int64_t expected, const std::string& name) {
    if (found == expected) return;
    Wrong(expected == 0 ? "effect without a command" : "effect lost or doubled",
          fmt::format("{}: {} times", name, found));
  }
  static std::int64_t In(const std::map<std::string, std::int64_t>& counts,
                         const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  void LookForEffect(const Sent& command, bool present, const std::string& answer,
                     const std::string& name) {
    const google::protobuf::Message& request = *command.request;
    const std::int64_t expected = present ? 1 : 0;
    if (const auto* payment = dynamic_cast<const v1::RecordPaymentRequest*>(&request)) {
      Expect(In(payments_, command.key), expected, name);
      if (present) inflow_[payment->account_id()] += payment->amount().minor_units();
    } else if (const auto* adjust = dynamic_cast<const v1::AdjustRequest*>(&request)) {
      Expect(In(reasons_, command.key), expected, name);
      if (present) inflow_[adjust->account_id()] += adjust->amount().minor_units();
    } else if (dynamic_cast<const v1::HoldRequest*>(&request) != nullptr) {
      Expect(In(reasons_, command.key), expected, name);
    } else if (const auto* voucher = dynamic_cast<const v1::RedeemVoucherRequest*>(&request)) {
      if (!present) return;
      inflow_[voucher->account_id()] += World::kVoucherValue;
      if (++redeemed_[voucher->code()] > 1) Wrong("voucher redeemed twice", name);
    } else if (const auto* refund = dynamic_cast<const v1::RefundPaymentRequest*>(&request)) {
      v1::Payment refunded;
      if (!present || !refunded.ParseFromString(answer)) return;
      inflow_[refunded.account_id()] -= refund->minor_units();
      refunded_[refund->payment_id()] += refund->minor_units();
    } else if (dynamic_cast<const v1::CreditInvoiceRequest*>(&request) != nullptr) {
      Expect(In(credits_, command.key), expected, name);
    } else if (dynamic_cast<const v1::ReverseEntryRequest*>(&request) != nullptr) {
      Expect(In(reversals_, command.key), expected, name);
      v1::ReverseEntryResponse reversed;
      if (!reversed.ParseFromString(answer)) return Wrong("unreadable answer", name);
      for (const v1::Transfer& t : reversed.transfers()) {
        inflow_[OwnerOfWallet(t.debit_account())] -= t.amount().minor_units();
        inflow_[OwnerOfWallet(t.credit_account())] += t.amount().minor_units();
      }
    } else if (!present) {
      return;
    } else if (const auto* back = dynamic_cast<const v1::RecordChargebackRequest*>(&request)) {
      v1::Payment after;
      if (!after.ParseFromString(answer)) return Wrong("unreadable answer", name);
      inflow_[after.account_id()] -= back->minor_units();
      charged_back_[back->payment_id()] += back->minor_units();
    } else if (const auto* top_up = dynamic_cast<const v1::TopUpFromResellerRequest*>(&request)) {
      v1::TopUpFromResellerResponse done;
      if (!done.ParseFromString(answer)) return Wrong("unreadable answer", name);
      Expect(In(entries_, done.entry_id()), 1, name);
      gave_[top_up->reseller_id()] += top_up->amount().minor_units();
      inflow_[top_up->account_id()] += top_up->amount().minor_units();
    } else if (const auto* fund = dynamic_cast<const v1::FundResellerRequest*>(&request)) {
      got_[fund->reseller_id()] += fund->amount().minor_units();
    } else if (const auto* capture = dynamic_cast<const v1::CaptureHoldRequest*>(&request)) {
      v1::Transfer taken;
      if (!taken.ParseFromString(answer)) return Wrong("unreadable answer", name);
      Expect(In(resolved_, capture->transfer_id()), 1, name);
      inflow_[OwnerOfWallet(taken.debit_account())] -= taken.amount().minor_units();
    } else if (const auto* release = dynamic_cast<const v1::ReleaseHoldRequest*>(&request)) {
      Expect(In(resolved_, release->transfer_id()), 1, name);
    } else if (const auto* start = dynamic_cast<const v1::StartSubscriptionRequest*>(&request)) {
      v1::Subscription started;
      if (!started.ParseFromString(answer)) return Wrong("unreadable answer", name);
      Expect(In(subscriptions_, started.subscription_id()), 1, name);
      Expect(In(stands_on_, started.subscription_id() + " on " + start->base_subscription_id()), 1,
             name);
      started_.insert(started.subscription_id());
    } else if (const auto* renewal = dynamic_cast<const v1::RenewSubscriptionRequest*>(&request)) {
      ++renewed_[renewal->subscription_id()];
    } else if (const auto* rent = dynamic_cast<const v1::RentFilmRequest*>(&request)) {
      v1::RentFilmResponse rented;
      if (!rented.ParseFromString(answer)) return Wrong("unreadable answer", name);
      const v1::Rental& rental = rented.rental();
      Expect(In(rentals_, rental.rental_id()), 1, name);
      if (rental.account_id() != rent->account_id() || rental.item_id() != rent->item_id()) {
        Wrong("rental of something else", name);
      }
      // One command made it; the others were told that it ran.
      if (!rented.already_rented() && !rented_.insert(rental.rental_id()).second) {
        Wrong("rented twice", name);
      }
    }
  }

  void CompareRentals() {
    for (const auto& [rental, one] : rentals_) {
      if (!rented_.contains(rental)) Wrong("rental without a command", rental);
    }
  }

  // Of "wallet/<account>/EUR"; another account's: empty, which nobody is asked about.
  static std::string OwnerOfWallet(const std::string& account) {
    if (!account.starts_with("wallet/")) return "";
    const std::size_t from = account.find('/') + 1;
    return account.substr(from, account.rfind('/') - from);
  }

  // One line for each command, and none without one. What billing did unasked has other keys.
  void CompareAudit() {
    const auto audited = CountBy(pool_,
                                 "SELECT idempotency_key, count(*) FROM audit_log "
                                 "WHERE caller <> 'billing' GROUP BY 1");
    for (const auto& [key, answer] : kept_) {
      if (In(audited, key) != 1) Wrong("audit", key);
    }
    for (const auto& [key, lines] : audited) {
      if (!kept_.contains(key)) Wrong("audit", key);
    }
  }

  // What came in by commands is in the wallet or was taken by invoices.
  void CompareWallets() {
    // What a chargeback found neither in the wallet nor in invoices is the operator's loss.
    const auto losses = CountBy(pool_, R"sql(
      SELECT p.account_id, sum(t.amount)::bigint FROM ledger_transfer t
        JOIN payment p ON p.payment_id = split_part(t.entry_id, '-', 2)
       WHERE t.debit_account = 'promotion/chargebacks/EUR' GROUP BY 1)sql");
    for (const auto& [account, loss] : losses) inflow_[account] += loss;
    // What a reseller that pays added, bill by bill: see CompareResellers.
    const auto added = CountBy(pool_, R"sql(
      SELECT split_part(credit_account, '/', 2), sum(amount)::bigint FROM ledger_transfer
       WHERE entry_id LIKE 'reseller-pays-%' GROUP BY 1)sql");
    for (const auto& [account, amount] : added) inflow_[account] += amount;
    const PgResult rows = MustQuery(pool_, R"sql(
      SELECT a.account_id,
             coalesce((SELECT l.credits_posted - l.debits_posted FROM ledger_account l
                        WHERE l.ledger_account_id = 'wallet/' || a.account_id || '/EUR'), 0)
               + coalesce((SELECT sum(i.settled - i.returned) FROM invoice i
                            WHERE i.account_id = a.account_id), 0)::bigint
        FROM account a)sql");
    for (int row = 0; row < rows.rows(); ++row) {
      const std::string account(rows.Text(row, 0));
      if (rows.Int(row, 1) == inflow_[account]) continue;
      Wrong("money", fmt::format("{} has {} in its wallet and invoices, commands gave {}", account,
                                 rows.Int(row, 1), inflow_[account]));
    }
  }

  void CompareRefundsAndRenewals() {
    const auto chargebacks =
        CountBy(pool_, "SELECT payment_id, charged_back FROM payment WHERE charged_back > 0");
    if (chargebacks != charged_back_) Wrong("chargebacks", "of payments are not those of commands");
    const auto refunds =
        CountBy(pool_, "SELECT payment_id, refunded FROM payment WHERE refunded > 0");
    for (const auto& [payment, amount] : refunds) {
      if (refunded_[payment] != amount) Wrong("refunds", payment);
    }
    for (const auto& [payment, amount] : refunded_) {
      if (In(refunds, payment) != amount) Wrong("refunds", payment);
    }
    // One that another system renews: its revision counts its changes, and it began with 1.
    const auto revisions = CountBy(
        pool_,
        "SELECT subscription_id, revision - 1 FROM subscription WHERE charging = 'elsewhere'");
    for (const std::string& subscription : world_.elsewhere) {
      if (In(revisions, subscription) == renewed_[subscription]) continue;
      Wrong("renewals", fmt::format("{} was renewed {} times by {} commands", subscription,
                                    In(revisions, subscription), renewed_[subscription]));
    }
    std::set<std::string> of_the_world(world_.elsewhere.begin(), world_.elsewhere.end());
    for (const auto& [account, subscription] : world_.given) of_the_world.insert(subscription);
    for (const auto& [subscription, ignored] : subscriptions_) {
      if (!started_.contains(subscription) && !of_the_world.contains(subscription)) {
        Wrong("subscription without a command", subscription);
      }
    }
  }

  void CompareAddOns() {
    const PgResult rows = MustQuery(pool_, R"sql(
      SELECT s.subscription_id FROM subscription s
        LEFT JOIN subscription b ON b.subscription_id = s.base_subscription_id
       WHERE s.base_subscription_id IS NOT NULL
         AND (b.account_id IS DISTINCT FROM s.account_id OR b.base_subscription_id IS NOT NULL
              OR (s.state NOT IN ('cancelled', 'expired')
                  AND b.state IN ('cancelled', 'expired'))))sql");
    for (int row = 0; row < rows.rows(); ++row) {
      Wrong("add-on without its base", std::string(rows.Text(row, 0)));
    }
  }

  void CompareResellers() {
    const auto added = CountBy(pool_, R"sql(
      SELECT split_part(debit_account, '/', 2), sum(amount)::bigint FROM ledger_transfer
       WHERE entry_id LIKE 'reseller-pays-%' GROUP BY 1)sql");
    for (const auto& [reseller, amount] : added) gave_[reseller] += amount;
    got_["hotel"] += World::kHotelsFunds;
    const PgResult resellers = MustQuery(pool_, R"sql(
      SELECT owner, credits_posted, debits_posted FROM ledger_account WHERE kind = 'reseller')sql");
    for (int row = 0; row < resellers.rows(); ++row) {
      const std::string id(resellers.Text(row, 0));
      const bool given_is_right = id != "hotel" || resellers.Int(row, 1) == got_[id];
      if (!given_is_right || resellers.Int(row, 2) != gave_[id]) {
        Wrong("money", "of reseller " + id);
      }
    }
    // Each of its payments was the rest of one bill, which was paid by it whole.
    const PgResult wrong = MustQuery(pool_, R"sql(
      SELECT t.entry_id FROM ledger_transfer t
        LEFT JOIN invoice i ON t.entry_id = 'reseller-pays-' || i.invoice_id
        LEFT JOIN account a ON a.account_id = i.account_id
        LEFT JOIN ledger_transfer s ON s.entry_id = 'settlement-' || i.invoice_id || '-1'
       WHERE t.entry_id LIKE 'reseller-pays-%'
         AND (a.reseller_pays IS DISTINCT FROM true
              OR t.debit_account <> 'reseller/' || a.reseller_id || '/EUR'
              OR t.credit_account <> 'wallet/' || a.account_id || '/EUR'
              OR t.amount > i.net + i.tax OR s.amount IS DISTINCT FROM i.net + i.tax))sql");
    for (int row = 0; row < wrong.rows(); ++row) {
      Wrong("reseller's payment without its bill", std::string(wrong.Text(row, 0)));
    }
    findings_.paid_by_resellers = MustQuery(pool_,
                                            "SELECT count(*) FROM ledger_transfer"
                                            " WHERE entry_id LIKE 'reseller-pays-%'")
                                      .Int(0, 0);
  }

  void CompareCharges() {
    const std::pair<const char*, std::string_view> checks[] = {
        {"invoice of two terms",
         "SELECT invoice_id FROM subscription_term WHERE invoice_id IS NOT NULL "
         "GROUP BY 1 HAVING count(*) > 1"},
        {"charged days without a term, or the other way round",
         "SELECT coalesce(l.subscription_id, t.subscription_id) FROM "
         "(SELECT subscription_id, count(*) AS n FROM invoice_line WHERE from_day IS NOT NULL "
         "  AND subscription_id <> '' AND coupon_id = '' GROUP BY 1) l FULL JOIN "
         "(SELECT subscription_id, count(*) AS n FROM subscription_term "
         "  WHERE invoice_id IS NOT NULL GROUP BY 1) t USING (subscription_id) "
         "WHERE coalesce(l.n, 0) <> coalesce(t.n, 0)"},
        {"discount without a redemption, or the other way round",
         "SELECT coalesce(l.subscription_id, t.subscription_id) FROM "
         "(SELECT subscription_id, count(*) AS n FROM invoice_line WHERE coupon_id <> '' "
         "  GROUP BY 1) l FULL JOIN "
         "(SELECT subscription_id, count(*) AS n FROM subscription_term "
         "  WHERE redemption_id IS NOT NULL AND invoice_id IS NOT NULL GROUP BY 1) t "
         "USING (subscription_id) WHERE coalesce(l.n, 0) <> coalesce(t.n, 0)"},
        {"paid until another day than was charged",
         "SELECT s.subscription_id FROM subscription s WHERE s.charging <> 'elsewhere' "
         "AND s.state = 'active' AND s.valid_until IS NOT NULL AND NOT EXISTS "
         "(SELECT 1 FROM subscription_term t WHERE t.subscription_id = s.subscription_id "
         "  AND NOT t.void AND t.to_day = s.valid_until)"},
        {"wallet below zero",
         "SELECT ledger_account_id FROM ledger_account WHERE kind = 'wallet' "
         "AND credits_posted < debits_posted + debits_pending"},
    };
    for (const auto& [kind, sql] : checks) {
      const PgResult rows = MustQuery(pool_, sql);
      for (int row = 0; row < rows.rows(); ++row) Wrong(kind, std::string(rows.Text(row, 0)));
    }
  }

  storage::PgPool& pool_;
  const RandomCommands& commands_;
  const World& world_;
  const std::map<std::string, std::string> kept_;
  std::map<std::string, std::int64_t> payments_, reasons_, resolved_, subscriptions_;
  std::map<std::string, std::int64_t> credits_, reversals_, entries_;
  std::map<std::string, std::int64_t> inflow_, refunded_, renewed_, redeemed_, charged_back_;
  std::map<std::string, std::int64_t> stands_on_, got_, gave_;  // the latter two: of resellers
  std::map<std::string, std::int64_t> rentals_;
  std::set<std::string> started_, rented_;
  std::map<std::string, std::size_t> wrong_;
  Findings findings_;
};

}  // namespace

Findings Inspect(storage::PgPool& pool, const RandomCommands& commands, const World& world) {
  return Inspector(pool, commands, world).Run();
}

}  // namespace holdfast::test
