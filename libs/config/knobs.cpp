#include "libs/config/knobs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::config {
namespace {

constexpr std::size_t kMaxSecretBytes = 64 << 10;

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '-') c = '_';
  }
  return out;
}

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "integer 1..9", "integer >= 1", "integer <= 9" or "integer".
template <class T, class Format>
std::string FormOf(std::string_view kind, const Bounds<T>& bounds, const Format& format) {
  const Bounds<T> all;
  const bool has_min = bounds.min != all.min;
  const bool has_max = bounds.max != all.max;
  if (has_max && (has_min || bounds.min == T{})) {
    return fmt::format("{} {}..{}", kind, format(bounds.min), format(bounds.max));
  }
  if (has_max) return fmt::format("{} <= {}", kind, format(bounds.max));
  if (has_min) return fmt::format("{} >= {}", kind, format(bounds.min));
  return std::string(kind);
}

template <class T>
absl::Status Within(const T& value, const Bounds<T>& bounds, std::string_view text,
                    std::string_view form) {
  if (value >= bounds.min && value <= bounds.max) return absl::OkStatus();
  return InvalidArgument("'{}' is out of bounds: {}", text, form);
}

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return InvalidArgument("cannot read the secret file '{}'", path);
  std::string content(kMaxSecretBytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return InvalidArgument("cannot read the secret file '{}'", path);
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kMaxSecretBytes) {
    return InvalidArgument("the secret file '{}' is larger than {} bytes", path, kMaxSecretBytes);
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.empty()) return InvalidArgument("the secret file '{}' is empty", path);
  return content;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

