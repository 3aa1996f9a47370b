import MoldauWire
import Testing

@testable import MoldauServer

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9092", "127.0.0.1", 9_092), ("localhost:0", "localhost", 0), ("[::1]:9092", "::1", 9_092),
        ("0.0.0.0:65535", "0.0.0.0", 65_535),
    ])
    func `host and port are parsed and printed`(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(text))
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "9092", ":9092", "host", "host:", "host:65536", "host:-1", "::1:9092", "[]:1", "h:1=", "h:1=0.0.0.0:1",
        "h:1=[::]:1",
        "h:1=k:0", "h:1=k:99999", "h:1=k=l", "h=k:1", "h:1=::1",
    ])
    func `an invalid address is refused`(text: String) { #expect(ListenAddress(text) == nil) }

    @Test(
        arguments: [
            ("SASL_SSL://0.0.0.0:9093=kafka.example.org:19093", "kafka.example.org", 19_093),
            ("0.0.0.0:1=[2001:db8::1]:2", "2001:db8::1", 2), ("[::]:1=kafka", "kafka", nil),
        ] as [(String, String, Int?)])
    func `an address may be followed by an advertised one`(text: String, host: String, port: Int?) throws {
        let address = try #require(ListenAddress(text))
        let plain = try #require(ListenAddress(String(text.prefix { $0 != "=" })))
        #expect(address == plain.advertised(host: host, port: port) && address != plain)
        #expect(address.description == plain.description)
    }

    @Test(
        arguments: [
            ("127.0.0.1:0=kafka.example.org:19092", "kafka.example.org", 19_092),
            ("127.0.0.1:0=kafka.example.org", "kafka.example.org", nil), ("127.0.0.1:0", "127.0.0.1", nil),
        ] as [(String, String, Int?)])
    func `clients get the advertised address`(text: String, host: String, port: Int?) async throws {
        try await withServer(listening: try #require(ListenAddress(text))) { address in
            let client = try WireClient(address)
            let place = "\(host):\(port ?? address.port)"
            let metadata = try client.call(MetadataRequest { $0.topics = [] }, version: 9)
            #expect(metadata.brokers.map { "\($0.host):\($0.port)" } == [place])
            let cluster = try client.call(DescribeClusterRequest(), version: 1)
            #expect(cluster.brokers.map { "\($0.host):\($0.port)" } == [place])
            let coordinator = try client.call(FindCoordinatorRequest { $0.coordinatorKeys = ["g"] }, version: 4)
            #expect(coordinator.coordinators.map { "\($0.host):\($0.port)" } == [place])
        }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.1.2.3", true), ("localhost", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("10.0.0.1", false), ("127.0.0.1.example.com", false), ("example.com", false),
    ])
    func `only loopback addresses are considered local`(host: String, isLoopback: Bool) {
        #expect(ListenAddress(host: host, port: 1).isLoopback == isLoopback)
    }
}
