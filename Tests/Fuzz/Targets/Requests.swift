import MoldauBroker
import MoldauLog
import MoldauRecords
import MoldauServer
import MoldauWire
import Synchronization

/// A client's frames to a server: each part of the input is a frame. Whatever they contain, the answers are in order
/// and can be read, and the broker continues.
///
/// Options: 0 makes each frame a request that is served, in a version that is; 1 turns access lists on; 2 has the
/// client log in; 3 sends all frames at once; 4 lets a second pass after each.
func fuzzRequests(_ input: [UInt8]) throws {
    let input = FuzzInput(input)
    var frames = input.parts
    if input.has(0) { for place in frames.indices { frames[place].repairRequest() } }
    if frames.isEmpty { return }
    let files = try crashed.get().copy()
    let clock = Mutex(Duration.seconds(1_000))
    let broker = try openDriven(files) { clock.withLock { $0 } }
    if input.has(1) {
        try broker.security.add([
            AccessRule(.allow, "User:ANONYMOUS", .all, on: .topic, "w", .prefixed),
            AccessRule(.allow, "User:ANONYMOUS", .read, on: .group, "*"),
        ])
    }
    var options = ServerOptions()
    (options.maxTopics, options.maxPartitions, options.failedLogInDelay) = (20, 20, .zero)
    options.checksAccess = input.has(1)
    let client = Conversation(with: broker, options, logsIn: input.has(2))
    var replies: [Conversation<MemoryFileSystem>.Reply] = []
    if input.has(3) {
        replies += client.send(frames)
    } else {
        for frame in frames {
            replies += client.send([frame])
            guard input.has(4) else { continue }
            clock.withLock { $0 += .seconds(1) }
            replies += client.settle()
        }
    }
    // The longest times that a client can name are some weeks.
    for step in [Duration.seconds(10), .seconds(3_600), .seconds(3_600), .seconds(30 * 86_400), .seconds(30 * 86_400)] {
        clock.withLock { $0 += step }
        replies += client.settle()
    }
    try expect(!client.isWaiting, "every request is answered in the end")
    try check(replies, to: frames, logsIn: input.has(2))
    client.close()
    try broker.close()
    try openDriven(files) { .seconds(1) }.close()
}

private func openDriven(
    _ files: MemoryFileSystem, uptime: @escaping @Sendable () -> Duration
) throws -> Broker<MemoryFileSystem> {
    try Broker(
        files, directory: "data", durability: .sync, clock: { Timestamp(ms: 1_000) }, uptime: uptime,
        randomness: SeededGenerator(seed: 1), callbacks: .byHand)
}

/// Each frame has one reply, until the connection is closed.
private func check(
    _ replies: [Conversation<MemoryFileSystem>.Reply], to frames: [[UInt8]], logsIn: Bool
) throws {
    var asked = frames[...]
    var isClosed = false
    for reply in replies {
        try expect(!isClosed, "no reply follows the end of the connection")
        switch reply {
        case .nothing: try expect(asked.popFirst() != nil, "there are at most as many replies as requests")
        case .closed: isClosed = true
        case .frame(let bytes):
            guard let frame = asked.popFirst() else {
                throw FuzzFinding(promise: "there are at most as many replies as requests")
            }
            try expect(bytes.count >= 4 && Int(bytes.number(at: 0)) == bytes.count - 4, "a frame has its length")
            // A token of a log-in may be a frame of its own, without a header.
            if !logsIn { try check(Array(bytes.dropFirst(4)), to: frame) }
        }
    }
    try expect(isClosed || asked.isEmpty, "every request is answered")
}

private func check(_ answer: [UInt8], to frame: [UInt8]) throws {
    var body = WireBytes()
    let header = try RequestHeader(of: WireBytes(copying: frame), body: &body)
    guard let api = ApiKey(rawValue: header.key) else { throw FuzzFinding(promise: "the request's API is known") }
    // An ApiVersions request in a version that is not served is answered in version 0.
    let version = api.versions.contains(header.version) ? header.version : 0
    let told = try ResponseHeader(of: WireBytes(copying: answer), api, version: version, body: &body)
    try expect(told.correlationID == header.correlationID, "answers arrive in the order of the requests")
    try read(api.response, body, version)
}

private func read<Response: WireMessage>(_: Response.Type, _ body: WireBytes, _ version: Int16) throws {
    let response = try Response(decoding: body, version: version)
    var writer = ByteWriter()
    _ = try response.encode(into: &writer, version: version)
    try expect(writer.count == body.count, "an answer has no trailing bytes")
}

extension [UInt8] {
    /// Has the first four bytes name an API that is served, and one of its versions.
    fileprivate mutating func repairRequest() {
        guard count >= 4 else { return }
        let served = ServedRequests.versions
        var (key, version) = (Int16(self[0] & 0x7f) << 8 | Int16(self[1]), Int16(self[2] & 0x7f) << 8 | Int16(self[3]))
        if !served.contains(where: { $0.key == key }) { key = served[Int(key) % served.count].key }
        for (served, versions) in served where served == key && !versions.contains(version) {
            version = versions.lowerBound + version % Int16(versions.count)
        }
        replaceSubrange(0..<4, with: [UInt8(key >> 8), UInt8(key & 0xff), UInt8(version >> 8), UInt8(version & 0xff)])
    }
}
