import Foundation
import ProgramSupport
import Testing

/// `order-enrichment` against a loop over the same orders and customers.
struct OrderEnrichmentTests {
    private let program = BuiltProgram("order-enrichment")

    /// The rows of a file of JSON lines, each with its key.
    private func rows(_ name: String, in folder: URL) throws -> [(key: String, value: [String: Any])] {
        try String(contentsOf: folder.appending(path: "\(name).jsonl"), encoding: .utf8).split(separator: "\n").map {
            line in
            let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return (try #require(row["key"] as? String), try #require(row["value"] as? [String: Any]))
        }
    }

    @Test(arguments: [1, 2, 3])
    func `joins and sums give the same results as a plain loop`(partitions: Int) throws {
        try withTemporaryDirectory { folder in
            let outcome = try program.run([
                "--seed", "7", "--orders", "2000", "--customers", "50", "--partitions", "\(partitions)", "--dump",
                folder.path,
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            var customers: [String: [String: Any]] = [:]
            for (key, value) in try rows("customers", in: folder) { customers[key] = value }
            var orderCounts: [String: Int] = [:]
            var cents: [String: Int] = [:]
            var joined: Set<String> = []
            for (key, order) in try rows("orders", in: folder) {
                guard let region = customers[key]?["region"] as? String else { continue }
                joined.insert(try #require(order["id"] as? String))
                orderCounts[region, default: 0] += 1
                cents[region, default: 0] +=
                    try #require(order["quantity"] as? Int) * #require(order["unitPriceCents"] as? Int)
            }
            #expect(joined.count > 1_900 && joined.count < 2_000)
            let expected = orderCounts.keys.sorted().map { "\($0)\t\(orderCounts[$0]!)\t\(cents[$0]!)\n" }.joined()
            #expect(outcome.output == expected)

            let enriched = try rows("enriched-orders", in: folder)
            #expect(enriched.count == joined.count)
            for (key, row) in enriched {
                let order = try #require(row["order"] as? [String: Any])
                #expect(joined.contains(try #require(order["id"] as? String)))
                #expect(row["customerName"] as? String == customers[key]?["name"] as? String)
            }
        }
    }

    @Test func `the same seed gives the same result`() throws {
        let arguments = ["--seed", "3", "--orders", "500", "--customers", "20"]
        let (first, second) = (try program.run(arguments), try program.run(arguments))
        #expect(!first.output.isEmpty)
        #expect(first.output == second.output)
        #expect(first.output != (try program.run(["--seed", "4", "--orders", "500", "--customers", "20"]).output))
    }
}
