#include "services/billing/convert_money.h"
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

absl::StatusOr<v1::ListPackagesResponse> Service::ListPackages(const rpc::Call& call,
                                                               const v1::ListPackagesRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Package> packages,
                            store_.ListPackages(call.deadline()));
  v1::ListPackagesResponse response;
  for (const Package& package : packages) *response.add_packages() = ToProto(package);
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
    const rpc::Call& call, const v1::ListTariffPlansRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<TariffPlan> plans,
                            store_.ListTariffPlans(call.deadline()));
  v1::ListTariffPlansResponse response;
  for (const TariffPlan& plan : plans) *response.add_tariff_plans() = ToProto(plan);
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

absl::StatusOr<v1::ListTaxRatesResponse> Service::ListTaxRates(const rpc::Call& call,
                                                               const v1::ListTaxRatesRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<TaxRate> rates, store_.ListTaxRates(call.deadline()));
  v1::ListTaxRatesResponse response;
  for (const TaxRate& rate : rates) *response.add_tax_rates() = ToProto(rate);
  return response;
}

}  // namespace holdfast::billing