// " (did you mean X?)" or nothing when no candidate is near.
std::string Suggestion(std::string_view unknown, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(2, unknown.size() / 3) + 1;
  if (unknown.size() > 200) return "";
  for (const std::string& candidate : candidates) {
    const std::size_t distance = EditDistance(unknown, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  return best == nullptr ? "" : fmt::format(" (did you mean {}?)", *best);
}

std::string EscapeCell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

Knobs::Knobs(std::string_view program) : variable_prefix_("HOLDFAST_" + Upper(program) + "_") {}

Knobs::Knob& Knobs::Add(std::string_view name, std::string form, std::string_view help) {
  Knob knob;
  knob.name = prefix_ + std::string(name);
  knob.form = std::move(form);
  knob.help = std::string(help);
  HOLDFAST_CHECK(Find(knob.name) == nullptr);  // two knobs of one name
  return knobs_.emplace_back(std::move(knob));
}

const Knobs::Knob* Knobs::Find(std::string_view name) const {
  const auto it = std::find_if(knobs_.begin(), knobs_.end(),
                               [&](const Knob& knob) { return knob.name == name; });
  return it == knobs_.end() ? nullptr : &*it;
}

std::string Knobs::VariableOf(const Knob& knob) const {
  return variable_prefix_ + Upper(knob.name);
}

void Knobs::Port(std::string_view name, std::uint16_t& field, std::string_view help) {
  Knob& knob = Add(name, "port", help);
  knob.default_text = std::to_string(field);
  knob.get = [&field] { return std::to_string(field); };
  knob.set = [&field](std::string_view text) -> absl::Status {
    const std::optional<std::uint16_t> port = ParseNumber<std::uint16_t>(text);
    if (!port) return InvalidArgument("'{}' is not a port (0..65535)", text);
    field = *port;
    return absl::OkStatus();
  };
}

void Knobs::Int(std::string_view name, std::int64_t& field, Bounds<std::int64_t> bounds,
                std::string_view help) {
  const std::string form =
      FormOf("integer", bounds, [](std::int64_t n) { return std::to_string(n); });
  Knob& knob = Add(name, form, help);
  knob.default_text = std::to_string(field);
  knob.get = [&field] { return std::to_string(field); };
  knob.set = [&field, bounds, form](std::string_view text) -> absl::Status {
    const std::optional<std::int64_t> value = ParseNumber<std::int64_t>(text);
    if (!value) return InvalidArgument("'{}' is not an integer", text);
    HOLDFAST_RETURN_IF_ERROR(Within(*value, bounds, text, form));
    field = *value;
    return absl::OkStatus();
  };
}

void Knobs::Real(std::string_view name, double& field, Bounds<double> bounds,
                 std::string_view help) {
  const std::string form = FormOf("number", bounds, [](double n) { return fmt::format("{}", n); });
  Knob& knob = Add(name, form, help);
  knob.default_text = fmt::format("{}", field);
  knob.get = [&field] { return fmt::format("{}", field); };
  knob.set = [&field, bounds, form](std::string_view text) -> absl::Status {
    const std::optional<double> value = ParseNumber<double>(text);
    if (!value || !std::isfinite(*value)) return InvalidArgument("'{}' is not a number", text);
    HOLDFAST_RETURN_IF_ERROR(Within(*value, bounds, text, form));
    field = *value;
    return absl::OkStatus();
  };
}

void Knobs::Bool(std::string_view name, bool& field, std::string_view help) {
  Knob& knob = Add(name, "true or false", help);
  knob.default_text = field ? "true" : "false";
  knob.is_switch = true;
  knob.get = [&field] { return std::string(field ? "true" : "false"); };
  knob.set = [&field](std::string_view text) -> absl::Status {
    if (text != "true" && text != "false") {
      return InvalidArgument("'{}' is neither true nor false", text);
    }
    field = text == "true";
    return absl::OkStatus();
  };
}

void Knobs::Text(std::string_view name, std::string& field, std::string_view help) {
  Knob& knob = Add(name, "text", help);
  knob.default_text = field;
  knob.get = [&field] { return field; };
  knob.set = [&field](std::string_view text) {
    field = std::string(text);
    return absl::OkStatus();
  };
}

void Knobs::Choice(std::string_view name, std::string& field, std::vector<std::string> allowed,
                   std::string_view help) {
  const std::string form = fmt::format("one of {}", fmt::join(allowed, "|"));
  Knob& knob = Add(name, form, help);
  knob.default_text = field;
  knob.get = [&field] { return field; };
  knob.set = [&field, form, allowed = std::move(allowed)](std::string_view text) -> absl::Status {
    if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
      return InvalidArgument("'{}' is not {}", text, form);
    }
    field = std::string(text);
    return absl::OkStatus();
  };
}

void Knobs::Duration(std::string_view name, std::chrono::milliseconds& field,
                     Bounds<std::chrono::milliseconds> bounds, std::string_view help) {
  const std::string form = FormOf("duration", bounds, FormatDuration);
  Knob& knob = Add(name, form, help);
  knob.default_text = FormatDuration(field);
  knob.get = [&field] { return FormatDuration(field); };
  knob.set = [&field, bounds, form](std::string_view text) -> absl::Status {
    std::chrono::milliseconds value{};
    HOLDFAST_RETURN_IF_ERROR(ParseDuration(text, value));
    HOLDFAST_RETURN_IF_ERROR(Within(value, bounds, text, form));
    field = value;
    return absl::OkStatus();
  };
}

void Knobs::Secret(std::string_view name, std::string& field, std::string_view help) {
  Knob& knob = Add(std::string(name) + "_file", "file", help);
  knob.get = [&field] { return std::string(field.empty() ? "(empty)" : "(set)"); };
  knob.set = [&field](std::string_view path) -> absl::Status {
    if (path.empty()) {
      field.clear();
      return absl::OkStatus();
    }
    HOLDFAST_ASSIGN_OR_RETURN(field, ReadSecret(std::string(path)));
    return absl::OkStatus();
  };
}

absl::Status Knobs::Parse(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment) {
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    help_wanted_ = true;
    return absl::OkStatus();
  }
  HOLDFAST_RETURN_IF_ERROR(ParseEnvironment(environment));
  return ParseArguments(arguments);
}

