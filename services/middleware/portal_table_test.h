// Every action of the portal: how boxes call it, and the exact shape of what they get (portal
// protocol, sections 5 to 12). And a portal that has something to tell for each of them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/middleware/json_shape_test.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

struct ActionRow {
  std::string name;  // "itv/create_link"
  std::string
      query;  // behind type and action; {rec}, {box}, {hist} and {later} are of GoldenPortal
  std::string shape;  // of "js": see json_shape_test.h
};

// In an order in which a viewer might call them. An action may have several rows.
const std::vector<ActionRow>& PortalTable();
const NamedShapes& PortalShapes();

// Four channels, films, a series, a station, a guide; a box of account acc-1 whose viewer has a
// recording, a history and a reminder. The database is away: what is written waits on disk.
class GoldenPortal : public PortalFixture {
 public:
  explicit GoldenPortal(FixtureOptions options = {});

  // The call of that row, with the token of LogIn.
  BoxAnswer Call(const ActionRow& row) {
    return PortalFixture::Call(TypeIn(row), ActionIn(row), QueryIn(row));
  }
  using PortalFixture::Call;

  static std::string TypeIn(const ActionRow& row) { return row.name.substr(0, row.name.find('/')); }
  static std::string ActionIn(const ActionRow& row) {
    return row.name.substr(row.name.find('/') + 1);
  }
  std::string QueryIn(const ActionRow& row) const;

  std::string recording, on_box, history, later;

 private:
  void HaveCatalogue();
};

}  // namespace holdfast::middleware
