#include "services/middleware/box_messages.h"

#include <string>
#include <utility>

#include "services/middleware/billing_words.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {

PortalAnswer BoxMessage(std::string_view text) {
  std::string js;
  JsonWriter(js).BeginObject().Field("message", text).EndObject();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer BoxRefusal(const absl::Status& status, std::string_view otherwise) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
      absl::IsResourceExhausted(status)) {
    return BoxMessage("The provider's billing cannot be reached at the moment. Please try again.")
        .With(Degradation{Neighbour::kBilling, {}});
  }
  if (const auto reason = RefusalOf(status)) return BoxMessage(SentenceOf(*reason));
  return BoxMessage(otherwise);
}

}  // namespace holdfast::middleware
