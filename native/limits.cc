// Reads cgroup files and memory statistics; see limits.h.
#include "limits.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <vector>

#if defined(__APPLE__)
#include <mach/mach.h>
#include <sys/sysctl.h>
#endif

namespace brawn {
namespace {

bool read_text(const std::string& path, std::string* text) {
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  text->clear();
  char chunk[4096];
  size_t count;
  while ((count = fread(chunk, 1, sizeof chunk, file)) > 0) text->append(chunk, count);
  fclose(file);
  return true;
}

// The first integer of a file; false for a missing file and for "max".
bool read_number(const std::string& path, int64_t* value) {
  std::string text;
  if (!read_text(path, &text)) return false;
  char* end = nullptr;
  *value = strtoll(text.c_str(), &end, 10);
  return end != text.c_str();
}

// The number after `key` at the start of a line: "MemAvailable:   123 kB", "inactive_file 4096".
bool find_number(const std::string& text, const std::string& key, int64_t* value) {
  for (size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    *value = strtoll(text.c_str() + at + key.size(), nullptr, 10);
    return true;
  }
  return false;
}

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');) {
    if (each == word) return true;
  }
  return false;
}

// The directories that may hold this process's limits for one controller, from its own cgroup up to the mount point.
struct CgroupLevels {
  bool v2 = false;
  std::vector<std::string> directories;
};

// The path of this process in the hierarchy of `controller`; "" means version 2.
bool find_cgroup_path(const std::string& root, const std::string& controller, std::string* path) {
  std::string text;
  if (!read_text(root + "/proc/self/cgroup", &text)) return false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? !controllers.empty() || line[0] != '0' : !has_word(controllers, controller)) continue;
    *path = line.substr(second + 1);
    return true;
  }
  return false;
}

bool find_mount(const std::string& root, const std::string& controller, std::string* point, std::string* inside) {
  std::string text;
  if (!read_text(root + "/proc/self/mountinfo", &text)) return false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::string skip;
    std::string type;
    std::string options;
    std::istringstream right(line.substr(dash + 3));
    right >> type >> skip >> options;
    if (controller.empty() ? type != "cgroup2" : type != "cgroup" || !has_word(options, controller)) continue;
    std::istringstream left(line);
    left >> skip >> skip >> skip >> *inside >> *point;
    return true;
  }
  return false;
}

bool find_levels_of(const std::string& root, const std::string& controller, std::vector<std::string>* directories) {
  std::string path;
  std::string point;
  std::string inside;
  if (!find_cgroup_path(root, controller, &path) || !find_mount(root, controller, &point, &inside)) return false;
  // Inside a container the mount shows only part of the hierarchy that the path is written in.
  if (inside != "/") path = path.compare(0, inside.size(), inside) == 0 ? path.substr(inside.size()) : "";
  if (path.find("/..") != std::string::npos) path.clear();
  while (!path.empty() && path.back() == '/') path.pop_back();
  for (;;) {
    directories->push_back(root + point + path);
    if (path.empty()) return true;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

CgroupLevels find_levels(const std::string& root, const std::string& controller) {
  CgroupLevels levels;
  if (find_levels_of(root, controller, &levels.directories)) return levels;
  levels.v2 = true;
  find_levels_of(root, "", &levels.directories);
  return levels;
}

bool read_quota(const std::string& directory, bool v2, double* cpus) {
  int64_t quota = 0;
  int64_t period = 0;
  if (v2) {
    std::string text;
    if (!read_text(directory + "/cpu.max", &text) || text.compare(0, 3, "max") == 0) return false;
    std::istringstream words(text);
    words >> quota >> period;
  } else if (!read_number(directory + "/cpu.cfs_quota_us", &quota) ||
             !read_number(directory + "/cpu.cfs_period_us", &period)) {
    return false;
  }
  if (quota <= 0 || period <= 0) return false;
  *cpus = static_cast<double>(quota) / static_cast<double>(period);
  return true;
}

bool read_memory_limit(const std::string& directory, bool v2, int64_t* limit) {
  // Version 1 writes "no limit" as a number near 2^63.
  return read_number(directory + (v2 ? "/memory.max" : "/memory.limit_in_bytes"), limit) && *limit >= 0 &&
         *limit < (int64_t{1} << 60);
}

int64_t smaller_known(int64_t a, int64_t b) {
  if (a < 0) return b;
  return b < 0 || a < b ? a : b;
}

#if defined(__APPLE__)
int64_t machine_available(const std::string&) {
  vm_statistics64_data_t statistics;
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  const mach_port_t host = mach_host_self();
  if (host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&statistics), &count) != KERN_SUCCESS) {
    return -1;
  }
  return (static_cast<int64_t>(statistics.free_count) + statistics.inactive_count) * getpagesize();
}

int64_t machine_total(const std::string&) {
  int64_t bytes = 0;
  size_t size = sizeof bytes;
  return sysctlbyname("hw.memsize", &bytes, &size, nullptr, 0) == 0 ? bytes : -1;
}
#else
int64_t read_meminfo(const std::string& root, const char* key) {
  std::string text;
  int64_t kilobytes = 0;
  if (!read_text(root + "/proc/meminfo", &text) || !find_number(text, key, &kilobytes)) return -1;
  return kilobytes * 1024;
}

int64_t machine_available(const std::string& root) { return read_meminfo(root, "MemAvailable:"); }
int64_t machine_total(const std::string& root) { return read_meminfo(root, "MemTotal:"); }
#endif

}  // namespace

double cgroup_cpu_quota(const std::string& root) {
  const CgroupLevels levels = find_levels(root, "cpu");
  double tightest = 0;
  for (const std::string& directory : levels.directories) {
    double cpus = 0;
    if (read_quota(directory, levels.v2, &cpus) && (tightest == 0 || cpus < tightest)) tightest = cpus;
  }
  return tightest;
}

int64_t cgroup_available_memory(const std::string& root) {
  const CgroupLevels levels = find_levels(root, "memory");
  int64_t tightest = -1;
  for (const std::string& directory : levels.directories) {
    int64_t limit = 0;
    int64_t used = 0;
    if (!read_memory_limit(directory, levels.v2, &limit)) continue;
    if (!read_number(directory + (levels.v2 ? "/memory.current" : "/memory.usage_in_bytes"), &used)) continue;
    std::string statistics;
    int64_t cache = 0;
    // File pages the kernel drops first are counted as used but are there for the taking.
    if (read_text(directory + "/memory.stat", &statistics)) {
      find_number(statistics, levels.v2 ? "inactive_file " : "total_inactive_file ", &cache);
    }
    const int64_t left = limit - used + cache;
    tightest = smaller_known(tightest, left < 0 ? 0 : left);
  }
  return tightest;
}

int64_t available_memory(const std::string& root) {
  return smaller_known(machine_available(root), cgroup_available_memory(root));
}

int64_t total_memory(const std::string& root) {
  const CgroupLevels levels = find_levels(root, "memory");
  int64_t total = machine_total(root);
  for (const std::string& directory : levels.directories) {
    int64_t limit = 0;
    if (read_memory_limit(directory, levels.v2, &limit)) total = smaller_known(total, limit);
  }
  return total;
}

}  // namespace brawn
