#include "services/middleware/domain/m3u.h"

#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace holdfast::middleware {
namespace {

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool StartsWithNoCase(std::string_view text, std::string_view prefix) {
  return absl::StartsWithIgnoreCase(Absl(text), Absl(prefix));
}

// Takes the next line off `text`; "\n", "\r\n" and "\r" end one.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find_first_of("\r\n");
  const std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    const bool crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (crlf ? 2 : 1));
  }
  return line;
}

bool IsAttributeNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

// Reads `name="value"` and `name=value` pairs from the front of `text`. Stops at the first thing
// that is neither, which is what comes before the channel's name.
class AttributeReader {
 public:
  AttributeReader(std::string_view text, std::size_t limit) : text_(text), limit_(limit) {}

  StringMap<std::string> ReadAll() {
    StringMap<std::string> attributes;
    while (attributes.size() < limit_) {
      SkipSpaces();
      const std::string_view name = PeekName();
      if (name.empty()) break;
      at_ += name.size() + 1;
      const std::optional<std::string_view> value = ReadValue();
      if (!value) break;
      // The first of a repeated attribute wins.
      attributes.try_emplace(absl::AsciiStrToLower(Absl(name)), CleanUtf8(Trim(*value)));
    }
    return attributes;
  }

  std::string_view rest() const { return text_.substr(at_); }

 private:
  void SkipSpaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  // A name that a '=' follows directly, or "".
  std::string_view PeekName() const {
    std::size_t end = at_;
    while (end < text_.size() && IsAttributeNameByte(text_[end])) ++end;
    if (end == at_ || end >= text_.size() || text_[end] != '=') return {};
    return text_.substr(at_, end - at_);
  }

  std::optional<std::string_view> ReadValue() {
    if (at_ < text_.size() && text_[at_] == '"') {
      const std::size_t close = text_.find('"', at_ + 1);
      if (close == std::string_view::npos) return std::nullopt;  // the comma rule decides
      const std::string_view value = text_.substr(at_ + 1, close - at_ - 1);
      at_ = close + 1;
      return value;
    }
    const std::size_t end = std::min(text_.find_first_of(" \t,", at_), text_.size());
    const std::string_view value = text_.substr(at_, end - at_);
    at_ = end;
    return value;
  }

  std::string_view text_;
  std::size_t limit_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  Parser(std::string_view text, const M3uLimits& limits) : text_(text), limits_(limits) {}

  M3uList Parse() && {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    while (!text_.empty() && !full_) {
      ++line_;
      const std::string_view raw = TakeLine(text_);
      if (raw.size() > limits_.line_bytes) {
        Problem(line_, "line is too long");
        continue;
      }
      TakeOne(Trim(raw));
    }
    DropPending();
    return std::move(list_);
  }

 private:
  void TakeOne(std::string_view line) {
    if (line.empty()) return;
    if (StartsWithNoCase(line, "#EXTINF:")) {
      TakeInfo(line.substr(8));
    } else if (StartsWithNoCase(line, "#EXTM3U")) {
      if (list_.header.empty()) {
        list_.header = AttributeReader(line.substr(7), limits_.attributes).ReadAll();
      }
    } else if (StartsWithNoCase(line, "#EXTGRP:")) {
      if (pending_ && pending_->group.empty()) SetGroup(line.substr(8));
    } else if (line.front() != '#') {
      TakeAddress(line);
    }
  }

  void TakeInfo(std::string_view text) {
    DropPending();
    pending_.emplace();
    pending_->line = line_;
    // The length, which nobody uses for live channels: "-1", "0", " -1", "16.5".
    text = Trim(text);
    while (!text.empty() && (std::isdigit(static_cast<unsigned char>(text.front())) != 0 ||
                             text.front() == '-' || text.front() == '+' || text.front() == '.')) {
      text.remove_prefix(1);
    }
    AttributeReader reader(text, limits_.attributes);
    pending_->attributes = reader.ReadAll();
    pending_->name = CleanUtf8(Trim(NameAfter(reader.rest())));
    SetGroup(pending_->Attribute("group-title"));
  }

  // What follows the attributes: normally ",name". With something unreadable in between (a quote
  // that never closes) the name is what follows the last comma.
  static std::string_view NameAfter(std::string_view rest) {
    rest = Trim(rest);
    if (rest.starts_with(',')) return rest.substr(1);
    const std::size_t comma = rest.rfind(',');
    return comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }

  void SetGroup(std::string_view groups) { pending_->group = CleanUtf8(Trim(groups)); }

  void TakeAddress(std::string_view line) {
    if (!pending_) {
      Problem(line_, "text without an #EXTINF before it");
      return;
    }
    pending_->address = CleanUtf8(Trim(line.substr(0, line.find('|'))));
    if (pending_->name.empty()) pending_->name = std::string(pending_->Attribute("tvg-name"));
    if (pending_->name.empty()) {
      Problem(pending_->line, "no name after the comma");
      pending_.reset();
      return;
    }
    if (list_.entries.size() == limits_.entries) {
      Problem(line_, "too many entries; the rest is left out");
      pending_.reset();
      full_ = true;
      return;
    }
    list_.entries.push_back(*std::move(pending_));
    pending_.reset();
  }

  void DropPending() {
    if (!pending_) return;
    Problem(pending_->line, "no address after #EXTINF");
    pending_.reset();
  }

  void Problem(int line, std::string what) {
    if (list_.problems.size() > limits_.problems) return;
    if (list_.problems.size() == limits_.problems)
      what = "too many problems; the rest is not shown";
    list_.problems.push_back({line, std::move(what)});
  }

  std::string_view text_;
  const M3uLimits& limits_;
  M3uList list_;
  std::optional<M3uEntry> pending_;
  int line_ = 0;
  bool full_ = false;
};

}  // namespace

std::string_view M3uEntry::Attribute(std::string_view attribute) const {
  const std::string* value = Find(attributes, attribute);
  return value == nullptr ? std::string_view() : *value;
}

M3uList ParseM3u(std::string_view text, const M3uLimits& limits) {
  return Parser(text, limits).Parse();
}

std::size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

std::string CleanUtf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      clean += "\xef\xbf\xbd";
      text.remove_prefix(1);
      continue;
    }
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 1 && (first < 0x20 || first == 0x7f)) {
      clean += ' ';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return clean;
}

}  // namespace holdfast::middleware
