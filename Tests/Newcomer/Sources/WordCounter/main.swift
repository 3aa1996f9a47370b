import Foundation
import Logging
import Moldau
import ServiceLifecycle

let logger = Logger(label: "word-counter")
do {
    let app = StreamsApplication(id: "word-counter", topology: try Counter.topology(), cluster: .embedded(at: "data"))
    let group = ServiceGroup(services: [app], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    try await group.run()
} catch {
    logger.error("\(error)")
    exit(1)
}
