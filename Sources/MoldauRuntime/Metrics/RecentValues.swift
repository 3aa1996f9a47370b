/// Values of the last 30 to 60 seconds: those of the current half minute, and those of the one before.
struct RecentValues<Values: Sendable>: Sendable {
    /// The length of a window.
    static var length: Duration { .seconds(30) }

    private let none: Values
    private var current: Values
    private var before: Values?
    /// When the current window began, by the monotonic clock.
    private var begin: Duration?

    /// - Parameter none: an empty window.
    init(_ none: Values) { (self.none, current) = (none, none) }

    /// Changes the values of the current window.
    mutating func update(at now: Duration, _ body: (inout Values) -> Void) {
        turn(to: now)
        body(&current)
    }

    private mutating func turn(to now: Duration) {
        guard let begin else {
            self.begin = now
            return
        }
        let age = now - begin
        if age < Self.length { return }
        before = age < Self.length * 2 ? current : nil
        current = none
        self.begin = before == nil ? now : begin + Self.length
    }

    /// The recent values, and the time since when they were collected; nil if there never were any.
    func recent(at now: Duration) -> (values: [Values], since: Duration)? {
        var copy = self
        guard begin != nil else { return nil }
        copy.turn(to: now)
        guard let begin = copy.begin else { return nil }
        guard let before = copy.before else { return ([copy.current], begin) }
        return ([before, copy.current], begin - Self.length)
    }
}
