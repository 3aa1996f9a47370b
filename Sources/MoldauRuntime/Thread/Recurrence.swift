/// Something done at intervals, by a monotonic clock.
struct Recurrence {
    let interval: Duration
    /// When it was last done; nil: it is due at once.
    private var last: Duration?

    init(every interval: Duration, since last: Duration?) { (self.interval, self.last) = (interval, last) }

    /// Whether it is due; a true answer counts as done.
    mutating func takesTurn(at now: Duration) -> Bool {
        if let last, now - last < interval { return false }
        last = now
        return true
    }
}
