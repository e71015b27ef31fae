// Many short-lived things, found by handles that notice when the thing has gone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace holdfast::sim {

using Handle = std::uint64_t;  // 0: nothing
inline constexpr Handle kNothing = 0;

// Addresses stay valid until Free. A handle is never given twice.
template <class T>
class Slab {
 public:
  Handle Make() {
    if (free_.empty()) Grow();
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = At(index);
    slot.value.emplace();
    return Handle{++slot.generation} << 32 | index;
  }

  // Null: it has been freed.
  T* Find(Handle handle) {
    if (handle == kNothing) return nullptr;
    Slot& slot = At(static_cast<std::uint32_t>(handle));
    return slot.value && slot.generation == handle >> 32 ? &*slot.value : nullptr;
  }

  void Free(Handle handle) {
    const auto index = static_cast<std::uint32_t>(handle);
    At(index).value.reset();
    free_.push_back(index);
  }

  std::size_t in_use() const { return chunks_.size() * kChunk - free_.size(); }

 private:
  static constexpr std::uint32_t kChunk = 1024;
  struct Slot {
    std::optional<T> value;
    std::uint32_t generation = 0;
  };

  Slot& At(std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }

  void Grow() {
    const auto first = static_cast<std::uint32_t>(chunks_.size()) * kChunk;
    chunks_.push_back(std::make_unique<Slot[]>(kChunk));
    for (std::uint32_t i = kChunk; i > 0; --i) free_.push_back(first + i - 1);
  }

  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::vector<std::uint32_t> free_;
};

}  // namespace holdfast::sim