absl::Status Knobs::ParseEnvironment(const std::vector<std::string>& environment) {
  std::vector<std::string> known;
  known.reserve(knobs_.size());
  for (const Knob& knob : knobs_) known.push_back(VariableOf(knob));

  for (const std::string& line : environment) {
    if (!line.starts_with(variable_prefix_)) continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = line.substr(0, equals);
    const auto it = std::find(known.begin(), known.end(), name);
    if (it == known.end()) {
      return InvalidArgument("unknown variable {}{}", name, Suggestion(name, known));
    }
    const Knob& knob = knobs_[static_cast<std::size_t>(it - known.begin())];
    HOLDFAST_RETURN_IF_ERROR(Annotate(knob.set(std::string_view(line).substr(equals + 1)), name));
  }
  return absl::OkStatus();
}

absl::Status Knobs::ParseArguments(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--")) {
      return InvalidArgument("unexpected argument '{}': settings are written --name=value",
                             argument);
    }
    const std::size_t equals = argument.find('=');
    const std::string flag = argument.substr(0, equals);
    const Knob* knob = Find(std::string_view(flag).substr(2));
    if (knob == nullptr) {
      std::vector<std::string> known = {"--help"};
      for (const Knob& k : knobs_) known.push_back("--" + k.name);
      return InvalidArgument("unknown flag {}{}", flag, Suggestion(flag, known));
    }
    std::string value = "true";
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (!knob->is_switch) {
      if (i + 1 == arguments.size()) return InvalidArgument("{} needs a value", flag);
      value = arguments[++i];
    }
    HOLDFAST_RETURN_IF_ERROR(Annotate(knob->set(value), flag));
  }
  return absl::OkStatus();
}

std::string Knobs::Help() const {
  std::string out = "Settings, each a flag or a variable; a flag beats the variable.\n";
  for (const Knob& knob : knobs_) {
    out += fmt::format("\n  --{}  ({}", knob.name, knob.form);
    if (!knob.default_text.empty()) out += fmt::format(", default {}", knob.default_text);
    out += fmt::format(")\n      {}\n      {}\n", VariableOf(knob), knob.help);
  }
  return out;
}

std::string Knobs::Markdown() const {
  std::string out = "| flag | variable | form | default | meaning |\n|---|---|---|---|---|\n";
  for (const Knob& knob : knobs_) {
    const std::string value =
        knob.default_text.empty() ? "" : "`" + EscapeCell(knob.default_text) + "`";
    out += fmt::format("| `--{}` | `{}` | {} | {} | {} |\n", knob.name, VariableOf(knob),
                       EscapeCell(knob.form), value, EscapeCell(knob.help));
  }
  return out;
}

std::string Knobs::Dump() const {
  std::string out;
  for (const Knob& knob : knobs_) out += fmt::format("{} = {}\n", knob.name, knob.get());
  return out;
}

namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
// Largest first: FormatDuration takes the first that divides.
constexpr Unit kUnits[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};

}  // namespace

absl::Status ParseDuration(std::string_view text, std::chrono::milliseconds& out) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::int64_t> count = ParseNumber<std::int64_t>(text.substr(0, digits));
  for (const Unit& unit : kUnits) {
    if (!count || text.substr(digits) != unit.name) continue;
    std::int64_t milliseconds = 0;
    if (__builtin_mul_overflow(*count, unit.milliseconds, &milliseconds)) {
      return InvalidArgument("'{}' is too long a duration", text);
    }
    out = std::chrono::milliseconds(milliseconds);
    return absl::OkStatus();
  }
  return InvalidArgument("'{}' is not a duration (250ms, 2s, 5m, 36h, 7d)", text);
}

std::string FormatDuration(std::chrono::milliseconds value) {
  if (value.count() == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (value.count() % unit.milliseconds == 0) {
      return fmt::format("{}{}", value.count() / unit.milliseconds, unit.name);
    }
  }
  return fmt::format("{}ms", value.count());
}

}  // namespace holdfast::config
