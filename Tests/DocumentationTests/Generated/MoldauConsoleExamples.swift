// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauConsole
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauConsoleExamples {
    func `MoldauConsole: StreamsConsole`(app: StreamsApplication, logger: Logger) async throws {
        let console = StreamsConsole(app, at: .localhost(8080))
        let group = ServiceGroup(services: [app, console], logger: logger)
        try await group.run()
        _ = console
        _ = group
    }
}
