import Foundation

/// A case in which Moldau differs from the recorded run on purpose: why, and the results expected instead.
struct CaseDifference: Decodable {
    /// A replacement for recorded outputs.
    struct Change: Decodable {
        /// The index in the recorded outputs.
        let at: Int
        /// How many recorded outputs are removed there.
        let leavesOut: Int?
        let adds: [JSONValue]
    }

    let area: String
    let name: String
    let why: String
    /// In descending order of their index in the recorded outputs.
    let outputs: [Change]?
    /// The stores with different content.
    let stores: [String: [[JSONValue]]]?
    let droppedRecords: Int64?
    /// Whether the recorded error does not occur.
    let succeeds: Bool?

    /// The case with Moldau's intended results.
    func applied(to recorded: ConformanceCase) -> ConformanceCase {
        var changed = recorded
        var expected = recorded.expected ?? []
        for change in (outputs ?? []).sorted(by: { $0.at > $1.at }) {
            expected.replaceSubrange(change.at..<(change.at + (change.leavesOut ?? 0)), with: change.adds)
        }
        changed.expected = expected
        changed.stores = stores.map { (recorded.stores ?? [:]).merging($0) { $1 } } ?? recorded.stores
        changed.droppedRecords = droppedRecords ?? recorded.droppedRecords
        if succeeds == true { changed.error = nil }
        return changed
    }

    /// The known differences, by area and name of the case.
    static func all() throws -> [String: CaseDifference] {
        guard let url = Bundle.module.url(forResource: "Differences", withExtension: "json") else { return [:] }
        let list = try JSONDecoder().decode([CaseDifference].self, from: Data(contentsOf: url))
        return Dictionary(uniqueKeysWithValues: list.map { ("\($0.area) / \($0.name)", $0) })
    }
}
