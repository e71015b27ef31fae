// Books, invoices, credit notes and payments as text for other systems. Amounts are minor units.
#pragma once

#include <string>
#include <vector>

#include "holdfast/billing/v1/ledger.pb.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// As JSON an object per row. As CSV a line per row, of invoices per line of them; `heading`: with
// the names of the columns before.
std::string WriteTransfers(const std::vector<BookedTransfer>& transfers,
                           v1::ExportRequest::Format format, bool heading);
std::string WriteInvoices(const std::vector<BookedInvoice>& invoices,
                          v1::ExportRequest::Format format, bool heading);
std::string WriteCreditNotes(const std::vector<ListedCreditNote>& notes,
                             v1::ExportRequest::Format format, bool heading);
std::string WritePayments(const std::vector<Payment>& payments, v1::ExportRequest::Format format,
                          bool heading);

}  // namespace holdfast::billing
