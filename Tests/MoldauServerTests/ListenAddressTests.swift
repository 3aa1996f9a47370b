import Testing

@testable import MoldauServer

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9092", "127.0.0.1", 9_092), ("localhost:0", "localhost", 0), ("[::1]:9092", "::1", 9_092),
        ("0.0.0.0:65535", "0.0.0.0", 65_535),
    ])
    func `host and port are read and written`(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(text))
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: ["", "9092", ":9092", "host", "host:", "host:65536", "host:-1", "::1:9092", "[]:1"])
    func `what is no address is refused`(text: String) { #expect(ListenAddress(text) == nil) }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.1.2.3", true), ("localhost", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("10.0.0.1", false), ("127.0.0.1.example.com", false), ("example.com", false),
    ])
    func `only loopback addresses are out of others' reach`(host: String, isLoopback: Bool) {
        #expect(ListenAddress(host: host, port: 1).isLoopback == isLoopback)
    }
}
