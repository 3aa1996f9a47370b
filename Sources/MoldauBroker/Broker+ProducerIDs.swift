internal import MoldauLog
internal import MoldauRecords

extension Broker {
    private static var producerIDBlock: Int64 { 1_000 }
    private var producerIDPath: String { "\(directory)/producer-ids" }

    /// A new producer id. Ids are reserved in blocks, durably, so that no id is issued twice after a crash. Blocks if a
    /// block has to be reserved.
    func newProducerID() throws(BrokerError) -> Int64 {
        while true {
            if let id = transactions.takeProducerID() { return id }
            try reserveProducerIDs()
        }
    }

    /// Makes sure that there are unused producer ids. Blocks.
    func reserveProducerIDs() throws(BrokerError) {
        do throws(LogError) {
            try transactions.reserveProducerIDs { first throws(LogError) in
                let noted = try files.number(at: producerIDPath)
                if noted == nil && files.exists(producerIDPath) {
                    throw .damagedFile(path: producerIDPath, reason: "it has changed since it was written")
                }
                // If the file is lost, the ids in use show which ones were issued.
                let first = max(noted ?? 0, first)
                guard first >= 0, first <= .max - Self.producerIDBlock else {
                    throw .damagedFile(path: producerIDPath, reason: "no producer id is left after \(first)")
                }
                try files.replace(producerIDPath, with: first + Self.producerIDBlock, in: directory, sync: true)
                return first..<(first + Self.producerIDBlock)
            }
        } catch {
            throw .storage(error)
        }
    }
}
