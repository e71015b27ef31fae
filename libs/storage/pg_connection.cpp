#include "libs/storage/pg_connection.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::storage {
namespace {

// How often a wait looks whether the pool is closing.
constexpr std::chrono::milliseconds kLookUp(50);
// Statements kept per connection; services have a few dozen. Beyond it they run unprepared.
constexpr std::size_t kMaxPrepared = 500;

// Everything that must not depend on how the server is configured. The server ends the session's
// work when our machine is gone or we have hung up, so that locks do not outlive their holder.
constexpr char kSetUpSession[] = R"sql(
  SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex';
  SET client_encoding = 'UTF8'; SET client_connection_check_interval = '1s';
  SET idle_in_transaction_session_timeout = '60s';
  SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;
)sql";
constexpr char kState[] =
    "SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery()";

std::string OneLine(const char* message) {
  std::string line = message == nullptr ? "" : message;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  return line;
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
absl::StatusCode CodeOf(std::string_view sqlstate) {
  if (sqlstate == "23505") return absl::StatusCode::kAlreadyExists;     // unique_violation
  if (sqlstate == "40001") return absl::StatusCode::kAborted;           // serialization_failure
  if (sqlstate == "40P01") return absl::StatusCode::kAborted;           // deadlock_detected
  if (sqlstate == "55P03") return absl::StatusCode::kAborted;           // lock_not_available
  if (sqlstate == "57014") return absl::StatusCode::kDeadlineExceeded;  // query_canceled
  if (sqlstate == "25006") return absl::StatusCode::kUnavailable;       // read_only_sql_transaction
  if (sqlstate == "25P03") return absl::StatusCode::kUnavailable;       // idle_in_transaction
  const std::string_view kind = sqlstate.substr(0, 2);
  if (kind == "23") return absl::StatusCode::kFailedPrecondition;      // integrity constraint
  if (kind == "22") return absl::StatusCode::kInvalidArgument;         // data exception
  if (kind == "08" || kind == "53" || kind == "57" || kind == "58") {  // connection, resources,
    return absl::StatusCode::kUnavailable;                             // operator, system
  }
  return absl::StatusCode::kInternal;
}

int PollTimeout(Deadline deadline) {
  const auto left = std::min<Duration>(deadline.Remaining(), kLookUp);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

}  // namespace

PgHosts::PgHosts(const std::string& hosts) : order_(ParseHosts(hosts, "5432")) {}

std::vector<HostPort> PgHosts::InOrder() const {
  absl::MutexLock lock(&mutex_);
  return order_;
}

namespace {

bool Same(const HostPort& a, const HostPort& b) { return a.host == b.host && a.port == b.port; }

}  // namespace

void PgHosts::Failed(const HostPort& host) {
  absl::MutexLock lock(&mutex_);
  std::stable_partition(order_.begin(), order_.end(),
                        [&](const HostPort& other) { return !Same(other, host); });
}

void PgHosts::Served(const HostPort& host) {
  absl::MutexLock lock(&mutex_);
  std::stable_partition(order_.begin(), order_.end(),
                        [&](const HostPort& other) { return Same(other, host); });
}

absl::StatusOr<std::unique_ptr<PgConnection>> PgConnection::Open(
    const PgOptions& options, PgHosts& hosts, Deadline deadline,
    const std::atomic<bool>& cancelled) {
  std::string tried;
  std::unique_ptr<PgConnection> second_best;  // a primary, where a standby is only preferred
  for (const HostPort& host : hosts.InOrder()) {
    if (deadline.Passed() || cancelled) break;
    const Deadline own = deadline.AtMost(options.connect_timeout);
    const bool is_socket = host.host.starts_with('/');
    absl::StatusOr<std::vector<std::string>> addresses =
        is_socket ? std::vector<std::string>{""} : ResolveHost(host.host, own);
    absl::Status status = addresses.status();
    for (const std::string& address : addresses.ok() ? *addresses : std::vector<std::string>{}) {
      std::unique_ptr<PgConnection> connection(new PgConnection(options, host, cancelled));
      status = connection->Connect(address, own);
      if (status.ok()) {
        hosts.Served(host);
        return connection;
      }
      if (connection->usable_ && options.target == "prefer-standby") {
        second_best = std::move(connection);
      }
    }
    hosts.Failed(host);
    tried += fmt::format("{}{}:{}: {}", tried.empty() ? "" : "; ", host.host, host.port,
                         View(status.message()));
  }
  if (second_best != nullptr) return second_best;
  if (tried.empty()) tried = "no host to try in the time given";
  return Unavailable("postgresql {}: {}", options.database, tried);
}

PgConnection::~PgConnection() {
  if (connection_ != nullptr) PQfinish(connection_);
}

absl::Status PgConnection::Connect(const std::string& address, Deadline deadline) {
  const std::pair<const char*, std::string> settings[] = {{"host", host_.host},
                                                          {"hostaddr", address},
                                                          {"port", host_.port},
                                                          {"dbname", options_.database},
                                                          {"user", options_.user},
                                                          {"password", options_.password},
                                                          {"application_name", "holdfast"},
                                                          {"gssencmode", "disable"},
                                                          {"keepalives_idle", "5"},
                                                          {"keepalives_interval", "2"},
                                                          {"keepalives_count", "3"}};
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : settings) {
    if (value.empty()) continue;
    keywords.push_back(keyword);
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (connection_ == nullptr) return Unavailable("out of memory");

  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    if (PQstatus(connection_) == CONNECTION_BAD) break;
    if (!WaitFor(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline).ok()) {
      return Unavailable("did not answer in time");
    }
    state = PQconnectPoll(connection_);
  }
  if (state != PGRES_POLLING_OK || PQsetnonblocking(connection_, 1) != 0) {
    return Unavailable("{}", OneLine(PQerrorMessage(connection_)));
  }
  usable_ = true;
  absl::StatusOr<PgResult> answer = Execute(std::string(kSetUpSession) + kState, deadline);
  if (!answer.ok()) {
    usable_ = false;
    return answer.status();
  }
  return MatchesTarget(*answer);
}

