#include "rules/object_form.h"

#include <fmt/format.h>

#include <utility>

#include "base/spool.h"
#include "columns/options.h"
#include "columns/parquet_forms.h"

namespace cdc::rules {

namespace {

using Words = std::map<std::string, std::string>;

constexpr size_t kDigestDigits = 16;

// A word of one column stays: its table's may be another one.
Words WithoutDefaults(const Words& words) {
  Words others;
  for (const auto& [name, word] : words) {
    const columns::OptionKey* key = columns::FindOption(name);
    if (key == nullptr || key->default_word != word) others.emplace(name, word);
  }
  return others;
}

template <typename Change>
std::string Listed(const std::vector<Change>& changes, const std::string Change::*name) {
  std::string text;
  for (const Change& change : changes) {
    text += fmt::format("{}{} from {} to {}", text.empty() ? "" : ", ", change.*name, change.before,
                        change.now);
  }
  return text;
}

}  // namespace

std::string DigestOf(const ObjectForm& form) {
  // No name holds a zero byte.
  std::string text;
  for (const auto& field : form.fields) {
    text.append(field->name()).append(1, '\0');
    text.append(columns::ParquetTypeText(*field)).append(1, '\0');
  }
  for (const auto& [name, word] : WithoutDefaults(form.options)) {
    text.append(name).append(1, '\0').append(word).append(1, '\0');
  }
  return ToHex(Sha256Of(text)).substr(0, kDigestDigits);
}

FormChange Unchanged(const state::FolderForm& folder) {
  FormChange change;
  change.form = folder;
  return change;
}

FormChange ChangeOf(const state::FolderForm& folder, const std::optional<ObjectForm>& last,
                    const ObjectForm& next) {
  FormChange change;
  change.alone.last = DigestOf(next);
  change.form = change.alone;
  if (!last) return change;
  const auto all = columns::WithObject(folder.earlier_types, last->fields).columns;
  auto judged = columns::WithObject(all, next.fields);
  change.form.earlier_types = columns::BeyondObject(judged.columns, next.fields);
  change.types = std::move(judged.conflicts);
  change.options =
      columns::ChangedOptions(WithoutDefaults(last->options), WithoutDefaults(next.options));
  return change;
}

FormChange NotCompared(const state::FolderForm& folder, const ObjectForm& next, std::string why) {
  FormChange change = ChangeOf(folder, ObjectForm{{}, next.options}, next);
  change.not_compared = std::move(why);
  return change;
}

std::string TextOf(const std::vector<columns::TypeChange>& changes) {
  return Listed(changes, &columns::TypeChange::column);
}

std::string TextOf(const std::vector<columns::OptionChange>& changes) {
  return Listed(changes, &columns::OptionChange::option);
}

}  // namespace cdc::rules
