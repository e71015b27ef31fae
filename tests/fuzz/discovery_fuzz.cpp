// What discovery reads from others: registrations, files of lists, files of last good sets, and the
// answers of an API server. The first byte chooses.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/discovery/endpoint_slice.h"
#include "libs/discovery/guarded_set.h"
#include "libs/discovery/http_answer.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/last_good_set.h"

namespace holdfast::discovery {
namespace {

void CheckInstance(const Instance& instance) {
  HOLDFAST_CHECK(IsAddress(instance.address));
  HOLDFAST_CHECK(IsId(instance.id));
  HOLDFAST_CHECK(IsWeight(instance.weight));
  HOLDFAST_CHECK(IsWord(instance.zone) && IsWord(instance.version));
  const absl::StatusOr<Instance> again = ParseInstance(instance.id, ToText(instance));
  HOLDFAST_CHECK(again.ok() && *again == instance);
}

void CheckSet(const InstanceSet& set) {
  for (const Instance& instance : set) CheckInstance(instance);
}

void CheckRegistration(std::string_view text) {
  const absl::StatusOr<Instance> instance = ParseInstance("id", text);
  if (instance.ok()) CheckInstance(*instance);
}

void CheckLists(std::string_view text) {
  const auto lists = ParseInstanceLists(text);
  if (!lists.ok()) return;
  for (const auto& [service, set] : *lists) {
    HOLDFAST_CHECK(IsServiceName(service));
    CheckSet(set);
    HOLDFAST_CHECK(Normalized(set).size() == set.size());
  }
}

void CheckLastGoodSet(const std::string& text) {
  const absl::StatusOr<InstanceSet> set = ParseLastGoodSet(text);
  if (set.ok()) CheckSet(*set);
}

void CheckSlices(std::string_view text) {
  EndpointSlices slices;
  if (auto page = ParseEndpointSlices(text, "grpc"); page.ok()) {
    for (EndpointSlice& slice : page->slices) slices[slice.name] = slice;
  }
  if (auto event = ParseEndpointSliceEvent(text, "grpc"); event.ok()) {
    slices[event->slice.name] = event->slice;
  }
  const InstanceSet merged = Merged(slices);
  CheckSet(merged);
  HOLDFAST_CHECK(Normalized(merged) == merged);
  HOLDFAST_CHECK(ReasonOf(text).size() <= 200);
}

// An answer means the same however its bytes are cut.
void CheckAnswer(std::string_view bytes) {
  constexpr std::size_t kMaxBody = 1000;
  HttpAnswer whole(kMaxBody);
  const bool good = whole.Feed(bytes).ok();
  HttpAnswer pieces(kMaxBody);
  bool good_in_pieces = true;
  for (std::size_t i = 0; good_in_pieces && i < bytes.size(); ++i) {
    good_in_pieces = pieces.Feed(bytes.substr(i, 1)).ok();
  }
  if (!good || !good_in_pieces) return;
  HOLDFAST_CHECK(whole.status() == pieces.status());
  HOLDFAST_CHECK(whole.complete() == pieces.complete());
  const std::string body = whole.TakeBody();
  HOLDFAST_CHECK(body.size() <= kMaxBody);
  HOLDFAST_CHECK(body == pieces.TakeBody());
}

void Check(const std::string& input) {
  if (input.empty()) return;
  const std::string rest = input.substr(1);
  switch (input[0]) {
    case 'r':
      return CheckRegistration(rest);
    case 'l':
      return CheckLists(rest);
    case 'g':
      return CheckLastGoodSet(rest);
    case 's':
      return CheckSlices(rest);
    case 'h':
      return CheckAnswer(rest);
    default:
      return;
  }
}

}  // namespace
}  // namespace holdfast::discovery

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::discovery::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
