// Tables as spreadsheets write them (RFC 4180): quoted cells with commas, quotes and line ends in
// them, any line ends, a byte order mark, and semicolons instead of commas where the first line has
// no comma. One pass, no recursion, bounded; any input gives an answer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/string_map.h"

namespace holdfast::middleware {

struct CsvRow {
  int line = 0;  // where it begins, from 1
  std::vector<std::string> cells;
};

struct CsvTable {
  std::vector<std::string> columns;  // of the first line, in lower case, without spaces around
  std::vector<CsvRow> rows;          // without empty ones
  std::string problem;               // why nothing more was read: "line 3: ..."; "": all was read

  // The cell of that column; "" where the row is short or there is no such column.
  std::string_view Cell(const CsvRow& row, std::string_view column) const;
};

struct CsvLimits {
  std::size_t rows = 100'000;
  std::size_t cells = 64;  // of one row
  std::size_t cell_bytes = 64 * 1024;
};

CsvTable ParseCsv(std::string_view text, const CsvLimits& limits = {});

// Appends one row and its line end.
void AppendCsvRow(std::string& out, const std::vector<std::string>& cells);

}  // namespace holdfast::middleware
