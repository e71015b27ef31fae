// Books and invoices as text for other systems.
#pragma once

#include <string>
#include <vector>

#include "holdfast/billing/v1/ledger.pb.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// A line per transfer. Amounts are minor units.
std::string WriteTransfers(const std::vector<BookedTransfer>& transfers,
                           v1::ExportRequest::Format format, bool heading);

// As JSON an object per invoice with its lines; as CSV a line per line of an invoice.
std::string WriteInvoices(const std::vector<BookedInvoice>& invoices,
                          v1::ExportRequest::Format format, bool heading);

}  // namespace holdfast::billing
