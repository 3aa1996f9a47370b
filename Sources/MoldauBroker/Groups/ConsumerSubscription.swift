// What a member of protocol type `consumer` sends to the leader, in Kafka's format. Only the beginning is read, which
// all versions share:
//
//     version i16 · topics i32 count, each: name string · …

internal import MoldauRecords

/// The topics that a consumer subscribes to.
struct ConsumerSubscription: Equatable {
    static let protocolType = "consumer"

    var topics: [String] = []

    /// nil if the bytes are malformed.
    init?(_ bytes: [UInt8]) {
        let topics = bytes.withUnsafeBytes { bytes -> [String]? in
            var fields = FieldReader(bytes, of: "subscription of a consumer")
            guard let version = try? fields.number(Int16.self), version >= 0,
                let count = try? fields.count(ofSize: MemoryLayout<Int16>.size)
            else { return nil }
            var topics: [String] = []
            for _ in 0..<count {
                guard let topic = try? fields.shortText() else { return nil }
                topics.append(topic)
            }
            return topics
        }
        guard let topics else { return nil }
        self.topics = topics
    }
}
