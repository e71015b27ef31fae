// Where the members of an etcd cluster are and how we prove who we are.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/random.h"
#include "libs/security/tls.h"

namespace holdfast::discovery {

struct EtcdAccess {
  std::vector<std::string> endpoints;  // "host:port", at least one
  bool tls = false;
  security::PemMaterial pem;  // certificate and key may be empty: no client certificate
  std::string user;           // empty: none
  std::string password_file;  // read at each login, so that a password can be changed
};

// `spec` is what follows "etcd:":
//
//   http://10.0.0.1:2379,http://10.0.0.2:2379
//   https://10.0.0.1:2379?ca=/etc/etcd/ca.pem&cert=/etc/etcd/epg.pem&key=/etc/etcd/epg.key
//   https://10.0.0.1:2379?ca=/etc/etcd/ca.pem&user=holdfast&password_file=/etc/holdfast/etcd
//
// Reads the certificates. The endpoints begin with another one in each process, so that a fleet
// spreads over the cluster.
absl::StatusOr<EtcdAccess> ParseEtcdSpec(std::string_view spec, Random& random);

std::shared_ptr<grpc::Channel> MakeEtcdChannel(const EtcdAccess& access,
                                               const std::string& endpoint);

}  // namespace holdfast::discovery
