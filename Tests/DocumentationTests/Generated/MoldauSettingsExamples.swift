// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauSettings
import MoldauTesting
import Testing
import Tracing

struct MoldauSettingsExamples {
    func `MoldauSettings: SettingsReader`() throws {
        var configuration = StreamsConfiguration()
        let settings = try SettingsReader.read([.environment(prefix: "SHOP"), .properties(file: "shop.properties")]) {
            try $0.fill(&configuration)
        }
        _ = configuration
        _ = settings
    }
}
