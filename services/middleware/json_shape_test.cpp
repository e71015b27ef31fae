#include "services/middleware/json_shape_test.h"

#include <gmock/gmock.h>

#include <cctype>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace holdfast::middleware {
namespace {

using Json = nlohmann::json;

struct Shape {
  enum class Kind { kType, kExactly, kObject, kMap, kArray, kEither };
  struct Key {
    std::string name;
    bool optional = false;
  };
  Kind kind = Kind::kType;
  std::string type;
  Json exactly;
  std::vector<Key> keys;      // kObject
  std::vector<Shape> shapes;  // of the keys, of the elements, or of what it may be
  bool at_least_one = false;  // kArray
};

// A mistake in a shape is one of the test: it ends it.
class Parser {
 public:
  Parser(std::string_view text, const NamedShapes& named) : text_(text), named_(named) {}

  Shape All() {
    Shape shape = Either();
    Need(text_.empty(), "something behind the end");
    return shape;
  }

 private:
  void Need(bool right, const std::string& what) {
    if (!right) {
      ADD_FAILURE() << "a shape cannot be read: " << what << " at: " << text_.substr(0, 40);
      std::abort();
    }
  }
  bool Take(char c) {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string Word() {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
    std::size_t n = 0;
    while (n < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[n])) != 0 ||
                                text_[n] == '_' || text_[n] == '*')) {
      ++n;
    }
    Need(n > 0, "a word is missing");
    std::string word(text_.substr(0, n));
    text_.remove_prefix(n);
    return word;
  }

  Shape Either() {
    Shape first = One();
    if (!Take('|')) return first;
    Shape either{.kind = Shape::Kind::kEither};
    either.shapes.push_back(std::move(first));
    do either.shapes.push_back(One());
    while (Take('|'));
    return either;
  }

  Shape One() {
    if (Take('{')) return Object();
    if (Take('[')) return Array();
    if (Take('@')) {
      const std::string name = Word();
      Need(named_.contains(name), "no shape is called " + name);
      return Parser(named_.at(name), named_).All();
    }
    if (Take('"')) {
      const std::size_t end = text_.find('"');
      Need(end != std::string_view::npos, "a quote is open");
      Shape shape{.kind = Shape::Kind::kExactly, .exactly = std::string(text_.substr(0, end))};
      text_.remove_prefix(end + 1);
      return shape;
    }
    const std::string word = Word();
    const Json exactly = Json::parse(word, nullptr, false);
    if (!exactly.is_discarded() && word != "null") {
      return {.kind = Shape::Kind::kExactly, .exactly = exactly};
    }
    for (const char* type : {"str", "int", "num", "bool", "null", "any"}) {
      if (word == type) return {.kind = Shape::Kind::kType, .type = word};
    }
    Need(false, "no type is called " + word);
    return {};
  }

  Shape Object() {
    Shape object{.kind = Shape::Kind::kObject};
    if (Take('}')) return object;
    do {
      Shape::Key key{.name = Word()};
      key.optional = Take('?');
      Need(Take(':'), "a colon is missing");
      object.keys.push_back(std::move(key));
      object.shapes.push_back(Either());
    } while (Take(','));
    Need(Take('}'), "an object is open");
    if (object.keys.front().name == "*") object.kind = Shape::Kind::kMap;
    return object;
  }

  Shape Array() {
    Shape array{.kind = Shape::Kind::kArray};
    if (Take(']')) return array;
    array.shapes.push_back(Either());
    array.at_least_one = Take('+');
    Need(Take(']'), "an array is open");
    return array;
  }

  std::string_view text_;
  const NamedShapes& named_;
};

std::string MisfitAt(const Json& value, const Shape& shape, const std::string& where);

bool IsOfType(const Json& value, const std::string& type) {
  if (type == "str") return value.is_string();
  if (type == "int") return value.is_number_integer();
  if (type == "num") return value.is_number();
  if (type == "bool") return value.is_boolean();
  if (type == "null") return value.is_null();
  return true;  // any
}

std::string MisfitOfObject(const Json& value, const Shape& shape, const std::string& where) {
  if (!value.is_object()) return where + " is " + value.dump() + ", wanted an object";
  std::size_t known = 0;
  for (std::size_t i = 0; i < shape.keys.size(); ++i) {
    const auto& [name, optional] = shape.keys[i];
    if (!value.contains(name)) {
      if (optional) continue;
      return where + "." + name + " is missing";
    }
    ++known;
    const std::string wrong = MisfitAt(value[name], shape.shapes[i], where + "." + name);
    if (!wrong.empty()) return wrong;
  }
  if (known == value.size()) return "";
  for (const auto& [name, ignored] : value.items()) {
    bool wanted = false;
    for (const Shape::Key& key : shape.keys) wanted = wanted || key.name == name;
    if (!wanted) return where + "." + name + " is not expected";
  }
  return "";
}

