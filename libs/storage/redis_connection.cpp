#include "libs/storage/redis_connection.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <cstdlib>

#include "libs/base/status.h"
#include "libs/storage/resolver.h"

namespace holdfast::storage {
namespace {

RedisReply Convert(const redisReply& raw) {
  RedisReply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = RedisReply::Kind::kInteger;
      reply.integer = raw.integer;
      reply.text = std::to_string(raw.integer);
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = RedisReply::Kind::kArray;
      for (std::size_t i = 0; i < raw.elements; ++i)
        reply.array.push_back(Convert(*raw.element[i]));
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      reply.kind =
          raw.type == REDIS_REPLY_ERROR ? RedisReply::Kind::kError : RedisReply::Kind::kText;
      reply.text.assign(raw.str, raw.len);
      break;
    default:
      break;  // nil; the types of RESP3 are never asked for
  }
  return reply;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Open(const RedisOptions& options,
                                                                       Deadline deadline) {
  const std::vector<HostPort> hosts = ParseHosts(options.address, "6379");
  if (hosts.size() != 1) return Unavailable("redis address \"{}\" is not one", options.address);
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> addresses,
                            ResolveHost(hosts[0].host, deadline));
  std::unique_ptr<RedisConnection> connection(new RedisConnection);
  HOLDFAST_RETURN_IF_ERROR(connection->Connect(addresses[0], hosts[0].port, deadline));
  if (options.password.empty()) return connection;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<RedisReply> replies,
                            connection->Run({{"AUTH", options.password}}, deadline));
  if (replies[0].kind == RedisReply::Kind::kError) {
    return Unavailable("redis {}: {}", options.address, replies[0].text);
  }
  return connection;
}

RedisConnection::~RedisConnection() {
  if (context_ != nullptr) redisFree(context_);
}

absl::Status RedisConnection::Connect(const std::string& address, const std::string& port,
                                      Deadline deadline) {
  context_ = redisConnectNonBlock(address.c_str(), std::atoi(port.c_str()));
  if (context_ == nullptr) return Unavailable("out of memory");
  if (context_->err != 0) return Lost();
  HOLDFAST_RETURN_IF_ERROR(WaitFor(POLLOUT, deadline));
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Unavailable("redis {}:{}: {}", address, port, strerror(error));
  redisEnableKeepAlive(context_);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RedisReply>> RedisConnection::Run(
    const std::vector<RedisCommand>& commands, Deadline deadline) {
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const RedisCommand& command : commands) {
    words.clear();
    sizes.clear();
    for (const std::string& word : command) {
      words.push_back(word.data());
      sizes.push_back(word.size());
    }
    if (redisAppendCommandArgv(context_, static_cast<int>(words.size()), words.data(),
                               sizes.data()) != REDIS_OK) {
      return Lost();
    }
  }
  HOLDFAST_RETURN_IF_ERROR(Flush(deadline));
  std::vector<RedisReply> replies;
  replies.reserve(commands.size());
  while (replies.size() < commands.size()) {
    HOLDFAST_ASSIGN_OR_RETURN(RedisReply reply, Read(deadline));
    replies.push_back(std::move(reply));
  }
  return replies;
}

absl::Status RedisConnection::Flush(Deadline deadline) {
  while (true) {
    int done = 0;
    if (redisBufferWrite(context_, &done) != REDIS_OK) return Lost();
    if (done == 1) return absl::OkStatus();
    HOLDFAST_RETURN_IF_ERROR(WaitFor(POLLOUT, deadline));
  }
}

absl::StatusOr<RedisReply> RedisConnection::Read(Deadline deadline) {
  while (true) {
    void* raw = nullptr;
    if (redisGetReplyFromReader(context_, &raw) != REDIS_OK) return Lost();
    if (raw != nullptr) {
      RedisReply reply = Convert(*static_cast<redisReply*>(raw));
      freeReplyObject(raw);
      return reply;
    }
    HOLDFAST_RETURN_IF_ERROR(WaitFor(POLLIN, deadline));
    if (redisBufferRead(context_) != REDIS_OK) return Lost();
  }
}

absl::Status RedisConnection::WaitFor(short events, Deadline deadline) {
  while (true) {
    pollfd fd{context_->fd, events, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.Remaining());
    const int ready = poll(&fd, 1, static_cast<int>(left.count()));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Unavailable("redis: {}", strerror(errno));
    if (deadline.Passed()) return DeadlineExceeded("redis did not answer in time");
  }
}

bool RedisConnection::HungUp() const {
  pollfd fd{context_->fd, POLLIN, 0};
  return poll(&fd, 1, 0) != 0;  // nothing is due on an idle connection but its end
}

absl::Status RedisConnection::Lost() const { return Unavailable("redis: {}", context_->errstr); }

}  // namespace holdfast::storage
