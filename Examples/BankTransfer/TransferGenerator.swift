import Moldau

/// Generates transfers: always the same ones for a seed, on every machine.
struct TransferGenerator {
    private var random: SeededGenerator
    private let accountCount: Int

    init(seed: UInt64, accountCount: Int) {
        random = SeededGenerator(seed: seed)
        self.accountCount = accountCount
    }

    mutating func next() -> Transfer {
        let from = pick(accountCount)
        // Some transfers are from an account to itself: both movements count.
        return Transfer(from: Int32(from), to: Int32(pick(accountCount)), cents: Int64(1 + pick(100_000)))
    }

    private mutating func pick(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
}
