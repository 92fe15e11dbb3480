// Quotas and memory limits read from made-up file systems: cgroup v1 and v2, nested, and seen from inside a container.
#include "limits.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/check.h"

using namespace brawn;

namespace {

class FakeRoot {
 public:
  FakeRoot() {
    char name[] = "/tmp/brawn-limits-XXXXXX";
    CHECK(mkdtemp(name) != nullptr);
    path = name;
    write("/proc/meminfo", "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:    8000 kB\n");
  }
  ~FakeRoot() { CHECK_EQ(system(("rm -rf '" + path + "'").c_str()), 0); }

  void write(const std::string& file, const std::string& text) {
    for (size_t i = 1; i < file.size(); ++i) {
      if (file[i] == '/') mkdir((path + file.substr(0, i)).c_str(), 0755);
    }
    FILE* out = fopen((path + file).c_str(), "w");
    CHECK(out != nullptr);
    fwrite(text.data(), 1, text.size(), out);
    fclose(out);
  }

  std::string path;
};

void test_nothing() {
  FakeRoot root;
  CHECK_EQ(cgroup_cpu_quota(root.path), 0.0);
  CHECK_EQ(cgroup_available_memory(root.path), -1);
  CHECK_EQ(available_memory(root.path), 8000 * 1024);
  CHECK_EQ(total_memory(root.path), 16000 * 1024);
}

void test_v2() {
  FakeRoot root;
  root.write("/proc/self/cgroup", "0::/outer/inner\n");
  root.write("/proc/self/mountinfo", "30 23 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  root.write("/cg/outer/cpu.max", "150000 100000\n");
  root.write("/cg/outer/inner/cpu.max", "max 100000\n");
  root.write("/cg/outer/memory.max", "max\n");
  root.write("/cg/outer/inner/memory.max", "4096000\n");
  root.write("/cg/outer/inner/memory.current", "3000000\n");
  root.write("/cg/outer/inner/memory.stat", "anon 2\ninactive_file 1000000\nactive_file 5\n");
  CHECK_EQ(cgroup_cpu_quota(root.path), 1.5);
  CHECK_EQ(cgroup_available_memory(root.path), 2096000);
  CHECK_EQ(available_memory(root.path), 2096000);
  CHECK_EQ(total_memory(root.path), 4096000);
  root.write("/cg/outer/inner/cpu.max", "50000 100000\n");
  CHECK_EQ(cgroup_cpu_quota(root.path), 0.5);
}

void test_v1_in_container() {
  FakeRoot root;
  root.write("/proc/self/cgroup",
             "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/x\n");
  root.write("/proc/self/mountinfo",
             "40 30 0:30 /docker/abc /cg/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
             "41 30 0:31 /docker/abc /cg/memory ro master:1 - cgroup cgroup rw,memory\n");
  root.write("/cg/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  root.write("/cg/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  root.write("/cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("/cg/memory/memory.usage_in_bytes", "1000\n");
  CHECK_EQ(cgroup_cpu_quota(root.path), 0.0);
  CHECK_EQ(cgroup_available_memory(root.path), -1);
  root.write("/cg/cpu,cpuacct/cpu.cfs_quota_us", "230000\n");
  root.write("/cg/memory/memory.limit_in_bytes", "5000\n");
  root.write("/cg/memory/memory.stat", "inactive_file 3\ntotal_inactive_file 100\n");
  CHECK_EQ(cgroup_cpu_quota(root.path), 2.3);
  CHECK_EQ(cgroup_available_memory(root.path), 4100);
}

}  // namespace

int main() {
  test_nothing();
  test_v2();
  test_v1_in_container();
}