absl::Status PgConnection::MatchesTarget(const PgResult& state) const {
  const bool read_only = state.Bool(0, 0);
  const bool standby = state.Bool(0, 1);
  const std::string& target = options_.target;
  if ((target == "read-write" && read_only) || (target == "primary" && standby) ||
      (target == "standby" && !standby) || (target == "prefer-standby" && !standby)) {
    return Unavailable("is {}, wanted {}",
                       standby ? "a standby" : (read_only ? "read-only" : "a primary"), target);
  }
  return absl::OkStatus();
}

absl::Status PgConnection::Check(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult state, Execute(kState, deadline));
  absl::Status status = MatchesTarget(state);
  if (!status.ok() && options_.target != "prefer-standby") {
    usable_ = false;
    return status;
  }
  return absl::OkStatus();
}

bool PgConnection::HungUp() {
  pollfd fd{PQsocket(connection_), POLLIN, 0};
  if (poll(&fd, 1, 0) == 0) return false;
  // Nothing is due on an idle connection but a notice or the end.
  if (PQconsumeInput(connection_) == 1 && PQstatus(connection_) == CONNECTION_OK) {
    fd.revents = 0;
    if (poll(&fd, 1, 0) == 0) return false;
  }
  usable_ = false;
  return true;
}

bool PgConnection::in_transaction() const {
  return PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

absl::StatusOr<PgResult> PgConnection::Query(std::string_view sql,
                                             const std::vector<PgParam>& params,
                                             Deadline deadline) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const PgParam& param : params) {
    if (param.text() && param.text()->find('\0') != std::string::npos) {
      return InvalidArgument("a text with a zero byte cannot be stored");
    }
    values.push_back(param.text() ? param.text()->c_str() : nullptr);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string name, Prepare(sql, deadline));
  const int count = static_cast<int>(values.size());
  const int sent = name.empty() ? PQsendQueryParams(connection_, std::string(sql).c_str(), count,
                                                    nullptr, values.data(), nullptr, nullptr, 0)
                                : PQsendQueryPrepared(connection_, name.c_str(), count,
                                                      values.data(), nullptr, nullptr, 0);
  if (sent == 0) return Lost("send");
  return Finish(deadline);
}

