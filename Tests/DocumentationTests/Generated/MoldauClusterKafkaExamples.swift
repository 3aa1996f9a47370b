// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauClusterKafkaExamples {
    func `MoldauClusterKafka: kafka`(topology: Topology) throws {
        let app = StreamsApplication(
            id: "word-count", topology: topology, cluster: .kafka("broker1:9092,broker2:9092"))
        _ = app
    }
}
