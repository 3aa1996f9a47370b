/// Which values a query sees.
public enum StoreView: Sendable, Hashable {
    /// Committed values: they survive a crash. With exactly-once processing, an answer is never invalidated.
    case committed
    /// All values processed so far. After a crash some records may be processed again, with another result.
    case newest
}
