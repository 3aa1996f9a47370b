// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClientEmbedded
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauClientEmbeddedExamples {
    func `MoldauClientEmbedded: embedded`(orders: Topic<String, String>) throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        let producer = try Producer(to: orders, cluster: .embedded(cluster))
        _ = cluster
        _ = producer
    }
}
