#include "services/middleware/oss_hooks.h"

#include <rapidjson/document.h>

#include <charconv>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/http/client.h"
#include "libs/telemetry/log.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMostWaiting = 100'000;
constexpr std::int64_t kKeepProfiles = 600;         // seconds
constexpr std::int64_t kKeepPackages = 7 * 86'400;  // seconds
constexpr std::size_t kLongestAnswer = 64 * 1024;

// From the words of the hook to those of the API.
constexpr std::pair<const char*, const char*> kFields[] = {
    {"status", "status"}, {"tariff", "tariff_plan"}, {"fname", "full_name"},
    {"phone", "phone"},   {"end_date", "end_date"},  {"account_balance", "account_balance"},
    {"ls", "ls"},
};

std::string Query(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  std::string query;
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&query, query.empty() ? "" : "&", std::string(name), "=", PercentEncode(value));
  }
  return query;
}

std::string WithQuery(const std::string& url, const std::string& query) {
  return url + (url.find('?') == std::string::npos ? "?" : "&") + query;
}

std::string TextOf(const rapidjson::Value& value) {
  if (value.IsString()) return {value.GetString(), value.GetStringLength()};
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  return "";
}

// A record on disk: when, then the address.
std::string RecordOf(std::int64_t at, const std::string& url) { return absl::StrCat(at, " ", url); }

std::pair<std::int64_t, std::string> ParseRecord(const std::string& record) {
  const std::size_t space = record.find(' ');
  std::int64_t at = 0;
  std::from_chars(record.data(), record.data() + std::min(space, record.size()), at);
  return {at, space == std::string::npos ? "" : record.substr(space + 1)};
}

}  // namespace

http::Form ProfileAnswerFields(std::string_view body) {
  http::Form form;
  if (body.size() > kLongestAnswer) return form;
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (json.HasParseError() || !json.IsObject()) return form;
  const auto status = json.FindMember("status");
  const auto results = json.FindMember("results");
  if (status == json.MemberEnd() || !status->value.IsString() ||
      std::string_view(status->value.GetString()) != "OK" || results == json.MemberEnd()) {
    return form;
  }
  const rapidjson::Value* row = &results->value;
  if (row->IsArray() && !row->Empty()) row = &(*row)[0];
  if (!row->IsObject()) return form;
  for (const auto& [theirs, ours] : kFields) {
    const auto field = row->FindMember(theirs);
    if (field == row->MemberEnd()) continue;
    const std::string text = TextOf(field->value);
    if (!text.empty()) form.Merge(absl::StrCat(ours, "=", PercentEncode(text)));
  }
  return form;
}

absl::Status OssConfig::CheckHooks() const {
  for (const auto& [knob, url] : {std::pair("oss_profile_hook", &profile_hook),
                                  std::pair("oss_subscribe_hook", &subscribe_hook),
                                  std::pair("oss_unsubscribe_hook", &unsubscribe_hook)}) {
    if (url->empty()) continue;
    if (const absl::Status fit = http::CheckUrl(*url); !fit.ok()) return Annotate(fit, knob);
  }
  if (hook_ca_file.empty()) return absl::OkStatus();
  return Annotate(http::TlsTrust(hook_ca_file).Check(), "oss_hook_ca_file");
}

OssHooks::OssHooks(const OssConfig& config, Apply apply, LoginOf login_of, const Parts& parts)
    : config_(config),
      trust_(config.hook_ca_file),
      apply_(std::move(apply)),
      login_of_(std::move(login_of)),
      spool_(parts.spool),
      clock_(parts.clock),
      calls_(parts.metrics.CounterFamily("holdfast_middleware_oss_hooks_total",
                                         "Calls of the operator's hooks: answered, applied, "
                                         "failed (tried again) or given up.",
                                         {"hook", "outcome"})) {}

void OssHooks::BoxStarted(StartedBox box) {
  if (config_.profile_hook.empty()) return;
  absl::MutexLock lock(&mutex_);
  if (waiting_.size() >= kMostWaiting && !waiting_.contains(box.mac)) {
    calls_.With({"profile", "given_up"}).Add();
    return;
  }
  const std::string mac = box.mac;
  waiting_[mac] = {std::move(box), EpochSeconds(clock_.Now())};
}