std::string MisfitAt(const Json& value, const Shape& shape, const std::string& where) {
  switch (shape.kind) {
    case Shape::Kind::kType:
      return IsOfType(value, shape.type)
                 ? ""
                 : where + " is " + value.dump().substr(0, 200) + ", wanted " + shape.type;
    case Shape::Kind::kExactly:
      return value == shape.exactly ? ""
                                    : where + " is " + value.dump().substr(0, 200) + ", wanted " +
                                          shape.exactly.dump();
    case Shape::Kind::kObject:
      return MisfitOfObject(value, shape, where);
    case Shape::Kind::kMap: {
      if (!value.is_object()) return where + " is " + value.dump() + ", wanted an object";
      for (const auto& [name, element] : value.items()) {
        const std::string wrong = MisfitAt(element, shape.shapes[0], where + "." + name);
        if (!wrong.empty()) return wrong;
      }
      return "";
    }
    case Shape::Kind::kArray: {
      if (!value.is_array()) return where + " is " + value.dump() + ", wanted an array";
      if (value.empty()) return shape.at_least_one ? where + " is empty" : "";
      if (shape.shapes.empty()) return where + " has elements, wanted none";
      for (std::size_t i = 0; i < value.size(); ++i) {
        const std::string wrong =
            MisfitAt(value[i], shape.shapes[0], where + "[" + std::to_string(i) + "]");
        if (!wrong.empty()) return wrong;
      }
      return "";
    }
    case Shape::Kind::kEither: {
      std::string all;
      for (const Shape& one : shape.shapes) {
        const std::string wrong = MisfitAt(value, one, where);
        if (wrong.empty()) return "";
        all += (all.empty() ? "" : "; or ") + wrong;
      }
      return all;
    }
  }
  return "";
}

}  // namespace

std::string Misfit(const Json& value, const std::string& shape, const NamedShapes& named) {
  return MisfitAt(value, Parser(shape, named).All(), "$");
}

namespace {

TEST(JsonShapeTest, WhatFits) {
  const Json value = {{"id", "5"}, {"rows", {{{"n", 1}}, {{"n", 2}}}}, {"on", true}, {"at", 1.5}};
  EXPECT_EQ(Misfit(value, "{id:str,rows:[{n:int}+],on:bool,at:num,more?:str}"), "");
  EXPECT_EQ(Misfit(value, "{id:\"5\",rows:[@row],on:true,at:any}", {{"row", "{n:int}"}}), "");
  EXPECT_EQ(Misfit(false, "false | {error:str}"), "");
  EXPECT_EQ(Misfit({{"error", "x"}}, "false | {error:str}"), "");
  EXPECT_EQ(Misfit({{"1", "a"}, {"2", "b"}}, "{*:str}"), "");
  EXPECT_EQ(Misfit(Json::array(), "[]"), "");
  EXPECT_EQ(Misfit(Json::object(), "{}"), "");
}

TEST(JsonShapeTest, WhatDoesNotFitIsNamed) {
  EXPECT_EQ(Misfit({{"id", 5}}, "{id:str}"), "$.id is 5, wanted str");
  EXPECT_EQ(Misfit({{"id", "5"}, {"x", 1}}, "{id:str}"), "$.x is not expected");
  EXPECT_EQ(Misfit(Json::object(), "{id:str}"), "$.id is missing");
  EXPECT_EQ(Misfit({{"id", nullptr}}, "{id?:str}"), "$.id is null, wanted str");
  EXPECT_EQ(Misfit(Json::array(), "[int+]"), "$ is empty");
  EXPECT_EQ(Misfit(Json({1, "2"}), "[int]"), "$[1] is \"2\", wanted int");
  EXPECT_EQ(Misfit(Json({1}), "[]"), "$ has elements, wanted none");
  EXPECT_EQ(Misfit(Json::array(), "{}"), "$ is [], wanted an object");
  EXPECT_EQ(Misfit(1, "true|\"1\""), "$ is 1, wanted true; or $ is 1, wanted \"1\"");
  EXPECT_EQ(Misfit(1.5, "int"), "$ is 1.5, wanted int");
  EXPECT_EQ(Misfit({{"a", 1}}, "{*:str}"), "$.a is 1, wanted str");
}

}  // namespace
}  // namespace holdfast::middleware
