import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

/// The settings that a case runs with.
struct CaseOptions {
    var storeKind = StoreKind.inMemory
    /// Whether each commit writes the stores' caches behind, so that reads never find anything in them. Under the test
    /// driver only.
    var writesStoresAtCommit = false
    /// Where it runs; nil: under the test driver.
    var cluster: CaseCluster?
    /// On a cluster only.
    var guarantee = ProcessingGuarantee.atLeastOnce
    /// As long as that of the recorded runs: it is part of topic names, whose bytes a suppression counts.
    var applicationID = "app"

    func open(_ topology: Topology, wallClock: Timestamp) throws -> any CasePlace {
        guard let cluster else {
            return try DriverPlace(topology, applicationID: applicationID, wallClock: wallClock, options: self)
        }
        return try ClusterPlace(
            topology, on: cluster, applicationID: applicationID, wallClock: wallClock, options: self)
    }

    func topologyOptions(of conformanceCase: ConformanceCase) throws -> TopologyOptions {
        let held = Emission.lastPerCommit()
        var options = TopologyOptions(
            naming: .kafkaStreams, emission: held, storeKinds: StoreKinds(storeKind),
            windowMemory: .kafkaStreams)
        for (name, value) in conformanceCase.config ?? [:] {
            switch (name, value) {
            case ("statestore.cache.max.bytes", _):
                guard let bytes = value.integer ?? value.text.flatMap({ Int64($0) }) else {
                    throw Unsupported(what: "setting \(name) = \(value)")
                }
                options.emission =
                    bytes == 0 ? .everyChange : bytes < 0 ? .lastPerCommit(maxHeldKeys: Int(bytes)) : held
            case ("topology.optimization", .text(let text)): options.optimizations = try Self.optimizations(text)
            case ("wallClock", _): break
            default: throw Unsupported(what: "setting \(name) = \(value)")
            }
        }
        return options
    }

    static func optimizations(_ text: String) throws -> Set<TopologyOptimization> {
        if text == "none" { return [] }
        if text == "all" { return .all }
        return try text.split(separator: ",", omittingEmptySubsequences: false).reduce(into: []) { chosen, name in
            switch name {
            case "single.store.self.join": chosen.insert(.singleStoreSelfJoin)
            case "merge.repartition.topics": chosen.insert(.mergeRepartitionTopics)
            case "reuse.ktable.source.topics": chosen.insert(.reuseSourceTopics)
            default: throw Unsupported(what: "optimization \(name)")
            }
        }
    }
}
