#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "base/position.h"

// A record's JSON form. A record names its members once, in a function Members(visitor, record)
// beside it, which writing and reading both walk, so that they cannot differ. Reading wants every
// member to be there and of its type.

namespace cdc {

// What reading does with a member that no Members names.
enum class Unknown {
  kRefused,     // what a person edited wrongly is never half understood
  kPassedOver,  // a newer program may say more
};

// T is Record or const Record: one Members serves both ways.
template <typename T, typename Record>
concept Is = std::same_as<std::remove_const_t<T>, Record>;

// Of what Members cannot say: an overload for a record refuses members that contradict each other.
template <typename Record>
arrow::Status CheckMembers(const Record&, const std::string& /*what*/) {
  return arrow::Status::OK();
}

class MemberWriter {
 public:
  template <typename T>
  void Member(const char* name, const T& value) {
    json_[name] = Write(value);
  }

  template <typename T>
  void MemberUnlessEmpty(const char* name, const T& value) {
    if (!IsEmpty(value)) Member(name, value);
  }

  static bool IsEmpty(int64_t value) { return value == 0; }
  template <typename T>
  static bool IsEmpty(const T& value) {
    return value.empty();
  }

  static Json Write(const std::string& value) { return value; }
  static Json Write(const Position& value) { return value.ToString(); }
  static Json Write(const Lsn& value) { return value.ToString(); }

  template <std::integral T>
  static Json Write(const T& value) {
    return value;
  }
  template <typename T>
  static Json Write(const std::optional<T>& value) {
    return value ? Write(*value) : Json(nullptr);
  }
  template <typename T>
  static Json Write(const std::vector<T>& values) {
    Json json = Json::array();
    for (const T& value : values) json.push_back(Write(value));
    return json;
  }
  template <typename T>
  static Json Write(const std::map<std::string, T>& values) {
    Json json = Json::object();
    for (const auto& [name, value] : values) json[name] = Write(value);
    return json;
  }
  template <typename Record>
  static Json Write(const Record& record) {
    MemberWriter writer;
    Members(writer, record);
    return std::move(writer.json_);
  }

 private:
  Json json_ = Json::object();
};

template <Unknown kUnknown>
class MemberReader {
  using Status = arrow::Status;

 public:
  // `what` is the record's name in messages, "" for the whole document.
  MemberReader(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
    if (!json.is_object()) Add(Wrong(what_, "is not an object"));
  }

  template <typename T>
  void Member(const char* name, T& value) {
    if (!json_.is_object()) return;
    seen_.insert(name);
    const auto member = json_.find(name);
    if (member == json_.end()) return Add(Wrong(what_, std::string("lacks ") + name));
    Add(Read(*member, what_.empty() ? name : what_ + ", " + name, &value));
  }

  template <typename T>
  void MemberUnlessEmpty(const char* name, T& value) {
    if (json_.is_object() && json_.contains(name)) Member(name, value);
  }

  // The first thing that was wrong.
  arrow::Status Finish() {
    if (!json_.is_object() || kUnknown == Unknown::kPassedOver) return status_;
    for (const auto& [name, value] : json_.items()) {
      if (!seen_.contains(name)) Add(Wrong(what_, "has an unknown member " + name));
    }
    return status_;
  }

  // A value of any of the types that a member may have; `what` is its name in messages.
  static Status Read(const Json& json, const std::string& what, std::string* out) {
    if (!json.is_string()) return Wrong(what, "is not a string");
    *out = json.get<std::string>();
    return Status::OK();
  }
  static Status Read(const Json& json, const std::string& what, bool* out) {
    if (!json.is_boolean()) return Wrong(what, "is not true or false");
    *out = json.get<bool>();
    return Status::OK();
  }
  template <std::integral T>
  static Status Read(const Json& json, const std::string& what, T* out) {
    if (!json.is_number_integer()) return Wrong(what, "is not a whole number");
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<uint64_t>())
                                                : std::in_range<T>(json.get<int64_t>());
    if (!fits) return Wrong(what, "is beyond " + std::to_string(8 * sizeof(T)) + " bits");
    *out = json.get<T>();
    return *out < 0 ? Wrong(what, "is negative") : Status::OK();
  }
  static Status Read(const Json& json, const std::string& what, Position* out) {
    return ReadParsed(json, what, out);
  }
  static Status Read(const Json& json, const std::string& what, Lsn* out) {
    return ReadParsed(json, what, out);
  }

  template <typename T>
  static Status Read(const Json& json, const std::string& what, std::optional<T>* out) {
    out->reset();
    return json.is_null() ? Status::OK() : Read(json, what, &out->emplace());
  }
  template <typename T>
  static Status Read(const Json& json, const std::string& what, std::vector<T>* out) {
    if (!json.is_array()) return Wrong(what, "is not a list");
    for (const Json& element : json) {
      ARROW_RETURN_NOT_OK(Read(element, ElementOf(what), &out->emplace_back()));
    }
    return Status::OK();
  }
  template <typename T>
  static Status Read(const Json& json, const std::string& what, std::map<std::string, T>* out) {
    if (!json.is_object()) return Wrong(what, "is not an object");
    for (const auto& [name, element] : json.items()) {
      ARROW_RETURN_NOT_OK(Read(element, ElementOf(what) + " " + name, &(*out)[name]));
    }
    return Status::OK();
  }
  template <typename Record>
  static Status Read(const Json& json, const std::string& what, Record* record) {
    MemberReader reader(json, what);
    Members(reader, *record);
    ARROW_RETURN_NOT_OK(reader.Finish());
    return CheckMembers(*record, what);
  }

 private:
  static Status Wrong(const std::string& what, const std::string& how) {
    return Status::Invalid(what.empty() ? "it" : what, " ", how);
  }

  // Of "table dbo.A, gaps" an element is "table dbo.A, gap".
  static std::string ElementOf(const std::string& what) {
    return what.ends_with('s') ? what.substr(0, what.size() - 1) : what;
  }

  void Add(const Status& status) {
    if (status_.ok()) status_ = status;
  }

  template <typename T>
  static Status ReadParsed(const Json& json, const std::string& what, T* out) {
    std::string text;
    ARROW_RETURN_NOT_OK(Read(json, what, &text));
    const Status parsed = T::Parse(text).Value(out);
    return parsed.ok() ? parsed : Status::Invalid(what, ": ", parsed.message());
  }

  const Json& json_;
  std::string what_;
  std::set<std::string> seen_;
  Status status_;
};

}  // namespace cdc
