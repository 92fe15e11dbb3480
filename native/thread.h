// Starts the detached threads of the pool and the scheduler. std::thread would throw when the system refuses, and
// gives no say in the stack size, which musl keeps far too small.
#pragma once

namespace brawn {

// Runs body(argument) on a new detached thread that takes no signals; false when the system refuses.
bool start_thread(void (*body)(void*), void* argument, const char* name);

// Tells the core that the calling thread is spinning.
inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace brawn
