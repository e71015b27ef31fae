#include "services/middleware/oss_api.h"

#include <chrono>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/middleware/answering_job.h"
#include "services/middleware/app_call.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/oss_soap.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kCallTimeout = 30s;
constexpr std::size_t kLongestAuditText = 1000;
constexpr std::size_t kLongestKey = 100;
constexpr std::size_t kLongestAddress = 64;
constexpr std::size_t kLongestAccept = 200;
constexpr std::string_view kSoapPath = "soap.php";
constexpr int kWrongPerMinute = 20;  // of one address
constexpr std::string_view kUnauthorized =
    R"({"status":"ERROR","results":"","error":"401 Unauthorized request"})";

std::optional<OssAction> ActionOf(std::string_view method) {
  if (method == "GET") return OssAction::kGet;
  if (method == "POST") return OssAction::kCreate;
  if (method == "PUT") return OssAction::kUpdate;
  if (method == "DELETE") return OssAction::kDelete;
  return std::nullopt;
}

http::Response Fresh(std::string text) {
  http::Response response = http::Response::Json(std::move(text));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// Whose fault it is, for those that are nobody's words of the protocol.
absl::Status InWords(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    return Unavailable("Not possible at the moment, try again: {}", View(status.message()));
  }
  return status;
}

}  // namespace

OssApi::OssApi(const Options& options, OssCredentials credentials, const Parts& parts)
    : enabled_(options.enabled && !credentials.empty()),
      soap_(options.soap),
      credentials_(std::move(credentials)),
      parts_(parts),
      calls_(parts.metrics.CounterFamily("holdfast_middleware_oss_calls_total",
                                         "Calls of the OSS API by what the script was told.",
                                         {"resource", "outcome"})),
      wrong_by_address_({.attempts = kWrongPerMinute, .window = 60s}, parts.clock) {}

void OssApi::AddResource(std::string_view name, Resource resource, NothingNew nothing_new) {
  resources_[std::string(name)] = {std::move(resource), std::move(nothing_new), NewJobKind()};
}

void OssApi::AddRoutes(http::Router& router) {
  for (const std::string base : {"/stalker_portal/api", "/api"}) {
    for (const char* tail : {"", "/", "/{rest*}"}) {
      for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH"}) {
        router.Add(method, base + tail,
                   [this, length = base.size()](const http::Request& request, http::Reply reply) {
                     Handle(request, length, std::move(reply));
                   });
      }
    }
  }
}

void OssApi::Handle(const http::Request& request, std::size_t base_length, http::Reply reply) {
  if (!enabled_) return reply.Send(http::Response::Text(404, "API not enabled"));
  auto call = std::make_shared<OssCall>();
  ParseOssPath(request.path().substr(base_length), *call);
  const std::optional<std::string> actor = WhoAsks(request);
  if (!actor) {
    http::Response response = Fresh(std::string(kUnauthorized));
    response.status = 401;
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Stalker API\"");
    return reply.Send(std::move(response));
  }
  const std::optional<OssAction> action = ActionOf(request.method());
  if (!action) return reply.Send(Fresh(OssEnvelope(Unimplemented("Not supported method"))));
  call->action = *action;
  call->actor = *actor;
  call->accept = request.Header("Accept").substr(0, kLongestAccept);
  call->form = http::Form(*action == OssAction::kGet ? request.query() : request.body());
  const std::string_view key = request.Header("Idempotency-Key").substr(0, kLongestKey);
  call->idempotency_key = absl::StrCat("oss-", key.empty() ? SecureHex(12) : std::string(key));
  call->now = parts_.clock.Now();

  if (soap_ && call->resource == kSoapPath) return HandleSoap(request, call, std::move(reply));
  const Entry* entry = Find(resources_, call->resource);
  RunLater(
      request, call, entry == nullptr ? unknown_kind_ : entry->job_kind, std::move(reply),
      [this, call] { return Respond(*call); },
      [](const absl::Status& why) { return Fresh(OssEnvelope(why)); });
}

