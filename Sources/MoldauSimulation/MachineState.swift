import MoldauState

/// The stores of a simulated machine: processes start and end, the machine remains.
protocol MachineState: Sendable {
    /// The environment of a task's stores.
    func environment(_ task: String) -> StoreEnvironment
    /// Called when the process dies, while its stores are still open.
    func crash()
    /// Deletes everything. Nothing may be open.
    func wipe()
    /// The stores' content on disk, by task and name. Nothing may be open.
    func images() throws -> [String: StoreImage]
    /// A new, empty state of the same kind.
    func emptied() -> any MachineState
}

/// The content of one store on disk.
struct StoreImage: Equatable, Sendable {
    var entries: [[UInt8]: [UInt8]] = [:]
    var metadata = StoreMetadata()

    static func == (left: StoreImage, right: StoreImage) -> Bool { left.entries == right.entries }
}
