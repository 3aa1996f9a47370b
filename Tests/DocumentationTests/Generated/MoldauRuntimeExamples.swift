// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauRuntime
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauRuntimeExamples {
    func `MoldauRuntime: StoreReader`(app: StreamsApplication, wordCounts: TableStoreName<String, Int64>) async throws {
        let counts = try app.store(wordCounts)
        let answer = try await counts.get("ada")
        print(answer.value?.value ?? 0)
        _ = counts
        _ = answer
    }
}
