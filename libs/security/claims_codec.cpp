#include "libs/security/claims_codec.h"

#include <limits>

namespace holdfast::security {
namespace {

// The first byte says what the record is, so that no token passes for one of the other kind.
constexpr char kPortalV1 = '\x11';
constexpr char kPlayV1 = '\x21';

class Writer {
 public:
  explicit Writer(char kind) { bytes_.push_back(kind); }

  void Number(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) bytes_.push_back(static_cast<char>(n | 0x80));
    bytes_.push_back(static_cast<char>(n));
  }
  void Time(std::int64_t epoch_seconds) {
    if (epoch_seconds < 0) fits_ = false;
    Number(static_cast<std::uint64_t>(epoch_seconds));
  }
  void Text(std::string_view text) {
    if (text.size() > kMaxClaimText) fits_ = false;
    Number(text.size());
    bytes_.append(text);
  }
  void Texts(const std::vector<std::string>& texts) {
    if (texts.size() > kMaxPackages) fits_ = false;
    Number(texts.size());
    for (const std::string& text : texts) Text(text);
  }

  std::optional<std::string> Take() {
    if (!fits_) return std::nullopt;
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  bool fits_ = true;
};

// After the first error everything reads as empty and Finished() is false.
class Reader {
 public:
  Reader(std::string_view bytes, char kind) : left_(bytes) {
    if (left_.starts_with(kind)) {
      left_.remove_prefix(1);
    } else {
      Fail();
    }
  }

  std::uint64_t Number(std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) {
    std::uint64_t n = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      n |= std::uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80) != 0) continue;
      if (byte == 0 && shift > 0) break;  // not the shortest form
      if (n > max) break;
      return n;
    }
    Fail();
    return 0;
  }
  std::int64_t Time() {
    return static_cast<std::int64_t>(Number(std::numeric_limits<std::int64_t>::max()));
  }
  std::string Text() {
    const std::size_t size = Number(kMaxClaimText);
    if (size > left_.size()) Fail();
    std::string text(left_.substr(0, size));
    left_.remove_prefix(text.size());
    return text;
  }
  std::vector<std::string> Texts() {
    const std::size_t count = Number(kMaxPackages);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count && ok_; ++i) texts.push_back(Text());
    return texts;
  }

  bool Finished() const { return ok_ && left_.empty(); }

 private:
  void Fail() {
    ok_ = false;
    left_ = {};
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace

std::optional<std::string> Encode(const PortalClaims& claims) {
  Writer out(kPortalV1);
  out.Text(claims.mac);
  out.Text(claims.device_id);
  out.Text(claims.account_id);
  out.Texts(claims.package_ids);
  out.Time(claims.issued_at);
  out.Time(claims.expires_at);
  out.Time(claims.entitled_until);
  out.Time(claims.grace_until);
  out.Number(claims.entitlement_revision);
  out.Number(claims.generation);
  return out.Take();
}

std::optional<PortalClaims> DecodePortalClaims(std::string_view bytes) {
  Reader in(bytes, kPortalV1);
  PortalClaims claims;
  claims.mac = in.Text();
  claims.device_id = in.Text();
  claims.account_id = in.Text();
  claims.package_ids = in.Texts();
  claims.issued_at = in.Time();
  claims.expires_at = in.Time();
  claims.entitled_until = in.Time();
  claims.grace_until = in.Time();
  claims.entitlement_revision = in.Number();
  claims.generation =
      static_cast<std::uint32_t>(in.Number(std::numeric_limits<std::uint32_t>::max()));
  if (!in.Finished()) return std::nullopt;
  return claims;
}

std::optional<std::string> Encode(const PlayClaims& claims) {
  Writer out(kPlayV1);
  out.Text(claims.account_id);
  out.Text(claims.device_id);
  out.Text(claims.channel_id);
  out.Time(claims.expires_at);
  return out.Take();
}

std::optional<PlayClaims> DecodePlayClaims(std::string_view bytes) {
  Reader in(bytes, kPlayV1);
  PlayClaims claims;
  claims.account_id = in.Text();
  claims.device_id = in.Text();
  claims.channel_id = in.Text();
  claims.expires_at = in.Time();
  if (!in.Finished()) return std::nullopt;
  return claims;
}

}  // namespace holdfast::security
