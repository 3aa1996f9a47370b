/// Which values a query sees.
public enum StoreView: Sendable, Hashable {
    /// What is committed: it survives a crash. With exactly-once processing, an answer is never taken back.
    case committed
    /// All that was processed so far. After a crash some of it may be processed again, with another result.
    case newest
}
