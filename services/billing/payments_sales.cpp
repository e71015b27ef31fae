// Vouchers and resellers.
#include <array>
#include <optional>

#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "services/billing/biller.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"
#include "services/billing/payments_service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {
namespace {

constexpr int kDeepestTree = 20;

// What is stored of a code. It has 80 random bits: guessing is hopeless, so a fast hash will do.
std::string HashOf(const std::string& normalized_code) {
  const auto digest = security::HmacKey("voucher").Sign(normalized_code);
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string NewCode() {
  std::array<std::uint8_t, 10> random;
  SecureBytes(random);
  return VoucherCode(random);
}

// That the tree stays a tree.
absl::Status CheckParents(Transaction& tx, const Reseller& reseller) {
  ResellerId next = reseller.parent;
  for (int depth = 0; !next.value().empty(); ++depth) {
    if (next == reseller.id || depth == kDeepestTree) {
      return FailedPrecondition("not_a_tree: reseller {} would be above itself",
                                reseller.id.value());
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Reseller parent, tx.FindReseller(next));
    if (parent.currency != reseller.currency) {
      return FailedPrecondition("wrong_currency: parent {} has {}", parent.id.value(),
                                parent.currency);
    }
    next = parent.parent;
  }
  return absl::OkStatus();
}

absl::Status CheckCurrency(const Reseller& reseller, const Money& amount) {
  if (amount.currency() == reseller.currency) return absl::OkStatus();
  return FailedPrecondition("wrong_currency: reseller {} has {}", reseller.id.value(),
                            reseller.currency);
}

// That the account can do something with the value of a voucher: what is refused leaves the code as
// it was.
absl::Status CheckCanUse(const Account& account, const VoucherBatch& batch) {
  if (account.state != Account::State::kOpen) {
    return FailedPrecondition("account_closed: account {} is closed", account.id.value());
  }
  if (account.charging == Charging::kElsewhere) {
    return FailedPrecondition("not_charged_by_us: account {} is charged elsewhere",
                              account.id.value());
  }
  if (account.currency != batch.value.currency()) {
    return FailedPrecondition("wrong_currency: the voucher is in {}, account {} in {}",
                              batch.value.currency(), account.id.value(), account.currency);
  }
  return absl::OkStatus();
}

// That the one who gives has the money.
absl::Status CheckFunds(Transaction& tx, const LedgerAccountId& giver, const Entry& entry) {
  HOLDFAST_ASSIGN_OR_RETURN(LedgerAccount wallet, tx.FindLedgerAccount(giver));
  return Apply(entry.transfers.front(), wallet);
}

}  // namespace

// -- Vouchers -------------------------------------------------------------------------------------

absl::StatusOr<v1::VoucherBatch> PaymentsService::CreateVoucherBatch(
    const rpc::Call& call, const v1::CreateVoucherBatchRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const VoucherBatch batch, ParseVoucherBatch(request));
  HOLDFAST_RETURN_IF_ERROR(CheckVoucherBatch(batch, request.count(), Today()));
  return CarryOutOnce(store_, call, request, Secrecy::kNone,
                      [&](Transaction& tx) -> absl::StatusOr<v1::VoucherBatch> {
                        if (!batch.plan.value().empty()) {
                          HOLDFAST_RETURN_IF_ERROR(tx.FindTariffPlan(batch.plan).status());
                        }
                        v1::VoucherBatch answer;
                        answer.set_batch_id(batch.id.value());
                        std::vector<std::string> hashes;
                        for (int i = 0; i < request.count(); ++i) {
                          const std::string code = NewCode();
                          HOLDFAST_ASSIGN_OR_RETURN(const std::string normalized,
                                                    NormalizeVoucherCode(code));
                          hashes.push_back(HashOf(normalized));
                          answer.add_codes(code);
                        }
                        HOLDFAST_RETURN_IF_ERROR(tx.AddVoucherBatch(batch, hashes));
                        return answer;
                      });
}

