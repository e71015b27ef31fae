#include "libs/discovery/static_directory.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/base/status.h"
#include "libs/base/string_map.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/set_board.h"

namespace holdfast::discovery {
namespace {

class StaticDirectory final : public Directory {
 public:
  StaticDirectory(StringMap<InstanceSet> services, const Options& options, const Clock& clock,
                  telemetry::Metrics& metrics)
      : board_("static", options, clock, metrics) {
    for (auto& [service, set] : services) board_.Offer(service, std::move(set));
    board_.BackendUp();
  }

  std::unique_ptr<Watch> Subscribe(std::string_view service, Callback callback) override {
    return board_.Subscribe(service, std::move(callback)).watch;
  }
  std::unique_ptr<Watch> Register(std::string_view, const Instance&) override { return nullptr; }
  std::string Describe() const override { return board_.Describe(); }

 private:
  SetBoard board_;
};

// address[@zone][*weight]
absl::StatusOr<Instance> ParseMember(std::string_view text) {
  Instance instance;
  std::string_view rest = text;
  if (const std::size_t star = rest.find('*'); star != std::string_view::npos) {
    int weight = 0;
    const bool is_number =
        absl::SimpleAtoi(absl::ClippedSubstr({rest.data(), rest.size()}, star + 1), &weight);
    if (!is_number || !IsWeight(weight)) {
      return InvalidArgument("static: '{}' has a weight that is not 1 to 1000", text);
    }
    instance.weight = weight;
    rest = rest.substr(0, star);
  }
  const std::size_t at = rest.find('@');
  instance.address = std::string(rest.substr(0, at));
  if (at != std::string_view::npos) instance.zone = std::string(rest.substr(at + 1));
  if (!IsAddress(instance.address) || !IsWord(instance.zone)) {
    return InvalidArgument("static: '{}' is not host:port[@zone][*weight]", text);
  }
  instance.id = instance.address;
  return instance;
}

absl::StatusOr<StringMap<InstanceSet>> ParseList(std::string_view list) {
  StringMap<InstanceSet> services;
  const absl::string_view all(list.data(), list.size());
  for (const absl::string_view entry : absl::StrSplit(all, ';', absl::SkipEmpty())) {
    const std::size_t equals = entry.find('=');
    const std::string service(entry.substr(0, equals));
    if (equals == absl::string_view::npos || !IsServiceName(service)) {
      return InvalidArgument("static: '{}' is not service=host:port,...", View(entry));
    }
    if (services.contains(service)) return InvalidArgument("static: {} is named twice", service);
    InstanceSet& set = services[service];
    for (const absl::string_view member :
         absl::StrSplit(entry.substr(equals + 1), ',', absl::SkipEmpty())) {
      HOLDFAST_ASSIGN_OR_RETURN(Instance instance, ParseMember(View(member)));
      set.push_back(std::move(instance));
    }
  }
  return services;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenStaticDirectory(std::string_view list,
                                                               const Options& options,
                                                               const Clock& clock,
                                                               telemetry::Metrics& metrics) {
  HOLDFAST_ASSIGN_OR_RETURN(StringMap<InstanceSet> services, ParseList(list));
  // The configuration is the operator's word: no older set is held against it.
  Options without_file = options;
  without_file.snapshot_dir.clear();
  return std::make_unique<StaticDirectory>(std::move(services), without_file, clock, metrics);
}

}  // namespace holdfast::discovery
