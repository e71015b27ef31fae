#include "services/middleware/places.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

namespace holdfast::middleware {
namespace {

constexpr const char* kFolder = "/usr/share/zoneinfo/";

std::string ReadFile(const std::string& name) {
  std::ifstream in(kFolder + name);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Lines without comments, split at tabs.
std::vector<std::vector<std::string_view>> Rows(std::string_view text) {
  std::vector<std::vector<std::string_view>> rows;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string_view>& row = rows.emplace_back();
    while (true) {
      const std::size_t tab = line.find('\t');
      row.push_back(line.substr(0, tab));
      if (tab == std::string_view::npos) break;
      line.remove_prefix(tab + 1);
    }
  }
  return rows;
}

// FNV-1a, in the positive numbers that boxes take.
std::int64_t IdOf(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return (hash & 0x7fffffff) | 1;
}

// "America/Argentina/Buenos_Aires" -> "Buenos Aires"
std::string PlaceIn(std::string_view zone) {
  std::string place(zone.substr(zone.rfind('/') + 1));
  std::replace(place.begin(), place.end(), '_', ' ');
  return place;
}

}  // namespace

std::vector<Country> ParseCountries(std::string_view names, std::string_view zones) {
  std::map<std::string_view, Country> by_code;
  for (const auto& row : Rows(names)) {
    if (row.size() < 2 || row[0].size() != 2) continue;
    Country& country = by_code[row[0]];
    country.code = row[0];
    country.name = row[1];
    country.id = (row[0][0] - 'A' + 1) * 32 + (row[0][1] - 'A' + 1);
  }
  for (const auto& row : Rows(zones)) {
    if (row.size() < 3) continue;
    const auto country = by_code.find(row[0]);
    if (country == by_code.end()) continue;
    country->second.places.push_back({IdOf(row[2]), PlaceIn(row[2]), std::string(row[2])});
  }
  std::vector<Country> countries;
  for (auto& [code, country] : by_code) {
    if (country.places.empty()) continue;
    std::sort(country.places.begin(), country.places.end(),
              [](const Place& a, const Place& b) { return a.name < b.name; });
    countries.push_back(std::move(country));
  }
  std::sort(countries.begin(), countries.end(),
            [](const Country& a, const Country& b) { return a.name < b.name; });
  return countries;
}

const std::vector<Country>& Countries() {
  static const auto& countries =
      *new std::vector<Country>(ParseCountries(ReadFile("iso3166.tab"), ReadFile("zone.tab")));
  return countries;
}

}  // namespace holdfast::middleware
