import MoldauRecords
import MoldauWire

/// Bytes that may be a message of Kafka's protocol, as a broker or a client gets them. The first two bytes choose the
/// API and the version; the options, whether it is a request, and whether a header precedes it.
func fuzzMessages(_ input: [UInt8]) throws {
    let input = FuzzInput(input)
    guard input.bytes.count >= 2 else { return }
    let api = ApiKey.allCases[Int(input.bytes[0]) % ApiKey.allCases.count]
    let versions = api.versions
    let version = versions.lowerBound + Int16(input.bytes[1]) % Int16(versions.count)
    var body = WireBytes(copying: Array(input.bytes.dropFirst(2)))
    if input.has(1) {
        let frame = body
        if input.has(0) {
            guard let header = try? RequestHeader(of: frame, body: &body) else { return }
            var writer = ByteWriter()
            try header.encode(into: &writer)
        } else {
            guard (try? ResponseHeader(of: frame, api, version: version, body: &body)) != nil else { return }
        }
        try expect(body.count <= frame.count, "a body is a part of its frame")
    }
    if input.has(2) {
        try fuzzConsumerProtocol(ConsumerSubscription.self, body)
        try fuzzConsumerProtocol(ConsumerAssignment.self, body)
    }
    try fuzzMessage(api.message(isRequest: input.has(0)), body, version)
}

private func fuzzMessage<Message: WireMessage>(_: Message.Type, _ body: WireBytes, _ version: Int16) throws {
    guard let message = try? Message(decoding: body, version: version) else { return }
    _ = message.values(version: version)
    var writer = ByteWriter()
    try expect(try message.encode(into: &writer, version: version).isEmpty, "a message that was read has all its data")
    let again = try Message(decoding: WireBytes(copying: Array(writer.bytes)), version: version)
    var second = ByteWriter()
    _ = try again.encode(into: &second, version: version)
    // Bytes are compared, and not the messages: NaN is not equal to itself.
    try expect(second.bytes.elementsEqual(writer.bytes), "a message that was read is written and read back the same")
}

private func fuzzConsumerProtocol<Content: ConsumerProtocolData>(_: Content.Type, _ bytes: WireBytes) throws {
    guard let (content, version) = try? Content.decode(bytes) else { return }
    var writer = ByteWriter()
    try content.encode(into: &writer, version: min(version, 3))
    let again = try Content.decode(WireBytes(copying: Array(writer.bytes))).data
    try expect(again == content, "consumer protocol data is written and read back the same")
}
