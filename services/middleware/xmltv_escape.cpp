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

// U+0080 to U+009F, and U+FFFE and U+FFFF.
bool IsUnwanted(std::string_view sequence) {
  return (sequence.size() == 2 && sequence[0] == '\xc2' && sequence[1] <= '\x9f') ||
         sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";
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
    if (length == 0) {
      out += '?';
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
      if (length == 0 || !IsUnwanted(text.substr(0, length))) return false;
      text.remove_prefix(length);
      continue;
    }
    text.remove_prefix(1);
  }
  return true;
}

}  // namespace holdfast::middleware
