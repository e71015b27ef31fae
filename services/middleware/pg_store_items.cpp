// Items that operators set, and receipts of boxes, in PostgreSQL.
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/pg_store.h"
#include "services/middleware/pg_store_rows.h"

namespace holdfast::middleware {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

namespace {

PgParam ContentParam(const std::optional<std::string>& content) {
  return content ? PgParam::Bytes(*content) : PgParam(std::nullopt);
}

}  // namespace

// -- Items ------------------------------------------------------------------------------------

// $1 topic, $2 revision.
constexpr std::string_view kItemsSince = R"sql(
  SELECT item_key, content, revision FROM item
   WHERE topic = $1 AND revision > $2 ORDER BY revision, item_key
)sql";

absl::StatusOr<std::vector<StoredItem>> PgStore::ItemsSince(Deadline deadline,
                                                            const std::string& topic,
                                                            std::uint64_t revision) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kItemsSince, topic, revision));
  std::vector<StoredItem> items;
  for (int row = 0; row < rows.rows(); ++row) {
    StoredItem& item = items.emplace_back();
    item.key = rows.Text(row, 0);
    if (!rows.IsNull(row, 1)) item.content = rows.Bytes(row, 1);
    item.revision = static_cast<std::uint64_t>(rows.Int(row, 2));
  }
  return items;
}

// $1 topic, $2 key.
constexpr std::string_view kFindItem =
    "SELECT content FROM item WHERE topic = $1 AND item_key = $2";

absl::StatusOr<std::optional<std::string>> PgStore::FindItem(Deadline deadline,
                                                             const std::string& topic,
                                                             const std::string& key) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFindItem, topic, key));
  if (rows.rows() == 0 || rows.IsNull(0, 0)) return std::nullopt;
  return rows.Bytes(0, 0);
}

// $1 topic, $2 key, $3 content or NULL, $4 revision.
constexpr std::string_view kPutItem = R"sql(
  INSERT INTO item (topic, item_key, content, revision) VALUES ($1, $2, $3, $4)
  ON CONFLICT (topic, item_key) DO UPDATE
     SET content = excluded.content, revision = excluded.revision
)sql";

absl::Status PgStore::PutItems(Deadline deadline, const std::string& topic,
                               const std::vector<StoredItem>& items) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, topic));
    for (const StoredItem& item : items) {
      HOLDFAST_RETURN_IF_ERROR(
          tx.Query(kPutItem, topic, item.key, ContentParam(item.content), revision).status());
    }
    return absl::OkStatus();
  });
}

constexpr std::string_view kNextItemId = "SELECT nextval('item_id')";

absl::StatusOr<std::string> PgStore::AddItem(
    Deadline deadline, const std::string& topic, const std::string& key,
    const std::function<std::string(std::int64_t id)>& make) {
  std::string content;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    // Locks the topic: of two calls with one key the second finds what the first made.
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, topic));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult present, tx.Query(kFindItem, topic, key));
    if (present.rows() == 1) {
      if (present.IsNull(0, 0)) return FailedPrecondition("{} of {} was removed", key, topic);
      content = present.Bytes(0, 0);
      return absl::OkStatus();
    }
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult id, tx.Query(kNextItemId));
    content = make(id.Int(0, 0));
    return tx.Query(kPutItem, topic, key, PgParam::Bytes(content), revision).status();
  });
  if (!status.ok()) return status;
  return content;
}

// -- Receipts ---------------------------------------------------------------------------------

// $1 revision, then arrays side by side: $2 event, $3 mac, $4 at.
constexpr std::string_view kSaveReceipts = R"sql(
  INSERT INTO event_receipt (event_id, mac, at_ms, revision)
  SELECT w.event_id, w.mac, w.at_ms, $1::bigint
    FROM unnest($2::bigint[], $3::text[], $4::bigint[]) AS w (event_id, mac, at_ms)
  ON CONFLICT (event_id, mac) DO NOTHING
)sql";

absl::Status PgStore::SaveReceipts(Deadline deadline, const std::vector<EventReceipt>& receipts) {
  std::vector<std::int64_t> events, at;
  std::vector<std::string> macs;
  for (const EventReceipt& receipt : receipts) {
    events.push_back(receipt.event_id);
    macs.push_back(receipt.mac);
    at.push_back(receipt.at_ms);
  }
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "event_receipt"));
    return tx.Query(kSaveReceipts, revision, events, macs, at).status();
  });
}

// $1 revision.
constexpr std::string_view kReceiptsSince =
    "SELECT event_id, mac, at_ms FROM event_receipt WHERE revision > $1";

absl::StatusOr<std::vector<EventReceipt>> PgStore::ReceiptsSince(Deadline deadline,
                                                                 std::uint64_t revision) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kReceiptsSince, revision));
  std::vector<EventReceipt> receipts;
  for (int row = 0; row < rows.rows(); ++row) {
    receipts.push_back({rows.Int(row, 0), std::string(rows.Text(row, 1)), rows.Int(row, 2)});
  }
  return receipts;
}

// $1 events.
constexpr std::string_view kForgetReceipts =
    "DELETE FROM event_receipt WHERE event_id = ANY($1::bigint[])";

absl::Status PgStore::ForgetReceipts(Deadline deadline, const std::vector<std::int64_t>& events) {
  return pool_.Query(deadline, kForgetReceipts, events).status();
}

}  // namespace holdfast::middleware
