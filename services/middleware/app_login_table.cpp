#include "services/middleware/app_login_table.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/replica/record.h"
#include "libs/replica/snapshot_file.h"

namespace holdfast::middleware {
namespace {

constexpr std::uint32_t kFormat = 1;

void Write(replica::RecordWriter& out, const AppLogin& login) {
  out.Text(login.account.value());
  out.Text(login.tag);
  out.Text(login.key_id);
  out.I64(login.first_at);
  out.I64(login.verified_at);
  out.U64(login.revision);
}

AppLogin ReadLogin(replica::RecordReader& in) {
  AppLogin login;
  login.account = AccountId(std::string(in.Text()));
  login.tag = in.Text();
  login.key_id = in.Text();
  login.first_at = static_cast<std::int64_t>(in.U64());
  login.verified_at = static_cast<std::int64_t>(in.U64());
  login.revision = in.U64();
  return login;
}

}  // namespace

SharedAppLogin AppLoginTable::FindByTag(std::string_view tag) const {
  absl::ReaderMutexLock lock(&mutex_);
  const SharedAppLogin* found = Find(by_tag_, tag);
  return found == nullptr ? nullptr : *found;
}

SharedAppLogin AppLoginTable::FindByAccount(const AccountId& account) const {
  absl::ReaderMutexLock lock(&mutex_);
  const SharedAppLogin* found = Find(by_account_, account.value());
  return found == nullptr ? nullptr : *found;
}

bool AppLoginTable::Put(AppLogin login) {
  absl::MutexLock lock(&mutex_);
  const SharedAppLogin* held = Find(by_account_, login.account.value());
  if (held != nullptr) {
    if (!Supersedes(login, **held)) return false;
    login.first_at = (*held)->first_at;
  }
  PutLocked(std::make_shared<const AppLogin>(std::move(login)));
  return true;
}

void AppLoginTable::PutLocked(SharedAppLogin login) {
  SharedAppLogin& held = by_account_[login->account.value()];
  if (held != nullptr) by_tag_.erase(held->tag);  // another password, or refused
  held = login;
  if (!login->refused()) by_tag_[login->tag] = std::move(login);
  dirty_ = true;
}

std::vector<std::string> AppLoginTable::KeyIds() const {
  absl::ReaderMutexLock lock(&mutex_);
  StringSet ids;
  for (const auto& [tag, login] : by_tag_) ids.insert(login->key_id);
  return {ids.begin(), ids.end()};
}

std::vector<AppLogin> AppLoginTable::NotStored() const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<AppLogin> logins;
  for (const auto& [account, login] : by_account_) {
    if (login->revision == 0) logins.push_back(*login);
  }
  return logins;
}

AppLoginStore::Position AppLoginTable::position() const {
  absl::ReaderMutexLock lock(&mutex_);
  return position_;
}

void AppLoginTable::SetPosition(AppLoginStore::Position position) {
  absl::MutexLock lock(&mutex_);
  position_ = std::move(position);
  dirty_ = true;
}

std::size_t AppLoginTable::size() const {
  absl::ReaderMutexLock lock(&mutex_);
  return by_account_.size();
}

absl::Status AppLoginTable::LoadFromDisk() {
  if (file_.empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, replica::ReadSnapshot(file_));
  replica::RecordReader in(bytes);
  if (in.U32() != kFormat) return DataLoss("{} is of another format", file_);
  AppLoginStore::Position position{.life = std::string(in.Text()), .revision = in.U64()};
  std::vector<SharedAppLogin> logins;
  for (std::uint64_t left = in.U64(); left > 0 && in.ok(); --left) {
    logins.push_back(std::make_shared<const AppLogin>(ReadLogin(in)));
  }
  if (!in.Finished()) return DataLoss("{} is damaged", file_);
  absl::MutexLock lock(&mutex_);
  for (SharedAppLogin& login : logins) PutLocked(std::move(login));
  position_ = std::move(position);
  dirty_ = false;
  return absl::OkStatus();
}

absl::Status AppLoginTable::SaveToDisk() {
  replica::RecordWriter out;
  {
    absl::MutexLock lock(&mutex_);
    if (!dirty_ || file_.empty()) return absl::OkStatus();
    out.U32(kFormat);
    out.Text(position_.life);
    out.U64(position_.revision);
    out.U64(by_account_.size());
    for (const auto& [account, login] : by_account_) Write(out, *login);
    dirty_ = false;
  }
  const absl::Status saved = replica::WriteSnapshot(file_, out.bytes());
  if (!saved.ok()) {
    absl::MutexLock lock(&mutex_);
    dirty_ = true;
  }
  return saved;
}

}  // namespace holdfast::middleware
