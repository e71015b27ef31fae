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
constexpr std::string_view kAdultInPlayers = "adult_in_players|";

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

  Replica(Snapshot<Told>& shown, std::string file, const Clock& clock, telemetry::Metrics& metrics)
      : items({.name = "account_notes", .file = std::move(file), .refuse_shrink_below = 0}, clock,
              metrics, nullptr, [&shown](const Items::Picture& picture) {
                auto told = std::make_shared<Told>();
                for (const auto& [key, item] : picture->items) {
                  const std::string_view name = key;
                  if (name.starts_with(kBalance)) {
                    told->balances.emplace(name.substr(kBalance.size()), item->text());
                  } else if (name.starts_with(kAdultInPlayers)) {
                    told->adult_in_players.emplace(name.substr(kAdultInPlayers.size()));
                  }
                }
                shown.Set(std::move(told));
              }) {}

  Items items;
};

AccountNotes::AccountNotes(std::string file, Store& store, const Clock& clock,
                           telemetry::Metrics& metrics)
    : store_(store),
      told_(std::make_shared<const Told>()),
      replica_(std::make_unique<Replica>(told_, std::move(file), clock, metrics)) {}

AccountNotes::~AccountNotes() = default;

replica::ReplicaBase& AccountNotes::replica() { return replica_->items; }

std::string AccountNotes::Balance(const AccountId& account) const {
  const auto told = told_.Get();
  const std::string* balance = Find(told->balances, account.value());
  return balance == nullptr ? std::string() : *balance;
}

bool AccountNotes::AdultInPlayers(const AccountId& account) const {
  return told_.Get()->adult_in_players.contains(account.value());
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
  HOLDFAST_ASSIGN_OR_RETURN(const std::string adult, text(kAdultInPlayers));
  note.adult_in_players = !adult.empty();
  return note;
}

absl::StatusOr<StringMap<AccountNote>> AccountNotes::LoadAll(Deadline deadline) const {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<StoredItem> items,
                            store_.ItemsSince(deadline, std::string(kAccountNoteTopic), 0));
  StringMap<AccountNote> notes;
  for (const StoredItem& item : items) {
    v1::AccountNote note;
    if (!item.content || !note.ParseFromString(*item.content)) continue;
    const std::string_view key = item.key;
    if (key.starts_with(kComment)) {
      notes[std::string(key.substr(kComment.size()))].comment = note.text();
    } else if (key.starts_with(kBalance)) {
      notes[std::string(key.substr(kBalance.size()))].balance = note.text();
    } else if (key.starts_with(kAdultInPlayers)) {
      notes[std::string(key.substr(kAdultInPlayers.size()))].adult_in_players = true;
    }
  }
  return notes;
}

absl::Status AccountNotes::Check(const Change& change) {
  HOLDFAST_RETURN_IF_ERROR(CheckText("comment", change.comment, kLongestComment));
  return CheckText("account_balance", change.balance, kLongestBalance);
}

absl::Status AccountNotes::Save(const AccountId& account, const Change& change, Deadline deadline) {
  HOLDFAST_RETURN_IF_ERROR(Check(change));
  if (!change.comment && !change.balance && !change.adult_in_players) return absl::OkStatus();
  // A hook says the same at each start of a box: what is not news makes no instance read and save.
  HOLDFAST_ASSIGN_OR_RETURN(const AccountNote now, Load(account, deadline));
  std::vector<StoredItem> items;
  const auto put = [&](std::string_view kind, const std::optional<std::string>& text,
                       const std::string& stored) {
    if (text && *text != stored) items.push_back(ItemOf(kind, account, *text));
  };
  put(kComment, change.comment, now.comment);
  put(kBalance, change.balance, now.balance);
  const auto word = [](bool allowed) { return std::string(allowed ? "1" : ""); };
  if (change.adult_in_players) {
    put(kAdultInPlayers, word(*change.adult_in_players), word(now.adult_in_players));
  }
  if (items.empty()) return absl::OkStatus();
  return store_.PutItems(deadline, std::string(kAccountNoteTopic), items);
}

}  // namespace holdfast::middleware
