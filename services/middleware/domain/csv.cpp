#include "services/middleware/domain/csv.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

char SeparatorOf(std::string_view text) {
  const std::string_view first = text.substr(0, text.find_first_of("\r\n"));
  return first.find(',') == std::string_view::npos && first.find(';') != std::string_view::npos
             ? ';'
             : ',';
}

class Reader {
 public:
  Reader(std::string_view text, const CsvLimits& limits)
      : text_(text), separator_(SeparatorOf(text)), limits_(limits) {}

  // False at the end of the text, or at a problem.
  bool ReadRow(CsvRow& row) {
    row = {.line = line_, .cells = {}};
    if (at_ >= text_.size()) return false;
    while (true) {
      if (row.cells.size() == limits_.cells) return Fail("too many cells in a row");
      std::string& cell = row.cells.emplace_back();
      if (!ReadCell(cell)) return false;
      if (at_ >= text_.size()) return true;
      const char c = text_[at_];
      if (c == separator_) {
        ++at_;
        continue;
      }
      SkipLineEnd();
      return true;
    }
  }

  const std::string& problem() const { return problem_; }

 private:
  bool Fail(std::string_view what) {
    problem_ = absl::StrCat("line ", line_, ": ", std::string(what));
    return false;
  }

  // Stops before a separator, a line end or the end of the text.
  bool ReadCell(std::string& cell) {
    if (text_[std::min(at_, text_.size() - 1)] == '"' && at_ < text_.size()) {
      return ReadQuoted(cell);
    }
    while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\r' &&
           text_[at_] != '\n') {
      cell += text_[at_++];
      if (cell.size() > limits_.cell_bytes) return Fail("a cell is too long");
    }
    return true;
  }

  bool ReadQuoted(std::string& cell) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return AfterQuote();
        }
        ++at_;  // a doubled quote is one
      }
      if (text_[at_] == '\n') ++line_;
      cell += text_[at_];
      if (cell.size() > limits_.cell_bytes) return Fail("a cell is too long");
    }
    return Fail("a quoted cell does not end");
  }

  bool AfterQuote() {
    const bool ends =
        at_ >= text_.size() || text_[at_] == separator_ || text_[at_] == '\r' || text_[at_] == '\n';
    return ends || Fail("text behind a closing quote");
  }

  void SkipLineEnd() {
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
  }

  const std::string_view text_;
  const char separator_;
  const CsvLimits limits_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::string problem_;
};

bool IsEmpty(const CsvRow& row) {
  return std::all_of(row.cells.begin(), row.cells.end(),
                     [](const std::string& cell) { return cell.empty(); });
}

}  // namespace

std::string_view CsvTable::Cell(const CsvRow& row, std::string_view column) const {
  const auto it = std::find(columns.begin(), columns.end(), column);
  const auto index = static_cast<std::size_t>(it - columns.begin());
  if (it == columns.end() || index >= row.cells.size()) return {};
  return row.cells[index];
}

CsvTable ParseCsv(std::string_view text, const CsvLimits& limits) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvTable table;
  Reader reader(text, limits);
  CsvRow row;
  if (reader.ReadRow(row)) {
    for (const std::string& cell : row.cells) {
      std::string name(absl::StripAsciiWhitespace(cell));
      absl::AsciiStrToLower(&name);
      table.columns.push_back(std::move(name));
    }
  }
  while (reader.ReadRow(row)) {
    if (IsEmpty(row)) continue;
    if (table.rows.size() == limits.rows) {
      table.problem = absl::StrCat("line ", row.line, ": more than ", limits.rows, " rows");
      return table;
    }
    table.rows.push_back(std::move(row));
  }
  table.problem = reader.problem();
  return table;
}

void AppendCsvRow(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    if (cells[i].find_first_of(",;\"\r\n") == std::string::npos) {
      out += cells[i];
      continue;
    }
    out += '"';
    for (const char c : cells[i]) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  out += "\r\n";
}

}  // namespace holdfast::middleware
