#include "services/billing/domain/dunning.h"

#include <charconv>

#include "libs/base/status.h"

namespace holdfast::billing {

absl::StatusOr<DunningSchedule> ParseDunningSchedule(std::string_view text) {
  constexpr std::size_t kMostSteps = 20;
  constexpr int kLatest = 365;
  const absl::Status wrong = InvalidArgument(
      "dunning_days must be 1 to {} growing numbers of days, as in 1,7,14", kMostSteps);
  DunningSchedule schedule;
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    int day = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), day);
    const bool is_number = error == std::errc() && end == part.data() + part.size();
    if (!is_number || day < 1 || day > kLatest || schedule.size() == kMostSteps) return wrong;
    if (!schedule.empty() && schedule.back().count() >= day) return wrong;
    schedule.emplace_back(day);
    if (part.size() == text.size()) return schedule;
    text.remove_prefix(part.size() + 1);
  }
}

int DunningStep(const DunningSchedule& schedule, sys_days due_on, sys_days today) {
  int step = 0;
  for (const std::chrono::days after : schedule) step += due_on + after <= today ? 1 : 0;
  return step;
}

Event DunningNotice(const Invoice& invoice, int step) {
  return {.id = fmt::format("dunning-{}-{}", invoice.id.value(), step),
          .kind = "dunning.notice",
          .account = invoice.account,
          .fields = {{"invoice_id", invoice.id.value()},
                     {"step", std::to_string(step)},
                     {"open_minor_units", std::to_string(invoice.open())},
                     {"currency", invoice.currency},
                     {"due_on", ShowDay(invoice.due_on)}}};
}

Event ChargeRefused(const Subscription& s) {
  const std::string since = s.valid_until ? ShowDay(*s.valid_until) : "";
  return {.id = fmt::format("charge-refused-{}-{}", s.id.value(), since),
          .kind = "charge.refused",
          .account = s.account,
          .fields = {{"subscription_id", s.id.value()},
                     {"tariff_plan_id", s.plan.value()},
                     {"paid_until", since}}};
}

Event ChangeRefused(const Subscription& s, std::string_view why) {
  return {.id = fmt::format("change-refused-{}-{}", s.id.value(), s.revision),
          .kind = "change.refused",
          .account = s.account,
          .fields = {{"subscription_id", s.id.value()},
                     {"tariff_plan_id", s.change ? s.change->plan.value() : ""},
                     {"reason", std::string(why)}}};
}

}  // namespace holdfast::billing
