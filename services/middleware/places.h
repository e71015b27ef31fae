// Countries, their places and time zones, from the machine's own time zone tables (tzdata).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::middleware {

struct Place {
  std::int64_t id = 0;  // of the zone's name: the same everywhere and always
  std::string name;     // "Berlin"
  std::string zone;     // "Europe/Berlin"
};

struct Country {
  std::int64_t id = 0;  // of its two letters: the same everywhere and always
  std::string code;     // "DE"
  std::string name;
  std::vector<Place> places;  // by name
};

// Texts of iso3166.tab and zone.tab. Lines of another form are skipped.
std::vector<Country> ParseCountries(std::string_view names, std::string_view zones);  // by name

// Those of this machine, read once; empty where there are no such tables. Thread-safe.
const std::vector<Country>& Countries();

}  // namespace holdfast::middleware
