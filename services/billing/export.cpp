#include "services/billing/export.h"

#include "google/protobuf/util/json_util.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/convert_ledger.h"
#include "services/billing/convert_money.h"

namespace holdfast::billing {
namespace {

// Quoted where CSV needs it (RFC 4180). A spreadsheet must not take a text for a formula.
std::string Cell(std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@").find(text.front()) != text.npos;
  std::string out = "\"";
  if (formula) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

void AppendJson(const google::protobuf::Message& message, std::string& text) {
  std::string line;
  HOLDFAST_CHECK(google::protobuf::util::MessageToJsonString(message, &line).ok());
  text += line + "\n";
}

}  // namespace

std::string WriteTransfers(const std::vector<BookedTransfer>& transfers,
                           v1::ExportRequest::Format format, bool heading) {
  std::string text;
  const bool json = format == v1::ExportRequest::FORMAT_JSON;
  if (heading && !json) {
    text = "position,created_at,entry,transfer,kind,debit,credit,amount,currency,reason\r\n";
  }
  for (const BookedTransfer& booked : transfers) {
    const v1::Transfer t = ToProto(booked);
    if (json) {
      AppendJson(t, text);
      continue;
    }
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", t.position(),
                        TimeZone::Utc().Format("%Y-%m-%dT%H:%M:%SZ", booked.created_at),
                        Cell(t.entry_id()), Cell(t.transfer_id()),
                        v1::Transfer::Kind_Name(t.kind()).substr(5), Cell(t.debit_account()),
                        Cell(t.credit_account()), t.amount().minor_units(), t.amount().currency(),
                        Cell(t.reason()));
  }
  return text;
}

std::string WriteInvoices(const std::vector<BookedInvoice>& invoices,
                          v1::ExportRequest::Format format, bool heading) {
  std::string text;
  const bool json = format == v1::ExportRequest::FORMAT_JSON;
  if (heading && !json) {
    text = "number,invoice,account,issued_on,due_on,currency,line,from_day,to_day,net,tax,open\r\n";
  }
  for (const BookedInvoice& booked : invoices) {
    const v1::Invoice i = ToProto(booked);
    if (json) {
      AppendJson(i, text);
      continue;
    }
    for (const v1::InvoiceLine& line : i.lines()) {
      text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\r\n", i.number(),
                          Cell(i.invoice_id()), Cell(i.account_id()), i.issued_on(), i.due_on(),
                          i.currency(), Cell(line.text()), line.from_day(), line.to_day(),
                          line.net(), line.tax(), i.open());
    }
  }
  return text;
}

}  // namespace holdfast::billing