void OssApi::RunLater(const http::Request& request, const std::shared_ptr<OssCall>& call,
                      std::size_t kind, http::Reply reply, std::function<http::Response()> work,
                      std::function<http::Response(const absl::Status&)> refuse) {
  AnsweringJob job;
  job.work = [call, work = std::move(work)]() -> AnsweringJob::Answered {
    call->deadline = Deadline::After(kCallTimeout);
    return {work()};
  };
  job.refuse = [refuse = std::move(refuse)] {
    return refuse(ResourceExhausted("There is too much to do: try again"));
  };
  job.caller = call->actor;
  job.kind = kind;
  parts_.workers.Submit(JobFor(request, std::move(reply), std::move(job), parts_.clock));
}

// One that asks for "?wsdl" wants to know how to ask.
void OssApi::HandleSoap(const http::Request& request, const std::shared_ptr<OssCall>& call,
                        http::Reply reply) {
  const std::string address = BaseUrlOf(request) + std::string(request.path());
  if (call->action == OssAction::kGet) return reply.Send(SoapDescription(address));
  if (call->action != OssAction::kCreate) {
    return reply.Send(Fresh(OssEnvelope(Unimplemented("Not supported method"))));
  }
  auto body = std::make_shared<const std::string>(request.body());
  RunLater(
      request, call, soap_kind_, std::move(reply),
      [this, call, body, address] {
        return AnswerSoap(*body, address, *call, [this](const OssCall& c) { return Answer(c); });
      },
      [](const absl::Status& why) { return SoapFault(why); });
}

std::optional<std::string> OssApi::WhoAsks(const http::Request& request) {
  const std::string_view real_ip = request.Header("X-Real-IP");
  const std::string_view address =
      (real_ip.empty() ? request.remote_address() : real_ip).substr(0, kLongestAddress);
  // Before the look at what is shown: a guesser does not learn that a guess was right.
  if (wrong_by_address_.Exhausted(address)) {
    calls_.With({"any", "too_many_attempts"}).Add();
    return std::nullopt;
  }
  std::optional<std::string> actor = credentials_.WhoIs(request.Header("Authorization"));
  if (!actor) {
    wrong_by_address_.Allow(address);
    calls_.With({"any", "unauthorized"}).Add();
  }
  return actor;
}

http::Response OssApi::Respond(const OssCall& call) {
  const OssAnswer answer = Answer(call);
  http::Response response = Fresh(call.is_text && answer.ok() ? *answer : OssEnvelope(answer));
  if (call.is_text && answer.ok()) response.content_type = "text/plain; charset=utf-8";
  if (call.presence_unknown) response.headers.emplace_back("X-Degraded", "redis");
  return response;
}

OssAnswer OssApi::Run(const OssCall& call) {
  if (call.resource.empty()) return InvalidArgument("Empty resource");
  const Entry* entry = Find(resources_, call.resource);
  if (entry == nullptr) {
    calls_.With({"unknown", "error"}).Add();
    return NotFound("Resource \"{}\" does not exist", call.resource);
  }
  OssAnswer answer = entry->resource(call);
  calls_.With({call.resource, answer.ok() ? "ok" : "error"}).Add();
  if (!answer.ok()) return InWords(answer.status());
  return answer;
}

OssAnswer OssApi::Answer(const OssCall& call) {
  const Entry* entry = Find(resources_, call.resource);
  const bool changes_nothing = call.action == OssAction::kGet ||
                               (entry != nullptr && entry->nothing_new && entry->nothing_new(call));
  if (changes_nothing) return Run(call);
  std::vector<std::string> fields;  // never their values
  for (const auto& field : call.form.fields()) fields.emplace_back(field.first);
  const auto kept = [](const std::string& text) {
    return CleanUtf8(text.substr(0, kLongestAuditText));
  };
  return parts_.audit.Do(
      {.actor = kept("script:" + call.actor),
       .action = kept(absl::StrCat(std::string(NameOf(call.action)), " ", call.resource)),
       .object = kept(absl::StrJoin(call.ids, ",")),
       .request = kept("fields " + absl::StrJoin(fields, ","))},
      call.deadline, [&] { return Run(call); });
}

}  // namespace holdfast::middleware
