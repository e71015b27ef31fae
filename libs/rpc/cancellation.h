// The word that nobody wants the answer any more. Travels with a Call to everything that is called
// on its behalf.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace holdfast::rpc {

// Thread-safe.
class Cancellation : public std::enable_shared_from_this<Cancellation> {
 public:
  // Dropped: not told any more. A run that has begun is not waited for.
  class [[nodiscard]] Hook {
   public:
    Hook() = default;
    Hook(Hook&& other) noexcept = default;
    Hook& operator=(Hook&& other) noexcept {
      std::swap(cancellation_, other.cancellation_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~Hook();

   private:
    friend class Cancellation;
    Hook(std::weak_ptr<Cancellation> cancellation, std::uint64_t number)
        : cancellation_(std::move(cancellation)), number_(number) {}

    std::weak_ptr<Cancellation> cancellation_;
    std::uint64_t number_ = 0;
  };

  // Runs what is hooked, on this thread. Once; later calls do nothing.
  void Cancel();
  bool cancelled() const;

  // `then` runs when Cancel does; at once if that was before.
  Hook OnCancel(std::function<void()> then);

 private:
  void Remove(std::uint64_t number);

  mutable absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::pair<std::uint64_t, std::function<void()>>> hooks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::rpc
