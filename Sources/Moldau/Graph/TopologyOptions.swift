import MoldauRecords
import MoldauState
import MoldauTopology

/// Settings of a whole topology.
public struct TopologyOptions: Sendable {
    /// How nodes, stores and internal topics are named if the user does not name them.
    public var naming: Naming
    /// Whether nodes downstream of a table see every change.
    public var emission: Emission
    /// The kinds of stores for operators that do not choose one.
    public var storeKinds: StoreKinds
    /// Optimizations that save work. They rename nodes, stores or topics: choose them before an application has state.
    public var optimizations: Set<TopologyOptimization>
    /// How far back windowed aggregations look in their stores.
    public var windowMemory: WindowMemory
    /// Rejects a topology unless the user named all its stores and internal topics, so that no change of the topology
    /// can rename what an application has on disk (KIP-1111).
    public var requiresNames: Bool
    /// Wraps every processor and sink (KIP-1112).
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
    /// - Throws: `TopologyError.invalidSetting` if `maxHeldKeys` allows none.
    func check(of name: String) throws {
        guard case .lastPerCommit(let limit) = self, limit < 1 else { return }
        throw TopologyError.invalidSetting(
            name: name, reason: "maxHeldKeys is \(limit); it must be at least 1; choose .everyChange to hold no keys")
    }
}

/// How far back windowed aggregations look in their stores, and whether joins of streams wait for the whole grace
/// period.
public enum WindowMemory: Sendable, Hashable {
    /// Everything that may still change, or must still be emitted.
    case complete
    /// Only the retention period, by the store's own clock, as in Kafka Streams; older entries are found only while
    /// their changes are held back. Results are lost if that is too short: with `onWindowClose`, those of windows that
    /// close after a longer pause of the input; the session that a late record belongs to may not be found, so that
    /// there are two. In left and outer joins a late record without a match has a result at once, even within the grace
    /// period, and may have another one later.
    case kafkaStreams
}

/// An optimization of a topology: it saves work. Results differ only where a case says so.
public enum TopologyOptimization: Sendable, Hashable, CaseIterable {
    /// A stream joined with itself keeps its records in one store instead of two. In left and outer joins, records that
    /// are too late to be stored then have no result.
    case singleStoreSelfJoin
    /// Operators that need equal keys in one partition after the same change of key share one repartition topic.
    case mergeRepartitionTopics
    /// The topic of a table is also the changelog of the table's store: no changelog is created or written, and a
    /// restore reads the topic up to the committed offset. The topic must retain what the table needs: it is compacted,
    /// or has unlimited retention; for a versioned table it has a `min.compaction.lag.ms` of at least the history.
    /// `isLogged` and `changelogSettings` of a `Materialized` have no effect on such tables. Tables that do not start
    /// at the earliest record keep their changelogs.
    case reuseSourceTopics
}

extension Set<TopologyOptimization> {
    /// Every optimization.
    public static var all: Set<TopologyOptimization> { Set(TopologyOptimization.allCases) }
}

/// Which changes of a table with a store are forwarded downstream.
public enum Emission: Sendable, Hashable {
    /// All of them, at once.
    case everyChange
    /// The last one of each key per commit, in the order of the last updates: Kafka Streams' record cache. Changes are
    /// held in memory until then; when more than `maxHeldKeys` keys have changes held in one table, all its held
    /// changes are forwarded at once.
    case lastPerCommit(maxHeldKeys: Int = 10_000)
}
