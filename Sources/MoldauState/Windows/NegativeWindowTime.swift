import MoldauRecords

/// A window was to be stored whose time lies before 1970, which windowed stores have no place for.
public struct NegativeWindowTime: Error, Equatable, CustomStringConvertible {
    public let store: String
    /// The start of the window; of a session its end.
    public let time: Timestamp

    public init(store: String, time: Timestamp) { (self.store, self.time) = (store, time) }

    public var description: String {
        "the store \(store) cannot keep a window at \(time) ms: times before 1970 have no place in it; leave such windows "
            + "out"
    }
}
