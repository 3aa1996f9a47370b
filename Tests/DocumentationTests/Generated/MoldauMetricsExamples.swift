// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauMetrics
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauMetricsExamples {
    func `MoldauMetrics: MetricsExport`(topology: Topology) async throws {
        let app = StreamsApplication(id: "shop", topology: topology, cluster: .embedded(at: "data"))
        let export = MetricsExport(of: app)
        async let _: Void = export.run()  // Until it is cancelled.
        try await app.run(stoppingAt: [SIGINT, SIGTERM])
        _ = app
        _ = export
    }
}
