import Moldau

/// An order: `ada 120`.
struct Order: JSONStreamCodable, Hashable, LosslessStringConvertible {
    var customer: String
    var amount: Int

    init(customer: String, amount: Int) { (self.customer, self.amount) = (customer, amount) }

    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let amount = Int(words[1]) else { return nil }
        self.init(customer: String(words[0]), amount: amount)
    }

    var description: String { "\(customer) \(amount)" }
}
