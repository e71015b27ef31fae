#include "services/middleware/account_notes.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/status.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kComment = "comment|";
constexpr std::string_view kBalance = "balance|";

std::string KeyOf(std::string_view kind, const AccountId& account) {
  return absl::StrCat(std::string(kind), account.value());
}

StoredItem ItemOf(std::string_view kind, const AccountId& account, const std::string& text) {
  StoredItem item{.key = KeyOf(kind, account)};
  if (text.empty()) return item;  // removed
  v1::AccountNote note;
  note.set_text(text);
  item.content = note.SerializeAsString();
  return item;
}

absl::Status CheckText(std::string_view name, const std::optional<std::string>& text,
                       std::size_t longest) {
  if (!text) return absl::OkStatus();
  if (text->size() > longest) {
    return InvalidArgument("{} has {} bytes, more than {}", name, text->size(), longest);
  }
  if (CleanUtf8(*text) != *text) return InvalidArgument("{} is not UTF-8", name);
  return absl::OkStatus();
}

}  // namespace

class AccountNotes::Replica final {
 public:
  using Items = replica::Replica<v1::AccountNote>;

  Replica(Snapshot<Balances>& balances, std::string file, const Clock& clock,
          telemetry::Metrics& metrics)
      : items({.name = "account_notes", .file = std::move(file), .refuse_shrink_below = 0}, clock,
              metrics, nullptr, [&balances](const Items::Picture& picture) {
                auto told = std::make_shared<Balances>();
                for (const auto& [key, item] : picture->items) {
                  const std::string_view name = key;
                  if (name.starts_with(kBalance)) {
                    told->emplace(name.substr(kBalance.size()), item->text());
                  }
                }
                balances.Set(std::move(told));
              }) {}

  Items items;
};

AccountNotes::AccountNotes(std::string file, Store& store, const Clock& clock,
                           telemetry::Metrics& metrics)
    : store_(store),
      balances_(std::make_shared<const Balances>()),
      replica_(std::make_unique<Replica>(balances_, std::move(file), clock, metrics)) {}

AccountNotes::~AccountNotes() = default;

replica::ReplicaBase& AccountNotes::replica() { return replica_->items; }

std::string AccountNotes::Balance(const AccountId& account) const {
  const auto balances = balances_.Get();
  const std::string* balance = Find(*balances, account.value());
  return balance == nullptr ? std::string() : *balance;
}

absl::StatusOr<AccountNote> AccountNotes::Load(const AccountId& account, Deadline deadline) const {
  const auto text = [&](std::string_view kind) -> absl::StatusOr<std::string> {
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::optional<std::string> content,
        store_.FindItem(deadline, std::string(kAccountNoteTopic), KeyOf(kind, account)));
    v1::AccountNote note;
    if (!content || !note.ParseFromString(*content)) return std::string();
    return note.text();
  };
  AccountNote note;
  HOLDFAST_ASSIGN_OR_RETURN(note.comment, text(kComment));
  HOLDFAST_ASSIGN_OR_RETURN(note.balance, text(kBalance));
  return note;
}

absl::Status AccountNotes::Check(const Change& change) {
  HOLDFAST_RETURN_IF_ERROR(CheckText("comment", change.comment, kLongestComment));
  return CheckText("account_balance", change.balance, kLongestBalance);
}

absl::Status AccountNotes::Save(const AccountId& account, const Change& change, Deadline deadline) {
  HOLDFAST_RETURN_IF_ERROR(Check(change));
  if (!change.comment && !change.balance) return absl::OkStatus();
  // A hook says the same at each start of a box: what is not news makes no instance read and save.
  HOLDFAST_ASSIGN_OR_RETURN(const AccountNote now, Load(account, deadline));
  std::vector<StoredItem> items;
  const auto put = [&](std::string_view kind, const std::optional<std::string>& text,
                       const std::string& stored) {
    if (text && *text != stored) items.push_back(ItemOf(kind, account, *text));
  };
  put(kComment, change.comment, now.comment);
  put(kBalance, change.balance, now.balance);
  if (items.empty()) return absl::OkStatus();
  return store_.PutItems(deadline, std::string(kAccountNoteTopic), items);
}

}  // namespace holdfast::middleware
