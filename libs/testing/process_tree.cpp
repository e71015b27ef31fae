#include "libs/testing/process_tree.h"

#include <stdio.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace holdfast::test {
namespace {

// Nothing for a process that has ended.
std::optional<pid_t> ParentOf(const std::filesystem::path& folder) {
  std::ifstream file(folder / "stat");
  std::string line;
  std::getline(file, line);  // an error of reading (it has just ended) leaves it empty
  const auto end_of_name = line.rfind(')');
  char state = 0;
  int parent = 0;
  if (end_of_name == std::string::npos ||
      sscanf(line.c_str() + end_of_name + 1, " %c %d", &state, &parent) != 2 || state == 'Z') {
    return std::nullopt;
  }
  return parent;
}

}  // namespace

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (ParentOf(entry.path()) == pid) children.push_back(std::stoi(name));
  }
  return children;
}

bool Alive(pid_t pid) {
  return ParentOf(std::filesystem::path("/proc") / std::to_string(pid)).has_value();
}

}  // namespace holdfast::test
