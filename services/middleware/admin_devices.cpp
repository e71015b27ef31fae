// Operators' REST: devices, and which account they are of.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/admin_resources.h"
#include "services/middleware/convert.h"
#include "services/middleware/domain/csv.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMostRows = 10'000;  // of one import
constexpr std::size_t kLongestAccount = 200;
constexpr int kExportPage = 1000;

absl::StatusOr<Mac> MacOf(const AdminCall& call) {
  const std::optional<Mac> mac = Mac::Parse(call.parts.at(0));
  if (!mac) return NotFound("mac: no device has the name '{}'", CleanUtf8(call.parts.at(0)));
  return *mac;
}

// One row of the table that is imported: what would change.
struct Row {
  int line = 0;
  std::string mac;
  std::string account;
  std::string before;   // the account that it is of now
  std::string change;   // "added", "moved", "unchanged"
  std::string problem;  // "": none
};

absl::StatusOr<std::vector<Row>> ReadRows(const std::string& body) {
  const CsvTable table = ParseCsv(body, {.rows = kMostRows, .cells = 16, .cell_bytes = 1000});
  if (!table.problem.empty()) return InvalidArgument("csv: {}", table.problem);
  for (const std::string& column : table.columns) {
    const bool known =
        column == "mac" || column == "account_id" || column == "device_id" || column == "model";
    if (!known) return InvalidArgument("csv: no column '{}' is known", CleanUtf8(column));
  }
  for (const char* needed : {"mac", "account_id"}) {
    if (std::count(table.columns.begin(), table.columns.end(), needed) != 1) {
      return InvalidArgument("csv: column {} is not there once", needed);
    }
  }
  std::vector<Row> rows;
  std::map<std::string, int> line_of;
  for (const CsvRow& csv : table.rows) {
    Row& row = rows.emplace_back();
    row.line = csv.line;
    const std::optional<Mac> mac = Mac::Parse(table.Cell(csv, "mac"));
    row.mac = mac ? mac->text() : CleanUtf8(table.Cell(csv, "mac"));
    row.account = table.Cell(csv, "account_id");
    if (!mac) {
      row.problem = "mac is none";
    } else if (row.account.empty() || row.account.size() > kLongestAccount ||
               CleanUtf8(row.account) != row.account) {
      row.problem = "account_id has not from 1 to 200 characters";
    } else if (const auto [it, fresh] = line_of.try_emplace(row.mac, row.line); !fresh) {
      row.problem = fmt::format("mac stands in line {} already", it->second);
    }
  }
  return rows;
}

std::string Report(const std::vector<Row>& rows, bool dry_run) {
  std::map<std::string, int> counts;
  for (const Row& row : rows) ++counts[row.problem.empty() ? row.change : "refused"];
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("dry_run", dry_run);
  for (const char* what : {"added", "moved", "unchanged", "refused"})
    json.Field(what, counts[what]);
  json.Key("changes").BeginArray();
  for (const Row& row : rows) {
    if (!row.problem.empty() || row.change == "unchanged") continue;
    json.BeginObject().Field("line", row.line).Field("mac", row.mac).Field("change", row.change);
    json.Field("before", row.before).Field("after", row.account).EndObject();
  }
  json.EndArray().Key("problems").BeginArray();
  for (const Row& row : rows) {
    if (row.problem.empty()) continue;
    json.BeginObject().Field("line", row.line).Field("mac", row.mac);
    json.Field("detail", row.problem).EndObject();
  }
  json.EndArray().EndObject();
  return text;
}

}  // namespace

http::Response AdminResources::DevicesOf(const AdminCall& call, const std::string& account) {
  const std::optional<int> limit = LimitOf(call);
  if (!limit) return BadLimit();
  const std::optional<std::string> cursor = CursorText(call);
  if (!cursor || (!cursor->empty() && !Mac::Parse(*cursor))) return BadCursor();
  const auto page = store_.ListDevices(call.deadline, AccountId(account), *cursor, *limit);
  if (!page.ok()) return ProblemOf(page.status(), *v1::ListDevicesRequest::descriptor());
  PageWriter writer;
  for (const middleware::Device& device : page->devices) writer.Add(ToProto(device));
  return JsonAnswer(
      call, writer.Finish(page->next_mac.empty() ? std::nullopt
                                                 : std::optional(CursorOf(page->next_mac))));
}

