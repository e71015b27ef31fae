// Appends JSON to a string: no tree, no exceptions, commas placed by itself.
//
//   JsonWriter json(out);
//   json.BeginObject().Key("id").String("12").Key("load").Int(0).EndObject();
//
// Text goes out as UTF-8; bytes that are not UTF-8 become U+FFFD, so any input gives valid JSON.
// The caller is trusted to close what it opens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::middleware {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }

  JsonWriter& Key(std::string_view name);  // a plain literal: not escaped
  JsonWriter& String(std::string_view text);
  JsonWriter& String(std::int64_t number);  // "12"
  JsonWriter& Int(std::int64_t number);
  JsonWriter& Real(double number);  // three digits after the point at most
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }
  JsonWriter& Raw(std::string_view json);  // one whole value, already JSON

  // Key and value together: most of what the portal says are texts.
  JsonWriter& Field(std::string_view name, std::string_view text) { return Key(name).String(text); }
  JsonWriter& Field(std::string_view name, const char* text) {
    return Key(name).String(std::string_view(text));
  }
  JsonWriter& Field(std::string_view name, const std::string& text) {
    return Key(name).String(std::string_view(text));
  }
  JsonWriter& Field(std::string_view name, int number) { return Key(name).Int(number); }
  JsonWriter& Field(std::string_view name, std::int64_t number) { return Key(name).Int(number); }
  JsonWriter& Field(std::string_view name, bool value) { return Key(name).Bool(value); }
  JsonWriter& Field(std::string_view name, double number) { return Key(name).Real(number); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();

  std::string& out_;
  bool first_ = true;  // nothing stands before in the present object or array
};

// The text inside the quotes.
void AppendJsonEscaped(std::string& out, std::string_view text);

}  // namespace holdfast::middleware
