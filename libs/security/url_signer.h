// Links that an edge checks by itself: nginx's secure_link form, as a path prefix so that the
// relative addresses of segments and keys inherit it.
//
//   /s/<md5>/<expires>/<token>/live/<channel>/...
//   md5 = base64url(MD5("<expires>/<token>/<first two path parts> <secret>")), no padding
//
// <token> is the play token, or "-" for clear channels. The directory is signed, not the file: one
// signature covers playlist, segments and keys of one channel. MD5 because the edge's module knows
// nothing else; the secret is per CDN and links expire.
#pragma once

#include <string>
#include <string_view>

#include "libs/base/clock.h"

namespace holdfast::security {

struct LinkParts {
  std::string_view directory;   // "live/ch-7", no slashes at the ends
  std::string_view file;        // "index.m3u8"
  std::string_view play_token;  // "" for a clear channel
  WallTime expires;
};

// The path with its leading slash.
std::string SignLinkPath(const LinkParts& parts, std::string_view secret);

}  // namespace holdfast::security
