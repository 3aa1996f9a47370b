import MoldauRecords

/// A window could not be stored because its time is before 1970; windowed stores cannot hold that.
public struct NegativeWindowTime: Error, Equatable, CustomStringConvertible {
    /// The name of the store.
    public let store: String
    /// The start of the window; the end of a session.
    public let time: Timestamp

    /// A window of this store would have started at `time`.
    public init(store: String, time: Timestamp) { (self.store, self.time) = (store, time) }

    public var description: String {
        "the store \(store) cannot keep a window at \(time) ms: it takes no times before 1970; leave out such windows"
    }
}
