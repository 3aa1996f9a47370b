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

    @Test func `a store without a name is kept with the serde of the results`() throws {
        let stores = try topology(result: String.serde).stores
        #expect(stores.map(\.name) == ["left-table", "right-table", "left-right-join"])
        guard case .inMemory? = stores.last?.kind else {
            Issue.record("kept elsewhere")
            return
        }
    }

    @Test func `a store without a name or a serde is refused, not left out`() throws {
        let error = #expect(throws: TopologyError.self) { try topology(result: nil) }
        guard case .invalidSetting(name: "both", let reason)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(reason == "a store with a generated name needs `result:`, the serde of the results")
    }
}
