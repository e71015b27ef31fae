// Text for XML 1.0: any bytes give a well-formed document.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::middleware {

// For element content and for values in double quotes. Left out: what XML cannot hold (control
// characters, noncharacters), what is not UTF-8, and U+FFFD, which says that it was not once.
void AppendXmlEscaped(std::string& out, std::string_view text);

// Nothing would be left to read.
bool IsBlankInXml(std::string_view text);

}  // namespace holdfast::middleware