absl::StatusOr<v1::VoucherBatch> PaymentsService::CancelVoucherBatch(
    const rpc::Call& call, const v1::CancelVoucherBatchRequest& request) {
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone,
      [&](Transaction& tx) -> absl::StatusOr<v1::VoucherBatch> {
        HOLDFAST_RETURN_IF_ERROR(tx.CancelVoucherBatch(VoucherBatchId(request.batch_id())));
        v1::VoucherBatch answer;
        answer.set_batch_id(request.batch_id());
        return answer;
      });
}

absl::StatusOr<v1::RedeemVoucherResponse> PaymentsService::RedeemVoucher(
    const rpc::Call& call, const v1::RedeemVoucherRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string code, NormalizeVoucherCode(request.code()));
  const AccountId id(request.account_id());
  const auto redeem = [&](Transaction& tx) -> absl::StatusOr<v1::RedeemVoucherResponse> {
    HOLDFAST_ASSIGN_OR_RETURN(const Voucher voucher, tx.FindVoucher(HashOf(code)));
    std::optional<TariffPlan> plan;  // locked before the account
    if (!voucher.batch.plan.value().empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(plan, tx.FindTariffPlan(voucher.batch.plan));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(id));
    HOLDFAST_RETURN_IF_ERROR(CheckCanUse(account, voucher.batch));
    HOLDFAST_ASSIGN_OR_RETURN(const Entry entry, billing::RedeemVoucher(voucher, id, Today()));
    HOLDFAST_RETURN_IF_ERROR(tx.MarkRedeemed(voucher.code_hash, id));
    Biller biller(tx, account, Today());
    v1::RedeemVoucherResponse answer;
    *answer.mutable_value() = ToProto(voucher.batch.value);
    if (!plan) {
      HOLDFAST_RETURN_IF_ERROR(biller.TakeIn(entry));
      return answer;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Subscription bought,
                              biller.BuyWith(entry, *plan, clock_.Now(), entitlements_.zone()));
    answer.set_subscription_id(bought.id.value());
    return answer;
  };
  auto answer = CarryOutOnce(store_, call, request, Secrecy::kNone, redeem);
  if (answer.ok()) entitlements_.Refresh(id, call.deadline());
  return answer;
}

absl::StatusOr<v1::ListVoucherBatchesResponse> PaymentsService::ListVoucherBatches(
    const rpc::Call& call, const v1::ListVoucherBatchesRequest& request) {
  VoucherBatchFilter filter;
  if (request.only_redeemable()) filter.redeemable_on = Today();
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page,
                            FetchPage(filter, [&](const VoucherBatchFilter& asked) {
                              return store_.ListVoucherBatches(call.deadline(), asked);
                            }));
  v1::ListVoucherBatchesResponse response;
  for (const ListedVoucherBatch& batch : page.rows) *response.add_batches() = ToProto(batch);
  response.set_next_page_token(page.NextToken(
      [](const ListedVoucherBatch& last) { return TokenAfter(last.batch.id.value()); }));
  return response;
}

absl::StatusOr<v1::ListVouchersResponse> PaymentsService::ListVouchers(
    const rpc::Call& call, const v1::ListVouchersRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const VoucherFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const VoucherFilter& asked) {
                              return store_.ListVouchers(call.deadline(), asked);
                            }));
  v1::ListVouchersResponse response;
  for (const ListedVoucher& voucher : page.rows) *response.add_vouchers() = ToProto(voucher);
  response.set_next_page_token(
      page.NextToken([](const ListedVoucher& last) { return TokenAfter(last.code_hash); }));
  return response;
}

// -- Resellers ------------------------------------------------------------------------------------

