#include "services/middleware/audit.h"

#include <google/protobuf/util/json_util.h>

#include <memory>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr auto kEndTimeout = std::chrono::seconds(2);
constexpr std::size_t kLongestText = 200;
constexpr std::size_t kLongestRequest = 8000;
// What a request is about, the most telling first.
constexpr const char* kObjects[] = {"mac",      "channel_id",  "title_id", "radio_id",
                                    "event_id", "category_id", "genre_id", "account_id"};

// The first of kObjects that is set in the message itself.
std::string ObjectIn(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  for (const char* name : kObjects) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr || field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      const std::string text = reflection.GetString(message, field);
      if (!text.empty()) return fmt::format("{} {}", name, text.substr(0, kLongestText));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      const std::int64_t number = reflection.GetInt64(message, field);
      if (number != 0) return fmt::format("{} {}", name, number);
    }
  }
  return "";
}

// Texts of lists would fill the log, and every list can be made again from it.
void CutTexts(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      CutTexts(*reflection.MutableMessage(&message, field));
    } else if (field->type() == FieldDescriptor::TYPE_STRING) {
      const std::string text = reflection.GetString(message, field);
      if (text.size() <= kLongestText) continue;
      std::size_t end = kLongestText;  // not inside a UTF-8 sequence
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
      reflection.SetString(&message, field,
                           fmt::format("{} ... ({} bytes)", text.substr(0, end), text.size()));
    }
  }
}

}  // namespace

std::string AuditAction(const Message& request) {
  std::string name(request.GetDescriptor()->name());
  constexpr std::string_view kSuffix = "Request";
  if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  return name;
}

std::string AuditObject(const Message& request) {
  std::string object = ObjectIn(request);
  const Reflection& reflection = *request.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(request, &fields);
  for (const FieldDescriptor* field : fields) {
    if (!object.empty()) break;
    const bool nested =
        !field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (nested) object = ObjectIn(reflection.GetMessage(request, field));
  }
  return CleanUtf8(object);
}

std::string AuditRequest(const Message& request) {
  const std::unique_ptr<Message> copy(request.New());
  copy->CopyFrom(request);
  CutTexts(*copy);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(*copy, &text, options).ok()) return "";
  if (text.size() > kLongestRequest) {
    return fmt::format("{{\"cut\":true,\"bytes\":{}}}", text.size());
  }
  return CleanUtf8(text);
}

bool IsDryRun(const Message& request) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("dry_run");
  return field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL &&
         request.GetReflection()->GetBool(request, field);
}

absl::StatusOr<std::int64_t> Audit::Begin(AuditEntry entry, Deadline deadline) {
  entry.at_ms = EpochMillis(clock_.Now());
  const auto begun = store_.Begin(deadline, entry);
  if (!begun.ok()) return Annotate(begun.status(), "the audit log cannot be written");
  return *begun;
}

void Audit::End(std::int64_t entry, const absl::Status& status) {
  // With a time of its own: what was asked may have used up the request's.
  const absl::Status ended = store_.End(Deadline::After(kEndTimeout), entry, ToString(status));
  if (ended.ok() || !telemetry::ShouldLog("audit outcome")) return;
  telemetry::Log(telemetry::Warning, "an audit entry stays without its outcome",
                 {{"entry", entry}, {"status", ToString(ended)}});
}

}  // namespace holdfast::middleware