absl::StatusOr<PgResult> PgConnection::Execute(const std::string& script, Deadline deadline) {
  if (!usable_) return Unavailable("connection is not usable");
  if (PQsendQuery(connection_, script.c_str()) == 0) return Lost("send");
  return Finish(deadline);
}

absl::StatusOr<std::string> PgConnection::Prepare(std::string_view sql, Deadline deadline) {
  if (!usable_) return Unavailable("connection is not usable");
  if (const std::string* name = Find(prepared_, sql)) return *name;
  if (prepared_.size() >= kMaxPrepared) return std::string();
  const std::string name = fmt::format("s{}", prepared_.size());
  if (PQsendPrepare(connection_, name.c_str(), std::string(sql).c_str(), 0, nullptr) == 0) {
    return Lost("prepare");
  }
  HOLDFAST_RETURN_IF_ERROR(Finish(deadline).status());
  prepared_.emplace(sql, name);
  return name;
}

// Sends what is left to send and reads all answers of the one request under way.
absl::StatusOr<PgResult> PgConnection::Finish(Deadline deadline) {
  absl::StatusOr<PgResult> answer = Internal("no answer");
  while (true) {
    const int flushed = PQflush(connection_);
    if (flushed < 0) return Lost("send");
    if (PQconsumeInput(connection_) == 0) return Lost("read");
    if (flushed == 0 && PQisBusy(connection_) == 0) {
      PGresult* next = PQgetResult(connection_);
      if (next == nullptr) break;
      PgResult result(next);
      absl::Status status = ErrorOf(result);
      // The first error of a script is the one to tell; nothing runs after it.
      if (!status.ok()) answer = std::move(status);
      if (status.ok()) answer = std::move(result);
      continue;
    }
    const short events = flushed == 0 ? POLLIN : POLLIN | POLLOUT;
    HOLDFAST_RETURN_IF_ERROR(WaitFor(events, deadline));
  }
  if (PQstatus(connection_) != CONNECTION_OK) usable_ = false;
  return answer;
}

absl::Status PgConnection::WaitFor(short events, Deadline deadline) {
  while (true) {
    pollfd fd{PQsocket(connection_), events, 0};
    const int ready = poll(&fd, 1, PollTimeout(deadline));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Lost("wait");
    if (deadline.Passed()) {
      usable_ = false;
      return DeadlineExceeded("postgresql {}:{} did not answer in time", host_.host, host_.port);
    }
    if (cancelled_) {
      usable_ = false;
      return Unavailable("closing");
    }
  }
}

absl::Status PgConnection::Lost(std::string_view doing) {
  usable_ = false;
  return Unavailable("postgresql {}:{}: {}: {}", host_.host, host_.port, doing,
                     OneLine(PQerrorMessage(connection_)));
}

absl::Status PgConnection::ErrorOf(const PgResult& result) {
  const PGresult* raw = result.result_.get();
  const ExecStatusType status = PQresultStatus(raw);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
    return absl::OkStatus();
  }
  const char* sqlstate = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY);
  if (sqlstate == nullptr) return Lost("read");  // libpq's own: the connection broke
  absl::StatusCode code = CodeOf(sqlstate);
  if (code == absl::StatusCode::kUnavailable) usable_ = false;
  // A migration changed the table under a prepared statement: a new connection prepares it anew.
  if (std::string_view(sqlstate) == "0A000" && !prepared_.empty()) {
    usable_ = false;
    code = absl::StatusCode::kAborted;
  }
  return MakeStatus(code, "postgresql: {} ({})", OneLine(message), sqlstate);
}

}  // namespace holdfast::storage
