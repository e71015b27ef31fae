// Counts what still holds connections, so that the last of them is never dropped by gRPC itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace holdfast::rpc {

// gRPC's own threads run callbacks, and a callback holds its call, which holds the channel. Were
// the last channel of the process dropped there, that thread would end and join the threads it is
// one of. So whoever owns channels waits until every callback has let go of everything: each holds
// a Place, declared so that it is destroyed last.
//
// Thread-safe. Shared by its places.
class UnderWay : public std::enable_shared_from_this<UnderWay> {
 public:
  class [[nodiscard]] Place {
   public:
    Place() = default;
    explicit Place(std::shared_ptr<UnderWay> under_way) : under_way_(std::move(under_way)) {
      under_way_->count_.fetch_add(1, std::memory_order_relaxed);
    }
    Place(const Place& other) : under_way_(other.under_way_) {
      if (under_way_) under_way_->count_.fetch_add(1, std::memory_order_relaxed);
    }
    Place(Place&& other) noexcept : under_way_(std::move(other.under_way_)) {}
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (under_way_ && under_way_->count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        under_way_->count_.notify_all();
      }
    }

   private:
    std::shared_ptr<UnderWay> under_way_;
  };

  Place Enter() { return Place(shared_from_this()); }

  // The caller sees to it that nobody enters any more but those who are in.
  void WaitUntilNobody() const {
    for (auto n = count_.load(std::memory_order_acquire); n != 0;
         n = count_.load(std::memory_order_acquire)) {
      count_.wait(n, std::memory_order_acquire);
    }
  }

 private:
  std::atomic<std::int64_t> count_ = 0;
};

}  // namespace holdfast::rpc
