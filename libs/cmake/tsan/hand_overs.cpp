// Order between threads that libraries without instrumentation make by atomics, told to
// ThreadSanitizer; for the tsan preset only.
//
// gRPC hands an operation to another thread through lock-free queues and reference counts that the
// sanitizer cannot see, and our callback runs there. Whatever a thread did before it entered one of
// the functions below counts as done before what another thread does after it left one. That is a
// little more order than gRPC promises, never less than it needs.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstddef>
#include <cstdint>

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

namespace {

char grpc_order;

template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

struct HandOver {
  HandOver() { __tsan_release(&grpc_order); }
  ~HandOver() { __tsan_acquire(&grpc_order); }
};

}  // namespace

#define HOLDFAST_SYMBOL_PUSH "_ZN9grpc_core32MultiProducerSingleConsumerQueue4PushEPNS0_4NodeE"
#define HOLDFAST_SYMBOL_POP "_ZN9grpc_core32MultiProducerSingleConsumerQueue3PopEv"
#define HOLDFAST_SYMBOL_POP_AND_CHECK \
  "_ZN9grpc_core32MultiProducerSingleConsumerQueue14PopAndCheckEndEPb"
#define HOLDFAST_SYMBOL_UNREF "_ZN4absl7debian36Status15UnrefNonInlinedEm"

extern "C" {

bool QueuePush(void* queue, void* node) __asm__(HOLDFAST_SYMBOL_PUSH);
bool QueuePush(void* queue, void* node) {
  static auto* const real = Real<bool(void*, void*)>(HOLDFAST_SYMBOL_PUSH);
  const HandOver hand_over;
  return real(queue, node);
}

void* QueuePop(void* queue) __asm__(HOLDFAST_SYMBOL_POP);
void* QueuePop(void* queue) {
  static auto* const real = Real<void*(void*)>(HOLDFAST_SYMBOL_POP);
  const HandOver hand_over;
  return real(queue);
}

void* QueuePopAndCheckEnd(void* queue, bool* empty) __asm__(HOLDFAST_SYMBOL_POP_AND_CHECK);
void* QueuePopAndCheckEnd(void* queue, bool* empty) {
  static auto* const real = Real<void*(void*, bool*)>(HOLDFAST_SYMBOL_POP_AND_CHECK);
  const HandOver hand_over;
  return real(queue, empty);
}

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, std::size_t nops,
                                      void* tag, void* reserved) {
  static auto* const real = Real<decltype(grpc_call_start_batch)>("grpc_call_start_batch");
  const HandOver hand_over;
  return real(call, ops, nops, tag, reserved);
}

// gRPC asks the time and takes memory whenever it takes something up.
gpr_timespec gpr_now(gpr_clock_type clock) {
  static auto* const real = Real<decltype(gpr_now)>("gpr_now");
  const HandOver hand_over;
  return real(clock);
}

void* gpr_malloc(std::size_t size) {
  static auto* const real = Real<decltype(gpr_malloc)>("gpr_malloc");
  const HandOver hand_over;
  return real(size);
}

void* gpr_zalloc(std::size_t size) {
  static auto* const real = Real<decltype(gpr_zalloc)>("gpr_zalloc");
  const HandOver hand_over;
  return real(size);
}

void gpr_free(void* memory) {
  static auto* const real = Real<decltype(gpr_free)>("gpr_free");
  const HandOver hand_over;
  real(memory);
}

// The count of references of an absl::Status: the last one deletes what the others read.
void StatusUnref(std::uintptr_t rep) __asm__(HOLDFAST_SYMBOL_UNREF);
void StatusUnref(std::uintptr_t rep) {
  static auto* const real = Real<void(std::uintptr_t)>(HOLDFAST_SYMBOL_UNREF);
  __tsan_release(reinterpret_cast<void*>(rep));
  __tsan_acquire(reinterpret_cast<void*>(rep));
  real(rep);
}

}  // extern "C"
