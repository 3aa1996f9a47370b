import Moldau

/// What comes in: an order of a customer.
struct Order: JSONStreamCodable, Equatable {
    var id: String
    var customer: String
    var product: String
    var quantity: Int
    var unitPriceCents: Int
}

/// A row of the customer table.
struct Customer: JSONStreamCodable, Equatable {
    var name: String
    var region: String
}

/// What goes out: an order with what is known of its customer.
struct EnrichedOrder: JSONStreamCodable, Equatable {
    var order: Order
    var customerName: String
    var region: String
    var totalCents: Int
}

/// What a region has brought so far.
struct Revenue: JSONStreamCodable, Equatable {
    var orders = 0
    var cents = 0
}
