// What belongs to viewers (domain/viewer_item.h), in PostgreSQL.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/pg_store.h"
#include "services/middleware/pg_store_rows.h"

namespace holdfast::middleware {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

namespace {

constexpr int kHistory = static_cast<int>(ViewerItem::Kind::kHistory);
// Beyond kMaxViewerItems there is only what outages added: this is more than can be.
constexpr std::int64_t kMostRead = 50'000;
constexpr std::int64_t kRemovalsRead = 1000;

PgParam ContentParam(const std::optional<std::string>& content) {
  return content ? PgParam::Bytes(*content) : PgParam(std::nullopt);
}

// Columns as in the queries below: kind, item_key, content, at_ms, sequence.
std::vector<ViewerItem> ItemsIn(const PgResult& rows) {
  std::vector<ViewerItem> items;
  items.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) {
    ViewerItem& item = items.emplace_back();
    item.kind = static_cast<ViewerItem::Kind>(rows.Int(row, 0));
    item.key = rows.Text(row, 1);
    if (!rows.IsNull(row, 2)) item.text = rows.Bytes(row, 2);
    item.at_ms = rows.Int(row, 3);
    item.sequence = rows.Int(row, 4);
  }
  return items;
}

}  // namespace

// $1 viewer, $2 kind of history, $3 how many of it, $4 how many of the rest, $5 of the removed.
constexpr std::string_view kLoadViewer = R"sql(
  (SELECT kind, item_key, content, at_ms, sequence FROM viewer_item
    WHERE viewer = $1 AND kind <> $2 AND content IS NOT NULL ORDER BY at_ms DESC LIMIT $4)
  UNION ALL
  (SELECT kind, item_key, content, at_ms, sequence FROM viewer_item
    WHERE viewer = $1 AND content IS NULL ORDER BY at_ms DESC LIMIT $5)
  UNION ALL
  (SELECT kind, item_key, content, at_ms, sequence FROM viewer_item
    WHERE viewer = $1 AND kind = $2 AND content IS NOT NULL ORDER BY at_ms DESC LIMIT $3)
)sql";

absl::StatusOr<std::vector<ViewerItem>> PgStore::LoadViewer(Deadline deadline,
                                                            const std::string& viewer) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, kLoadViewer, viewer, kHistory, static_cast<std::int64_t>(kMaxHistory),
                  kMostRead, kRemovalsRead));
  return ItemsIn(rows);
}

// $1 viewer, $2 kind of history, $3 at and $4 key of the position, $5 how many. Keys compare by
// their bytes, as in memory.
constexpr std::string_view kLoadHistory = R"sql(
  SELECT kind, item_key, content, at_ms, sequence FROM viewer_item
   WHERE viewer = $1 AND kind = $2 AND content IS NOT NULL AND at_ms <= $3::bigint
     AND (at_ms < $3::bigint OR item_key COLLATE "C" < $4)
   ORDER BY at_ms DESC, item_key COLLATE "C" DESC LIMIT $5
)sql";

absl::StatusOr<std::vector<ViewerItem>> PgStore::LoadHistory(Deadline deadline,
                                                             const std::string& viewer,
                                                             const ItemPosition& after,
                                                             std::size_t limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kLoadHistory, viewer, kHistory, after.at_ms,
                                        after.key, static_cast<std::int64_t>(limit)));
  return ItemsIn(rows);
}

// -- What is asked at this moment ------------------------------------------------------------

// $1 viewer, $2 kind of history.
constexpr std::string_view kCountLimited =
    "SELECT count(*) FROM viewer_item WHERE viewer = $1 AND kind <> $2 AND content IS NOT NULL";

// $1 viewer, $2 kind, $3 key, $4 content, $5 at, $6 sequence, $7 whether the time is ours.
constexpr std::string_view kWriteItem = R"sql(
  INSERT INTO viewer_item AS held (viewer, kind, item_key, content, at_ms, sequence)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (viewer, kind, item_key) DO UPDATE
     SET content = excluded.content, sequence = excluded.sequence,
         at_ms = CASE WHEN $7::boolean THEN greatest(excluded.at_ms, held.at_ms + 1)
                      ELSE excluded.at_ms END
   WHERE $7::boolean OR (held.at_ms, held.sequence) < (excluded.at_ms, excluded.sequence)
  RETURNING at_ms
)sql";

// $1 viewer, $2 kind, $3 key, $4 at, $5 sequence, $6 whether the time is ours.
constexpr std::string_view kRemoveItem = R"sql(
  UPDATE viewer_item
     SET content = NULL, sequence = $5::bigint,
         at_ms = CASE WHEN $6::boolean THEN greatest($4::bigint, at_ms + 1) ELSE $4::bigint END
   WHERE viewer = $1 AND kind = $2 AND item_key = $3 AND content IS NOT NULL
     AND ($6::boolean OR (at_ms, sequence) < ($4::bigint, $5::bigint))
  RETURNING at_ms
)sql";

