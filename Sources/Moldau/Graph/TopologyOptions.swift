import MoldauRecords
import MoldauState
import MoldauTopology

/// What holds for a whole topology.
public struct TopologyOptions: Sendable {
    /// How nodes, stores and internal topics without a name of their own are named.
    public var naming: Naming
    /// Whether those downstream of a table see every change.
    public var emission: Emission
    /// The kinds of stores where an operator does not choose one.
    public var storeKinds: StoreKinds
    /// Rewritings that save work. They rename nodes, stores or topics: choose them before an application has state.
    public var optimizations: Set<TopologyOptimization>
    /// How far back windowed aggregations look in their stores.
    public var windowMemory: WindowMemory
    /// Refuses a topology whose stores and internal topics are not all named by the user, so that no change of the topology
    /// can rename what an application has on disk (KIP-1111).
    public var requiresNames: Bool
    /// Stands before every processor and sink (KIP-1112).
    public var wrapper: (any NodeWrapper)?

    /// The defaults suit new applications.
    public init(
        naming: Naming = .stable, emission: Emission = .everyChange, storeKinds: StoreKinds = .rocksDB,
        optimizations: Set<TopologyOptimization> = [], windowMemory: WindowMemory = .complete,
        requiresNames: Bool = false, wrapper: (any NodeWrapper)? = nil
    ) {
        self.wrapper = wrapper
        self.naming = naming
        self.emission = emission
        self.storeKinds = storeKinds
        self.optimizations = optimizations
        self.windowMemory = windowMemory
        self.requiresNames = requiresNames
    }
}

extension TopologyOptions {
    func check() throws { try emission.check(of: "TopologyOptions") }
}

extension Emission {
    /// - Throws: `TopologyError.invalidSetting`.
    func check(of name: String) throws {
        guard case .lastPerCommit(let limit) = self, limit < 1 else { return }
        throw TopologyError.invalidSetting(
            name: name, reason: "maxHeldKeys is \(limit); at least one key must fit, or choose .everyChange")
    }
}

/// How far back windowed aggregations look in their stores, and whether joins of streams wait as long as they say.
public enum WindowMemory: Sendable, Hashable {
    /// To all that may still change, or is still to be sent.
    case complete
    /// As Kafka Streams: to what is within the retention by the store's own clock, and beyond it only where changes are
    /// held. Results are lost where that is not enough: with `onWindowClose`, those of windows that close after a longer
    /// pause of the input; a session that a late record belongs to may not be found, so that there are two. In left and outer
    /// joins a record without a match that comes late, grace or not, has a result at once, and may have another later.
    case kafkaStreams
}

/// A rewriting of a topology that leaves its results as they are.
public enum TopologyOptimization: Sendable, Hashable, CaseIterable {
    /// A join of a stream with itself keeps its records in one store instead of two. Records of left and outer joins
    /// that come too late to be stored have no result then.
    case singleStoreSelfJoin
    /// Operators that need equal keys together after the same change of key share one repartition topic.
    case mergeRepartitionTopics
    /// A topic that is read as a table is the changelog of the table's store: no other one is made or written, and a restore
    /// reads the topic as far as it was committed. The topic has to keep what the table needs: it is compacted, or keeps
    /// everything; that of a versioned table with `min.compaction.lag.ms` of at least the history. `TableStoreOptions.isLogged` and
    /// `changelogSettings` mean nothing for such tables. Tables that do not start at the earliest record keep changelogs.
    case reuseSourceTopics
}

extension Set<TopologyOptimization> {
    /// Every optimization.
    public static var all: Set<TopologyOptimization> { Set(TopologyOptimization.allCases) }
}

/// Which changes of a table with a store go downstream.
public enum Emission: Sendable, Hashable {
    /// All of them, at once.
    case everyChange
    /// The last one of each key per commit, in the order of the last updates: Kafka Streams' record cache. Changes are held in memory
    /// until then; when more than `maxHeldKeys` wait in a table, they go at once.
    case lastPerCommit(maxHeldKeys: Int = 10_000)
}
