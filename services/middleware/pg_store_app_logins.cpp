#include "services/middleware/pg_store_app_logins.h"

#include <map>

#include "libs/base/encoding.h"
#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

using storage::PgResult;
using storage::PgTransaction;

constexpr std::string_view kWhere = R"sql(
  SELECT life, (SELECT revision FROM change_counter WHERE topic = 'app_login')
    FROM database_life
)sql";

// $1 revision, $2 how many; the last revision is read to its end.
constexpr std::string_view kSince = R"sql(
  SELECT account_id, tag, key_id, first_at, verified_at, revision
    FROM app_login
   WHERE revision > $1
     AND revision <= coalesce((SELECT revision FROM app_login WHERE revision > $1
                                ORDER BY revision OFFSET $2::bigint - 1 LIMIT 1),
                              9223372036854775807)
   ORDER BY revision
)sql";

// The row stays locked until the transaction ends: revisions commit in their order.
constexpr std::string_view kNextRevision = R"sql(
  UPDATE change_counter SET revision = revision + 1 WHERE topic = 'app_login' RETURNING revision
)sql";

// $1 revision, then arrays side by side: $2 account, $3 tag, $4 key id, $5 first, $6 verified.
constexpr std::string_view kSave = R"sql(
  INSERT INTO app_login AS held (account_id, tag, key_id, first_at, verified_at, revision)
  SELECT account_id, tag, key_id, first_at, verified_at, $1
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
         AS w (account_id, tag, key_id, first_at, verified_at)
  ON CONFLICT (account_id) DO UPDATE
     SET tag = excluded.tag, key_id = excluded.key_id, verified_at = excluded.verified_at,
         revision = excluded.revision
   WHERE held.verified_at < excluded.verified_at
)sql";

}  // namespace

absl::StatusOr<AppLoginStore::Position> PgAppLoginStore::Where(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kWhere));
  if (rows.rows() != 1) return Internal("the database has no life of its own");
  return Position{.life = std::string(rows.Text(0, 0)),
                  .revision = static_cast<std::uint64_t>(rows.Int(0, 1))};
}

absl::StatusOr<std::vector<AppLogin>> PgAppLoginStore::Since(Deadline deadline,
                                                             std::uint64_t revision, int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kSince, revision, limit));
  std::vector<AppLogin> logins;
  logins.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) {
    AppLogin& login = logins.emplace_back();
    login.account = AccountId(std::string(rows.Text(row, 0)));
    login.tag = FromHex(rows.Text(row, 1)).value_or("");
    login.key_id = rows.Text(row, 2);
    login.first_at = rows.Int(row, 3);
    login.verified_at = rows.Int(row, 4);
    login.revision = static_cast<std::uint64_t>(rows.Int(row, 5));
  }
  return logins;
}

absl::Status PgAppLoginStore::Save(Deadline deadline, const std::vector<AppLogin>& logins) {
  // One statement may touch a row once only: the newest of each account goes in.
  std::map<AccountId, const AppLogin*> newest;
  for (const AppLogin& login : logins) {
    const AppLogin*& slot = newest[login.account];
    if (slot == nullptr || Supersedes(login, *slot)) slot = &login;
  }
  if (newest.empty()) return absl::OkStatus();
  std::vector<std::string> accounts, tags, key_ids;
  std::vector<std::int64_t> first, verified;
  for (const auto& [account, login] : newest) {
    accounts.push_back(account.value());
    tags.push_back(ToHex(login->tag));
    key_ids.push_back(login->key_id);
    first.push_back(login->first_at);
    verified.push_back(login->verified_at);
  }
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult next, tx.Query(kNextRevision));
    if (next.rows() != 1) return Internal("no change counter for app logins");
    const std::int64_t revision = next.Int(0, 0);
    return tx.Query(kSave, revision, accounts, tags, key_ids, first, verified).status();
  });
}

}  // namespace holdfast::middleware