// $1 viewer, $2 kind, $3 key.
constexpr std::string_view kFindViewerItem = R"sql(
  SELECT kind, item_key, content, at_ms, sequence FROM viewer_item
   WHERE viewer = $1 AND kind = $2 AND item_key = $3
)sql";

namespace {

// What is held afterwards.
absl::StatusOr<ViewerItem> WriteOne(PgTransaction& tx, const std::string& viewer, ViewerItem item,
                                    ItemTimes times) {
  const int kind = static_cast<int>(item.kind);
  const bool ours = times == ItemTimes::kOurs;
  const auto write = [&] {
    return item.text
               ? tx.Query(kWriteItem, viewer, kind, item.key, ContentParam(item.text), item.at_ms,
                          item.sequence, ours)
               : tx.Query(kRemoveItem, viewer, kind, item.key, item.at_ms, item.sequence, ours);
  };
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult written, write());
  if (written.rows() == 1) {
    item.at_ms = written.Int(0, 0);
    return item;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult held, tx.Query(kFindViewerItem, viewer, kind, item.key));
  if (held.rows() == 1) return ItemsIn(held).front();
  return item;  // removed, what was never there
}

}  // namespace

absl::StatusOr<std::vector<ViewerItem>> PgStore::WriteViewerItems(
    Deadline deadline, const std::string& viewer, const std::vector<ViewerItem>& items,
    ItemTimes times) {
  // In one order, so that two calls cannot deadlock.
  std::vector<std::size_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(items[a].kind, items[a].key) < std::tie(items[b].kind, items[b].key);
  });
  const auto added = std::count_if(items.begin(), items.end(), [](const ViewerItem& item) {
    return item.text && item.kind != ViewerItem::Kind::kHistory;
  });
  std::vector<ViewerItem> held(items.size());
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    const auto count = [&]() -> absl::StatusOr<std::int64_t> {
      HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query(kCountLimited, viewer, kHistory));
      return rows.Int(0, 0);
    };
    constexpr auto kMost = static_cast<std::int64_t>(kMaxViewerItems);
    std::int64_t before = 0;
    if (added > 0) {
      HOLDFAST_ASSIGN_OR_RETURN(before, count());
    }
    for (const std::size_t i : order) {
      HOLDFAST_ASSIGN_OR_RETURN(held[i], WriteOne(tx, viewer, items[i], times));
    }
    if (before + added <= kMost) return absl::OkStatus();
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t after, count());
    if (after <= kMost || after <= before) return absl::OkStatus();
    return FailedPrecondition("the viewer has {} items already", before);
  });
  if (!status.ok()) return status;
  return held;
}

// -- Replays ----------------------------------------------------------------------------------

// $1 viewer, $2 kind, $3 key, $4 content or NULL, $5 at, $6 sequence. A removal of what is not
// there stays too: what it removes may still wait on another instance's disk.
constexpr std::string_view kSaveViewerItem = R"sql(
  INSERT INTO viewer_item (viewer, kind, item_key, content, at_ms, sequence)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (viewer, kind, item_key) DO UPDATE
     SET content = excluded.content, at_ms = excluded.at_ms, sequence = excluded.sequence
   WHERE (viewer_item.at_ms, viewer_item.sequence) < (excluded.at_ms, excluded.sequence)
)sql";

absl::Status PgStore::SaveViewerItems(Deadline deadline,
                                      const std::vector<ViewerItemWrite>& writes) {
  // In one order, so that two batches cannot deadlock.
  std::map<std::tuple<std::string, int, std::string>, const ViewerItem*> newest;
  for (const ViewerItemWrite& w : writes) {
    const ViewerItem*& slot = newest[{w.viewer, static_cast<int>(w.item.kind), w.item.key}];
    if (slot == nullptr || IsNewer(w.item, *slot)) slot = &w.item;
  }
  if (newest.empty()) return absl::OkStatus();
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    for (const auto& [key, item] : newest) {
      HOLDFAST_RETURN_IF_ERROR(tx.Query(kSaveViewerItem, std::get<0>(key), std::get<1>(key),
                                        item->key, ContentParam(item->text), item->at_ms,
                                        item->sequence)
                                   .status());
    }
    return absl::OkStatus();
  });
}

// -- Removals ---------------------------------------------------------------------------------

// $1 before, $2 how many. Rows that somebody else is at are left for the next time.
constexpr std::string_view kForgetRemoved = R"sql(
  DELETE FROM viewer_item
   WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM viewer_item
          WHERE content IS NULL AND at_ms < $1::bigint
          ORDER BY at_ms LIMIT $2 FOR UPDATE SKIP LOCKED))
)sql";

absl::StatusOr<std::int64_t> PgStore::ForgetRemovedItems(Deadline deadline, std::int64_t before_ms,
                                                         std::int64_t limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kForgetRemoved, before_ms, limit));
  return rows.affected();
}

}  // namespace holdfast::middleware
