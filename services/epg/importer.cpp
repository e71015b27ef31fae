#include "services/epg/importer.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/epg/feed.h"

namespace holdfast::epg {
namespace {

// What one reading of a feed gathered.
struct Gathered {
  std::map<std::string, std::vector<RawProgramme>> by_channel;
  FeedFacts facts;
};

void Shift(RawProgramme& raw, int minutes) {
  raw.programme.start += minutes * 60;
  if (raw.programme.stop != 0) raw.programme.stop += minutes * 60;
}

}  // namespace

Importer::Importer(Store& store, Metrics& metrics, const Clock& clock, const ImportOptions& options)
    : store_(store), metrics_(metrics), clock_(clock), options_(options) {}

absl::StatusOr<ImportReport> Importer::Import(Deadline deadline, std::string_view source_name,
                                              ImportMode mode) {
  HOLDFAST_ASSIGN_OR_RETURN(const Source source, store_.FindSource(deadline, source_name));
  absl::StatusOr<ImportReport> report = ImportFrom(deadline, source, mode);
  metrics_.imports.With({report.ok() ? "ok" : absl::StatusCodeToString(report.status().code())}).Add();
  if (!report.ok()) {
    telemetry::Log(telemetry::Warning, "guide import refused",
                   {{"source", source.name}, {"error", ToString(report.status())}});
    if (mode != ImportMode::kDryRun) {
      // The import's own error is what the caller must see; failing to note it adds nothing.
      store_.NoteImportError(deadline, source.name, ToString(report.status())).IgnoreError();
    }
  }
  return report;
}

absl::StatusOr<ImportReport> Importer::ImportFrom(Deadline deadline, const Source& source,
                                                  ImportMode mode) {
  const std::int64_t now = EpochSeconds(clock_.Now());
  const auto seconds = [](std::chrono::milliseconds d) { return d.count() / 1000; };
  const std::int64_t from = now - seconds(options_.history);
  const std::int64_t to = now + seconds(options_.horizon);

  XmltvOptions xmltv{.languages = source.languages};
  if (!source.default_zone.empty()) xmltv.default_zone = *TimeZone::Load(source.default_zone);

  Gathered gathered;
  XmltvReader reader(
      xmltv, [](const XmltvChannel&) {},
      [&](std::string channel, RawProgramme raw) {
        Shift(raw, source.shift_minutes);
        if (raw.programme.start < from || raw.programme.start >= to) return;
        ++gathered.facts.programmes_in_window;
        gathered.facts.last_stop = std::max(
            {gathered.facts.last_stop, raw.programme.start, raw.programme.stop});
        gathered.by_channel[std::move(channel)].push_back(std::move(raw));
      });
  HOLDFAST_ASSIGN_OR_RETURN(
      const FeedDigest digest,
      ReadFeed(source.uri, deadline, options_.max_bytes,
               [&](std::string_view bytes) { return reader.Feed(bytes); }));
  HOLDFAST_RETURN_IF_ERROR(reader.Finish());

  ImportReport report{.counts = reader.counts(),
                      .programmes_in_window = gathered.facts.programmes_in_window};
  if (mode == ImportMode::kNormal && digest.digest == source.last_digest) {
    report.unchanged = true;
    return report;
  }
  if (mode != ImportMode::kForce) {
    HOLDFAST_RETURN_IF_ERROR(CheckFeed(source, gathered.facts, now, options_.max_shrink));
  }

  std::map<std::string, Schedule> fresh;
  for (auto& [channel, raw] : gathered.by_channel) {
    fresh[channel] = MakeSchedule(std::move(raw), report.repairs);
  }
  if (mode == ImportMode::kDryRun) return report;
  HOLDFAST_ASSIGN_OR_RETURN(report.pages_changed,
                            store_.TakeOver(deadline, fresh,
                                            {.source = source.name,
                                             .programmes = report.programmes_in_window,
                                             .digest = digest.digest}));
  telemetry::Log(telemetry::Info, "guide imported",
                 {{"source", source.name},
                  {"channels", fresh.size()},
                  {"programmes", report.programmes_in_window},
                  {"pages_changed", report.pages_changed}});
  return report;
}

}  // namespace holdfast::epg
