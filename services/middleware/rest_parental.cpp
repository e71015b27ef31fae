#include "services/middleware/rest_parental.h"

#include <chrono>
#include <string>
#include <utility>

#include "services/middleware/domain/parental.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kWriteTimeout = 2s;
constexpr int kWrongPerMinute = 10;
constexpr std::string_view kPin = "parent_password";  // as the setting of boxes is called

std::string Text(bool adult_in_players, bool pin_chosen) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("adult_in_players", adult_in_players);
  json.Field("pin_chosen", pin_chosen).EndObject();
  return text;
}

bool HasChosen(const RestCall& call) {
  return SettingOr(call.device->settings, kPin, kFirstPin) != kFirstPin;
}

}  // namespace

RestParental::RestParental(ViewerWrites& writes, AccountNotes& notes, RestProfiles& profiles,
                           const DatabaseHealth& database, const Clock& clock)
    : writes_(writes),
      notes_(notes),
      profiles_(profiles),
      database_(database),
      wrong_by_device_({.attempts = kWrongPerMinute, .window = 60s}, clock) {}

std::optional<http::Response> RestParental::Demand(const RestCall& call) {
  if (call.pin.empty()) {
    return FieldProblem(403, "pin-required", "X-Pin", "the PIN has to come in the header X-Pin");
  }
  if (wrong_by_device_.Exhausted(call.device->mac)) {
    return FieldProblem(429, "too-many-attempts", "X-Pin", "there were too many wrong PINs");
  }
  if (PinOpens(SettingOr(call.device->settings, kPin, kFirstPin), call.pin)) return std::nullopt;
  wrong_by_device_.Allow(call.device->mac);
  return FieldProblem(403, "wrong-pin", "X-Pin", "the PIN is another one");
}

http::Response RestParental::Get(const RestCall& call) {
  return JsonAnswer(call, Text(notes_.AdultInPlayers(call.account()), HasChosen(call)));
}

http::Response RestParental::Put(const RestCall& call) {
  if (auto problem = Demand(call)) return *std::move(problem);
  const auto document = ParseObject(call.body);
  if (!document) return Problem(400, "bad-body", "the body is no JSON object");
  const std::string pin = TextIn(*document, "pin");
  if (document->HasMember("pin") && !IsPin(pin)) {
    return FieldProblem(400, "bad-pin", "pin", "pin is not of 1 to 16 letters and digits");
  }
  bool allowed = notes_.AdultInPlayers(call.account());
  const auto adult = document->FindMember("adult_in_players");
  if (adult != document->MemberEnd()) {
    if (!adult->value.IsBool()) {
      return FieldProblem(400, "bad-body", "adult_in_players",
                          "adult_in_players is no truth value");
    }
    allowed = adult->value.GetBool();
    AccountNotes::Change change;
    change.adult_in_players = allowed;
    const absl::Status kept = notes_.Save(call.account(), change, Deadline::After(kWriteTimeout));
    if (!kept.ok()) return NotKept();
  }
  bool chosen = HasChosen(call);
  if (!pin.empty()) {
    const absl::Status kept = writes_.SaveSettings(*call.device, {{std::string(kPin), pin}},
                                                   Deadline::After(kWriteTimeout));
    if (!kept.ok()) return NotKept();
    chosen = pin != kFirstPin;
  }
  return profiles_.Marked(FreshJson(Text(allowed, chosen)), !database_.usable());
}

}  // namespace holdfast::middleware
