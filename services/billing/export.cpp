#include "services/billing/export.h"

#include "google/protobuf/util/json_util.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/convert_ledger.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"

namespace holdfast::billing {
namespace {

// Quoted as CSV needs it (RFC 4180). A spreadsheet must not take a text for a formula: those that
// it would begin with one get an apostrophe before, which it does not show.
std::string Cell(std::string_view text) {
  const bool formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != text.npos;
  std::string out = "\"";
  if (formula) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string Moment(WallTime at) { return TimeZone::Utc().Format("%Y-%m-%dT%H:%M:%SZ", at); }

// Rows one by one: as an object a line, or as `line` writes them below `heading`.
template <class Rows, class Line>
std::string Write(const Rows& rows, v1::ExportRequest::Format format, std::string_view heading,
                  const Line& line) {
  std::string text;
  const bool json = format == v1::ExportRequest::FORMAT_JSON;
  if (!json) text += heading;
  for (const auto& row : rows) {
    const auto message = ToProto(row);
    if (!json) {
      line(row, message, text);
      continue;
    }
    std::string object;
    HOLDFAST_CHECK(google::protobuf::util::MessageToJsonString(message, &object).ok());
    text += object + "\n";
  }
  return text;
}

}  // namespace

std::string WriteTransfers(const std::vector<BookedTransfer>& transfers,
                           v1::ExportRequest::Format format, bool heading) {
  const std::string_view columns =
      "position,created_at,entry,transfer,kind,debit,credit,amount,currency,reason\r\n";
  return Write(transfers, format, heading ? columns : "",
               [](const BookedTransfer& booked, const v1::Transfer& t, std::string& text) {
                 text +=
                     fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", t.position(),
                                 Moment(booked.created_at), Cell(t.entry_id()),
                                 Cell(t.transfer_id()), v1::Transfer::Kind_Name(t.kind()).substr(5),
                                 Cell(t.debit_account()), Cell(t.credit_account()),
                                 t.amount().minor_units(), t.amount().currency(), Cell(t.reason()));
               });
}

std::string WriteInvoices(const std::vector<BookedInvoice>& invoices,
                          v1::ExportRequest::Format format, bool heading) {
  const std::string_view columns =
      "number,invoice,account,issued_on,due_on,currency,line,from_day,to_day,net,tax,open,"
      "tax_name,invoice_net,invoice_tax,settled,credited\r\n";
  return Write(invoices, format, heading ? columns : "",
               [](const BookedInvoice&, const v1::Invoice& i, std::string& text) {
                 for (const v1::InvoiceLine& line : i.lines()) {
                   text +=
                       fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
                                   i.number(), Cell(i.invoice_id()), Cell(i.account_id()),
                                   i.issued_on(), i.due_on(), i.currency(), Cell(line.text()),
                                   line.from_day(), line.to_day(), line.net(), line.tax(), i.open(),
                                   Cell(i.tax_name()), i.net(), i.tax(), i.settled(), i.credited());
                 }
               });
}

std::string WriteCreditNotes(const std::vector<ListedCreditNote>& notes,
                             v1::ExportRequest::Format format, bool heading) {
  const std::string_view columns =
      "credit_note,invoice,account,issued_on,currency,net,tax,to_wallet,reason\r\n";
  return Write(notes, format, heading ? columns : "",
               [](const ListedCreditNote&, const v1::CreditNote& n, std::string& text) {
                 text +=
                     fmt::format("{},{},{},{},{},{},{},{},{}\r\n", Cell(n.credit_note_id()),
                                 Cell(n.invoice_id()), Cell(n.account_id()), n.issued_on(),
                                 n.currency(), n.net(), n.tax(), n.to_wallet(), Cell(n.reason()));
               });
}

std::string WritePayments(const std::vector<Payment>& payments, v1::ExportRequest::Format format,
                          bool heading) {
  const std::string_view columns =
      "payment,account,created_at,amount,currency,method,reference,refunded,charged_back,"
      "refunding\r\n";
  return Write(payments, format, heading ? columns : "",
               [](const Payment& payment, const v1::Payment& p, std::string& text) {
                 text += fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", Cell(p.payment_id()),
                                     Cell(p.account_id()), Moment(payment.created_at),
                                     p.amount().minor_units(), p.amount().currency(),
                                     Cell(p.method()), Cell(p.reference()), p.refunded(),
                                     p.charged_back(), p.refunding());
               });
}

}  // namespace holdfast::billing
