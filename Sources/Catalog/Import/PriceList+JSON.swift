extension PriceList {
  /// Reads the price list's JSON: gigabytes as a stream, of which only the wanted products stay in memory.
  ///
  /// - Throws: `CatalogError`: `.malformed`, `.wrongColumns` for JSON of another shape, `.invalidValue`.
  mutating func readJSON(_ bytes: consuming ByteReader) throws(CatalogError) {
    var tokens = JSONTokenizer(bytes)
    guard try tokens.next() == .beginObject else { throw wrongShape(tokens.place) }
    var hasProducts = false
    var hasTerms = false
    while case .key(let key) = try tokens.next() {
      switch key {
      case "offerCode":
        guard try tokens.next() == .string("AmazonEC2") else { throw wrongShape(tokens.place) }
      case "publicationDate":
        guard case .string(let text) = try tokens.next() else { throw wrongShape(tokens.place) }
        try published(text, at: tokens.place)
      case "products":
        hasProducts = true
        try eachMember(&tokens) { (sku, tokens) throws(CatalogError) in try readProduct(sku, &tokens) }
      case "terms":
        guard hasProducts else {
          throw CatalogError(
            .wrongColumns, at: tokens.place, "'terms' before 'products'",
            remedy: "put the products first, as AWS does: prices are joined to them in one pass")
        }
        hasTerms = true
        try readTerms(&tokens)
      default: try tokens.skipValue()
      }
    }
    guard hasProducts, hasTerms else { throw wrongShape(tokens.place) }
    _ = try tokens.next()
  }

  private func wrongShape(_ place: Place) -> CatalogError {
    CatalogError(
      .wrongColumns, at: place, "no price list of AmazonEC2 with 'products' and 'terms'",
      remedy: "give the index.json of offer AmazonEC2, of one region or of all")
  }

  /// Calls `body` for each key of the object that comes next; `body` reads its value.
  private func eachMember(
    _ tokens: inout JSONTokenizer, _ body: (String, inout JSONTokenizer) throws(CatalogError) -> Void
  ) throws(CatalogError) {
    guard try tokens.next() == .beginObject else { throw wrongShape(tokens.place) }
    while case .key(let key) = try tokens.next() { try body(key, &tokens) }
  }

  private mutating func readProduct(_ sku: String, _ tokens: inout JSONTokenizer) throws(CatalogError) {
    var family = ""
    var values: [String: String] = [:]
    try eachMember(&tokens) { (key, tokens) throws(CatalogError) in
      switch key {
      case "productFamily":
        if case .string(let text) = try tokens.next() { family = text }
      case "attributes":
        try eachMember(&tokens) { (name, tokens) throws(CatalogError) in
          guard Self.attributes[name] != nil else { return try tokens.skipValue() }
          guard case .string(let text) = try tokens.next() else {
            throw CatalogError(
              .invalidValue, at: tokens.place, "'\(name)' of product \(sku) is no text",
              remedy: "all attributes of a price list are texts: fetch it again; nothing was imported")
          }
          values[name] = text
        }
      default: try tokens.skipValue()
      }
    }
    add(sku: sku, family: family) { values[$0] }
  }

  private mutating func readTerms(_ tokens: inout JSONTokenizer) throws(CatalogError) {
    try eachMember(&tokens) { (kind, tokens) throws(CatalogError) in
      guard kind == "OnDemand" || kind == "Reserved" else { return try tokens.skipValue() }
      try eachMember(&tokens) { (sku, tokens) throws(CatalogError) in
        guard wants(sku) else { return try tokens.skipValue() }
        let offers = try JSONNode(&tokens, from: try tokens.next())
        guard case .object(let members) = offers.value else { throw wrongShape(offers.place) }
        for (code, offer) in members.sorted(by: { $0.key < $1.key }) { try readOffer(sku, code, offer) }
      }
    }
  }

  private mutating func readOffer(_ sku: String, _ code: String, _ offer: JSONNode) throws(CatalogError) {
    guard let dimensions = offer["priceDimensions"], case .object(let rates) = dimensions.value else {
      throw CatalogError(
        .invalidValue, at: offer.place, "offer \(code) without 'priceDimensions'",
        remedy: "fetch the price list again; nothing was imported")
    }
    let terms = offer["termAttributes"]
    for (_, rate) in rates.sorted(by: { $0.key < $1.key }) {
      let amount = rate["pricePerUnit"]["USD"]
      try add(
        sku: sku, offer: code, unit: try rate["unit"]?.string("unit") ?? "",
        dollars: try amount.map { (node) throws(CatalogError) in (try node.string("USD"), node.place) },
        lease: try terms["LeaseContractLength"]?.string("LeaseContractLength"),
        offering: try terms["OfferingClass"]?.string("OfferingClass"),
        purchase: try terms["PurchaseOption"]?.string("PurchaseOption"), at: rate.place)
    }
  }
}
