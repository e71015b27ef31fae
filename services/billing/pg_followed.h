// What the tables of attempts and refunds share: what a gateway was asked for, how it stands, and
// when the gateway is asked again what became of it. Inside pg_*.cpp only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/store_lists.h"

namespace holdfast::billing {

// The first columns of both; `STATE` is the expression of it.
#define HOLDFAST_FOLLOWED_COLUMNS(STATE)          \
  "account_id, gateway, currency, amount, " STATE \
  ", reference, reason, looks, look_at, "         \
  "created_at, sent_at"
inline constexpr int kFollowedColumns = 11;

// `Followed`: PaymentAttempt or GatewayRefund. Immutable.
template <class Followed>
class FollowedTable {
 public:
  using State = typename Followed::State;
  using Id = decltype(Followed::id);

  struct Shape {
    std::string name;    // for people: "refund"
    std::string table;   // "refund"
    std::string id;      // its column
    std::string state;   // its expression
    std::string select;  // HOLDFAST_FOLLOWED_COLUMNS, then the columns of its own
    std::optional<State> (*state_of)(std::string_view name);
    void (*take_own)(const storage::PgResult& rows, int row, Followed& into);
  };
  explicit FollowedTable(Shape shape)
      : shape_(std::move(shape)),
        select_("SELECT " + shape_.select + " FROM " + shape_.table + " "),
        find_(select_ + "WHERE " + shape_.id + " = $1"),
        to_look_at_(select_ + "WHERE state IN ('started', 'pending') AND look_at <= $1" +
                    " AND gateway = $2 ORDER BY look_at LIMIT $3") {}

  // NOT_FOUND. `query` runs the text with the id.
  template <class Query>
  absl::StatusOr<Followed> Find(const Id& id, const Query& query) const {
    HOLDFAST_ASSIGN_OR_RETURN(const storage::PgResult rows, query(find_, id.value()));
    if (rows.rows() == 0) return NotFound("{} {} unknown", shape_.name, id.value());
    return At(rows, 0);
  }

  // The newest first; the caller adds what else they are asked for.
  template <class Filter>
  PgList List(const Filter& filter) const {
    PgList list(select_);
    if (filter.state) list.Where(shape_.state + " = $", NameOf(*filter.state));
    list.WhereSet("account_id = $", filter.account);
    list.Behind("created_at, " + shape_.id, filter.before);
    return list;
  }
  absl::StatusOr<std::vector<Followed>> Run(PgList list, storage::PgPool& pool, Deadline deadline,
                                            int limit) const {
    HOLDFAST_ASSIGN_OR_RETURN(
        const storage::PgResult rows,
        list.Run(pool, deadline, "created_at DESC, " + shape_.id + " DESC", limit));
    return All(rows);
  }

  // Open ones that the gateway is to be asked about, the most overdue first.
  absl::StatusOr<std::vector<Followed>> ToLookAt(storage::PgPool& pool, Deadline deadline,
                                                 const std::string& gateway, WallTime now,
                                                 int limit) const {
    HOLDFAST_ASSIGN_OR_RETURN(const storage::PgResult rows,
                              pool.Query(deadline, to_look_at_, now, gateway, limit));
    return All(rows);
  }

 private:
  Followed At(const storage::PgResult& rows, int row) const {
    absl::StatusOr<Money> amount = Money::Make(rows.Int(row, 3), rows.Text(row, 2));
    HOLDFAST_CHECK(amount.ok());
    const std::optional<State> state = shape_.state_of(rows.Text(row, 4));
    HOLDFAST_CHECK(state.has_value());
    Followed followed;
    followed.account = AccountId(std::string(rows.Text(row, 0)));
    followed.gateway = rows.Text(row, 1);
    followed.amount = *std::move(amount);
    followed.state = *state;
    followed.reference = rows.Text(row, 5);
    followed.reason = rows.Text(row, 6);
    followed.looks = static_cast<int>(rows.Int(row, 7));
    followed.look_at = rows.Time(row, 8);
    followed.created_at = rows.Time(row, 9);
    if (!rows.IsNull(row, 10)) followed.sent_at = rows.Time(row, 10);
    shape_.take_own(rows, row, followed);
    return followed;
  }
  std::vector<Followed> All(const storage::PgResult& rows) const {
    std::vector<Followed> all;
    for (int row = 0; row < rows.rows(); ++row) all.push_back(At(rows, row));
    return all;
  }

  const Shape shape_;
  const std::string select_;
  const std::string find_;
  const std::string to_look_at_;
};

}  // namespace holdfast::billing
