#include "services/middleware/list_pages.h"

#include <utility>

#include "services/middleware/gzip.h"
#include "services/middleware/lists.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 5;     // made once, sent to many
constexpr int kOwnGzipLevel = 2;  // sent once
constexpr std::size_t kWorthCompressing = 1024;

PortalAnswer WholeAnswer(http::SharedBody body, bool gzipped) {
  PortalAnswer answer;
  answer.form = PortalAnswer::Form::kWhole;
  answer.gzipped = gzipped;
  answer.body = std::move(body);
  return answer;
}

}  // namespace

std::size_t SizeOf(const ListPage& page) {
  return page.gzip->size() + page.shown.size() * sizeof(page.shown[0]);
}

ListPage MakePage(std::string_view payload, std::vector<std::int64_t> shown) {
  return {http::Store(Gzip(Envelope(payload), kGzipLevel)), std::move(shown)};
}

PortalAnswer SendPage(const ListPage& page, const PortalCall& call) {
  if (call.accepts_gzip) return WholeAnswer(page.gzip, true);
  return WholeAnswer(http::Store(Gunzip(page.gzip->Copy())), false);
}

std::string MarksKey(std::string_view kind, const ListPage& page,
                     const std::function<bool(std::int64_t)>& is_marked) {
  std::string key;
  for (std::size_t i = 0; i < page.shown.size(); ++i) {
    if (!is_marked(page.shown[i])) continue;
    key += key.empty() ? kind : ",";
    key += std::to_string(i);
  }
  return key;
}

PortalAnswer SendOwn(std::string payload, const PortalCall& call) {
  if (!call.accepts_gzip || payload.size() < kWorthCompressing) {
    return PortalAnswer::Js(std::move(payload));
  }
  return WholeAnswer(http::Store(Gzip(Envelope(payload), kOwnGzipLevel)), true);
}

}  // namespace holdfast::middleware
