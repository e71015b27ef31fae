#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"
#include "services/billing/service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {
namespace {

// The next version if its terms differ from those of today.
absl::StatusOr<TariffPlan> WithVersion(Transaction& tx, TariffPlan plan) {
  const absl::StatusOr<TariffPlan> current = tx.FindTariffPlan(plan.id);
  if (absl::IsNotFound(current.status())) return plan;
  HOLDFAST_RETURN_IF_ERROR(current.status());
  plan.version = SameTerms(plan, *current) ? current->version : current->version + 1;
  return plan;
}

}  // namespace

absl::StatusOr<v1::Package> Service::PutPackage(const rpc::Call& call,
                                                const v1::PutPackageRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Package package, ParsePackage(request.package()));
  return Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Package> {
    HOLDFAST_RETURN_IF_ERROR(tx.PutPackage(package));
    return ToProto(package);
  });
}

absl::StatusOr<v1::ListPackagesResponse> Service::ListPackages(
    const rpc::Call& call, const v1::ListPackagesRequest& request) {
  CatalogueFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size(), kEverything));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const CatalogueFilter& asked) {
                              return store_.ListPackages(call.deadline(), asked);
                            }));
  v1::ListPackagesResponse response;
  for (const Package& package : page.rows) *response.add_packages() = ToProto(package);
  response.set_next_page_token(
      page.NextToken([](const Package& last) { return TokenAfter(last.id.value()); }));
  return response;
}

absl::StatusOr<v1::TariffPlan> Service::PutTariffPlan(const rpc::Call& call,
                                                      const v1::PutTariffPlanRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan plan, ParsePlan(request.tariff_plan()));
  return Once(call, request, Secrecy::kNone,
              [&](Transaction& tx) -> absl::StatusOr<v1::TariffPlan> {
                HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan next, WithVersion(tx, plan));
                HOLDFAST_RETURN_IF_ERROR(tx.PutTariffPlan(next));
                return ToProto(next);
              });
}

absl::StatusOr<v1::ListTariffPlansResponse> Service::ListTariffPlans(
    const rpc::Call& call, const v1::ListTariffPlansRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const PlanFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const PlanFilter& asked) {
                              return store_.ListTariffPlans(call.deadline(), asked);
                            }));
  v1::ListTariffPlansResponse response;
  for (const TariffPlan& plan : page.rows) *response.add_tariff_plans() = ToProto(plan);
  response.set_next_page_token(
      page.NextToken([](const TariffPlan& last) { return TokenAfter(last.id.value()); }));
  return response;
}

absl::StatusOr<v1::ListPlanVersionsResponse> Service::ListPlanVersions(
    const rpc::Call& call, const v1::ListPlanVersionsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const PlanVersionFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const PlanVersionFilter& asked) {
                              return store_.ListPlanVersions(call.deadline(), asked);
                            }));
  if (page.rows.empty() && filter.before == 0) {
    return NotFound("tariff plan {} unknown", filter.plan.value());
  }
  v1::ListPlanVersionsResponse response;
  for (const TariffPlan& plan : page.rows) *response.add_versions() = ToProto(plan);
  response.set_next_page_token(page.NextToken(
      [](const TariffPlan& last) { return TokenAfter(std::to_string(last.version)); }));
  return response;
}

absl::StatusOr<v1::TaxRate> Service::PutTaxRate(const rpc::Call& call,
                                                const v1::PutTaxRateRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const TaxRate rate, ParseTaxRate(request.tax_rate()));
  return Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::TaxRate> {
    HOLDFAST_RETURN_IF_ERROR(tx.PutTaxRate(rate));
    return ToProto(rate);
  });
}

absl::StatusOr<v1::ListTaxRatesResponse> Service::ListTaxRates(
    const rpc::Call& call, const v1::ListTaxRatesRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckText("region", request.region(), 200));
  TaxRateFilter filter{.region = request.region()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size(), kEverything));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const TaxRateFilter& asked) {
                              return store_.ListTaxRates(call.deadline(), asked);
                            }));
  v1::ListTaxRatesResponse response;
  for (const TaxRate& rate : page.rows) *response.add_tax_rates() = ToProto(rate);
  response.set_next_page_token(page.NextToken([](const TaxRate& last) {
    return TokenAfter(last.region + "/" + ShowDay(last.valid_from));
  }));
  return response;
}

}  // namespace holdfast::billing
