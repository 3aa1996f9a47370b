import MoldauClient
import MoldauServer
import Testing

@Suite struct BrokerAddressTests {
    @Test(arguments: [
        ("localhost:9092", "localhost", 9_092), ("[::1]:1", "::1", 1), ("10.0.0.1:65535", "10.0.0.1", 65_535),
    ])
    func `an address is parsed and printed`(text: String, host: String, port: Int) {
        #expect(BrokerAddress(text) == BrokerAddress(host: host, port: port))
        #expect(BrokerAddress(text)?.description == text)
    }

    @Test(arguments: ["", "host", "host:", ":9092", "host:0", "host:65536", "::1:9092", "host:-1"])
    func `an invalid address is refused`(text: String) { #expect(BrokerAddress(text) == nil) }
}
