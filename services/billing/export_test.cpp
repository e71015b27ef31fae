// Exports: what other systems read must be whole, in order, and safe to open.
#include "services/billing/export.h"

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using E = v1::ExportRequest;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  while (from < text.size()) {
    const std::size_t end = text.find('\n', from);
    lines.push_back(text.substr(from, end - from));
    if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
    if (end == text.npos) break;
    from = end + 1;
  }
  return lines;
}

class ExportTest : public MoneyTest {
 protected:
  // Piece by piece, as a caller goes on.
  std::vector<std::string> All(E request, int page_size = 1) {
    std::string text;
    request.set_page_size(page_size);
    for (bool more = true; more;) {
      const auto piece = books_.Export(Call(), request);
      EXPECT_THAT(piece, IsOk());
      if (!piece.ok()) break;
      text += piece->text();
      request.set_after(piece->last());
      request.set_page_token(piece->next_page_token());
      more = piece->more();
    }
    return Lines(text);
  }
  static E Ask(E::What what, E::Format format = E::FORMAT_CSV) {
    E request;
    request.set_what(what);
    request.set_format(format);
    return request;
  }
  void SellTo(const std::string& account) {
    Open(account, v1::CHARGING_POSTPAID, "de");
    ASSERT_THAT(Buy(account, "basic"), IsOk());
  }
};

TEST_F(ExportTest, TransfersArePiecesOfOneFile) {
  PutTax("de", 19);
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  SellTo("ann");
  ASSERT_THAT(Pay("ann", 1190), IsOk());
  const std::vector<std::string> whole = All(Ask(E::WHAT_TRANSFERS), 1000);
  const std::vector<std::string> pieces = All(Ask(E::WHAT_TRANSFERS));
  EXPECT_EQ(pieces, whole);
  ASSERT_GE(pieces.size(), 4u);
  EXPECT_THAT(pieces[0], StartsWith("position,created_at,entry,"));
  EXPECT_THAT(pieces[1], StartsWith("1,"));
  EXPECT_THAT(pieces[1], HasSubstr("\"receivable/ann/EUR\""));
  const auto json = All(Ask(E::WHAT_TRANSFERS, E::FORMAT_JSON));
  EXPECT_EQ(json.size(), pieces.size() - 1) << "no heading";
  EXPECT_THAT(json[0], StartsWith("{\"position\":\"1\""));
}

TEST_F(ExportTest, InvoicesTellTheirTaxAndTotals) {
  PutTax("de", 19);
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  SellTo("ann");
  const std::vector<std::string> lines = All(Ask(E::WHAT_INVOICES));
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], EndsWith("net,tax,open,tax_name,invoice_net,invoice_tax,settled,credited"));
  EXPECT_THAT(lines[1], HasSubstr("2026-01-31,2026-02-28,1000,190,1190,\"VAT\",1000,190,0,0"));
}

TEST_F(ExportTest, CreditNotesAndPaymentsAreExported) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  for (const char* id : {"a", "b", "c"}) {
    SellTo(id);
    ASSERT_THAT(Pay(id, 1000, std::string("ref ") + id), IsOk());
    ASSERT_THAT(Credit(Invoices(id).front().invoice_id()), IsOk());
  }
  const std::vector<std::string> notes = All(Ask(E::WHAT_CREDIT_NOTES));
  ASSERT_THAT(notes, SizeIs(4));
  EXPECT_THAT(notes[0], StartsWith("credit_note,invoice,account,"));
  EXPECT_THAT(notes[1], EndsWith("2026-01-31,EUR,1000,0,1000,\"a complaint\""));
  const std::vector<std::string> payments = All(Ask(E::WHAT_PAYMENTS));
  ASSERT_THAT(payments, SizeIs(4));
  EXPECT_THAT(payments[1], EndsWith(",1000,EUR,\"bank\",\"ref c\",0,0,0")) << "the newest first";
  EXPECT_THAT(All(Ask(E::WHAT_PAYMENTS, E::FORMAT_JSON)), SizeIs(3));
}

TEST_F(ExportTest, OneAccountAndSomeDaysMayBeAskedFor) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  SellTo("ann");
  SellTo("bob");
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(Pay("bob", 1000), IsOk());
  LiveUntil(Day(2026, 3, 1));
  for (const E::What what : {E::WHAT_TRANSFERS, E::WHAT_INVOICES, E::WHAT_PAYMENTS}) {
    E request = Ask(what);
    request.set_account_id("ann");
    const std::vector<std::string> lines = All(request);
    EXPECT_GT(lines.size(), 1u);
    for (std::size_t i = 1; i < lines.size(); ++i) EXPECT_THAT(lines[i], HasSubstr("ann"));
  }
  E request = Ask(E::WHAT_INVOICES);
  request.set_from("2026-02-01");
  request.set_until("2026-03-01");
  EXPECT_THAT(All(request), SizeIs(3)) << "those of 28 February, and the heading";
  request = Ask(E::WHAT_TRANSFERS, E::FORMAT_JSON);
  request.set_until("2000-01-01");
  EXPECT_THAT(All(request), IsEmpty());
}

TEST_F(ExportTest, WhatCannotBeMeantIsRefused) {
  E request = Ask(E::WHAT_PAYMENTS);
  request.set_after(3);
  EXPECT_THAT(books_.Export(Call(), request), HasMessage("page_token"));
  request = Ask(E::WHAT_INVOICES);
  request.set_page_token("x");
  EXPECT_THAT(books_.Export(Call(), request), HasMessage("after"));
  request = Ask(static_cast<E::What>(99));
  EXPECT_THAT(books_.Export(Call(), request), HasMessage("what 99 is unknown"));
  request = Ask(E::WHAT_INVOICES, static_cast<E::Format>(7));
  EXPECT_THAT(books_.Export(Call(), request), HasMessage("format 7 is unknown"));
  request = Ask(E::WHAT_INVOICES);
  request.set_from("01.02.2026");
  EXPECT_THAT(books_.Export(Call(), request), HasMessage("from"));
}

// A spreadsheet runs what begins with one of these.
TEST(ExportCellTest, NoTextIsAFormula) {
  const auto line = [](const std::string& reference) {
    const Payment payment{.id = PaymentId("p"),
                          .account = AccountId("a"),
                          .amount = *Money::Make(1, "EUR"),
                          .method = "bank",
                          .reference = reference};
    return WritePayments({payment}, E::FORMAT_CSV, false);
  };
  for (const char* formula : {"=HYPERLINK(1)", "+1", "-1", "@x", "\tx"}) {
    EXPECT_THAT(line(formula), HasSubstr(std::string("\"'") + formula + "\"")) << formula;
  }
  EXPECT_THAT(line("a \"b\", c"), HasSubstr("\"a \"\"b\"\", c\""));
  EXPECT_THAT(line("1=1"), HasSubstr("\"1=1\""));
}

}  // namespace
}  // namespace holdfast::billing
