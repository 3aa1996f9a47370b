import Foundation
import MoldauServer
import Testing

struct ApiTableTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Docs/Broker.md").standardized

    @Test func `the documentation lists the served APIs with their versions`() throws {
        let lines = try String(contentsOf: Self.page, encoding: .utf8).split(separator: "\n")
        let start = try #require(lines.firstIndex(of: "| key | API | versions |"))
        let listed = lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map(String.init)
        #expect(
            listed == ServedRequests.table,
            "the table should be:\n\(ServedRequests.table.joined(separator: "\n"))")
        #expect(listed.count > 30)
    }
}
