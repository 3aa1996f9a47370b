import Moldau

/// Generates customers and orders: always the same ones for a seed, on every machine.
struct OrderGenerator {
    private static let regions = ["Bohemia", "Moravia", "Silesia", "Saxony", "Bavaria"]
    private static let products = ["lamp", "chair", "table", "clock", "mirror", "carpet"]
    private static let names = ["Novak", "Svoboda", "Dvorak", "Cerny", "Prochazka", "Kucera", "Vesela"]

    private var random: SeededGenerator
    private let customerCount: Int

    init(seed: UInt64, customerCount: Int) {
        random = SeededGenerator(seed: seed)
        self.customerCount = customerCount
    }

    /// The rows of all customers, keyed by the customer's name as used in orders.
    mutating func customers() -> [(key: String, value: Customer)] {
        (0..<customerCount).map { number in
            let row = Customer(name: "\(pick(Self.names)) \(number)", region: pick(Self.regions))
            return ("customer-\(number)", row)
        }
    }

    /// Makes an order; one in fifty is by a customer who is not in the table.
    mutating func order(_ number: Int) -> Order {
        let customer = pick(50) == 0 ? "stranger-\(pick(10))" : "customer-\(pick(customerCount))"
        return Order(
            id: "order-\(number)", customer: customer, product: pick(Self.products), quantity: 1 + pick(5),
            unitPriceCents: 100 + pick(20_000))
    }

    private mutating func pick(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    private mutating func pick(_ choices: [String]) -> String { choices[pick(choices.count)] }
}
