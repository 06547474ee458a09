#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cdc::status {

// Writes Prometheus' text format 0.0.4: families one after the other, samples of one together.
// https://prometheus.io/docs/instrumenting/exposition_formats/
class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family: `name` without the common prefix; `type` is counter, gauge or histogram.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  // A sample of that family.
  void Add(double value, Labels labels = {}) { Sample("", value, labels); }
  // With the suffix that the samples of a histogram have: _bucket, _sum, _count.
  void Sample(std::string_view suffix, double value, Labels labels);

  std::string Take() { return std::move(text_); }

 private:
  std::string family_;
  std::string text_;
};

}  // namespace cdc::status