http::Response AdminResources::Devices(const AdminCall& call) {
  return DevicesOf(call, CleanUtf8(call.Get("account")));
}

http::Response AdminResources::AccountDevices(const AdminCall& call) {
  return DevicesOf(call, CleanUtf8(call.parts.at(0)));
}

http::Response AdminResources::Device(const AdminCall& call) {
  const auto& request = *v1::PutDeviceRequest::descriptor();
  const auto mac = MacOf(call);
  if (!mac.ok()) return ProblemOf(mac.status(), request);
  const auto device = store_.FindDevice(call.deadline, *mac);
  if (!device.ok()) return ProblemOf(device.status(), request);
  if (!*device) return ProblemOf(NotFound("mac {} is unknown", mac->text()), request);
  return Shown(call, ToProto(**device));
}

http::Response AdminResources::PutDevice(const AdminCall& call) {
  v1::PutDeviceRequest request;
  const absl::Status read = ReadBody(call.body, request);
  if (!read.ok()) return ProblemOf(read, *request.GetDescriptor());
  const auto mac = MacOf(call);
  if (!mac.ok()) return ProblemOf(mac.status(), *request.GetDescriptor());
  if (!request.mac().empty() && Mac::Parse(request.mac()) != *mac) {
    return FieldProblem(400, "invalid", "mac", "mac is another one than the address names");
  }
  request.set_mac(mac->text());
  return DoAndShow(call, &Service::PutDevice, request);
}

http::Response AdminResources::UnbindDevice(const AdminCall& call) {
  v1::UnbindDeviceRequest request;
  const auto mac = MacOf(call);
  if (!mac.ok()) return ProblemOf(mac.status(), *request.GetDescriptor());
  request.set_mac(mac->text());
  return DoAndShow(call, &Service::UnbindDevice, request);
}

http::Response AdminResources::RevokeDevice(const AdminCall& call) {
  v1::RevokeDeviceRequest request;
  const auto mac = MacOf(call);
  if (!mac.ok()) return ProblemOf(mac.status(), *request.GetDescriptor());
  request.set_mac(mac->text());
  return DoAndShow(call, &Service::RevokeDevice, request);
}

http::Response AdminResources::ImportDevices(const AdminCall& call) {
  auto rows = ReadRows(call.body);
  if (!rows.ok())
    return FieldProblem(400, "invalid", "body", holdfast::View(rows.status().message()));
  const bool dry_run = call.flag("dry_run");
  for (Row& row : *rows) {
    if (!row.problem.empty()) continue;
    const auto known = store_.FindDevice(call.deadline, *Mac::Parse(row.mac));
    if (!known.ok()) return ProblemOf(known.status(), *v1::PutDeviceRequest::descriptor());
    if (*known) row.before = (*known)->account.value();
    row.change = !*known ? "added" : row.before == row.account ? "unchanged" : "moved";
    if (dry_run || row.change == "unchanged") continue;
    v1::PutDeviceRequest request;
    request.set_mac(row.mac);
    request.set_account_id(row.account);
    const auto put = Do(call, &Service::PutDevice, request);
    if (absl::IsUnavailable(put.status()) || absl::IsDeadlineExceeded(put.status())) {
      // What was done stays done and is found unchanged when the same table comes again.
      return ProblemOf(put.status(), *request.GetDescriptor());
    }
    if (!put.ok()) row.problem = holdfast::View(put.status().message());
  }
  return FreshJson(Report(*rows, dry_run));
}

http::Response AdminResources::ExportDevices(const AdminCall& call) {
  http::Response response = http::Response::Text(200, "");
  response.content_type = "text/csv; charset=utf-8";
  AppendCsvRow(response.text, {"mac", "account_id", "device_id", "model"});
  std::string first;
  do {
    const auto page = store_.ListDevices(call.deadline, AccountId(CleanUtf8(call.Get("account"))),
                                         first, kExportPage);
    if (!page.ok()) return ProblemOf(page.status(), *v1::ListDevicesRequest::descriptor());
    for (const middleware::Device& device : page->devices) {
      AppendCsvRow(response.text,
                   {device.mac, device.account.value(), std::to_string(device.id), device.model});
    }
    first = page->next_mac;
  } while (!first.empty());
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace holdfast::middleware
