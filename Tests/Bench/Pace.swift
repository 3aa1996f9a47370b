/// Records at a steady rate, from the moment when it is made.
struct Pace {
    let perSecond: Int
    /// Of all records.
    let total: Int
    private let start = ContinuousClock.now

    init(perSecond: Int, total: Int) { (self.perSecond, self.total) = (perSecond, total) }

    /// How many should be there by now.
    var due: Int { min(total, Int((ContinuousClock.now - start) / .milliseconds(1) * Double(perSecond) / 1_000)) }
}
