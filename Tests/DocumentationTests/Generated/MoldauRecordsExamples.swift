// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauRecords
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauRecordsExamples {
    func `MoldauRecords: StreamCodable`() throws {
        struct Celsius: StreamCodable {
            var degrees: Double
            static let serde = Serde<Celsius>(
                encode: { value, writer in try Double.serde.encode(value.degrees, &writer) },
                decode: { bytes in Celsius(degrees: try Double.serde.decode(bytes)) })
        }
    }
}
