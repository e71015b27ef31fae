// How values travel: PgParam writes PostgreSQL's text forms, PgResult reads them.
#include <libpq-fe.h>

#include <charconv>
#include <cmath>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/storage/pg_pool.h"

namespace holdfast::storage {
namespace {

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// One element of "{a,"b,c",d}" from `rest`, which begins at the element.
std::string TakeElement(std::string_view& rest) {
  std::string element;
  const bool quoted = rest.starts_with('"');
  if (quoted) rest.remove_prefix(1);
  while (true) {
    HOLDFAST_CHECK(!rest.empty());
    if (quoted ? rest.front() == '"' : rest.front() == ',' || rest.front() == '}') break;
    if (rest.front() == '\\') rest.remove_prefix(1);
    HOLDFAST_CHECK(!rest.empty());
    element += rest.front();
    rest.remove_prefix(1);
  }
  if (quoted) rest.remove_prefix(1);
  HOLDFAST_CHECK(quoted || element != "NULL");  // our arrays hold no NULLs
  return element;
}

template <class Number>
Number Parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  HOLDFAST_CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

}  // namespace

PgParam::PgParam(double n)
    : text_(std::isnan(n)   ? "NaN"
            : std::isinf(n) ? (n > 0 ? "Infinity" : "-Infinity")
                            : fmt::format("{}", n)) {}

PgParam::PgParam(WallTime t)
    : text_(
          absl::FormatTime("%E4Y-%m-%d %H:%M:%E6S+00", absl::FromChrono(t), absl::UTCTimeZone())) {}

PgParam::PgParam(const std::vector<std::string>& array) {
  std::string text = "{";
  for (const std::string& element : array) {
    if (text.size() > 1) text += ',';
    AppendQuoted(text, element);
  }
  text_ = text + "}";
}

PgParam::PgParam(const std::vector<std::int64_t>& array)
    : text_(fmt::format("{{{}}}", fmt::join(array, ","))) {}

PgParam PgParam::Bytes(std::string_view bytes) { return PgParam("\\x" + ToHex(bytes)); }

void PgResult::Free::operator()(pg_result* result) const { PQclear(result); }

PgResult::PgResult(pg_result* result) : result_(result) {}

int PgResult::rows() const { return PQntuples(result_.get()); }

std::string_view PgResult::command() const { return PQcmdStatus(result_.get()); }

std::int64_t PgResult::affected() const {
  const std::string_view count = PQcmdTuples(result_.get());
  return count.empty() ? 0 : Parse<std::int64_t>(count);
}

bool PgResult::IsNull(int row, int column) const {
  HOLDFAST_CHECK(row >= 0 && row < rows() && column >= 0 && column < PQnfields(result_.get()));
  return PQgetisnull(result_.get(), row, column) == 1;
}

std::string_view PgResult::Text(int row, int column) const {
  HOLDFAST_CHECK(!IsNull(row, column));
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t PgResult::Int(int row, int column) const {
  return Parse<std::int64_t>(Text(row, column));
}

double PgResult::Real(int row, int column) const {
  const std::string_view text = Text(row, column);
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return INFINITY;
  if (text == "-Infinity") return -INFINITY;
  return Parse<double>(text);
}

bool PgResult::Bool(int row, int column) const {
  const std::string_view text = Text(row, column);
  HOLDFAST_CHECK(text == "t" || text == "f");
  return text == "t";
}

// "2026-01-02 10:00:00.123456+00": the session is set to UTC and ISO dates.
WallTime PgResult::Time(int row, int column) const {
  const std::string text(Text(row, column));
  absl::Time time;
  std::string error;
  const bool parsed =
      absl::ParseTime("%Y-%m-%d%ET%H:%M:%E*S%Ez",
                      text.substr(0, 10) + "T" + text.substr(11) + ":00", &time, &error);
  HOLDFAST_CHECK(text.size() >= 22 && text[10] == ' ' && parsed);
  return absl::ToChronoTime(time);
}

std::string PgResult::Bytes(int row, int column) const {
  const std::string_view text = Text(row, column);
  HOLDFAST_CHECK(text.starts_with("\\x"));
  std::optional<std::string> bytes = FromHex(text.substr(2));
  HOLDFAST_CHECK(bytes.has_value());
  return *std::move(bytes);
}

std::vector<std::string> PgResult::TextArray(int row, int column) const {
  std::string_view rest = Text(row, column);
  HOLDFAST_CHECK(rest.starts_with('{') && rest.ends_with('}'));
  std::vector<std::string> elements;
  rest.remove_prefix(1);
  while (rest != "}") {
    elements.push_back(TakeElement(rest));
    if (rest.starts_with(',')) rest.remove_prefix(1);
  }
  return elements;
}

}  // namespace holdfast::storage
