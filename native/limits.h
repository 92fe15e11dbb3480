// What the surroundings allow this process: CPUs by cgroup quota and bytes of memory still free. Containers set both
// without changing what the hardware reports. Every function takes the root of the file system, so tests can fake one.
#pragma once
#include <cstdint>
#include <string>

namespace brawn {

// The tightest cgroup (v1 or v2) quota in CPUs, for example 1.5; 0 when there is none.
double cgroup_cpu_quota(const std::string& root = "");

// Bytes that may still be used under the tightest cgroup limit; -1 when there is none.
int64_t cgroup_available_memory(const std::string& root = "");

// Bytes this process may still allocate: what the machine has left and what its cgroup allows; -1 when unknown.
int64_t available_memory(const std::string& root = "");

// The smaller of the machine's memory and the cgroup limit; -1 when unknown.
int64_t total_memory(const std::string& root = "");

}  // namespace brawn
