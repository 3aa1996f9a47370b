// The records of a left or outer join that have found no match yet, in Kafka Streams' bytes:
//
//     key      timestamp (Int64, big-endian) · 1 for the left side, 0 for the right one · key
//     value    a list, one element per record: 1 for the left side, 0 for the right one · value

import MoldauRecords
import MoldauState
import MoldauTopology

/// The records that wait for a match until their window is over, ordered by time, and the times that decide when they
/// are emitted. Both sides of a join share one.
final class UnmatchedRecords<Key, Left, Right>: KeyValueBackedStore {
    enum Held {
        case left(Left)
        case right(Right)
    }

    typealias Place = UnmatchedPlace<Key>

    private var observed: ObservedTime?
    /// No waiting record is older; nil if none is waiting.
    private var oldest: Timestamp?
    private var isResumed = false
    private var nextSearch = Duration.zero
    let rows: KeyValueStore<Place, [Held?]>

    init(cache: CachedByteStore, key: Serde<Key>, left: Serde<Left>, right: Serde<Right>) {
        rows = KeyValueStore(
            cache: cache, key: Place.serde(of: key), value: .list(of: Self.heldSerde(left: left, right: right)))
    }

    static func definition(
        _ name: String, key: Serde<Key>, left: Serde<Left>, right: Serde<Right>, kind: StoreKind,
        _ options: BufferStoreOptions
    ) -> StoreDefinition {
        StoreDefinition(
            name: name, kind: kind, isLogged: options.isLogged, changelogSettings: options.changelogSettings
        ) { store, environment in
            UnmatchedRecords(cache: try environment.cache(for: store), key: key, left: left, right: right)
        }.formed(
            StoreForm(
                .init("unmatched records"), key: key.format,
                value: left.format.flatMap { left in right.format.map { "\(left),\($0)" } }))
    }

    /// Must be called by the nodes of both sides, before the first record.
    func wire(_ context: NodeContext) {
        if observed == nil { observed = ObservedTime(context, of: name) }
    }

    /// The greatest record time of either side.
    var observedTime: Timestamp { observed?.latest ?? .none }

    func waiting(_ windows: JoinWindows) throws -> HeldRecords? {
        try HeldRecords(.match, try rows.all(), streamTime: observedTime) { place in
            place.timestamp + (place.side == .left ? windows.after : windows.before) + windows.grace + .milliseconds(1)
        }
    }

    /// Advances stream time to that of a record of either side.
    func observe(_ time: Timestamp) throws {
        if !isResumed { oldest = try rows.all().next()?.key.timestamp }
        isResumed = true
        _ = observed?.observe(time)
    }

    /// Keeps a record until it is matched or its window is over.
    func hold(_ record: Held, at place: Place) throws {
        oldest = min(oldest ?? place.timestamp, place.timestamp)
        try rows.update(place) { ($0 ?? []) + [record] }
    }

    /// Deletes all records with that key, side and time: they were matched.
    func matched(_ place: Place) throws { try rows.delete(place) }

    /// Takes out the records whose window is over, in the order of time, side, key and arrival.
    ///
    /// Searching means a scan from the oldest record on, so it is only done if a window may have closed, and at most
    /// once per `interval`.
    /// - Parameter afterMs: for the side of the current record, how much later a match may be.
    func takeClosed(
        _ windows: JoinWindows, afterMs: Int64, now: Duration, interval: Duration,
        _ body: (Place, Held) throws -> Void
    ) throws {
        let (graceMs, observedTime) = (windows.grace.milliseconds, observedTime)
        func isClosed(_ time: Timestamp, _ afterMs: Int64) -> Bool {
            time.adding(ms: afterMs).adding(ms: graceMs) < observedTime
        }
        if now < nextSearch { return }
        if let oldest, !isClosed(oldest, afterMs) { return }
        nextSearch = now + interval
        var isEmpty = true
        var openSides: Set<JoinSide> = []
        let places = try rows.all()
        while let (place, records) = try places.next() {
            let afterMs = (place.side == .left ? windows.after : windows.before).milliseconds
            var isTaken = false
            for case let record? in records {
                isEmpty = false
                self.oldest = place.timestamp
                if openSides.count == 2 { return }
                isTaken = isClosed(place.timestamp, afterMs)
                guard isTaken else {
                    openSides.insert(place.side)
                    continue
                }
                try body(place, record)
            }
            if isTaken { try rows.put(place, nil) }
        }
        if isEmpty { self.oldest = nil }
    }

    private static func heldSerde(left: Serde<Left>, right: Serde<Right>) -> Serde<Held> {
        .lifted(left, right) { left, right in
            Serde<Held>(
                encode: { held, writer in
                    switch held {
                    case .left(let value):
                        writer.append(byte: 1)
                        try left.encode(value, &writer)
                    case .right(let value):
                        writer.append(byte: 0)
                        try right.encode(value, &writer)
                    }
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "value of a join's side")
                        return switch try reader.side() {
                        case .left: .left(try left.decode(reader.rest.bytes))
                        case .right: .right(try right.decode(reader.rest.bytes))
                        }
                    }
                })
        }
    }
}

enum JoinSide: UInt8 {
    case right = 0
    case left = 1
}

/// The key of a record without a match: ordered by time first.
struct UnmatchedPlace<Key> {
    var timestamp: Timestamp
    var side: JoinSide
    var key: Key

    static func serde(of key: Serde<Key>) -> Serde<UnmatchedPlace> {
        key.lifted { key in
            Serde<UnmatchedPlace>(
                encode: { place, writer in
                    writer.append(bigEndian: place.timestamp.ms)
                    writer.append(byte: place.side.rawValue)
                    try key.encode(place.key, &writer)
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "place of a join")
                        let timestamp = Timestamp(ms: try reader.number())
                        let side = try reader.side()
                        return UnmatchedPlace(timestamp: timestamp, side: side, key: try key.decode(reader.rest.bytes))
                    }
                })
        }
    }
}

extension FieldReader {
    fileprivate mutating func side() throws -> JoinSide {
        let byte: UInt8 = try number()
        guard let side = JoinSide(rawValue: byte) else { throw malformed("its side is \(byte)") }
        return side
    }
}
