// Pages of lists, and other small lists, that are made once for all who may see the same.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/body_cache.h"
#include "services/middleware/portal_call.h"

namespace holdfast::middleware {

struct ListPage {
  http::SharedBody gzip;            // the whole answer, envelope included
  std::vector<std::int64_t> shown;  // ids of its rows, in their order
};

std::size_t SizeOf(const ListPage& page);

using PageCache = RenderedCache<ListPage>;

// `payload`: the JSON of "js".
ListPage MakePage(std::string_view payload, std::vector<std::int64_t> shown = {});
// Unpacks it for a box that cannot.
PortalAnswer SendPage(const ListPage& page, const PortalCall& call);

// Which rows of the page a viewer has marked, as a part of a key: "" for none of them.
std::string MarksKey(std::string_view kind, const ListPage& page,
                     const std::function<bool(std::int64_t)>& is_marked);

// An answer that is one box's own: compressed where that pays. For workers.
PortalAnswer SendOwn(std::string payload, const PortalCall& call);

}  // namespace holdfast::middleware
