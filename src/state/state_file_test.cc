#include "state/state_file.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fault.h"
#include "state/lease.h"
#include "state/process_identity.h"
#include "store/testing/memory_store.h"

namespace cdc::state {
namespace {

constexpr std::chrono::milliseconds kLease{30'000};

using store::MemoryStore;
using Fault = MemoryStore::Fault;

Lsn L(int n) {
  Lsn lsn;
  lsn.bytes[9] = static_cast<uint8_t>(n);
  return lsn;
}

Document Fresh() {
  Document document;
  document.database = "Shop";
  document.history_id = "h1";
  return document;
}

class StateFile : public testing::Test {
 protected:
  OwnedDocument TakeOver() {
    auto stored = ReadDocument(store_, {"Shop", ""});
    EXPECT_TRUE(stored.ok()) << stored.status();
    auto owned = OwnedDocument::TakeOver(store_, clock_, *stored, Fresh(), kLease);
    EXPECT_TRUE(owned.ok()) << owned.status();
    return std::move(*owned);
  }
  Document Stored() { return (*ReadDocument(store_, {"Shop", ""}))->document; }

  FakeClock clock_{UtcTime(std::chrono::hours(24 * 20000))};
  MemoryStore store_{clock_};
};

const Edits kAdvance = {MoveAnchor{{L(7), "t7"}}};

TEST_F(StateFile, the_first_document_begins_and_later_swaps_change_it) {
  OwnedDocument owned = TakeOver();
  ASSERT_TRUE(owned.Swap(kAdvance).ok());
  EXPECT_EQ(Stored().anchor->lsn, L(7));
  EXPECT_EQ(Stored(), owned.document());
  EXPECT_EQ(Stored().owner.counter, 2);
}

TEST_F(StateFile, an_earlier_owner_loses_with_its_next_swap_and_says_to_whom) {
  OwnedDocument first = TakeOver();
  OwnedDocument second = TakeOver();
  const arrow::Status lost = first.Swap(kAdvance);
  EXPECT_TRUE(IsOwnershipLost(lost)) << lost;
  EXPECT_NE(lost.message().find("another copy has taken over"), std::string::npos);
  EXPECT_TRUE(second.Swap(kAdvance).ok());
}

TEST_F(StateFile, a_lost_reply_is_settled_by_reading_the_document) {
  OwnedDocument owned = TakeOver();
  int swaps = 0;
  store_.hook = [&](const std::string& call, const std::string&) {
    return call == "swap" && ++swaps == 1 ? Fault::kReplyLost : Fault::kNone;
  };
  ASSERT_TRUE(owned.Swap(kAdvance).ok());
  EXPECT_EQ(swaps, 1);  // it had happened; it was not done again
  EXPECT_EQ(Stored().owner.counter, 2);
  ASSERT_TRUE(owned.Swap(kAdvance).ok());
}

TEST_F(StateFile, a_swap_that_did_not_happen_is_tried_again_with_the_same_bytes) {
  OwnedDocument owned = TakeOver();
  int swaps = 0;
  store_.hook = [&](const std::string& call, const std::string&) {
    return call == "swap" && ++swaps <= 2 ? Fault::kNotApplied : Fault::kNone;
  };
  ASSERT_TRUE(owned.Swap(kAdvance).ok());
  EXPECT_EQ(swaps, 3);
  EXPECT_EQ(Stored().owner.counter, 2);
}

TEST_F(StateFile, a_store_that_stays_away_leaves_the_swap_unsettled) {
  OwnedDocument owned = TakeOver();
  store_.hook = [&](const std::string&, const std::string&) { return Fault::kReplyLost; };
  const arrow::Status status = owned.Swap(kAdvance);
  EXPECT_TRUE(IsUnsettled(status)) << status;
  EXPECT_FALSE(IsOwnershipLost(status));
  EXPECT_EQ(FaultOf(status).retry, Retry::kNextRound);  // by taking over anew
  EXPECT_EQ(FaultOf(status).reach, Reach::kOwnership);
}

TEST_F(StateFile, a_deleted_document_ends_the_ownership) {
  OwnedDocument owned = TakeOver();
  store_.objects.clear();
  const arrow::Status status = owned.Swap(kAdvance);
  EXPECT_TRUE(IsOwnershipLost(status));
  EXPECT_FALSE(IsUnsettled(status));
  EXPECT_EQ(FaultOf(status).retry, Retry::kWhenSomebodyActs);
  EXPECT_EQ(FaultOf(status).reach, Reach::kOwnership);
  EXPECT_TRUE(store_.objects.empty());
}

TEST_F(StateFile, two_programs_that_begin_at_once_have_one_winner) {
  auto other = OwnedDocument::TakeOver(store_, clock_, std::nullopt, Fresh(), kLease);
  ASSERT_TRUE(other.ok());
  const auto late = OwnedDocument::TakeOver(store_, clock_, std::nullopt, Fresh(), kLease);
  EXPECT_TRUE(IsOwnershipLost(late.status())) << late.status();
}

TEST_F(StateFile, no_two_versions_are_byte_equal_even_without_a_change) {
  OwnedDocument owned = TakeOver();
  const std::string before = store_.objects.begin()->second.bytes;
  ASSERT_TRUE(owned.Swap().ok());
  EXPECT_NE(store_.objects.begin()->second.bytes, before);
}

class Lease : public StateFile {
 protected:
  LeaseView Look() {
    auto view = watch_.Look();
    EXPECT_TRUE(view.ok()) << view.status();
    return *view;
  }
  LeaseWatch watch_{store_, clock_, {"Shop", ""}};
};

TEST_F(Lease, is_free_where_nobody_has_been_and_where_the_owner_gave_it_up) {
  EXPECT_TRUE(Look().free);
  OwnedDocument owned = TakeOver();
  EXPECT_FALSE(Look().free);
  ASSERT_TRUE(owned.Release().ok());
  EXPECT_TRUE(Look().free);
}

TEST_F(Lease, becomes_free_when_the_document_stays_the_same_for_its_length_on_our_own_clock) {
  OwnedDocument owned = TakeOver();
  EXPECT_EQ(Look().remaining, kLease);
  clock_.Advance(kLease - std::chrono::milliseconds(1));
  EXPECT_FALSE(Look().free);
  EXPECT_FALSE(Look().alive);
  ASSERT_TRUE(owned.Swap().ok());
  EXPECT_TRUE(Look().alive);
  clock_.Advance(kLease - std::chrono::milliseconds(1));
  EXPECT_FALSE(Look().free);
  clock_.Advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(Look().free);
}

TEST_F(Lease, is_free_at_once_when_the_owner_was_a_process_of_this_machine_that_has_ended) {
  OwnedDocument owned = TakeOver();
  EXPECT_FALSE(Look().free);  // we ourselves are alive
  const std::string file = ::testing::TempDir() + "process-" + std::to_string(getpid());
  const pid_t child = fork();
  if (child == 0) {
    std::ofstream(file) << ProcessIdentity();
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  std::string ended;
  std::getline(std::ifstream(file), ended);
  std::filesystem::remove(file);
  ASSERT_NE(ended, "");
  EXPECT_TRUE(HasEnded(ended));
  Document document = Stored();
  document.owner.process = ended;
  const std::string key = DocumentName{"Shop", ""}.Key();
  const auto content = store_.Get(key);
  ASSERT_TRUE(store_.Swap(key, document.ToJson(), content->version).ok());
  EXPECT_TRUE(Look().free);
  // Of another machine nobody can tell.
  EXPECT_FALSE(HasEnded("00000000-0000-0000-0000-000000000000/pid:[1]/1/1"));
  EXPECT_FALSE(HasEnded(""));
  // Of a number that is no process, neither.
  const std::string here = ended.substr(0, ended.rfind('/', ended.rfind('/') - 1) + 1);
  for (const char* damaged : {"", "x/1", "0/1", "-1/1", "99999999999/1", "1"}) {
    EXPECT_FALSE(HasEnded(here + damaged)) << damaged;
  }
}

TEST(ProcessIdentity, a_process_that_cannot_be_seen_is_not_taken_for_ended) {
  EXPECT_FALSE(IsKnownToHaveEnded({.absent = false, .started = ""}, "77"));
  EXPECT_FALSE(IsKnownToHaveEnded({.absent = false, .started = "77"}, "77"));
  EXPECT_TRUE(IsKnownToHaveEnded({.absent = false, .started = "78"}, "77"));
  EXPECT_TRUE(IsKnownToHaveEnded({.absent = true, .started = ""}, "77"));
  EXPECT_TRUE(IsKnownToHaveEnded({.absent = true, .started = "77"}, "77"));
}

// As a second user would see us on a machine that hides the processes of others. What the child
// found out is its exit code.
TEST(ProcessIdentity, a_living_owner_that_proc_hides_is_not_taken_for_dead) {
  const std::string living = ProcessIdentity();
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  ASSERT_EQ(waitpid(gone, nullptr, 0), gone);
  const size_t slash = living.rfind('/', living.rfind('/') - 1);
  const std::string ended = living.substr(0, slash + 1) + std::to_string(gone) + "/1";
  enum Found { kRight, kCannotTry, kLivingTakenForDead, kDeadTakenForLiving };
  const pid_t child = fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65'534;
    const bool hidden = unshare(CLONE_NEWNS) == 0 &&
                        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                        mount("proc", "/proc", "proc", 0, "hidepid=2") == 0 &&
                        setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0;
    const std::string ours = "/proc/" + std::to_string(getppid());
    if (!hidden || std::filesystem::exists(ours)) _exit(kCannotTry);
    if (HasEnded(living)) _exit(kLivingTakenForDead);
    _exit(HasEnded(ended) ? kRight : kDeadTakenForLiving);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kCannotTry) GTEST_SKIP() << "needs root, to mount a /proc of its own";
  EXPECT_EQ(WEXITSTATUS(status), kRight);
}

TEST_F(Lease, an_owner_renews_long_before_the_others_lose_patience) {
  OwnedDocument owned = TakeOver();
  EXPECT_FALSE(owned.needs_renewal());
  clock_.Advance(kLease / 3);
  EXPECT_TRUE(owned.needs_renewal());
  ASSERT_TRUE(owned.Swap().ok());
  EXPECT_FALSE(owned.needs_renewal());
}

TEST_F(StateFile, groups_of_a_database_have_documents_of_their_own_and_are_found) {
  for (const char* group : {"", "north", "south"}) {
    Document fresh = Fresh();
    fresh.group = group;
    ASSERT_TRUE(OwnedDocument::TakeOver(store_, clock_, std::nullopt, fresh, kLease).ok());
  }
  std::vector<std::string> keys;
  for (const DocumentName& name : *ListDocuments(store_, "Shop")) {
    keys.push_back(name.Key());
    EXPECT_EQ((*ReadDocument(store_, name))->document.group, name.group);
  }
  EXPECT_THAT(keys,
              ::testing::ElementsAre("_cdc_to_s3/Shop.json", "_cdc_to_s3/groups/Shop/north.json",
                                     "_cdc_to_s3/groups/Shop/south.json"));
}

TEST_F(StateFile, a_name_that_the_store_cannot_keep_is_told_before_anything_is_asked) {
  std::string wide;
  for (int i = 0; i < 128; ++i) wide += "漢";  // as long as a database's name can be
  int calls = 0;
  store_.hook = [&](const std::string&, const std::string&) {
    ++calls;
    return Fault::kNone;
  };
  EXPECT_TRUE(ReadDocument(store_, {wide, ""}).ok());
  EXPECT_EQ(calls, 1);
  store_.limits = {4'000, 255};
  for (const DocumentName& name : {DocumentName{wide, ""}, DocumentName{wide, "north"}}) {
    const auto read = ReadDocument(store_, name);
    EXPECT_NE(read.status().message().find("keep the state elsewhere"), std::string::npos);
  }
  EXPECT_TRUE(ReadDocument(store_, {std::string(250, 'x'), ""}).ok());
  EXPECT_FALSE(ReadDocument(store_, {std::string(251, 'x'), ""}).ok());
  EXPECT_EQ(calls, 2);
}

TEST_F(StateFile, a_store_that_stays_away_is_not_waited_for_five_budgets_in_a_row) {
  OwnedDocument owned = TakeOver();
  int swaps = 0;
  store_.hook = [&](const std::string& call, const std::string&) {
    swaps += call == "swap" ? 1 : 0;
    clock_.Advance(std::chrono::seconds(60));
    return Fault::kNotApplied;
  };
  EXPECT_TRUE(IsUnsettled(owned.Swap(kAdvance)));
  EXPECT_LE(swaps, 2);
}

TEST_F(StateFile, a_damaged_document_is_an_error_that_says_where_and_what_to_do) {
  OwnedDocument owned = TakeOver();
  store_.objects.begin()->second.bytes.resize(20);
  const auto read = ReadDocument(store_, {"Shop", ""});
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.status().message().find("_cdc_to_s3/Shop.json is damaged"), std::string::npos)
      << read.status();
}

}  // namespace
}  // namespace cdc::state
