import MoldauState

/// Where the stores of a simulated machine lie: its processes come and go, and it stays.
protocol MachineState: Sendable {
    /// Of a task's stores.
    func environment(_ task: String) -> StoreEnvironment
    /// The process dies: to be called while its stores are still open.
    func crash()
    /// All of it is lost. Nothing may be open.
    func wipe()
    /// What stores have on disk, by task and name. Nothing may be open.
    func images() throws -> [String: StoreImage]
    /// Another place of that kind, with nothing in it.
    func anew() -> any MachineState
}

/// What one store has on disk.
struct StoreImage: Equatable, Sendable {
    var entries: [[UInt8]: [UInt8]] = [:]
    var metadata = StoreMetadata()

    static func == (left: StoreImage, right: StoreImage) -> Bool { left.entries == right.entries }
}
