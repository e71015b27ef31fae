// What an OpenAPI document describes, to be held against what is served.
#pragma once

#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace holdfast::middleware {

// "GET /v1/channels", of every operation.
inline std::set<std::string> RoutesIn(const std::string& document_path) {
  std::ifstream file(document_path);
  const nlohmann::json document = nlohmann::json::parse(file);
  std::set<std::string> routes;
  for (const auto& [path, item] : document.at("paths").items()) {
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      routes.insert(upper + " " + path);
    }
  }
  return routes;
}

}  // namespace holdfast::middleware
