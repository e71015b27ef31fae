// Says in one line which JSON is right, to the type and to the last key:
//
//   str int num bool null any      a value of that type (num: also with a fraction)
//   {a:str,b?:[int]}               an object with these keys and no others; b may be missing
//   {*:str}                        any keys, all of one shape
//   [str] [str+] []                an array of any length, of at least one element, empty
//   false | {error:str}            either
//   "ok" 1 true                    exactly that
//   @row                           a shape by its name
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace holdfast::middleware {

using NamedShapes = std::map<std::string, std::string>;

// What is wrong with the value, where: "$.data[3].id is 5, wanted str". Empty: nothing.
std::string Misfit(const nlohmann::json& value, const std::string& shape,
                   const NamedShapes& named = {});

}  // namespace holdfast::middleware