void OssHooks::PackageChanged(const PackageChange& change) {
  const std::string& hook = change.added ? config_.subscribe_hook : config_.unsubscribe_hook;
  if (hook.empty()) return;
  const std::string url = WithQuery(hook, Query({{"mac", change.mac},
                                                 {"tariff_id", change.tariff_plan},
                                                 {"package_id", change.package}}));
  const absl::Status kept = spool_.Append(RecordOf(EpochSeconds(clock_.Now()), url));
  if (!kept.ok()) calls_.With({"package", "given_up"}).Add();
}

std::size_t OssHooks::waiting() const {
  absl::MutexLock lock(&mutex_);
  return waiting_.size();
}

bool OssHooks::TakeOne(Waiting& out) {
  absl::MutexLock lock(&mutex_);
  if (waiting_.empty()) return false;
  const auto it = waiting_.begin();
  out = std::move(it->second);
  waiting_.erase(it);
  return true;
}

void OssHooks::PutBack(Waiting waiting) {
  absl::MutexLock lock(&mutex_);
  const std::string mac = waiting.box.mac;
  waiting_.try_emplace(mac, std::move(waiting));  // a newer start of the box stays
}

absl::Status OssHooks::Deliver(Deadline deadline) {
  HOLDFAST_RETURN_IF_ERROR(DeliverPackages(deadline));
  return DeliverProfiles(deadline);
}

absl::Status OssHooks::DeliverProfiles(Deadline deadline) {
  Waiting waiting;
  while (!deadline.Passed() && TakeOne(waiting)) {
    if (EpochSeconds(clock_.Now()) - waiting.since > kKeepProfiles) {
      calls_.With({"profile", "given_up"}).Add();
      continue;
    }
    const StartedBox& box = waiting.box;
    const std::string login = box.account.empty() ? "" : login_of_(box.account, deadline);
    const std::string query = Query({{"mac", box.mac},
                                     {"serial_number", box.serial_number},
                                     {"type", box.model},
                                     {"locale", box.locale},
                                     {"login", login},
                                     {"portal", ""},
                                     {"verified", "1"},
                                     {"ip", box.address}});
    const auto answer =
        http::Fetch({.url = WithQuery(config_.profile_hook, query), .trust = &trust_},
                    deadline.AtMost(config_.hook_timeout));
    if (!answer.ok() || answer->status >= 500) {
      calls_.With({"profile", "failed"}).Add();
      PutBack(std::move(waiting));
      return absl::OkStatus();  // away: the others wait for the next round
    }
    calls_.With({"profile", "answered"}).Add();
    const http::Form fields = ProfileAnswerFields(answer->body);
    if (fields.fields().empty()) continue;
    const absl::Status applied = apply_(box, fields, deadline);
    calls_.With({"profile", applied.ok() ? "applied" : "not_applied"}).Add();
    if (!applied.ok() && telemetry::ShouldLog("answer of the profile hook")) {
      telemetry::Log(telemetry::Warning, "answer of the profile hook not applied",
                     {{"mac", box.mac}, {"error", ToString(applied)}});
    }
  }
  return absl::OkStatus();
}

absl::Status OssHooks::DeliverPackages(Deadline deadline) {
  while (spool_.pending_records() > 0 && !deadline.Passed()) {
    const auto drained = spool_.Drain(1, [&](const std::vector<std::string>& records) {
      const auto [at, url] = ParseRecord(records.front());
      if (EpochSeconds(clock_.Now()) - at > kKeepPackages || url.empty()) {
        calls_.With({"package", "given_up"}).Add();
        return absl::OkStatus();
      }
      const auto answer =
          http::Fetch({.url = url, .trust = &trust_}, deadline.AtMost(config_.hook_timeout));
      if (absl::IsInvalidArgument(answer.status())) {
        calls_.With({"package", "given_up"}).Add();
        return absl::OkStatus();
      }
      if (!answer.ok() || answer->status >= 500) {
        calls_.With({"package", "failed"}).Add();
        return Unavailable("the hook did not answer");
      }
      calls_.With({"package", "answered"}).Add();
      return absl::OkStatus();
    });
    if (!drained.ok() || *drained == 0) break;  // still away: nothing is wrong with us
  }
  return absl::OkStatus();
}

}  // namespace holdfast::middleware
