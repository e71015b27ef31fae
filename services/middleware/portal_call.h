// One call of a box: what it asks, who it is, and the answer in the forms that boxes understand.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/job_queue.h"
#include "libs/http/message.h"
#include "libs/http/stored_body.h"
#include "services/middleware/device_table.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/domain/mac.h"
#include "services/middleware/portal_shedding.h"
#include "services/middleware/sessions.h"

namespace holdfast::middleware {

// A value; moves to a worker thread when the answer needs one.
struct PortalCall {
  http::Form form;          // query and body
  std::optional<Mac> mac;   // from the mac cookie
  std::string_view bearer;  // of the request: valid until the reply is sent
  ExaminedToken offered;
  SharedDevice device;    // null: unknown
  Knowledge knowledge;    // of the device's account; entitlement never null
  std::string time_zone;  // the timezone cookie
  std::string language;   // the stb_lang cookie
  std::string client_address;
  std::string model;  // X-User-Agent: "Model: MAG250; ..."
  bool accepts_gzip = false;
  bool admitted = true;        // false: there is no time for its class; see Shedding::looks_itself
  bool locked_is_open = true;  // links to what is locked may be handed out: see PinGate
  WallTime now;

  std::string_view Get(std::string_view name) const { return form.Get(name); }
};

enum class Neighbour { kBilling, kEpg, kCdnRouting, kAnalytics, kPostgres, kRedis };
std::string_view NameOf(Neighbour neighbour);

// The answer was made from something older than it should be, or left something out.
struct Degradation {
  Neighbour neighbour = Neighbour::kBilling;
  std::optional<std::chrono::seconds> age;  // nothing: unknown
};

struct PortalAnswer {
  enum class Form {
    kPayload,   // `text` is the JSON of "js": the envelope is put around it
    kWhole,     // `body` is the whole body
    kPlain,     // `text` is the whole body, not JSON
    kTryAgain,  // 503: only where clients are known to ask again
  };
  Form form = Form::kPayload;
  std::string text;
  http::SharedBody body;
  bool gzipped = false;  // the body is
  bool refused = false;  // in the right shape, but the box may not go on: counted as that
  std::vector<Degradation> degradations;

  static PortalAnswer Js(std::string payload) { return {.text = std::move(payload)}; }
  static PortalAnswer True() { return Js("true"); }
  static PortalAnswer False() { return Js("false"); }
  static PortalAnswer EmptyArray() { return Js("[]"); }
  static PortalAnswer Plain(std::string_view text) {
    return {.form = Form::kPlain, .text = std::string(text)};
  }
  static PortalAnswer TryAgain() { return {.form = Form::kTryAgain}; }

  PortalAnswer&& With(std::optional<Degradation> degradation) && {
    if (degradation) degradations.push_back(*degradation);
    return std::move(*this);
  }
};

// The answer needs a thread that may block. `if_busy` goes out when no worker is free: boxes take a
// thin answer, and nearly all of them no 503.
struct Later {
  std::function<PortalAnswer(PortalCall&)> work;
  std::function<PortalAnswer(PortalCall&)> if_busy = [](PortalCall&) {
    return PortalAnswer::False();
  };
};

using PortalOutcome = std::variant<PortalAnswer, Later>;
// Runs on an I/O thread: memory only.
using PortalAction = std::function<PortalOutcome(PortalCall&)>;

// The exact texts of the protocol, which boxes compare.
inline constexpr std::string_view kUnauthorizedRequest = "Unauthorized request.";
inline constexpr std::string_view kAuthorizationFailed = "Authorization failed.";
inline constexpr std::string_view kAccessDenied = "Access denied.";

// Who may call an action (portal protocol, section 4).
enum class Access {
  kAnybody,     // no token, no known device
  kUnknownToo,  // a good token if the device is known; open to unknown and blocked ones
  kBlockedToo,  // a good token; also with a blocked account
  kSubscriber,  // a good token of a device whose account is not blocked
};

// The actions that this portal knows, by "type/action". Filled at start, then read only.
class ActionTable {
 public:
  struct Entry {
    Access access = Access::kSubscriber;
    PortalAction action;
    Shedding shedding;
    std::size_t job_kind = 0;
  };

  void Add(std::string_view type, std::string_view action, Access access, PortalAction function) {
    entries_[std::string(type) + '/' + std::string(action)] = {
        access, std::move(function), SheddingOf(type, action), NewJobKind()};
  }
  // Null if unknown.
  const Entry* Find(std::string_view type, std::string_view action) const;

  // Puts `wrap(action)` in the place of the action; it has to be there.
  void Wrap(std::string_view type, std::string_view action,
            const std::function<PortalAction(PortalAction)>& wrap);

  // All of them, as "type/action", sorted.
  std::vector<std::string> Names() const;

 private:
  StringMap<Entry> entries_;
};

// Binds a member function as an action: Bind(*this, &ItvActions::CreateLink).
template <class T, class R>
PortalAction Bind(T& self, R (T::*method)(PortalCall&)) {
  return [&self, method](PortalCall& call) -> PortalOutcome { return (self.*method)(call); };
}

}  // namespace holdfast::middleware
