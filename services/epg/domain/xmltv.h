// Reads XMLTV (xmltv.dtd) as a stream: memory does not grow with the document, only with what the
// caller keeps.
//
// Tolerant where real feeds are odd (elements out of order, unknown elements, missing DOCTYPE, HTML
// entities, any encoding libxml2 knows) and strict where a feed is dangerous or incomplete: external
// entities are never loaded, entities that a feed declares are not expanded, deep nesting ends the
// parse, and a document that ends early is an error, so that half a feed never counts as a feed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/time_zone.h"
#include "services/epg/domain/schedule.h"

namespace holdfast::epg {

struct XmltvChannel {
  std::string id;
  std::vector<std::string> names;
  std::string icon_url;
};

struct XmltvOptions {
  TimeZone default_zone;                   // for times without a zone; the DTD says UTC
  std::vector<std::string> languages;      // preferred first; then whatever comes first
  std::size_t max_text_bytes = 64 * 1024;  // of one element; the rest is cut
  std::size_t max_depth = 16;
};

struct XmltvCounts {
  int channels = 0;
  int programmes = 0;       // all elements, also the refused ones
  int bad_times = 0;        // refused: no start, or an unreadable time
  int without_channel = 0;  // refused: no channel attribute
};

// Push parser: Feed bytes as they come, then Finish. Not thread-safe.
class XmltvReader {
 public:
  using OnChannel = std::function<void(XmltvChannel)>;
  using OnProgramme = std::function<void(std::string channel_id, RawProgramme)>;

  XmltvReader(const XmltvOptions& options, OnChannel on_channel, OnProgramme on_programme);
  ~XmltvReader();
  XmltvReader(const XmltvReader&) = delete;
  XmltvReader& operator=(const XmltvReader&) = delete;

  // INVALID_ARGUMENT with line and reason; then the reader is of no more use.
  absl::Status Feed(std::string_view bytes);
  absl::Status Finish();

  const XmltvCounts& counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "20260102100000 +0100", any initial part of it down to the year, with a numeric or a known named
// zone. Nothing if unreadable.
std::optional<std::int64_t> ParseXmltvTime(std::string_view text, const TimeZone& default_zone);

}  // namespace holdfast::epg
