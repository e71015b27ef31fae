// Several real etcd members that make one cluster, for tests of what happens when one of them goes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

class TestEtcdCluster {
 public:
  struct Options {
    int members = 3;
    // PEM files; given: clients speak TLS and show a certificate of the same authority.
    std::string ca;
    std::string certificate;
    std::string key;
  };
  // Returns when the members have elected a leader.
  static std::unique_ptr<TestEtcdCluster> Start(const Options& options);

  std::string url(int member) const;
  std::string urls() const;  // of all, separated by commas
  std::uint16_t port(int member) const { return members_[Index(member)].client_port; }
  int leader() const;  // plain text clusters only; -1: none at the moment

  void Kill(int member);
  void Hang(int member);
  void Resume(int member);
  void Restart(int member);  // same ports and data

 private:
  struct Member {
    std::string name;
    std::uint16_t client_port = 0;
    std::uint16_t peer_port = 0;
    std::uint16_t health_port = 0;
    std::unique_ptr<Process> process;
  };

  explicit TestEtcdCluster(const Options& options) : options_(options) {}
  static std::size_t Index(int member) { return static_cast<std::size_t>(member); }
  std::string PeerUrls() const;
  void Launch(Member& member);
  bool Healthy(const Member& member) const;

  const Options options_;
  TempDir dir_;
  std::vector<Member> members_;
};

}  // namespace holdfast::test
