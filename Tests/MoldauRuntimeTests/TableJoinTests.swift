import Moldau
import MoldauTopology
import Testing

struct TableJoinTests {
    private func topology(result: Serde<String>?) throws -> Topology {
        try Topology { streams in
            let left = streams.table(Topic<String, String>("left"))
            _ = left.join(
                streams.table(Topic<String, String>("right")), result: result, as: Materialized(kind: .inMemory),
                named: "both"
            ) { $0 + $1 }
        }
    }

    @Test func `a store without a name gets a generated one if the serde of the results is given`() throws {
        let stores = try topology(result: String.serde).stores
        #expect(stores.map(\.name) == ["left-table", "right-table", "left-right-join"])
        guard case .inMemory? = stores.last?.kind else {
            Issue.record("the store is not in memory")
            return
        }
    }

    @Test func `a store with neither a name nor a serde is rejected`() throws {
        let error = #expect(throws: TopologyError.self) { try topology(result: nil) }
        guard case .invalidSetting(name: "both", let reason)? = error else {
            Issue.record("unexpected error: \(String(describing: error))")
            return
        }
        #expect(reason == "a store with a generated name needs `result:`, the serde of the results")
    }
}
