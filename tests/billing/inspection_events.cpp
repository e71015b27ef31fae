// What others were told.
#include "libs/base/status.h"
#include "tests/billing/inspection.h"
#include "tests/billing/inspection_rows.h"

namespace holdfast::test {

using storage::PgResult;

std::vector<std::string> WrongEvents(storage::PgPool& pool,
                                     const std::map<std::string, int>& taken) {
  std::vector<std::string> wrong;
  const auto add = [&](std::string_view what, const std::string& id) {
    if (wrong.size() < 2 * kShow) wrong.push_back(fmt::format("{}: {}", what, id));
  };
  const PgResult made = MustQuery(pool, R"sql(
    SELECT 'subscription-' || s.subscription_id || '-' || n FROM subscription s,
           generate_series(1, s.revision) AS n
    UNION ALL SELECT 'invoice-' || invoice_id FROM invoice
    UNION ALL SELECT 'rental-' || rental_id FROM rental
    UNION ALL SELECT 'payment-' || payment_id FROM payment)sql");
  const auto written = CountBy(pool, "SELECT event_id, 1 FROM event");
  for (int row = 0; row < made.rows(); ++row) {
    const std::string id(made.Text(row, 0));
    if (!written.contains(id)) add("never written", id);
  }
  for (const auto& [id, one] : written) {
    if (!taken.contains(id)) add("never told", id);
  }
  for (const auto& [id, times] : taken) {
    if (!written.contains(id)) add("told and never happened", id);
  }
  return wrong;
}

}  // namespace holdfast::test
