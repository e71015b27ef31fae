// Each setting of a program is declared once, as a line in its Config::Describe:
//
//   k.Port("grpc_port", grpc_port, "Where the other services reach billing.");
//
// From that line come the flag --grpc_port, the variable HOLDFAST_BILLING_GRPC_PORT, the bounds
// check, --help and docs/config.md. A flag beats the variable, the variable beats the default that
// the field holds when Describe is called.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace holdfast::config {

template <class T>
struct Bounds {
  T min = std::numeric_limits<T>::lowest();
  T max = std::numeric_limits<T>::max();
};

// Durations have no negative values here, and no upper bound unless one is named.
template <>
struct Bounds<std::chrono::milliseconds> {
  std::chrono::milliseconds min = std::chrono::milliseconds::zero();
  std::chrono::milliseconds max = std::chrono::milliseconds::max();
};

// Collects knobs, then fills the fields they point to. The fields must outlive this object.
// Not thread-safe: used once, at start.
class Knobs {
 public:
  // `program` is "billing": variables begin with HOLDFAST_BILLING_.
  explicit Knobs(std::string_view program);

  void Port(std::string_view name, std::uint16_t& field,
            std::string_view help);  // 0: any free port
  void Int(std::string_view name, std::int64_t& field, Bounds<std::int64_t> bounds,
           std::string_view help);
  void Real(std::string_view name, double& field, Bounds<double> bounds, std::string_view help);
  void Bool(std::string_view name, bool& field, std::string_view help);
  void Text(std::string_view name, std::string& field, std::string_view help);
  void Choice(std::string_view name, std::string& field, std::vector<std::string> allowed,
              std::string_view help);
  // "250ms", "2s", "5m", "36h", "7d".
  void Duration(std::string_view name, std::chrono::milliseconds& field,
                Bounds<std::chrono::milliseconds> bounds, std::string_view help);
  // A file whose content is the value (trailing newline removed). The knob is called NAME_file and
  // takes a path; there is no way to pass the secret itself. Never printed.
  void Secret(std::string_view name, std::string& field, std::string_view help);

  // Calls value.Describe(*this) with "name_" before every knob in it.
  template <class T>
  void Group(std::string_view name, T& value) {
    const std::string saved = prefix_;
    prefix_ += std::string(name) + "_";
    value.Describe(*this);
    prefix_ = saved;
  }

  // Reads the command line ("--name=value", "--name value", "--switch"; without the program's name)
  // and the environment ("NAME=value" lines). INVALID_ARGUMENT names the flag or variable at fault:
  // unknown flag, unknown variable with this program's prefix, wrong form, out of bounds,
  // unreadable secret file. Nothing is half-applied for a caller that stops on error.
  absl::Status Parse(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment);

  bool help_wanted() const { return help_wanted_; }
  std::string Help() const;      // for --help
  std::string Markdown() const;  // a table, for docs/config.md
  std::string Dump() const;      // "name = value" lines in effect, secrets as "(set)" or "(empty)"

 private:
  struct Knob {
    std::string name;
    std::string form;  // "port", "duration 1s..1h", "text", "one of a|b" ...
    std::string help;
    std::string default_text;
    std::function<absl::Status(std::string_view)> set;
    std::function<std::string()> get;
    bool is_switch = false;  // --flag alone means true
  };

  Knob& Add(std::string_view name, std::string form, std::string_view help);
  const Knob* Find(std::string_view name) const;
  std::string VariableOf(const Knob& knob) const;
  absl::Status ParseEnvironment(const std::vector<std::string>& environment);
  absl::Status ParseArguments(const std::vector<std::string>& arguments);

  std::string variable_prefix_;  // "HOLDFAST_BILLING_"
  std::string prefix_;           // of the group being described: "postgres_"
  std::vector<Knob> knobs_;
  bool help_wanted_ = false;
};

// "250ms", "2s", "5m", "36h", "7d": a whole number and one unit. INVALID_ARGUMENT for anything
// else.
absl::Status ParseDuration(std::string_view text, std::chrono::milliseconds& out);
// The same in the largest unit that needs no fraction: 90 s is "90s", 120 s is "2m".
std::string FormatDuration(std::chrono::milliseconds value);

}  // namespace holdfast::config
