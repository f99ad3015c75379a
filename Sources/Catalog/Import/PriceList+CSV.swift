extension PriceList {
  /// Reads the price list's CSV: some lines of preamble, then a row a rate with its product beside it.
  ///
  /// - Throws: `CatalogError`: `.malformed`, `.wrongColumns`, `.invalidValue`.
  mutating func readCSV(_ bytes: consuming ByteReader) throws(CatalogError) {
    let required = [
      "SKU", "OfferTermCode", "TermType", "Unit", "PricePerUnit", "Currency", "Product Family", "Instance Type",
      "Tenancy", "Operating System", "License Model", "CapacityStatus", "Pre Installed S/W", "Region Code",
    ]
    var table = try CSVTable(CSVReader(bytes), required: required, optional: nil, after: "SKU")
    for line in table.preamble where line.count > 1 && line.text(0) == "Publication Date" {
      try published(line[1].text, at: line[1].place)
    }
    var known: String?
    while let row = try table.next() {
      let sku = row["SKU"].text
      if sku != known, !wants(sku) {
        add(sku: sku, family: row["Product Family"].text) { key in
          let value = Self.attributes[key].flatMap { row.text($0) }
          // A place's type is empty in older files.
          return key == "locationType" && value == "" ? nil : value
        }
      }
      known = sku
      guard wants(sku) else { continue }
      let isReserved = row["TermType"].text == "Reserved"
      guard isReserved || row["TermType"].text == "OnDemand" else {
        ignore("neither on demand nor reserved", example: row["TermType"].text)
        continue
      }
      let amount = row["PricePerUnit"]
      try add(
        sku: sku, offer: row["OfferTermCode"].text, unit: row["Unit"].text,
        dollars: row["Currency"].text == "USD" ? (amount.text, amount.place) : nil,
        lease: isReserved ? row.text("LeaseContractLength") ?? "" : nil, offering: row.text("OfferingClass"),
        purchase: row.text("PurchaseOption"), at: row.place)
    }
  }
}
