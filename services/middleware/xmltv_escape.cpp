#include "services/middleware/xmltv_escape.h"

#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

// One byte of ASCII.
void AppendByte(std::string& out, char c) {
  switch (c) {
    case '&':
      out += "&amp;";
      return;
    case '<':
      out += "&lt;";
      return;
    case '>':
      out += "&gt;";
      return;
    case '"':
      out += "&quot;";
      return;
    case '\t':
    case '\n':
    case '\r':
      out += ' ';
      return;
    default:
      if (c >= 0x20 && c != 0x7f) out += c;
  }
}

// What a valid sequence stands for.
char32_t CodePoint(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  constexpr unsigned char kFirstMask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t code = byte(0) & kFirstMask[sequence.size()];
  for (std::size_t i = 1; i < sequence.size(); ++i) code = code << 6 | (byte(i) & 0x3f);
  return code;
}

// Control characters, noncharacters, and U+FFFD: that one says that a source was broken before us,
// and readers take the file for misencoded.
bool IsUnwanted(std::string_view sequence) {
  const char32_t code = CodePoint(sequence);
  return (code >= 0x80 && code <= 0x9f) || code == 0xfffd || (code & 0xfffe) == 0xfffe ||
         (code >= 0xfdd0 && code <= 0xfdef);
}

}  // namespace

void AppendXmlEscaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      AppendByte(out, text.front());
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = Utf8SequenceLength(text);
    if (length == 0) {  // not UTF-8
      text.remove_prefix(1);
      continue;
    }
    if (!IsUnwanted(text.substr(0, length))) out.append(text.data(), length);
    text.remove_prefix(length);
  }
}

bool IsBlankInXml(std::string_view text) {
  constexpr std::string_view kNoBreakSpace = "\xc2\xa0";
  while (!text.empty()) {
    if (text.starts_with(kNoBreakSpace)) {
      text.remove_prefix(kNoBreakSpace.size());
      continue;
    }
    const char c = text.front();
    if (static_cast<unsigned char>(c) > 0x20 && c != 0x7f) {
      const std::size_t length =
          static_cast<unsigned char>(c) < 0x80 ? 1 : Utf8SequenceLength(text);
      if (length > 1 && !IsUnwanted(text.substr(0, length))) return false;
      if (length == 1) return false;
      text.remove_prefix(length == 0 ? 1 : length);
      continue;
    }
    text.remove_prefix(1);
  }
  return true;
}

}  // namespace holdfast::middleware
