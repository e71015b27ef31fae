// The only place that knows both the wire types and ours.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/epg/v1/epg.pb.h"
#include "services/epg/importer.h"
#include "services/epg/store.h"

namespace holdfast::epg {

v1::Programme ToProto(const Programme& programme);
Programme FromProto(const v1::Programme& programme);

v1::GuideDay ToProto(const GuidePage& page);
GuidePage FromProto(const v1::GuideDay& day);

v1::Source ToProto(const Source& source);
// INVALID_ARGUMENT names the field.
absl::StatusOr<Source> FromProto(const v1::Source& source);

v1::ImportReport ToProto(const ImportReport& report);

// The key of a page in the model "guide".
std::string GuideKey(std::string_view channel, std::string_view day);

}  // namespace holdfast::epg
