import MoldauServer
import MoldauWire
import Testing

@Suite struct ApiVersionsTests {
    /// Key, lowest and highest version. Docs/Broker.md says what clients need.
    private static let served: [[Int16]] = [
        [0, 0, 12], [1, 4, 17], [2, 0, 10], [3, 0, 12], [8, 1, 9], [9, 1, 9], [10, 0, 6], [11, 0, 9], [12, 0, 4],
        [13, 0, 5], [14, 0, 5], [15, 0, 5], [16, 0, 5], [17, 0, 1], [18, 0, 4], [19, 0, 7], [20, 0, 6], [21, 0, 2],
        [22, 0, 5],
        [23, 2, 4], [24, 0, 3], [25, 0, 4], [26, 0, 5], [27, 0, 1], [28, 0, 5], [29, 1, 3], [30, 1, 3], [31, 1, 3],
        [32, 0, 4], [33, 0, 2], [35, 0, 4],
        [36, 0, 2], [37, 0, 3],
        [42, 0, 2], [43, 0, 2], [44, 0, 1], [46, 0, 0], [47, 0, 0], [50, 0, 0], [51, 0, 0], [60, 0, 1], [61, 0, 0],
        [65, 0, 0], [66, 0, 1],
        [68, 0, 1], [69, 0, 1],
        [75, 0, 0],
    ]

    @Test(arguments: [Int16(0), 1, 2, 3, 4]) func `ApiVersions lists the served APIs`(version: Int16) async throws {
        try await withServer { address in
            let request = ApiVersionsRequest {
                $0.clientSoftwareName = "test"
                $0.clientSoftwareVersion = "1.0"
            }
            let answer = try WireClient(address).call(request, version: version)
            #expect(answer.errorCode == .none)
            #expect(answer.apiKeys.map { [$0.apiKey, $0.minVersion, $0.maxVersion] } == Self.served)
            #expect(answer.finalizedFeatures.isEmpty)
        }
    }

    @Test(arguments: ["", "-a", "a.", "a b", "ä"]) func `a client with a malformed software name is refused`(
        name: String
    ) async throws {
        try await withServer { address in
            let request = ApiVersionsRequest {
                $0.clientSoftwareName = name
                $0.clientSoftwareVersion = "1.0"
            }
            let answer = try WireClient(address).call(request, version: 3)
            #expect(answer.errorCode == .invalidRequest)
        }
    }
}
