/// Something that is done once in a while, by a clock that nobody sets.
struct Recurrence {
    let interval: Duration
    /// When it was done last; nil: it is due at once.
    private var last: Duration?

    init(every interval: Duration, since last: Duration?) { (self.interval, self.last) = (interval, last) }

    /// Whether it is due; then it is taken for done.
    mutating func takesTurn(at now: Duration) -> Bool {
        if let last, now - last < interval { return false }
        last = now
        return true
    }
}
