// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import MoldauTracing
import Testing
import Tracing

struct MoldauTracingExamples {
    func `MoldauTracing: traceRecords`(topology: Topology) throws {
        var configuration = StreamsConfiguration()
        configuration.traceRecords()
        let app = StreamsApplication(
            id: "shop", topology: topology, cluster: .kafka("broker1:9092"), configuration: configuration)
        _ = configuration
        _ = app
    }
}
