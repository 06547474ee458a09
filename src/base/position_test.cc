#include "base/position.h"

#include <gtest/gtest.h>

#include "base/lsn.h"
#include "base/row_checksum.h"

namespace cdc {
namespace {

Lsn L(const char* digits) { return *Lsn::Parse(digits); }

const Lsn kA = L("0000002A000001F00004");
const Lsn kB = L("0000002A000001F00005");

TEST(Lsn, orders_as_the_log_does_and_counts_with_carry) {
  EXPECT_LT(kA, kB);
  EXPECT_EQ(kA.Next(), kB);
  EXPECT_EQ(kB.Previous(), kA);
  EXPECT_EQ(L("0000002A000001FFFFFF").Next(), L("0000002A000002000000"));
  EXPECT_EQ(L("0000002A000002000000").Previous(), L("0000002A000001FFFFFF"));
}

TEST(Lsn, refuses_what_is_no_lsn) {
  EXPECT_FALSE(Lsn::Parse("2A").ok());
  EXPECT_FALSE(Lsn::Parse("0000002A000001F0000G").ok());
  EXPECT_EQ(*Lsn::Parse("0x0000002a000001f00004"), kA);
}

TEST(Position, behind_a_transaction_covers_all_of_it_and_nothing_later) {
  const Position position = Position::After(kA);
  EXPECT_TRUE(position.Covers({kA, 9, kB, 4}));
  EXPECT_FALSE(position.Covers({kB, 1, kA, 1}));
}

TEST(Position, inside_a_transaction_follows_the_clustered_index_with_null_command_ids_first) {
  const Position position = Position::AfterRow({kB, 2, kA, 3});
  EXPECT_TRUE(position.Covers({kB, std::nullopt, kB, 4}));
  EXPECT_TRUE(position.Covers({kB, 1, kB, 4}));
  EXPECT_TRUE(position.Covers({kB, 2, kA, 3}));
  EXPECT_FALSE(position.Covers({kB, 2, kA, 4}));
  EXPECT_FALSE(position.Covers({kB, 3, kA, 1}));
  EXPECT_LT(position, Position::After(kB));
  EXPECT_GT(position, Position::After(kA));
}

TEST(Position, survives_its_text_form) {
  for (const Position& position :
       {Position::After(kA), Position::AfterRow({kB, 7, kA, 4}),
        Position::AfterRow({kB, std::nullopt, kA, 2}), Position::AfterRow({kB, -3, kA, 1})}) {
    EXPECT_EQ(*Position::Parse(position.ToString()), position);
  }
  EXPECT_EQ(Position::AfterRow({kB, 7, kA, 4}).ToString(),
            "0000002A000001F00005/7/0000002A000001F00004/4");
  EXPECT_FALSE(Position::Parse("0000002A000001F00005/7").ok());
}

TEST(RowChecksum, does_not_depend_on_order_but_on_every_part) {
  const RowKey one{kA, 1, kB, 2};
  const RowKey two{kB, std::nullopt, kA, 4};
  RowChecksum forward;
  forward.Add(one);
  forward.Add(two);
  RowChecksum backward;
  backward.Add(two);
  backward.Add(one);
  EXPECT_EQ(forward, backward);
  RowChecksum other;
  other.Add(one);
  other.Add({kB, 0, kA, 4});  // NULL is not 0
  EXPECT_NE(forward.ToString(), other.ToString());
  EXPECT_EQ(RowChecksum().ToString(), std::string(32, '0'));
}

}  // namespace
}  // namespace cdc
