import Moldau

/// The input: a customer's order.
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

/// The output: an order with its customer's name and region.
struct EnrichedOrder: JSONStreamCodable, Equatable {
    var order: Order
    var customerName: String
    var region: String
    var totalCents: Int
}

/// The revenue of a region so far.
struct Revenue: JSONStreamCodable, Equatable {
    var orders = 0
    var cents = 0
}
