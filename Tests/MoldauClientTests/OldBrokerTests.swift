import MoldauRecords
import MoldauWire
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MoldauClient

/// A broker that supports only some versions of the requests of a transaction.
@Suite struct OldBrokerTests {
    /// Answers in the versions of Kafka 2.4.
    private final class OldBroker: FrameCarrier {
        private let receiver = Mutex<(any FrameReceiver)?>(nil)
        private let versions = Mutex<[Int16]>([])

        /// The versions in which offsets were committed.
        var commits: [Int16] { versions.withLock { $0 } }

        func answer(to receiver: any FrameReceiver) { self.receiver.withLock { $0 = receiver } }

        func send(_ frame: ByteBuffer, then sent: (@Sendable ((any Error)?) -> Void)?) {
            let start = frame.readerIndex + 4
            guard let api = frame.getInteger(at: start, as: Int16.self).flatMap(ApiKey.init(rawValue:)),
                let version = frame.getInteger(at: start + 2, as: Int16.self),
                let correlationID = frame.getInteger(at: start + 4, as: Int32.self)
            else { return }
            var writer = ByteWriter()
            writer.append(bigEndian: correlationID)
            do {
                if api == .apiVersions {
                    let range = ApiVersionsResponse.ApiVersion {
                        ($0.apiKey, $0.minVersion, $0.maxVersion) = (ApiKey.txnOffsetCommit.rawValue, 0, 2)
                    }
                    _ = try ApiVersionsResponse { $0.apiKeys = [range] }.encode(into: &writer, version: version)
                } else {
                    versions.withLock { $0.append(version) }
                    _ = try TxnOffsetCommitResponse().encode(into: &writer, version: version)
                }
            } catch { Issue.record(error) }
            receiver.withLock { $0 }?.receive(ByteBuffer(bytes: writer.bytes))
        }

        func close() {}
    }

    /// Before version 3 the request has no field for the member (KIP-447): any client could commit.
    @Test func `a member's offsets are not committed in a version without a member id`() async throws {
        let (broker, loop) = (OldBroker(), MultiThreadedEventLoopGroup.singleton.next())
        let address = BrokerAddress(host: "old", port: 1)
        let link = SocketLink(address, ClientOptions(bootstrapServers: [address]), loop)
        broker.answer(to: link)
        try await loop.submit { link.begin(broker) }.get()
        func commit(as member: String) async throws {
            let request = TxnOffsetCommitRequest { $0.memberID = member }
            let answer = OneAnswer<TxnOffsetCommitResponse>()
            loop.execute {
                link.send(request, maxVersion: 4, timeout: .seconds(9)) { result in
                    answer.give(result.mapError { $0 })
                }
            }
            _ = try await answer.get()
        }
        try await commit(as: "")
        let error = await #expect(throws: ClientError.self) { try await commit(as: "m") }
        #expect("\(try #require(error))".contains("TxnOffsetCommit from 3 on"))
        #expect(broker.commits == [2])
    }
}
