// A body that is made once and sent many times.
//
// A large one lies in a memory file of its own, out of which sendfile(2) hands the kernel the pages
// themselves: an answer copies nothing, and a slow client holds no copy in its socket. Pages that
// are still on their way outlive the file. A small one stays on the heap, where one gather write
// with the head is cheaper; so do all when the process has given memory files enough descriptors.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace holdfast::http {

// Immutable; any thread.
class StoredBody {
 public:
  explicit StoredBody(std::string bytes);
  ~StoredBody();
  StoredBody(const StoredBody&) = delete;
  StoredBody& operator=(const StoredBody&) = delete;

  std::size_t size() const { return size_; }
  std::string Copy() const;

  // Where the bytes are: in a file from its start (-1: in none), or in `heap`.
  int file() const { return file_; }
  std::string_view heap() const { return heap_; }

 private:
  const std::size_t size_;
  int file_ = -1;
  std::string heap_;
};

using SharedBody = std::shared_ptr<const StoredBody>;

inline SharedBody Store(std::string bytes) {
  return std::make_shared<const StoredBody>(std::move(bytes));
}

}  // namespace holdfast::http
