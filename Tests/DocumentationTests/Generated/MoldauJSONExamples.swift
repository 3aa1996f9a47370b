// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauJSON
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauJSONExamples {
    func `MoldauJSON: JSONStreamCodable`() throws {
        struct Order: JSONStreamCodable { var id: String; var amount: Int }
        let orders = Topic<String, Order>("orders")
        _ = orders
    }
}
