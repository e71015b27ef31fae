// holdfast-call: calls any method of any service from the command line, JSON in, JSON out.
//
//   holdfast-call --address 127.0.0.1:50051 holdfast.billing.v1.Billing/GetEntitlement
//       '{"account_id":"a-1"}'
//   holdfast-call --list
//   holdfast-call --describe holdfast.billing.v1.Billing/GetEntitlement
//
// With --tls-dir D --as NAME it presents D/NAME.pem and checks the service's certificate by
// D/ca.pem. A stream prints one line per message. Exits 0 for an answer, 1 for an error (on
// standard error), 2 when called wrongly.

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "deploy/tools/generic_call.h"
#include "deploy/tools/method_catalogue.h"
#include "libs/base/status.h"
#include "libs/config/knobs.h"

namespace holdfast::tools {
namespace {

constexpr char kUsage[] =
    "usage: holdfast-call --address HOST:PORT [--tls-dir FOLDER --as NAME] [--timeout 10s]\n"
    "                     SERVICE/METHOD [REQUEST]\n"
    "           REQUEST is JSON, @FILE, or - for standard input; nothing means {}\n"
    "       holdfast-call --list                      all services and methods\n"
    "       holdfast-call --describe SERVICE/METHOD   the messages of a method\n";

struct Arguments {
  CallTarget target;
  bool list = false;
  bool describe = false;
  std::string method;
  std::string request = "{}";
};

absl::StatusOr<Arguments> Parse(const std::vector<std::string>& words) {
  Arguments result;
  std::vector<std::string> plain;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&]() -> absl::StatusOr<std::string> {
      if (i + 1 == words.size()) return InvalidArgument("{} needs a value", word);
      return words[++i];
    };
    if (word == "--list") {
      result.list = true;
    } else if (word == "--describe") {
      result.describe = true;
    } else if (word == "--address") {
      HOLDFAST_ASSIGN_OR_RETURN(result.target.address, value());
    } else if (word == "--tls-dir") {
      HOLDFAST_ASSIGN_OR_RETURN(result.target.tls_dir, value());
    } else if (word == "--as") {
      HOLDFAST_ASSIGN_OR_RETURN(result.target.as, value());
    } else if (word == "--timeout") {
      HOLDFAST_ASSIGN_OR_RETURN(const std::string text, value());
      HOLDFAST_RETURN_IF_ERROR(config::ParseDuration(text, result.target.timeout));
    } else if (word.starts_with("--")) {
      return InvalidArgument("unknown flag {}", word);
    } else {
      plain.push_back(word);
    }
  }
  if (result.list) return result;
  if (plain.empty() || plain.size() > 2)
    return InvalidArgument("one method and one request, please");
  result.method = plain[0];
  if (plain.size() == 2) result.request = plain[1];
  if (!result.describe && result.target.address.empty()) {
    return InvalidArgument("--address is missing");
  }
  return result;
}

absl::StatusOr<std::string> ReadRequest(const std::string& argument) {
  if (argument == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  if (!argument.starts_with("@")) return argument;
  std::FILE* file = std::fopen(argument.c_str() + 1, "rb");
  if (file == nullptr) return NotFound("cannot read {}", argument.substr(1));
  std::string content;
  char buffer[65536];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    content.append(buffer, n);
  }
  std::fclose(file);
  return content;
}

absl::Status Run(const Arguments& arguments) {
  if (arguments.list) {
    std::fputs(ListMethods().c_str(), stdout);
    return absl::OkStatus();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const google::protobuf::MethodDescriptor* method,
                            FindMethod(arguments.method));
  if (arguments.describe) {
    std::fputs(DescribeMethod(*method).c_str(), stdout);
    return absl::OkStatus();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string json, ReadRequest(arguments.request));
  return CallMethod(arguments.target, *method, json, [](const std::string& answer) {
    std::fputs((answer + "\n").c_str(), stdout);
    std::fflush(stdout);
  });
}

}  // namespace
}  // namespace holdfast::tools

int main(int argc, char** argv) {
  using namespace holdfast;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--help") {
    std::fputs(tools::kUsage, stdout);
    return 0;
  }
  const absl::StatusOr<tools::Arguments> arguments = tools::Parse(words);
  if (!arguments.ok()) {
    std::fprintf(stderr, "holdfast-call: %s\n%s", std::string(arguments.status().message()).c_str(),
                 tools::kUsage);
    return 2;
  }
  const absl::Status status = tools::Run(*arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", ToString(status).c_str());
  return 1;
}
