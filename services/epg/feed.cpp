#include "services/epg/feed.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <vector>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/http/client.h"

namespace holdfast::epg {
namespace {

using Take = std::function<absl::Status(std::string_view)>;

// Passes bytes on, unpacking them if they begin like gzip. Several gzip members in a row are one
// document, as gzip itself treats them.
class Unpacker {
 public:
  Unpacker(std::uint64_t max_unpacked, const Take& take) : max_unpacked_(max_unpacked), take_(take) {}
  ~Unpacker() {
    if (gzip_) inflateEnd(&stream_);
  }

  absl::Status Feed(std::string_view bytes) {
    if (bytes.empty()) return absl::OkStatus();
    if (!started_) {
      started_ = true;
      gzip_ = static_cast<unsigned char>(bytes.front()) == 0x1f;
      if (gzip_ && inflateInit2(&stream_, 15 + 16) != Z_OK) return Internal("zlib cannot start");
    }
    return gzip_ ? Inflate(bytes) : Pass(bytes);
  }

  absl::Status Finish() const {
    if (gzip_ && !member_ended_) return DataLoss("the gzip data end early");
    return absl::OkStatus();
  }

  std::uint64_t unpacked() const { return unpacked_; }

 private:
  absl::Status Pass(std::string_view bytes) {
    unpacked_ += bytes.size();
    if (unpacked_ > max_unpacked_) {
      return ResourceExhausted("the feed is larger than {} bytes unpacked", max_unpacked_);
    }
    return take_(bytes);
  }

  absl::Status Inflate(std::string_view bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in > 0) {
      if (member_ended_) {
        inflateReset(&stream_);
        member_ended_ = false;
      }
      int rc = Z_OK;
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
        stream_.avail_out = static_cast<uInt>(buffer_.size());
        rc = inflate(&stream_, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
          return DataLoss("the gzip data are broken: {}", stream_.msg == nullptr ? "" : stream_.msg);
        }
        HOLDFAST_RETURN_IF_ERROR(Pass({buffer_.data(), buffer_.size() - stream_.avail_out}));
      } while (rc == Z_OK && stream_.avail_out == 0);
      member_ended_ = rc == Z_STREAM_END;
    }
    return absl::OkStatus();
  }

  const std::uint64_t max_unpacked_;
  const Take& take_;
  bool started_ = false;
  bool gzip_ = false;
  bool member_ended_ = false;
  z_stream stream_ = {};
  std::uint64_t unpacked_ = 0;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

// 64-bit FNV-1a: tells equal feeds from different ones; nobody has a reason to forge it.
class Digest {
 public:
  void Feed(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    count_ += bytes.size();
  }
  std::string Text() const { return fmt::format("{:016x}-{}", value_, count_); }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ull;
  std::uint64_t count_ = 0;
};

absl::Status ReadFile(const std::string& path, Deadline deadline, const Take& take) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Unavailable("cannot open {}", path);
  std::vector<char> buffer(256 * 1024);
  while (in) {
    if (deadline.Passed()) return DeadlineExceeded("reading {} took too long", path);
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    HOLDFAST_RETURN_IF_ERROR(take({buffer.data(), static_cast<std::size_t>(in.gcount())}));
  }
  return in.eof() ? absl::OkStatus() : Unavailable("cannot read {}", path);
}

absl::Status ReadHttp(const std::string& url, Deadline deadline, const Take& take) {
  HOLDFAST_ASSIGN_OR_RETURN(const http::ClientResponse response, http::Fetch({.url = url}, deadline));
  if (response.status != 200) return Unavailable("{} answered {}", url, response.status);
  return take(response.body);
}

}  // namespace

absl::StatusOr<FeedDigest> ReadFeed(const std::string& uri, Deadline deadline,
                                    std::uint64_t max_unpacked, const Take& take) {
  Unpacker unpacker(max_unpacked, take);
  Digest digest;
  const Take on_bytes = [&](std::string_view bytes) {
    digest.Feed(bytes);
    return unpacker.Feed(bytes);
  };
  constexpr std::string_view kFile = "file://";
  HOLDFAST_RETURN_IF_ERROR(uri.substr(0, kFile.size()) == kFile
                               ? ReadFile(PercentDecode(uri.substr(kFile.size())), deadline, on_bytes)
                               : ReadHttp(uri, deadline, on_bytes));
  HOLDFAST_RETURN_IF_ERROR(unpacker.Finish());
  return FeedDigest{
      .digest = digest.Text(), .bytes = digest.count(), .unpacked = unpacker.unpacked()};
}

}  // namespace holdfast::epg
