public import MoldauRecords

/// The records of a consumer: see `Consumer.records`.
public struct ConsumerRecords<Key, Value>: AsyncSequence {
    let consumer: Consumer<Key, Value>

    /// Continues at the consumer's position.
    public func makeAsyncIterator() -> Iterator { Iterator(consumer) }

    /// Polls when all records of the previous poll are taken, or another task has polled meanwhile.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let consumer: Consumer<Key, Value>
        @usableFromInline var records: [ConsumerRecord<Key, Value>] = []
        @usableFromInline var place = 0
        /// The turn of the poll that returned the records.
        @usableFromInline var turn = 0

        init(_ consumer: Consumer<Key, Value>) { self.consumer = consumer }

        @inlinable public mutating func next() async throws -> ConsumerRecord<Key, Value>? {
            while true {
                if place < records.count {
                    // Handing out the last record also passes whatever follows it, such as markers.
                    let next = place + 1 == records.count ? Offset(.max) : records[place].offset + 1
                    if consumer.handsOut(upTo: next, turn) {
                        defer { place += 1 }
                        return records[place]
                    }
                }
                guard try await poll() else { return nil }
            }
        }

        /// - Returns: false if there are no more.
        @inlinable mutating func poll() async throws -> Bool {
            do {
                repeat {
                    (records, place) = (try await consumer.poll(within: .seconds(1), oneByOne: true), 0)
                } while records.isEmpty
                turn = consumer.turn
                return true
            } catch ClientError.closed {
                return false
            } catch is CancellationError {
                return false
            }
        }
    }
}
