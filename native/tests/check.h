// Assertions for the native tests: they work in release builds and say where and what.
#pragma once
#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                      \
    }                                                                               \
  } while (false)

#define CHECK_EQ(actual, expected)                                                                                 \
  do {                                                                                                             \
    const auto check_a = (actual);                                                                                 \
    const auto check_e = (expected);                                                                               \
    if (!(check_a == check_e)) {                                                                                   \
      fprintf(stderr, "%s:%d: %s is %g, expected %g\n", __FILE__, __LINE__, #actual, static_cast<double>(check_a), \
              static_cast<double>(check_e));                                                                       \
      exit(1);                                                                                                     \
    }                                                                                                              \
  } while (false)
