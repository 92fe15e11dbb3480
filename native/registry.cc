// Collects kernel rows and parses their signatures; see registry.h.
#include "registry.h"

#include <sstream>

namespace brawn {
namespace {

bool take_suffix(std::string* word, const std::string& suffix) {
  if (word->size() < suffix.size() || word->compare(word->size() - suffix.size(), suffix.size(), suffix) != 0) {
    return false;
  }
  word->resize(word->size() - suffix.size());
  return true;
}

bool is_name(const std::string& word) {
  for (char c : word) {
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return !word.empty();
}

bool parse_operands(const char* text, std::vector<OperandSpec>* operands) {
  std::istringstream words(text);
  bool output = false;
  for (std::string word; words >> word;) {
    if (word == "->") {
      if (output) return false;
      output = true;
      continue;
    }
    OperandSpec operand = {};
    operand.output = output;
    operand.optional = take_suffix(&word, "?");
    operand.list = !operand.optional && take_suffix(&word, "*");
    operand.name = word;
    if (!is_name(word)) return false;
    operands->push_back(operand);
  }
  return output;
}

bool parse_params(const char* text, std::vector<ParamSpec>* params) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    ParamSpec param = {};
    param.list = take_suffix(&word, "[]");
    param.real = take_suffix(&word, ":f");
    if (!param.real) take_suffix(&word, ":i");
    param.name = word;
    if (!is_name(word)) return false;
    params->push_back(param);
  }
  return true;
}

}  // namespace

bool Registry::add(const KernelTable& table, const char* isa) {
  for (int i = 0; i < table.count; ++i) {
    const KernelRow& row = table.rows[i];
    Kernel kernel = {&row, isa, {}, {}};
    if (!parse_operands(row.operands, &kernel.operands) || !parse_params(row.params, &kernel.params) ||
        row.phases < 1 || row.tasks == nullptr || row.run == nullptr) {
      error_ = "kernel " + std::string(row.name) + " (" + isa + "): malformed row: operands \"" + row.operands +
               "\", params \"" + row.params + "\"";
      return false;
    }
    const auto place = ids_.emplace(row.name, static_cast<int>(kernels_.size()));
    if (place.second) {
      kernels_.push_back(kernel);
      continue;
    }
    Kernel& old = kernels_[place.first->second];
    if (std::string(old.row->operands) != row.operands || std::string(old.row->params) != row.params) {
      error_ = "kernel " + std::string(row.name) + ": signatures for " + old.isa + " and " + isa + " differ";
      return false;
    }
    old = kernel;
  }
  return true;
}

int Registry::find(const std::string& name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? -1 : found->second;
}

}  // namespace brawn
