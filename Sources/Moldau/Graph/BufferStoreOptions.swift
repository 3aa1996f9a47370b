import MoldauState

/// How an operator stores what it buffers: the records of a join of streams, the changes of a suppression. The operator
/// determines how long they are kept.
public struct BufferStoreOptions: Sendable {
    /// Where the data is kept; nil for the topology's choice.
    public var kind: StoreKind?
    /// Whether a changelog topic restores the store after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the defaults, by Kafka's names.
    public var changelogSettings: [String: String]

    /// Options that are omitted follow the topology's.
    public init(kind: StoreKind? = nil, isLogged: Bool = true, changelogSettings: [String: String] = [:]) {
        (self.kind, self.isLogged, self.changelogSettings) = (kind, isLogged, changelogSettings)
    }

    /// Stores of windows in memory behave like those on disk, unless this one is in memory and Kafka Streams' behavior
    /// was chosen.
    func expiresExactly(_ memory: WindowMemory) -> Bool { memory == .kafkaStreams && kind == .inMemory }
}
