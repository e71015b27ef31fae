// What ThreadSanitizer is told at the start of every program of the tsan preset.

extern "C" const char* __tsan_default_options() {
  // The first report ends a program with an exit status of its own, so that no test passes over it.
  return "halt_on_error=1:second_deadlock_stack=1:history_size=4";
}

// Reports about memory that libraries without instrumentation share between threads by means that
// the sanitizer does not see (a frame or an allocation of theirs is in the report). Nothing of ours
// may stand here.
extern "C" const char* __tsan_default_suppressions() {
  return "race:libgrpc\n"
         "race:libupb.so\n"
         "race:libabsl_\n"
         "race:libprotobuf.so\n"
         "race:libcrypto.so\n";
}
