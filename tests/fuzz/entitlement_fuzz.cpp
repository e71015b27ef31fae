// What a feed, a neighbour or the disk says of an account, where entitlements have to be signed:
// the input as what is told, and as what is held. Nothing may be believed that was not signed, and
// what was believed must stay.
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/entitlement_records.h"
#include "services/middleware/entitlement_signer_test.h"

namespace holdfast::middleware {
namespace {

constexpr const char* kAccount = "ann";

struct World {
  World() {
    PutPublicKey(billing, dir.path());
    HOLDFAST_CHECK(folder.Reload().ok());
    good = Take(nullptr, Told(kAccount, {.revision = 5}, billing));
    HOLDFAST_CHECK(records.Judge(kAccount, good).entitlement.revision() == 5);
  }
  SharedBytes Take(const SharedBytes& held, std::string_view told) {
    const auto snapshot = records.Open(kAccount, told);
    if (!snapshot.ok()) return held;
    if (records.Verify(kAccount, *snapshot).ok()) {
      HOLDFAST_CHECK(snapshot->entitlement.account_id() == kAccount);
    }
    SharedBytes after = records.Offer(kAccount, held, *snapshot);
    if (after == nullptr) after = held;
    return after == nullptr ? nullptr : records.Judge(kAccount, after).kept;
  }

  // Its secret is in the corpus's signed inputs only: 5 is signed, and 6.
  const security::KeySet billing = SignerForTest("2026-01", 'j');
  const security::KeySet portal = SignerForTest("p1", 'p');
  test::TempDir dir;
  security::KeyFolder folder{dir.path(), security::KeyFolder::Need::kToVerify};
  telemetry::Metrics metrics;
  EntitlementRecords records{folder, portal, metrics};
  SharedBytes good;
};

void CheckEntitlement(std::string_view bytes) {
  static World world;
  const auto believed = [](const SharedBytes& held) {
    return held == nullptr ? 0 : world.records.Judge(kAccount, held).entitlement.revision();
  };
  // Told beside a good one: that stays, or the next signed one takes its place.
  const std::uint64_t after = believed(world.Take(world.good, bytes));
  HOLDFAST_CHECK(after == 5 || after == 6);
  // Told where nothing is known, and found on the disk: signed, sealed or nothing.
  for (const std::uint64_t revision :
       {believed(world.Take(nullptr, bytes)), believed(MakeShared(std::string(bytes)))}) {
    HOLDFAST_CHECK(revision == 0 || revision == 5 || revision == 6);
  }
  // Whatever is held, the good one finds its way.
  const std::string good = Told(kAccount, {.revision = 6}, world.billing);
  SharedBytes held = MakeShared(std::string(bytes));
  if (EntitlementRecords::OffersNewer(held, 6)) held = world.records.Judge(kAccount, held).kept;
  HOLDFAST_CHECK(believed(world.Take(held, good)) == 6);
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::middleware::CheckEntitlement({reinterpret_cast<const char*>(data), size});
  return 0;
}
