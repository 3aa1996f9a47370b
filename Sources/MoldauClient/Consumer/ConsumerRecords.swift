/// The records of a consumer: see `Consumer.records`.
public struct ConsumerRecords<Key, Value>: AsyncSequence {
    let consumer: Consumer<Key, Value>

    /// Reads on where the consumer is.
    public func makeAsyncIterator() -> Iterator { Iterator(consumer) }

    /// Polls when all records of the poll before were taken.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let consumer: Consumer<Key, Value>
        @usableFromInline var records: [ConsumerRecord<Key, Value>] = []
        @usableFromInline var place = 0

        init(_ consumer: Consumer<Key, Value>) { self.consumer = consumer }

        @inlinable public mutating func next() async throws -> ConsumerRecord<Key, Value>? {
            if place == records.count {
                guard try await poll() else { return nil }
            } else if consumer.isOver {
                consumer.giveBack(from: records[place])
                return nil
            }
            defer { place += 1 }
            return records[place]
        }

        /// - Returns: false if there are no more.
        @inlinable mutating func poll() async throws -> Bool {
            do {
                while place == records.count { (records, place) = (try await consumer.poll(), 0) }
                return true
            } catch ClientError.closed {
                return false
            } catch is CancellationError {
                return false
            }
        }
    }
}
