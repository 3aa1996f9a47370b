import Foundation
import Logging
import Moldau

let logger = Logger(label: "word-counter")
do {
    let app = StreamsApplication(id: "word-counter", topology: try Counter.topology(), cluster: .embedded(at: "data"))
    try await app.run(stoppingAt: [SIGINT, SIGTERM])
} catch {
    logger.error("\(error)")
    exit(1)
}
