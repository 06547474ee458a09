#include "app/verbs/findings.h"

#include <fmt/format.h>

#include "app/human.h"
#include "app/print.h"
#include "app/wiring.h"

namespace cdc::app {

namespace {

constexpr size_t kIndent = 8;  // "  note  "

}  // namespace

void Findings::Settings(const config::Config& config) {
  for (const auto& [key, value, origin] : config::SettingsOf(config)) {
    if (!json_) Say("{} = {}  ({})\n", key, value, origin);
    settings_.push_back({{"key", key}, {"value", value}, {"origin", origin}});
  }
}

void Findings::Memory(const config::Config& config) {
  memory_ = {{"peak_bytes", PeakMemoryBytes(config)}, {"long_value_bytes", LongValueBytes(config)}};
  Good(MemoryFormula(config));
}

void Findings::Section(const std::string& name) {
  section_ = name;
  if (!json_) Say("{}\n", name);
}

void Findings::Add(const std::string& verdict, const std::string& what) {
  findings_.push_back({section_, verdict, what});
  if (json_) return;
  Say("  {:<6}{}\n", verdict == "bad" ? "BAD" : verdict, Wrap(what, kIndent));
}

void Findings::PrintDocument(const std::vector<std::string>& to_fix) const {
  Json findings = Json::array();
  for (const Finding& finding : findings_) {
    findings.push_back(
        {{"section", finding.section}, {"verdict", finding.verdict}, {"what", finding.what}});
  }
  PrintJson({{"ok", to_fix.empty()},
             {"settings", settings_},
             {"memory", memory_},
             {"findings", findings},
             {"to_fix", to_fix}});
}

int Findings::Conclude() const {
  std::vector<std::string> to_fix;
  for (const Finding& finding : findings_) {
    if (finding.verdict == "bad") to_fix.push_back(finding.what);
  }
  const int code = to_fix.empty() ? kExitDone : kExitFailed;
  if (json_) {
    PrintDocument(to_fix);
  } else if (to_fix.empty()) {
    Say("\nEverything is in place: cdc-to-s3 run\n");
  } else {
    Say("\nTo fix:\n");
    for (size_t i = 0; i < to_fix.size(); ++i) {
      const std::string number = fmt::format("  {}. ", i + 1);
      Say("{}{}\n", number, Wrap(to_fix[i], number.size()));
    }
  }
  return code;
}

}  // namespace cdc::app
