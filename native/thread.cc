// Detached POSIX threads with a known stack size; see thread.h.
#include "thread.h"

#include <pthread.h>
#include <signal.h>

#include <cstddef>

namespace brawn {
namespace {

constexpr size_t kStackBytes = size_t{4} << 20;

struct Start {
  void (*body)(void*);
  void* argument;
  const char* name;
};

void* enter(void* data) {
  const Start start = *static_cast<Start*>(data);
  delete static_cast<Start*>(data);
#if defined(__APPLE__)
  pthread_setname_np(start.name);
#else
  pthread_setname_np(pthread_self(), start.name);
#endif
  start.body(start.argument);
  return nullptr;
}

}  // namespace

bool start_thread(void (*body)(void*), void* argument, const char* name) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // The new thread inherits the mask: signals stay with the threads of Node.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Start* start = new Start{body, argument, name};
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, enter, start) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (!started) delete start;
  return started;
}

}  // namespace brawn
