// Why a column's first rows decide, and not the library.
//
// Arrow gives a dictionary up when it is full, at the end of its first page at the earliest. Until
// then a column of nearly unique numbers, times, decimals or keys has cost more bytes than it has,
// hash tables several times as large (which end row groups early, for memory is bounded), and the
// time to fill them. 22 to 51 % of a file were measured. parquet-java gives up after the first page;
// here the first rows are counted before there is one, so that nothing of a useless dictionary is
// written.
//
// What is compared is what is there before compression. Values that repeat compress well without a
// dictionary, too; so it has to save a quarter.

#include "parquet/dictionary_choice.h"

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/type_traits.h>

#include <bit>
#include <functional>
#include <string_view>

namespace cdc::pq {
namespace {

constexpr int64_t kLengthBytes = 4;  // before each value of any length
// A page's header, and its place in the footer.
constexpr int64_t kDictionaryPageBytes = 64;

// Tells values apart by their hashes: two that share one do no harm.
class Distinct {
 public:
  explicit Distinct(int64_t values_max)
      : slots_(std::bit_ceil(static_cast<size_t>(2 * values_max + 2))) {}

  bool IsNew(std::string_view value) {
    const size_t hash = std::hash<std::string_view>()(value) | 1;  // 0: an empty slot
    const size_t mask = slots_.size() - 1;
    for (size_t at = (hash >> 1) & mask;; at = (at + 1) & mask) {
      if (slots_[at] == hash) return false;
      if (slots_[at] == 0) {
        slots_[at] = hash;
        ++count_;
        return true;
      }
    }
  }

  int64_t count() const { return count_; }

 private:
  std::vector<size_t> slots_;
  int64_t count_ = 0;
};

// Calls with the bytes of each value that is not NULL.
template <typename Take>
void ForEachValue(const arrow::Array& array, const Take& take) {
  if (array.type_id() == arrow::Type::EXTENSION) {
    return ForEachValue(*static_cast<const arrow::ExtensionArray&>(array).storage(), take);
  }
  const bool any_length = arrow::is_binary_like(array.type_id());
  const int64_t width = any_length ? 0 : array.type()->bit_width() / 8;
  const auto* fixed =
      any_length ? nullptr : array.data()->GetValues<char>(1, array.offset() * width);
  for (int64_t i = 0; i < array.length(); ++i) {
    if (array.IsNull(i)) continue;
    take(any_length ? static_cast<const arrow::BinaryArray&>(array).GetView(i)
                    : std::string_view(fixed + i * width, static_cast<size_t>(width)));
  }
}

class Column {
 public:
  explicit Column(int64_t rows_max) : distinct_(rows_max) {}

  void Add(const arrow::Array& array) {
    const int64_t length_bytes = arrow::is_binary_like(array.type_id()) ? kLengthBytes : 0;
    ForEachValue(array, [&](std::string_view value) {
      const int64_t bytes = std::ssize(value) + length_bytes;
      ++values_;
      plain_bytes_ += bytes;
      if (distinct_.IsNew(value)) dictionary_bytes_ += bytes;
    });
  }

  bool Pays() const {
    if (values_ == 0) return false;
    const auto bits =
        static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(distinct_.count() - 1)));
    const int64_t bytes = dictionary_bytes_ + values_ * bits / 8 + kDictionaryPageBytes;
    return 4 * bytes < 3 * plain_bytes_;
  }

 private:
  Distinct distinct_;
  int64_t values_ = 0;
  int64_t plain_bytes_ = 0;
  int64_t dictionary_bytes_ = 0;
};

}  // namespace

std::vector<bool> DictionariesThatPay(const arrow::RecordBatchVector& first_rows, int columns) {
  int64_t rows = 0;
  for (const auto& batch : first_rows) rows += batch->num_rows();
  std::vector<bool> pay(static_cast<size_t>(columns));
  for (int i = 0; i < columns; ++i) {
    Column column(rows);
    for (const auto& batch : first_rows) {
      // A boolean takes a bit as it is.
      if (batch->column(i)->type_id() != arrow::Type::BOOL) column.Add(*batch->column(i));
    }
    pay[static_cast<size_t>(i)] = column.Pays();
  }
  return pay;
}

}  // namespace cdc::pq