absl::StatusOr<v1::Reseller> PaymentsService::PutReseller(const rpc::Call& call,
                                                          const v1::PutResellerRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller, ParseReseller(request.reseller()));
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Reseller> {
        const absl::StatusOr<Reseller> known = tx.FindReseller(reseller.id);
        if (!known.ok() && !absl::IsNotFound(known.status())) return known.status();
        if (known.ok() && known->currency != reseller.currency) {
          return FailedPrecondition("wrong_currency: the currency of a reseller stays");
        }
        HOLDFAST_RETURN_IF_ERROR(CheckParents(tx, reseller));
        HOLDFAST_RETURN_IF_ERROR(tx.PutReseller(reseller));
        return ToProto(reseller);
      });
}

absl::StatusOr<v1::ListResellersResponse> PaymentsService::ListResellers(
    const rpc::Call& call, const v1::ListResellersRequest& request) {
  if (!request.parent_id().empty()) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("parent_id", request.parent_id()));
  }
  ResellerFilter filter{.parent = request.parent_id()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size(), kEverything));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const ResellerFilter& asked) {
                              return store_.ListResellers(call.deadline(), asked);
                            }));
  v1::ListResellersResponse response;
  for (const Reseller& reseller : page.rows) *response.add_resellers() = ToProto(reseller);
  response.set_next_page_token(
      page.NextToken([](const Reseller& last) { return TokenAfter(last.id.value()); }));
  return response;
}

absl::StatusOr<v1::Reseller> PaymentsService::FundReseller(const rpc::Call& call,
                                                           const v1::FundResellerRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Money amount, ParseMoney("amount", request.amount()));
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Reseller> {
        HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller,
                                  tx.FindReseller(ResellerId(request.reseller_id())));
        HOLDFAST_RETURN_IF_ERROR(CheckCurrency(reseller, amount));
        LedgerAccountId giver{LedgerKind::kClearing, std::string(kResellersMethod),
                              amount.currency()};
        if (!reseller.parent.value().empty()) {
          HOLDFAST_ASSIGN_OR_RETURN(const Reseller parent, tx.FindReseller(reseller.parent));
          giver = WalletOf(parent);
        }
        Entry entry{EntryId("funding-" + SecureHex(8)), "for " + reseller.id.value(), {}};
        entry.Move(giver, WalletOf(reseller), amount.minor_units());
        if (entry.transfers.empty()) return InvalidArgument("amount is nothing");
        HOLDFAST_RETURN_IF_ERROR(CheckFunds(tx, giver, entry));
        HOLDFAST_RETURN_IF_ERROR(tx.Post(entry));
        return ToProto(reseller);
      });
}

absl::StatusOr<v1::TopUpFromResellerResponse> PaymentsService::TopUpFromReseller(
    const rpc::Call& call, const v1::TopUpFromResellerRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Money amount, ParseMoney("amount", request.amount()));
  const AccountId id(request.account_id());
  const auto top_up = [&](Transaction& tx) -> absl::StatusOr<v1::TopUpFromResellerResponse> {
    HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(id));
    HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller,
                              tx.FindReseller(ResellerId(request.reseller_id())));
    HOLDFAST_RETURN_IF_ERROR(CheckCurrency(reseller, amount));
    if (account.reseller != reseller.id) {
      return FailedPrecondition("not_its_account: account {} is not of reseller {}", id.value(),
                                reseller.id.value());
    }
    Entry entry{EntryId("top-up-" + SecureHex(8)), "from " + reseller.id.value(), {}};
    entry.Move(WalletOf(reseller), WalletOf(id, amount.currency()), amount.minor_units());
    if (entry.transfers.empty()) return InvalidArgument("amount is nothing");
    HOLDFAST_RETURN_IF_ERROR(CheckFunds(tx, WalletOf(reseller), entry));
    HOLDFAST_RETURN_IF_ERROR(Biller(tx, account, Today()).TakeIn(entry));
    v1::TopUpFromResellerResponse answer;
    answer.set_entry_id(entry.id.value());
    return answer;
  };
  auto answer = CarryOutOnce(store_, call, request, Secrecy::kNone, top_up);
  if (answer.ok()) entitlements_.Refresh(id, call.deadline());
  return answer;
}

}  // namespace holdfast::billing
