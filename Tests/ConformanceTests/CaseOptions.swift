import Moldau
import MoldauState
import MoldauTopology

/// The settings that a case runs with.
struct CaseOptions {
    let storeKind: StoreKind
    /// Whether each commit writes the stores' caches behind, so that reads never find anything in them.
    let writesStoresAtCommit: Bool

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
