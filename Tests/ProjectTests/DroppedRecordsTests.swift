import Foundation
import MoldauTopology
import ProgramSupport
import Testing

/// `Docs/DroppedRecords.md` names each reason once, and agrees with the code.
struct DroppedRecordsTests {
    @Test func `the page about dropped records has a row for each reason`() throws {
        let page = BuiltProgram.repository.appending(path: "Docs/DroppedRecords.md")
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }
        let cells = rows.map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        #expect(cells.map(\.[0]).sorted() == DropReason.allCases.map { "`\($0.rawValue)`" }.sorted())
        for row in cells {
            let reason = DropReason(rawValue: row[0].replacing("`", with: ""))
            #expect(row.last == (reason?.countsInKafkaStreams == true ? "yes" : "no"), "\(row[0])")
        }
    }
}
