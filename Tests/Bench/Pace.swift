/// A steady rate of records, starting when the value is made.
struct Pace {
    let perSecond: Int
    /// The number of all records.
    let total: Int
    private let start = ContinuousClock.now

    init(perSecond: Int, total: Int) { (self.perSecond, self.total) = (perSecond, total) }

    /// How many records should have been written by now.
    var due: Int { min(total, Int((ContinuousClock.now - start) / .milliseconds(1) * Double(perSecond) / 1_000)) }

    /// The time until that many records are due.
    func wait(for count: Int) -> Duration {
        start.advanced(by: .seconds(Double(count) / Double(perSecond))) - .now
    }
}
