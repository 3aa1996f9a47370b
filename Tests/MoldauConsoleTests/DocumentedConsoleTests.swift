import Logging
import Moldau
import MoldauConsole
import MoldauServiceLifecycle
import ProgramSupport
import Testing

/// The example of Docs/Queries.md.
struct DocumentedConsoleTests {
    func runWithConsole(_ app: StreamsApplication) async throws {
        let console = StreamsConsole(app, at: .localhost(8080))
        let group = ServiceGroup(services: [app, console], logger: Logger(label: "app"))
        try await group.run()
    }

    @Test func `the example of the page compiles`() throws {
        let examples = try PageExamples(page: "Queries.md", marked: "console")
        #expect(!examples.lines.isEmpty)
        for line in examples.lines where !line.isEmpty { #expect(examples.compiled.contains(line)) }
    }
}
