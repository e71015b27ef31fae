// The guide of an account's channels as XMLTV (portal protocol, section 19): /xmltv.php.
//
// A large lineup's guide is tens of megabytes. Each channel's part is rendered and compressed by
// itself, kept while its programmes stay the same, and shared by all accounts; a file is its
// channels' parts joined, made once for all accounts with the same packages. Times are UTC.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "services/middleware/app_call.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/gzip.h"
#include "services/middleware/plain_copies.h"
#include "services/middleware/read_models.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// Programmes of one channel, in the order that the DTD wants.
std::string RenderXmltvProgrammes(std::string_view exported_id,
                                  std::span<const Programme> programmes);

// Thread-safe. What blocks renders in the calling thread.
class XmltvFiles {
 public:
  XmltvFiles(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics);

  // What a file depends on.
  struct View {
    const Entitlement& entitlement;
    AdultChannels adult = AdultChannels::kHidden;
    WallTime now;
  };

  std::shared_ptr<const Body> Ready(const View& view);  // null if it has to be made
  std::shared_ptr<const Body> Make(const View& view);   // blocks. Only Body::gzip is set.

 private:
  using SharedPart = std::shared_ptr<const GzipPart>;
  struct CachedPart {
    SharedSchedule schedule;  // what it was made from
    std::int64_t from = 0;
    std::int64_t used_day = 0;
    SharedPart part;
  };
  // One <channel> element: all channels that share a guide.
  struct Element {
    std::string guide_id;
    std::vector<const Channel*> channels;
  };

  std::string KeyOf(const View& view) const;
  static std::vector<Element> ElementsOf(const std::vector<const Channel*>& channels);
  // Null without programmes.
  SharedPart PartOf(const Element& element, const Guide& guide, std::int64_t today);
  void ForgetUnusedParts(std::int64_t today);

  const ReadModels& models_;
  BodyCache files_;
  absl::Mutex mutex_;
  StringMap<CachedPart> parts_ ABSL_GUARDED_BY(mutex_);  // by guide id and days back
};

// Thread-safe. Everything it is given outlives it.
class XmltvExport {
 public:
  struct Parts {
    AppGate& gate;
    XmltvFiles& files;
    ReadModels& models;
    Metrics& metrics;
  };

  XmltvExport(const AdultRule& adult, const Parts& parts);

  void AddRoutes(http::Router& router);

 private:
  std::optional<http::Response> Answer(AppCall& call);

  const AdultRule adult_;
  const Parts parts_;
  AppRoute route_;
  PlainCopies plain_;
};

}  // namespace holdfast::middleware
