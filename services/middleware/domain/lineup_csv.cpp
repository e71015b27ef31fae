#include "services/middleware/domain/lineup_csv.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "libs/base/status.h"
#include "services/middleware/domain/csv.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMostProblems = 1000;
constexpr std::size_t kLongestName = 200;

// A column, and the attribute of a playlist that says the same.
struct Column {
  std::string_view name;
  std::string_view attribute;  // "": read or written in its own way
};
constexpr Column kColumns[] = {{"channel_id", "holdfast-channel-id"},
                               {"number", "tvg-chno"},
                               {"name", ""},
                               {"guide_id", "tvg-id"},
                               {"logo", "tvg-logo"},
                               {"group", ""},
                               {"directory", ""},
                               {"package", "holdfast-package"},
                               {"encrypted", "holdfast-encrypted"},
                               {"adult", "holdfast-adult"},
                               {"hd", "holdfast-hd"},
                               {"catch_up_hours", "holdfast-catchup-hours"},
                               {"catch_up_source", "catchup-source"}};

bool IsWholeNumber(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsTruth(std::string_view text) {
  return text.empty() || text == "0" || text == "1" || text == "true" || text == "false" ||
         text == "yes" || text == "no";
}

absl::Status CheckColumns(const CsvTable& table) {
  std::set<std::string_view> seen;
  for (const std::string& column : table.columns) {
    const auto* known = std::find_if(std::begin(kColumns), std::end(kColumns),
                                     [&](const Column& c) { return c.name == column; });
    if (known == std::end(kColumns)) {
      return InvalidArgument("csv: no column '{}' is known", CleanUtf8(column).substr(0, 100));
    }
    if (!seen.insert(column).second) return InvalidArgument("csv: column {} stands twice", column);
  }
  for (const char* needed : {"name", "directory"}) {
    if (!seen.contains(needed)) return InvalidArgument("csv: column {} is missing", needed);
  }
  return absl::OkStatus();
}

// What is wrong with the row, naming the column; "" if nothing is.
std::string ProblemWith(const CsvTable& table, const CsvRow& row) {
  if (row.cells.size() > table.columns.size()) return "more cells than columns";
  if (table.Cell(row, "name").empty()) return "name is empty";
  if (table.Cell(row, "name").size() > kLongestName) return "name is longer than 200 bytes";
  if (table.Cell(row, "directory").empty()) return "directory is empty";
  for (const char* column : {"channel_id", "number", "catch_up_hours"}) {
    const std::string_view cell = table.Cell(row, column);
    if (!cell.empty() && !IsWholeNumber(cell)) return fmt::format("{} is no number", column);
  }
  for (const char* column : {"encrypted", "adult", "hd"}) {
    if (!IsTruth(table.Cell(row, column))) return fmt::format("{} is not 0 or 1", column);
  }
  return "";
}

M3uEntry EntryOf(const CsvTable& table, const CsvRow& row) {
  M3uEntry entry;
  entry.line = row.line;
  for (const Column& column : kColumns) {
    const std::string_view cell = table.Cell(row, column.name);
    if (column.attribute.empty() || cell.empty()) continue;
    entry.attributes[std::string(column.attribute)] = cell;
  }
  // Without hours there is no catch-up, whatever the source says.
  if (entry.Attribute("holdfast-catchup-hours").empty()) entry.attributes.erase("catchup-source");
  entry.name = table.Cell(row, "name");
  entry.group = table.Cell(row, "group");
  entry.address = fmt::format("http://csv/{}/index.m3u8", table.Cell(row, "directory"));
  return entry;
}

}  // namespace

absl::StatusOr<M3uList> ListOfCsv(std::string_view text) {
  CsvTable table = ParseCsv(text);
  if (!table.problem.empty()) return InvalidArgument("csv: {}", table.problem);
  HOLDFAST_RETURN_IF_ERROR(CheckColumns(table));
  M3uList list;
  for (CsvRow& row : table.rows) {
    for (std::string& cell : row.cells) {
      cell = CleanUtf8(cell);
      absl::StripAsciiWhitespace(&cell);
    }
    std::string problem = ProblemWith(table, row);
    if (problem.empty()) {
      list.entries.push_back(EntryOf(table, row));
    } else if (list.problems.size() < kMostProblems) {
      list.problems.push_back({row.line, std::move(problem)});
    }
  }
  return list;
}

std::string ExportCsv(const Lineup& lineup) {
  std::string text;
  std::vector<std::string> names;
  for (const Column& column : kColumns) names.emplace_back(column.name);
  AppendCsvRow(text, names);
  for (const Channel& c : lineup.channels()) {
    AppendCsvRow(text, {std::to_string(c.id.value()), std::to_string(c.number), c.name, c.guide_id,
                        c.logo, GenreTitles(lineup, c, ";"), c.directory, c.package.value(),
                        c.encrypted ? "1" : "0", c.adult ? "1" : "0", c.hd ? "1" : "0",
                        std::to_string(c.catch_up_hours), c.catch_up_source});
  }
  return text;
}

}  // namespace holdfast::middleware
