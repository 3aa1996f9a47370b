internal import MoldauWire

/// The versions of APIs that a broker supports.
struct VersionTable: Sendable, Equatable {
    private var ranges: [Int16: ClosedRange<Int16>] = [:]

    init(_ response: ApiVersionsResponse) {
        for api in response.apiKeys where api.minVersion <= api.maxVersion {
            ranges[api.apiKey] = api.minVersion...api.maxVersion
        }
    }

    /// The highest version that both sides support; nil if there is none.
    func version(of api: ApiKey, atMost limit: Int16) -> Int16? {
        guard let theirs = ranges[api.rawValue] else { return nil }
        let highest = min(theirs.upperBound, api.versions.upperBound, limit)
        return highest >= max(theirs.lowerBound, api.versions.lowerBound) ? highest : nil
    }
}
